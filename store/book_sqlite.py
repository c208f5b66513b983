"""The book's statements on SQLite: prepared once, run many times. The transaction is the database's one writer."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

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

_IDS = "IN (SELECT value FROM json_each(?))"
_VISITORS = (
    f"SELECT {', '.join(f'v.{c}' for c in VISITOR)}, {', '.join(f's.{c}' for c in VISIT)} FROM visitors v"  # noqa: S608
    f" LEFT JOIN visits s ON s.account_id = v.account_id AND s.visit_id = v.visit_id"
    f" WHERE v.account_id = ? AND v.visitor_id {_IDS}"
)
_VISITS = f"SELECT {', '.join(VISIT)} FROM visits WHERE account_id = ? AND visit_id {_IDS}"  # noqa: S608
_HELD = (
    "SELECT a.visitor_id, a.source_id, a.number, n.status = 'active' AND n.source_id = a.source_id FROM assignments a"  # noqa: S608
    " JOIN tracking_numbers n ON n.account_id = a.account_id AND n.number = a.number"
    f" WHERE a.account_id = ? AND a.visitor_id {_IDS} AND a.ended_at IS NULL ORDER BY a.started_at DESC"
)
_POOLS = (
    "SELECT source_id, turn, allocation FROM tracking_sources"  # noqa: S608
    f" WHERE account_id = ? AND source_id {_IDS} ORDER BY source_id"
)
_POOL_NUMBERS = (
    f"SELECT {', '.join(POOL_NUMBER)} FROM tracking_numbers"  # noqa: S608
    " WHERE account_id = ? AND source_id = ? AND status = 'active' AND changed_turn > ? ORDER BY created_at, number"
)
_END = (
    "UPDATE assignments SET ended_at = ? WHERE account_id = ? AND visitor_id = ? AND source_id = ? AND ended_at IS NULL"
)


def _text(at: datetime) -> str:
    # As SQLAlchemy writes it: no zone, always six digits.
    return as_utc(at).isoformat(" ", "microseconds")[:26]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def _added(table: str) -> tuple[str, TableColumns]:
    columns = columns_of(table)
    marks = ", ".join("?" * (len(columns.names) + 1))
    return f"INSERT INTO {table} ({', '.join(('account_id', *columns.names))}) VALUES ({marks})", columns  # noqa: S608


@cache
def _changed(table: str) -> tuple[str, TableColumns]:
    key, names = CHANGED[table]
    sets = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE {table} SET {sets} WHERE account_id = ? AND {key} = ?", columns_of(table, (key, *names))  # noqa: S608


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
        rows = self._run(_POOL_NUMBERS, (self._account, source_id, after_turn)).fetchall()
        return [_timed(tuple(row), (POOL_NUMBER.index("called_at"),)) for row in rows]

    def end_assignments(self, rows: Sequence[tuple[datetime, str, str]]) -> None:
        """Ends open assignments."""
        self._run(_END, [(_text(at), self._account, visitor, source) for at, visitor, source in rows])

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows."""
        statement, columns = _added(table)
        self._run(statement, [(self._account, *row) for row in converted(rows, columns, _text, json.dumps)])

    def change(self, table: str, rows: Sequence[Row]) -> None:
        """Changes rows."""
        statement, columns = _changed(table)
        changed = converted(rows, columns, _text, json.dumps)
        self._run(statement, [(*row[1:], self._account, row[0]) for row in changed])

    def _all(self, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._run(statement, (self._account, json.dumps(list(ids)))).fetchall()]


def _timed(row: tuple[Any, ...], places: Sequence[int]) -> Row:
    values = list(row)
    for i in places:
        values[i] = _time(values[i])
    return values
