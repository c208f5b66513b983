"""Backtest: a recorded trace played through pools and matching, in event time, and what came of it."""
