"""The book of visits: what the path of visitors reads and writes, as plain rows and in sets.

One transaction loads the visitors it is about, changes plain objects, and writes them all at once: a handful of
statements however many pages opened, where the ORM would take many times as long.

A book is one account's: `account_id` stands in every statement. The statements are plain SQL of the drivers, in
`store.book_sqlite` and `store.book_postgresql`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from store.book_postgresql import PostgresqlStatements
from store.book_sqlite import SqliteStatements
from store.book_statements import ADDED, CHANGED, Statements, columns_of
from store.sessions import AccountSession


@dataclass(slots=True)
class VisitorRow:
    """A visitor, as `store.visits.Visitor` has it."""

    visitor_id: str
    site_id: str
    source_id: str | None
    visit_id: str | None
    visits: int
    device: str
    region: str | None
    origin: str | None
    alive_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(slots=True)
class VisitRow:
    """A visit as far as going on with it takes: how it began and how it stands (see `store.visits.Visit`)."""

    visit_id: str
    visitor_id: str
    source_id: str | None
    started_at: datetime
    campaign_key: str | None
    landing_url: str
    referrer: str | None
    last_seen_at: datetime
    last_path: str | None = None
    last_viewed_at: datetime | None = None
    page_views: int = 0
    left_at: datetime | None = None


class Held(NamedTuple):
    """A number (E.164) that a visitor holds of a source; `shown`: it can still be shown for that source."""

    number: str
    shown: bool


class PoolRow(NamedTuple):
    """A number's place in its pool (see `store.sites.TrackingNumber`)."""

    number: str
    last_turn: int
    level: int
    called_at: datetime | None
    recent: str | None
    changed_turn: int


class LockedPool(NamedTuple):
    """A source whose pool is this transaction's alone until it ends: its turn, and the policy that gives numbers."""

    turn: int
    allocation: str


_VISITOR_CHANGES = attrgetter(*CHANGED["visitors"][1])
_VISIT_CHANGES = attrgetter(*CHANGED["visits"][1])
_VISITOR = attrgetter(*columns_of("visitors").names)
_VISIT = itemgetter(*columns_of("visits").names)
_VISIT_FIELDS = tuple(VisitRow.__slots__)
_VISIT_VALUES = attrgetter(*_VISIT_FIELDS)


