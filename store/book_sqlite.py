"""The book's statements on SQLite: few of them, each for many rows. The transaction is the database's one writer.

The driver lets go of the interpreter's lock with every row it writes or fetches, and dozens of threads with a page in
their hands wait for that: a statement for each row costs several times what it does.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection

from store.book_statements import (
    CHANGED,
    POOL_NUMBER,
    VISIT,
    VISITOR,
    Driver,
    Row,
    TableColumns,
    as_utc,
    columns_of,
    converted,
)

T = TypeVar("T")
_IDS = "IN (SELECT value FROM json_each(?))"
_LOT = 32
"""Rows of one statement at most; fewer go in lots of halves of it, so that there are few statements to prepare."""


def _listed(columns: str, rest: str) -> str:
    """A query whose rows come as one JSON list: every row the driver fetches lets go of the interpreter's lock."""
    names = ", ".join(f"c{i}" for i in range(columns.count(",") + 1))
    named = ", ".join(f"{column} AS c{i}" for i, column in enumerate(columns.split(", ")))
    return f"SELECT json_group_array(json_array({names})) FROM (SELECT {named} {rest})"  # noqa: S608


_VISITORS = _listed(
    ", ".join([*(f"v.{c}" for c in VISITOR), *(f"s.{c}" for c in VISIT)]),
    "FROM visitors v LEFT JOIN visits s ON s.account_id = v.account_id AND s.visit_id = v.visit_id"
    f" WHERE v.account_id = ? AND v.visitor_id {_IDS}",
)
_VISITS = _listed(", ".join(VISIT), f"FROM visits WHERE account_id = ? AND visit_id {_IDS}")
_HELD = _listed(
    "a.visitor_id, a.source_id, a.number, n.status = 'active' AND n.source_id = a.source_id",
    "FROM assignments a JOIN tracking_numbers n ON n.account_id = a.account_id AND n.number = a.number"
    f" WHERE a.account_id = ? AND a.visitor_id {_IDS} AND a.ended_at IS NULL ORDER BY a.started_at DESC",
)
_POOLS = _listed(
    "source_id, turn, allocation",
    f"FROM tracking_sources WHERE account_id = ? AND source_id {_IDS} ORDER BY source_id",
)
_POOL_NUMBERS = _listed(
    ", ".join(POOL_NUMBER),
    "FROM tracking_numbers WHERE account_id = ? AND source_id = ? AND status = 'active' AND changed_turn > ?"
    " ORDER BY created_at, number",
)
_END = (
    "UPDATE assignments SET ended_at = ? WHERE account_id = ? AND visitor_id = ? AND source_id = ? AND ended_at IS NULL"
)


def _text(at: datetime) -> str:
    # As SQLAlchemy writes it: no zone, always six digits.
    return as_utc(at).isoformat(" ", "microseconds")[:26]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _lots(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in lots of _LOT, and what is left in halves of it."""
    start = 0
    while start < len(rows):
        size = min(_LOT, 1 << ((len(rows) - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size


def _values(size: int, width: int) -> str:
    return ", ".join([f"({', '.join('?' * width)})"] * size)


@cache
def _columns(table: str) -> TableColumns:
    return columns_of(table)


@cache
def _added(table: str, size: int) -> str:
    names = ("account_id", *_columns(table).names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES {_values(size, len(names))}"  # noqa: S608


@cache
def _changed_columns(table: str) -> TableColumns:
    key, names = CHANGED[table]
    return columns_of(table, (key, *names))


@cache
def _changed(table: str, size: int) -> str:
    key, names = CHANGED[table]
    sets = ", ".join(f"{name} = r.column{place}" for place, name in enumerate(names, start=2))
    return (
        f"UPDATE {table} SET {sets} FROM (VALUES {_values(size, len(names) + 1)}) AS r"  # noqa: S608
        f" WHERE {table}.account_id = ? AND {table}.{key} = r.column1"
    )


_VISITOR_TIMES = columns_of("visitors", VISITOR).times
_VISIT_TIMES = columns_of("visits", VISIT).times


class SqliteStatements:
    """See `store.book_statements.Statements`."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        self._run = Driver(connection).run
        self._account = account_id

    def set_up_version(self) -> int:
        """The account's count of changes."""
        row = self._run("SELECT set_up_version FROM accounts WHERE account_id = ?", (self._account,)).fetchone()
        return int(row[0])

    def visitors(self, ids: Sequence[str]) -> list[tuple[Row, Row | None]]:
        """Visitors with their current visits; the writer's transaction is lock enough."""
        found: list[tuple[Row, Row | None]] = []
        for row in self._all(_VISITORS, ids):
            visitor = _timed(row[: len(VISITOR)], _VISITOR_TIMES)
            visit = _timed(row[len(VISITOR) :], _VISIT_TIMES) if row[len(VISITOR)] is not None else None
            found.append((visitor, visit))
        return found

    def visits(self, ids: Sequence[str]) -> list[Row]:
        """Visits."""
        return [_timed(row, _VISIT_TIMES) for row in self._all(_VISITS, ids)]

    def held(self, visitor_ids: Sequence[str]) -> list[tuple[str, str, str, bool]]:
        """Open assignments, the latest first."""
        return [(v, s, n, bool(shown)) for v, s, n, shown in self._all(_HELD, visitor_ids)]

    def pools(self, source_ids: Sequence[str]) -> list[tuple[str, int, str]]:
        """Pools; the writer's transaction is lock enough."""
        return [(s, turn, allocation) for s, turn, allocation in self._all(_POOLS, source_ids)]

    def pool_numbers(self, source_id: str, after_turn: int) -> list[Row]:
        """Active numbers that changed."""
        listed: str = self._run(_POOL_NUMBERS, (self._account, source_id, after_turn)).fetchone()[0]
        return [_timed(row, (POOL_NUMBER.index("called_at"),)) for row in json.loads(listed)]

    def end_assignments(self, rows: Sequence[tuple[datetime, str, str]]) -> None:
        """Ends open assignments."""
        self._run(_END, [(_text(at), self._account, visitor, source) for at, visitor, source in rows])

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows."""
        for lot in _lots(converted(rows, _columns(table), _text, json.dumps)):
            self._run(_added(table, len(lot)), tuple(value for row in lot for value in (self._account, *row)))

    def change(self, table: str, rows: Sequence[Row]) -> None:
        """Changes rows."""
        for lot in _lots(converted(rows, _changed_columns(table), _text, json.dumps)):
            self._run(_changed(table, len(lot)), (*(value for row in lot for value in row), self._account))

    def _all(self, statement: str, ids: Sequence[str]) -> list[list[Any]]:
        listed: str = self._run(statement, (self._account, json.dumps(list(ids)))).fetchone()[0]
        found: list[list[Any]] = json.loads(listed)
        return found


def _timed(row: list[Any], places: Sequence[int]) -> Row:
    for i in places:
        row[i] = _time(row[i])
    return row
