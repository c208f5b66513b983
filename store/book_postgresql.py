"""The book's statements on PostgreSQL: one per table and transaction, its rows in one JSON document.

`json_to_recordset` turns the document into rows on the server, so that a batch of any size is one message
(https://www.postgresql.org/docs/current/functions-json.html).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql

from store.book_statements import (
    CHANGED,
    POOL_NUMBER,
    VISIT,
    VISITOR,
    Driver,
    Row,
    TableColumns,
    columns_of,
    converted,
)
from store.tables import metadata

_VISITORS = (
    f"SELECT {', '.join(f'v.{c}' for c in VISITOR)}, {', '.join(f's.{c}' for c in VISIT)} FROM visitors v"  # noqa: S608
    " LEFT JOIN visits s ON s.account_id = v.account_id AND s.visit_id = v.visit_id"
    " WHERE v.account_id = %s AND v.visitor_id = ANY(%s) ORDER BY v.visitor_id FOR NO KEY UPDATE OF v"
)
_VISITS = f"SELECT {', '.join(VISIT)} FROM visits WHERE account_id = %s AND visit_id = ANY(%s)"  # noqa: S608
_HELD = (
    "SELECT a.visitor_id, a.source_id, a.number, n.status = 'active' AND n.source_id = a.source_id FROM assignments a"
    " JOIN tracking_numbers n ON n.account_id = a.account_id AND n.number = a.number"
    " WHERE a.account_id = %s AND a.visitor_id = ANY(%s) AND a.ended_at IS NULL ORDER BY a.started_at DESC"
)
# Not the key: rows that point to the source (visits of everybody) hold its key, and would wait for each other.
_POOLS = (
    "SELECT source_id, turn, allocation FROM tracking_sources"
    " WHERE account_id = %s AND source_id = ANY(%s) ORDER BY source_id FOR NO KEY UPDATE"
)
_POOL_NUMBERS = (
    f"SELECT {', '.join(POOL_NUMBER)} FROM tracking_numbers"  # noqa: S608
    " WHERE account_id = %s AND source_id = %s AND status = 'active' AND changed_turn > %s ORDER BY created_at, number"
)
_END = (
    "UPDATE assignments a SET ended_at = r.at"
    " FROM json_to_recordset(%s::json) AS r(at timestamptz, visitor_id text, source_id text)"
    " WHERE a.account_id = %s AND a.visitor_id = r.visitor_id AND a.source_id = r.source_id AND a.ended_at IS NULL"
)


def _record(table: str, names: Sequence[str]) -> str:
    """The record a document's objects become: names and types."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = metadata.tables[table].columns
    return ", ".join(f"{name} {kinds[name].type.compile(dialect=dialect)}" for name in names)


@cache
def _added(table: str) -> tuple[str, TableColumns]:
    columns = columns_of(table)
    names = ", ".join(columns.names)
    record = _record(table, columns.names)
    statement = (
        f"INSERT INTO {table} (account_id, {names}) SELECT %s, {names} FROM json_to_recordset(%s::json) AS r({record})"  # noqa: S608
    )
    return statement, columns


@cache
def _changed(table: str) -> tuple[str, TableColumns]:
    key, names = CHANGED[table]
    sets = ", ".join(f"{name} = r.{name}" for name in names)
    statement = (
        f"UPDATE {table} t SET {sets} FROM json_to_recordset(%s::json) AS r({_record(table, (key, *names))})"  # noqa: S608
        f" WHERE t.account_id = %s AND t.{key} = r.{key}"
    )
    return statement, columns_of(table, (key, *names))


class PostgresqlStatements:
    """See `store.book_statements.Statements`."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        self._run = Driver(connection).run
        self._account = account_id

    def set_up_version(self) -> int:
        """The account's count of changes."""
        row = self._run("SELECT set_up_version FROM accounts WHERE account_id = %s", (self._account,)).fetchone()
        return int(row[0])

    def visitors(self, ids: Sequence[str]) -> list[tuple[Row, Row | None]]:
        """Visitors with their current visits, locked in the order of their ids."""
        width = len(VISITOR)
        rows = self._all(_VISITORS, ids)
        return [(row[:width], row[width:] if row[width] is not None else None) for row in rows]

    def visits(self, ids: Sequence[str]) -> list[Row]:
        """Visits."""
        return list(self._all(_VISITS, ids))

    def held(self, visitor_ids: Sequence[str]) -> list[tuple[str, str, str, bool]]:
        """Open assignments, the latest first."""
        return [(v, s, n, shown) for v, s, n, shown in self._all(_HELD, visitor_ids)]

    def pools(self, source_ids: Sequence[str]) -> list[tuple[str, int, str]]:
        """Pools, locked in the order of their ids."""
        return [(s, turn, allocation) for s, turn, allocation in self._all(_POOLS, source_ids)]

    def pool_numbers(self, source_id: str, after_turn: int) -> list[Row]:
        """Active numbers that changed."""
        return [tuple(row) for row in self._run(_POOL_NUMBERS, (self._account, source_id, after_turn)).fetchall()]

    def end_assignments(self, rows: Sequence[tuple[datetime, str, str]]) -> None:
        """Ends open assignments."""
        ended = [{"at": at.isoformat(), "visitor_id": v, "source_id": s} for at, v, s in rows]
        self._run(_END, (json.dumps(ended), self._account))

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows."""
        statement, columns = _added(table)
        self._run(statement, (self._account, _document(rows, columns)))

    def change(self, table: str, rows: Sequence[Row]) -> None:
        """Changes rows."""
        statement, columns = _changed(table)
        self._run(statement, (_document(rows, columns), self._account))

    def _all(self, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._run(statement, (self._account, list(ids))).fetchall()]


def _document(rows: Sequence[Row], columns: TableColumns) -> str:
    values = converted(rows, columns, datetime.isoformat, None)
    return json.dumps([dict(zip(columns.names, row, strict=True)) for row in values])
