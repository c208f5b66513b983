"""Questions over history. This room only reads: accuracy of matching, the call log, visitors and their visits."""
