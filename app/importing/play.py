"""Plays lines of a trace on a site, inside one transaction, as pages, providers and staff would have brought them.

Page views arrive and are shown numbers, reports are noted, calls are kept and matched by the model that was in use at
their moment, and answered again when a form or a decision tells more of their phone. Nothing depends on where one
transaction ends and the next begins. What a page would not have been answered for (bots, pages of other sites, events
of visitors without a page view) is counted and changes nothing, as in a backtest.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.client_address import iso_region
from app.importing.calls import Calls
from app.snippet.check_report import host_of
from app.snippet.opening import chosen_sources, give_numbers, targets_of
from app.snippet.page import PageEvent
from app.snippet.reporting import Reporting, report
from app.snippet.set_ups import SiteSetUp
from app.visitor_agent import read_agent
from attribution.arrive import MAX_URL, Arrival, Browser, arrive, load_sources, read, seen
from attribution.rules.landing import is_own_host
from core.ids import new_id
from core.text import clean
from core.time import local_day
from matching.later import calls_of_form
from numberpool.pools import Pools
from reports.backtest.lines import Call, Form, Heartbeat, Line, Override, PageView, TelClick, TraceSite
from store.book import Book, VisitorRow, VisitRow
from store.counts import forget_days
from store.imports import ImportedVisitor
from store.sessions import AccountSession
from store.sites import Site

LONGEST = 8000
"""Characters of an address that are read; a page of ours sends no more."""


@dataclass(slots=True)
class _Guest:
    """A visitor of the trace: ours, and the number they see."""

    row: ImportedVisitor
    visitor: VisitorRow
    visit: VisitRow | None


def key_of(visitor: str) -> bytes:
    """By which a trace's visitor is known: SHA-256 of the trace's own id, which may be of any length."""
    return hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).digest()


def play(
    session: AccountSession,
    site: Site,
    trace: TraceSite,
    lines: Sequence[Line],
    *,
    days: int,
    counts: Counter[str],
    first: int = 0,
) -> None:
    """Plays `lines`, in time order, on `site`; counts what they came to. Flushes, and leaves the commit to the caller.

    `trace` is the first line, which says whose slots ring. `days`: how long before a call its candidates may have been
    seen. `first`: how many lines were played before these; it orders what happened in one millisecond.
    """
    playing = _Play(session, site, trace, lines, days=days, counts=counts)
    for order, line in enumerate(lines, start=first):
        playing.line(line, order)
    playing.write()
    # Reports may have counted these days already.
    viewed = {local_day(line.at, site.time_zone) for line in lines if isinstance(line, PageView)}
    forget_days(session, site.site_id, viewed)


class _Play:
    def __init__(
        self,
        session: AccountSession,
        site: Site,
        trace: TraceSite,
        lines: Sequence[Line],
        *,
        days: int,
        counts: Counter[str],
    ) -> None:
        self._session, self._site, self._counts = session, site, counts
        sources = load_sources(session, site.site_id)
        self._book = Book(session)
        # The site's set-up is nobody else's while this transaction holds all its pools.
        self._set_up = SiteSetUp(site=site, sources=sources, version=0, looked_at=0.0)
        self._calls = Calls(session, site, trace, days=days, counts=counts)
        self._new: list[ImportedVisitor] = []
        self._guests = self._known({name for line in lines if (name := _whom(line)) is not None})
        self._pools = Pools(self._book)
        self._pools.lock(sources.with_numbers)

    def line(self, line: Line, order: int) -> None:
        """One line happens."""
        if isinstance(line, Heartbeat):
            self._heartbeat(line, order)
        elif isinstance(line, PageView):
            self._page_view(line, order)
        else:
            self.write()
            if isinstance(line, Call):
                guest = self._guests.get(line.dials.visitor or "")
                number = self._calls.rings(line, guest.row.number if guest else None)
                self._calls.keep(line, number, order)
                if number is not None:
                    self._pools.called(number, line.at)
            elif isinstance(line, Override):
                self._override(line)
            else:
                self._report(line)

    def write(self) -> None:
        """Sends what is pending to the database, visitors before what points to them."""
        self._pools.write()
        self._book.write()
        self._session.add_all(self._new)
        self._session.flush()
        self._new = []

    def _known(self, names: Iterable[str]) -> dict[str, _Guest]:
        """Those of these visitors who came in earlier lines. A few queries, whatever their number."""
        by_key = {key_of(name): name for name in names}
        rows = self._session.scalars(
            select(ImportedVisitor).where(
                ImportedVisitor.site_id == self._site.site_id, ImportedVisitor.key.in_(by_key)
            )
        ).all()
        self._book.load({row.visitor_id for row in rows})
        known = ((row, self._book.visitor(row.visitor_id)) for row in rows)
        return {
            by_key[row.key]: _Guest(row, visitor, self._book.visit(visitor.visit_id))
            for row, visitor in known
            if visitor is not None
        }

    # Pages

    def _page_view(self, line: PageView, order: int) -> None:
        agent = read_agent(line.user_agent)
        if agent.bot:
            self._counts["bot_page_views"] += 1
            return
        url = line.url[:LONGEST]
        host = host_of(url)
        if host is None or not is_own_host(host, self._site.domains):
            self._counts["foreign_pages"] += 1
            return
        guest = self._guests.get(line.visitor)
        arrival = arrive(
            self._book,
            self._site,
            self._set_up.sources,
            visitor=guest.visitor if guest else None,
            url=url,
            referrer=None if line.referrer is None else line.referrer[:LONGEST],
            browser=Browser(
                device=agent.device,
                region=iso_region(line.region) if line.region else None,
                user_agent=line.user_agent or None,
            ),
            at=line.at,
        )
        begins = arrival.visit.page_views == 0
        landing = arrival.landing if begins else read(self._site, url, None)
        seen(arrival.visitor, arrival.visit, at=line.at, path=landing.landing_path)
        self._note("pageview", arrival.visit, line.at, order, clean(url, MAX_URL))
        self._counts["page_views"] += 1
        if begins:
            self._begin(line, arrival, guest)

    def _begin(self, line: PageView, arrival: Arrival, guest: _Guest | None) -> None:
        """A visit begins, and with it the number that is shown; it stays the same until the next one."""
        self._counts["visits"] += 1
        targets = targets_of(self._set_up, self._site.numbers)
        shown = chosen_sources(self._book, self._set_up.sources, arrival, targets)
        given = give_numbers(self._book, self._pools, arrival, shown, line.at)
        number = next((one for one, _ in given.values()), None)
        if guest is None:
            self._counts["visitors"] += 1
            row = ImportedVisitor(
                site_id=self._site.site_id, key=key_of(line.visitor), visitor_id=arrival.visitor.visitor_id
            )
            self._new.append(row)
            guest = self._guests[line.visitor] = _Guest(row, arrival.visitor, arrival.visit)
        guest.visit, guest.row.number = arrival.visit, number

    # What a page reports

    def _heartbeat(self, line: Heartbeat, order: int) -> None:
        guest = self._guests.get(line.visitor)
        if guest is None or guest.visit is None:
            self._counts["unknown_visitors"] += 1
            return
        seen(guest.visitor, guest.visit, at=line.at)
        guest.visitor.alive_at = guest.visitor.alive_at or line.at
        self._note("heartbeat", guest.visit, line.at, order, None)
        self._counts["heartbeats"] += 1

    def _report(self, line: TelClick | Form) -> None:
        guest = self._guests.get(line.visitor)
        if guest is None or guest.visit is None:
            self._counts["unknown_visitors"] += 1
            return
        if isinstance(line, Form):
            event = PageEvent(type="form", phone=line.phone, email=line.email)
        else:
            # Without a number of ours the link is the page's own.
            event = PageEvent(type="tel_click", number=guest.row.number or next(iter(self._site.numbers), None))
        reporting = Reporting(
            set_up=self._set_up,
            visitor_id=guest.visitor.visitor_id,
            visit_id=guest.visit.visit_id,
            events=[event],
            browser=Browser(device=guest.visitor.device, region=None, user_agent=None),
            at=line.at,
        )
        self._counts[f"{event.type}s"] += 1
        for left in report(self._book, reporting).phones:
            self.write()
            for call_id in calls_of_form(
                self._session, site_id=left.site_id, visitor_id=left.visitor_id, phone=left.phone, at=left.at
            ):
                self._calls.answer_again(call_id, line, "form")

    def _note(self, kind: str, visit: VisitRow, at: datetime, order: int, url: str | None) -> None:
        self._book.add_event(new_id(at, order), visit, kind, at, url=url)

    # Staff

    def _override(self, line: Override) -> None:
        guest = self._guests.get(line.visitor) if line.visitor is not None else None
        if line.visitor is not None and guest is None:
            self._counts["unknown_visitors"] += 1
            return
        self._calls.decide(line, guest.visitor.visitor_id if guest else None)


def _whom(line: Line) -> str | None:
    """The visitor a line is about."""
    return line.dials.visitor if isinstance(line, Call) else line.visitor
