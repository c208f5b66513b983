"""Loads the demo's past: its trace through the import, and at its place what no trace can say.

Staff's remarks come between the lines, so that a call after a decision is answered with it, as it would have been.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select

from app.demo.facts import Called, Decided, Ended, Fact, Noted, Person
from app.demo.trace import call_id, site_line, trace_lines, visitor_id
from app.importing.calls import provider_call_id
from app.importing.play import key_of, play
from core.text import clean
from matching.annotate import UNCHANGED, CallValue, add_note, annotate
from matching.override import override
from reports.backtest.lines import READERS, Line, site
from store.calls import Call
from store.imports import ImportedVisitor
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Visit

Remark = Ended | Noted | Decided


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a history came to: page views, visitors, calls."""

    page_views: int
    visitors: int
    calls: int


def load(
    session: AccountSession, of: Site, facts: Sequence[Fact], *, base_url: str, end: datetime, user_id: str, days: int
) -> Loaded:
    """Loads `facts`, in time order and over by `end`, into the site `of`, whose pages begin with `base_url`.

    `user_id`: who writes notes and decides. `days`: how far back candidates are looked for. Raises ValueError for
    facts that go back in time.
    """
    if any(later.at < earlier.at for earlier, later in pairwise(facts)):
        raise ValueError("a history goes forward in time")
    trace = site(site_line(base_url=base_url, time_zone=of.time_zone, start=of.created_at, end=end))
    lines = [READERS[line["type"]](line) for line in trace_lines(facts, base_url=base_url)]
    remarks = [fact for fact in facts if isinstance(fact, Ended | Noted | Decided)]
    desk = _Desk(session, of, facts, user_id=user_id)
    counts, played = Counter[str](), 0
    for remark in (*remarks, None):
        before = _before(lines, played, remark)
        play(session, of, trace, before, days=days, counts=counts, first=played)
        played += len(before)
        if remark is not None:
            desk.write(remark)
    session.flush()
    return Loaded(page_views=counts["page_views"], visitors=counts["visitors"], calls=counts["calls"])


def _before(lines: Sequence[Line], played: int, remark: Remark | None) -> Sequence[Line]:
    """The lines that were not played yet, up to this remark, or all of them."""
    end = played
    while end < len(lines) and (remark is None or lines[end].at <= remark.at):
        end += 1
    return lines[played:end]


class _Desk:
    """What the provider and the front desk know of the calls beyond their trace."""

    def __init__(self, session: AccountSession, of: Site, facts: Sequence[Fact], *, user_id: str) -> None:
        self._session, self._site, self._user_id = session, of, user_id
        self._calls = {fact.call: fact for fact in facts if isinstance(fact, Called)}

    def write(self, remark: Remark) -> None:
        """One remark."""
        call = self._session.scalars(
            select(Call).where(Call.provider_call_id == provider_call_id(self._site.site_id, call_id(remark.call)))
        ).one()
        match remark:
            case Ended():
                self._ended(call, remark)
            case Noted():
                self._noted(call, remark)
            case Decided():
                self._decided(call, remark)

    def _ended(self, call: Call, remark: Ended) -> None:
        call.status, call.caller_name = remark.status, clean(self._calls[remark.call].caller_name, 200)
        call.updated_at = max(call.updated_at, remark.at)

    def _noted(self, call: Call, remark: Noted) -> None:
        currency = self._site.currency
        annotate(
            self._session,
            call_id=call.call_id,
            at=remark.at,
            tags=remark.tags or UNCHANGED,
            value=UNCHANGED if remark.cents is None else CallValue(amount_minor=remark.cents, currency=currency),
            spam=True if remark.spam else UNCHANGED,
        )
        if remark.note is not None:
            add_note(self._session, call_id=call.call_id, user_id=self._user_id, text=remark.note, at=remark.at)

    def _decided(self, call: Call, remark: Decided) -> None:
        by = self._calls[remark.call].by
        override(
            self._session,
            call_id=call.call_id,
            visit_id=self._visit(by, call) if by else None,
            user_id=self._user_id,
            reason=remark.reason,
            at=remark.at,
        )

    def _visit(self, person: Person, call: Call) -> str:
        """The latest visit of this person begun before the call."""
        return self._session.scalars(
            select(Visit.visit_id)
            .join(ImportedVisitor, ImportedVisitor.visitor_id == Visit.visitor_id)
            .where(
                ImportedVisitor.site_id == self._site.site_id,
                ImportedVisitor.key == key_of(visitor_id(person)),
                Visit.started_at < call.started_at,
            )
            .order_by(Visit.started_at.desc())
            .limit(1)
        ).one()
