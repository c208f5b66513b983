"""How many requests one process answers at a time, and how many of them may be others than calls and visitors."""

THREADS = 64
"""They mostly wait for the database."""
PLACES = 48
"""For staff pages and the REST API; the rest is always free for webhooks and pages of visitors."""