class Book:
    """The rows of one account that one transaction is about; `write` sends what changed."""

    def __init__(self, session: AccountSession) -> None:
        self.account_id = session.account_id
        session.flush()
        connection = session.connection()
        kind = PostgresqlStatements if connection.dialect.name == "postgresql" else SqliteStatements
        self._statements: Statements = kind(connection, session.account_id)
        self._visitors: dict[str, VisitorRow] = {}
        self._visits: dict[str, VisitRow] = {}
        self._held: dict[str, dict[str, Held]] = {}
        self._visitors_were: dict[str, Any] = {}
        self._visits_were: dict[str, Any] = {}
        self._begun: dict[str, Mapping[str, Any]] = {}
        self._added: dict[str, list[Sequence[Any]]] = {}
        self._ended: list[tuple[datetime, str, str]] = []
        self._turns: dict[str, int] = {}
        self._places: dict[str, PoolRow] = {}

    # What is there

    def set_up_version(self) -> int:
        """How often the account's sites, sources or numbers were changed."""
        return self._statements.set_up_version()

    def load(self, visitor_ids: Collection[str], visit_ids: Collection[str] = ()) -> None:
        """Reads these visitors with their current visits and what they hold, and other visits by their ids.

        The visitors are held against other transactions until this one ends, in the order of their ids.
        """
        wanted = sorted({v for v in visitor_ids if v not in self._visitors})
        if wanted:
            for values, visit in self._statements.visitors(wanted):
                row = VisitorRow(*values)
                self._visitors[row.visitor_id] = row
                self._visitors_were[row.visitor_id] = _VISITOR_CHANGES(row)
                self._held[row.visitor_id] = {}
                if visit is not None:
                    self._keep(VisitRow(*visit))
            for visitor_id, source_id, number, shown in self._statements.held(wanted):
                self._held[visitor_id][source_id] = Held(number, shown)
        others = sorted({v for v in visit_ids if v not in self._visits})
        for values in self._statements.visits(others) if others else ():
            self._keep(VisitRow(*values))

    def _keep(self, row: VisitRow) -> None:
        if row.visit_id not in self._visits:
            self._visits[row.visit_id] = row
            self._visits_were[row.visit_id] = _VISIT_CHANGES(row)

    def visitor(self, visitor_id: str | None) -> VisitorRow | None:
        """A visitor that was loaded or added."""
        return self._visitors.get(visitor_id) if visitor_id is not None else None

    def visit(self, visit_id: str | None) -> VisitRow | None:
        """A visit that was loaded or added."""
        return self._visits.get(visit_id) if visit_id is not None else None

    def held(self, visitor_id: str) -> Mapping[str, Held]:
        """What a loaded or added visitor holds, by source, the latest first."""
        return self._held.get(visitor_id, {})

    def lock_pools(self, source_ids: Collection[str]) -> dict[str, LockedPool]:
        """Holds the pools of these sources until the transaction ends, in the order of their ids."""
        return {s: LockedPool(turn, policy) for s, turn, policy in self._statements.pools(sorted(source_ids))}

    def pool_numbers(self, source_id: str, after_turn: int = -1) -> list[PoolRow]:
        """The active numbers of a locked pool that changed after that turn, in the order in which they were made."""
        return [PoolRow(*row) for row in self._statements.pool_numbers(source_id, after_turn)]

    # What happens

    def add_visitor(self, row: VisitorRow) -> None:
        """A visitor nobody knew."""
        self._visitors[row.visitor_id] = row
        self._held[row.visitor_id] = {}

    def add_visit(self, row: VisitRow, landing: Mapping[str, Any]) -> None:
        """A visit begins; `landing`: the columns of `store.visits.Visit` that never change and no rule asks for."""
        self._visits[row.visit_id] = row
        self._begun[row.visit_id] = landing

    def add_event(
        self,
        event_id: str,
        visit: VisitRow,
        kind: str,
        at: datetime,
        *,
        url: str | None = None,
        number: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """A page reported something."""
        row = (event_id, visit.visit_id, visit.visitor_id, kind, at, url, number, data)
        self._added.setdefault("visit_events", []).append(row)

    def add_form(
        self, form_id: str, site_id: str, visit: VisitRow, at: datetime, *, phone: str | None, email: str | None
    ) -> None:
        """A form was sent."""
        row = (form_id, site_id, visit.visitor_id, visit.visit_id, at, phone, email)
        self._added.setdefault("forms", []).append(row)

    def give(self, assignment_id: str, visitor_id: str, source_id: str, number: str, at: datetime) -> None:
        """The visitor is shown this number of the source from `at` on, instead of what they held of it."""
        held = self._held[visitor_id]
        self.let_go(visitor_id, source_id, at)
        # The latest first, as it would be read.
        self._held[visitor_id] = {source_id: Held(number, shown=True), **held}
        self._added.setdefault("assignments", []).append((assignment_id, visitor_id, source_id, number, at, None))

    def let_go(self, visitor_id: str, source_id: str, at: datetime) -> None:
        """The visitor is no longer shown what they held of this source."""
        if self._held[visitor_id].pop(source_id, None) is not None:
            self._ended.append((at, visitor_id, source_id))

    def set_turn(self, source_id: str, turn: int) -> None:
        """A locked pool's turn."""
        self._turns[source_id] = turn

    def set_place(self, place: PoolRow) -> None:
        """A number's place in its locked pool."""
        self._places[place.number] = place

    def write(self) -> None:
        """Sends all that changed; the book can be used further."""
        send = self._statements
        new: dict[str, Sequence[Sequence[Any]]] = {
            "visitors": [_VISITOR(row) for key, row in self._visitors.items() if key not in self._visitors_were],
            "visits": [self._beginning(key, landing) for key, landing in self._begun.items()],
            **self._added,
        }
        if self._ended:
            send.end_assignments(self._ended)
        for table in ADDED:
            if added := new.get(table):
                send.add(table, added)
        for table, changed in self._changed().items():
            if changed:
                send.change(table, changed)
        self._begun, self._added, self._ended, self._turns, self._places = {}, {}, [], {}, {}

    def _beginning(self, visit_id: str, landing: Mapping[str, Any]) -> Sequence[Any]:
        values = dict(zip(_VISIT_FIELDS, _VISIT_VALUES(self._visits[visit_id]), strict=True))
        columns: Sequence[Any] = _VISIT({**landing, **values})
        return columns

    def _changed(self) -> dict[str, list[Sequence[Any]]]:
        """Rows that are not as they were, by table; from here on they are."""
        found: dict[str, list[Sequence[Any]]] = {
            "tracking_sources": list(self._turns.items()),
            "tracking_numbers": list(self._places.values()),
            "visitors": _differing(self._visitors, self._visitors_were, _VISITOR_CHANGES),
            "visits": _differing(self._visits, self._visits_were, _VISIT_CHANGES),
        }
        return found


def _differing(rows: Mapping[str, Any], were: dict[str, Any], values: Any) -> list[Sequence[Any]]:
    found: list[Sequence[Any]] = []
    for key, row in rows.items():
        now = values(row)
        before = were.get(key)
        if before is not None and before != now:
            found.append((key, *now))
        were[key] = now
    return found
