"""What the two dialects of the book's statements have in common: columns, and how values go to the driver."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import JSON, Connection, Date, Table
from sqlalchemy.exc import DBAPIError

from store.base import UTCDateTime
from store.tables import metadata

Row = Sequence[Any]
ADDED: tuple[str, ...] = ("visitors", "visits", "visit_events", "forms", "assignments")
"""Tables that rows are added to, each before those that point to it."""

VISITOR: tuple[str, ...] = (
    "visitor_id",
    "site_id",
    "source_id",
    "visit_id",
    "visits",
    "device",
    "region",
    "origin",
    "alive_at",
    "first_seen_at",
    "last_seen_at",
)
VISIT: tuple[str, ...] = (
    "visit_id",
    "visitor_id",
    "source_id",
    "started_at",
    "campaign_key",
    "landing_url",
    "referrer",
    "last_seen_at",
    "last_path",
    "last_viewed_at",
    "page_views",
    "left_at",
)
POOL_NUMBER: tuple[str, ...] = ("number", "last_turn", "level", "called_at", "recent", "changed_turn")
"""What is read of a row, in this order."""

CHANGED: dict[str, tuple[str, tuple[str, ...]]] = {
    "visitors": ("visitor_id", ("source_id", "visit_id", "visits", "region", "alive_at", "last_seen_at")),
    "visits": ("visit_id", ("last_seen_at", "last_path", "last_viewed_at", "page_views", "left_at")),
    "tracking_sources": ("source_id", ("turn",)),
    "tracking_numbers": ("number", POOL_NUMBER[1:]),
}
"""By table, the key and the columns that are changed, in this order."""


class TableColumns(NamedTuple):
    """A table's columns but the account's, in their order, and the places of those the driver wants otherwise."""

    names: tuple[str, ...]
    times: tuple[int, ...]
    dates: tuple[int, ...]
    documents: tuple[int, ...]


def columns_of(name: str, names: Iterable[str] | None = None) -> TableColumns:
    """The columns of a table, or those named."""
    table: Table = metadata.tables[name]
    chosen = tuple(names) if names is not None else tuple(c.name for c in table.columns if c.name != "account_id")
    kinds = [table.columns[n].type for n in chosen]
    return TableColumns(
        names=chosen,
        times=tuple(i for i, kind in enumerate(kinds) if isinstance(kind, UTCDateTime)),
        dates=tuple(i for i, kind in enumerate(kinds) if isinstance(kind, Date)),
        documents=tuple(i for i, kind in enumerate(kinds) if isinstance(kind, JSON)),
    )


def converted(
    rows: Iterable[Row], columns: TableColumns, time: Callable[[datetime], Any], document: Callable[[Any], Any] | None
) -> list[list[Any]]:
    """The rows with times, days and documents as the driver wants them; None stays None."""
    found = []
    for row in rows:
        values = list(row)
        for i in columns.times:
            if values[i] is not None:
                values[i] = time(values[i])
        for i in columns.dates:
            day: date | None = values[i]
            values[i] = day.isoformat() if day is not None else None
        if document is not None:
            for i in columns.documents:
                if values[i] is not None:
                    values[i] = document(values[i])
        found.append(values)
    return found


def as_utc(at: datetime) -> datetime:
    """The same moment in UTC; no copy where it is in UTC already."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


class Statements(Protocol):
    """The statements of one transaction of one account. Rows are in the orders above."""

    def set_up_version(self) -> int:
        """The account's count of changes to its sites, sources and numbers."""

    def visitors(self, ids: Sequence[str]) -> list[tuple[Row, Row | None]]:
        """Visitors (VISITOR) with their current visits (VISIT), locked in the order of their ids."""

    def visits(self, ids: Sequence[str]) -> list[Row]:
        """Visits (VISIT)."""

    def held(self, visitor_ids: Sequence[str]) -> list[tuple[str, str, str, bool]]:
        """(visitor, source, number, whether it can still be shown) of open assignments, the latest first."""

    def pools(self, source_ids: Sequence[str]) -> list[tuple[str, int, str]]:
        """(source, turn, allocation), locked in the order of their ids."""

    def pool_numbers(self, source_id: str, after_turn: int) -> list[Row]:
        """Active numbers (POOL_NUMBER) of a source that changed after that turn, in the order they were made."""

    def end_assignments(self, rows: Sequence[tuple[datetime, str, str]]) -> None:
        """Ends open assignments: (when, visitor, source)."""

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows, in the order of the table's columns without the account's."""

    def change(self, table: str, rows: Sequence[Row]) -> None:
        """Changes rows: the key, then the columns of CHANGED."""


class Driver:
    """Runs plain SQL on the driver's cursor. Its errors become SQLAlchemy's, without the parameters."""

    def __init__(self, connection: Connection) -> None:
        self._errors = connection.dialect.loaded_dbapi.Error
        self._cursor = connection.connection.cursor()
        self._connection = connection

    def run(self, statement: str, parameters: Any) -> Any:
        """Runs a statement once, or once for each of a list of parameters; returns the cursor."""
        cursor = self._cursor
        try:
            if isinstance(parameters, list):
                cursor.executemany(statement, parameters)
            else:
                cursor.execute(statement, parameters)
        except self._errors as error:
            if self._connection.dialect.is_disconnect(error, None, None):
                self._connection.invalidate(error)
            raise DBAPIError.instance(
                statement, None, error, self._errors, hide_parameters=True, dialect=self._connection.dialect
            ) from error
        return cursor
