"""Which number a visitor sees: sources' pools, allocation, stickiness, sizing."""
