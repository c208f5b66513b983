"""Every text of an account's rows: where a word stands in one, and how it is taken out."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, String, Text, cast, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapper

from core.errors import Conflict
from store.base import Base, Tenant
from store.sessions import AccountSession

ERASED = "(erased)"
_ID_LENGTH = 32
_CHUNK = 200

Replace = Callable[[str], str]


def replacing(words: Sequence[str], by: str) -> Replace:
    """A text with each of these words, in whatever case, replaced."""
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    return lambda text: pattern.sub(lambda _found: by, text)


def take_out(session: AccountSession, table: type[Any], words: Sequence[str], replace: Replace) -> int:
    """Takes words out of the texts of up to so many rows of a table; returns how many rows there were. Flushes.

    A row whose key holds a word is removed: under another key it would be another thing.
    """
    columns = texts_of(table)
    if not columns:
        return 0
    found = or_(*(cast(column, Text).icontains(word, autoescape=True) for column in columns for word in words))
    rows = session.scalars(select(table).where(found).limit(_CHUNK)).all()
    for row in rows:
        if not _take_out_of(row, columns, replace):
            session.delete(row)
    session.flush()
    if rows and session.scalar(select(table).where(found, *_is(rows[0])).limit(1)) is not None:
        raise Conflict(f"a text of {table.__tablename__} holds the word in a form that cannot be taken out")
    return len(rows)


def tables() -> Iterator[type[Any]]:
    """All tables of accounts."""
    mappers: list[Mapper[Any]] = sorted(Base.registry.mappers, key=lambda m: m.class_.__tablename__)
    return (mapper.class_ for mapper in mappers if issubclass(mapper.class_, Tenant))


def texts_of(table: type[Any]) -> list[InstrumentedAttribute[Any]]:
    """The columns of a table that hold text in whatever form; ids of ours are none."""
    return [
        getattr(table, column.key)
        for column in table.__table__.columns
        if isinstance(column.type, JSON)
        or (isinstance(column.type, String) and (column.type.length or 0) != _ID_LENGTH)
    ]


def _take_out_of(row: Any, columns: Sequence[InstrumentedAttribute[Any]], replace: Replace) -> bool:
    """Takes the words out of one row; False where its key holds one."""
    for column in columns:
        before = getattr(row, column.key)
        after = _replaced(before, replace)
        if after == before:
            continue
        told = row.__table__.columns[column.key]
        if told.primary_key:
            return False
        limit = getattr(told.type, "length", None)
        setattr(row, column.key, after[:limit] if limit and isinstance(after, str) else after)
    return True


def _replaced(value: Any, replace: Replace) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, dict):
        return {replace(str(key)): _replaced(inner, replace) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, replace) for inner in value]
    return value


def _is(row: Any) -> list[Any]:
    return [getattr(type(row), column.key) == getattr(row, column.key) for column in row.__table__.primary_key.columns]
