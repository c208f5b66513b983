"""Lists by keyset: newest first, by a time and then a key, continued after a place that was reached."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])


def newest_first(
    statement: Statement,
    time: InstrumentedAttribute[datetime],
    key: InstrumentedAttribute[str],
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Statement:
    """`statement` ordered newest first by (`time`, `key`), at most `limit` rows after the place `after` (UTC, key).

    Unlike OFFSET it neither repeats nor skips a row when new ones come in between two pages.
    """
    if after is not None:
        statement = statement.where(or_(time < after[0], and_(time == after[0], key < after[1])))
    return statement.order_by(time.desc(), key.desc()).limit(limit)
