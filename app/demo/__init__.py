"""The demo: a small plumbing business with a week behind it, its website under /demo/, and a telephone to ring it."""
