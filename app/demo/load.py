"""Plays a history through the use cases that live traffic goes through, each fact at its own time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from app.demo.facts import Called, Decided, Ended, Fact, Noted, Opened, Person, Reported
from app.snippet.events import note_events
from app.snippet.page import PageEvent
from app.snippet.swap import open_page
from app.telephony.base import IncomingCall, StatusReport
from app.telephony.record import record_call, record_status
from attribution.arrive import Browser
from core.ids import new_secret
from matching.annotate import UNCHANGED, CallValue, add_note, annotate
from matching.override import override
from store.sessions import AccountSession, Work
from store.sites import Site


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a history came to: page views, visitors, calls."""

    page_views: int
    visitors: int
    calls: int


@dataclass(kw_only=True)
class _Ring:
    """A call as it was told, and the visit of whoever made it."""

    incoming: IncomingCall
    call_id: str
    visit_id: str | None


@dataclass(kw_only=True)
class _Stage:
    """What is known while the history plays."""

    work: Work
    session: AccountSession
    site: Site
    base_url: str
    pools: dict[str, tuple[str, ...]]
    user_id: str
    days: int
    visitors: dict[int, str] = field(default_factory=dict)
    visits: dict[int, str] = field(default_factory=dict)
    shown: dict[int, str] = field(default_factory=dict)
    calls: dict[int, _Ring] = field(default_factory=dict)
    page_views: int = 0

    def opened(self, fact: Opened) -> None:
        key = fact.person.key
        page = open_page(
            self.session,
            self.site,
            visitor_id=self.visitors.get(key),
            url=self.base_url + fact.path,
            referrer=fact.referrer or None,
            numbers=self.site.numbers,
            browser=_browser(fact.person),
            at=fact.at,
        )
        self.visitors[key], self.visits[key] = page.visitor_id, page.visit_id
        for number in page.numbers.values():
            self.shown[key] = number["e164"]
        self.page_views += 1

    def reported(self, fact: Reported) -> None:
        key = fact.person.key
        events = [
            PageEvent(
                type=news.type,
                url=self.base_url + news.path,
                number=self.shown.get(key) if news.type == "tel_click" else None,
                age_ms=(fact.at - news.at).total_seconds() * 1000,
                phone=news.phone,
                email=news.email,
            )
            for news in fact.news
        ]
        note_events(
            self.session,
            self.site,
            visitor_id=self.visitors[key],
            visit_id=self.visits[key],
            events=events,
            browser=_browser(fact.person),
            at=fact.at,
        )

    def called(self, fact: Called) -> None:
        shown = self.shown.get(fact.by.key) if fact.by else None
        number = shown or self.pools[fact.source][fact.slot]
        incoming = IncomingCall(
            call_id=new_secret("CA"),
            parent_call_id=None,
            account_sid=None,
            number=number,
            caller=fact.caller,
            caller_name=fact.caller_name,
            status="ringing",
        )
        kept = record_call(self.work, self.session.account_id, incoming, at=fact.at, days=self.days)
        if kept is None:
            raise LookupError(f"{number} is no number of this account")
        visit = self.visits.get(fact.by.key) if fact.by else None
        self.calls[fact.call] = _Ring(incoming=incoming, call_id=kept.call_id, visit_id=visit)

    def ended(self, fact: Ended) -> None:
        told = self.calls[fact.call].incoming
        report = IncomingCall(
            call_id=told.call_id,
            parent_call_id=None,
            account_sid=None,
            number=told.number,
            caller=told.caller,
            caller_name=told.caller_name,
            status=fact.status,
        )
        duration = fact.seconds if fact.status == "completed" else 0
        record_status(
            self.work,
            self.session.account_id,
            StatusReport(call=report, duration_seconds=duration),
            at=fact.at,
            days=self.days,
        )

    def noted(self, fact: Noted) -> None:
        call_id = self.calls[fact.call].call_id
        annotate(
            self.session,
            call_id=call_id,
            at=fact.at,
            tags=fact.tags or UNCHANGED,
            value=UNCHANGED if fact.cents is None else CallValue(amount_minor=fact.cents, currency=self.site.currency),
            spam=True if fact.spam else UNCHANGED,
        )
        if fact.note is not None:
            add_note(self.session, call_id=call_id, user_id=self.user_id, text=fact.note, at=fact.at)

    def decided(self, fact: Decided) -> None:
        ring = self.calls[fact.call]
        override(
            self.session,
            call_id=ring.call_id,
            visit_id=ring.visit_id,
            user_id=self.user_id,
            reason=fact.reason,
            at=fact.at,
        )

    def play(self, fact: Fact) -> datetime:
        """One fact; returns its time."""
        match fact:
            case Opened():
                self.opened(fact)
            case Reported():
                self.reported(fact)
            case Called():
                self.called(fact)
            case Ended():
                self.ended(fact)
            case Noted():
                self.noted(fact)
            case Decided():
                self.decided(fact)
        return fact.at


def _browser(person: Person) -> Browser:
    return Browser(device=person.device, region=person.region, user_agent=person.user_agent)


def load(
    work: Work,
    session: AccountSession,
    site: Site,
    facts: Iterable[Fact],
    *,
    base_url: str,
    pools: dict[str, tuple[str, ...]],
    user_id: str,
    days: int,
) -> Loaded:
    """Plays `facts` (in time order) on `site`, whose pages begin with `base_url`.

    `pools`: source slug → its numbers (E.164). `user_id`: who writes notes and decides. `days`: how far back
    candidates are looked for. Raises ValueError for facts that go back in time.
    """
    stage = _Stage(work=work, session=session, site=site, base_url=base_url, pools=pools, user_id=user_id, days=days)
    last: datetime | None = None
    for fact in facts:
        if last is not None and fact.at < last:
            raise ValueError("a history goes forward in time")
        last = stage.play(fact)
    session.flush()
    return Loaded(page_views=stage.page_views, visitors=len(stage.visitors), calls=len(stage.calls))
