"""What we tell others by webhook: whom, what and in which order, and the sending."""
