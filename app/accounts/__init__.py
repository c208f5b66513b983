"""Accounts, users, API tokens, sign-in."""
