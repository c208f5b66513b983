"""Staff pages: sign-in, the call log, one call, the accuracy report."""
