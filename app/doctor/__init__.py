"""One look at everything an owner would otherwise find out too late."""
