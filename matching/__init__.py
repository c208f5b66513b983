"""Which visitor made this call: evidence, likelihood, ranking, override."""
