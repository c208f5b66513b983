"""Telephony: webhooks in, answers out, one module per provider, and the use cases that keep a call."""
