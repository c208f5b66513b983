"""The one place that reads the clock. Everything below `app` is told the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, UTC."""
    return datetime.now(UTC)
