"""Alembic revisions: upgrades only, one head, the same on SQLite and PostgreSQL."""
