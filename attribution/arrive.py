"""A visitor arrives on a page: who they are, which visit this is, which source it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import select

from attribution.rules.landing import Landing, read_landing
from attribution.rules.reference import RULES_VERSION
from attribution.rules.settle import settle, settle_visit, stand_in, without_own_source
from attribution.rules.sources import SourceRule
from attribution.rules.visits import continues
from core.ids import new_id
from core.text import clean
from core.time import local_day
from store.book import Book, VisitorRow, VisitRow
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource

MAX_URL = 4000
_MOST_SERVED, _MOST_SETTLED = 1_000, 10_000


@dataclass(frozen=True, kw_only=True)
class Browser:
    """What is known of the browser: device class, region (ISO 3166-2 or None) and user agent.

    `origin`: a keyed hash of the network it asks from, None where that is not known.
    """

    device: str
    region: str | None
    user_agent: str | None
    origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A site's sources as rules see them, with the target each serves and which have an active number."""

    rules: tuple[SourceRule, ...]
    targets: dict[str, str | None]
    with_numbers: frozenset[str]

    @cached_property
    def _by_id(self) -> dict[str, SourceRule]:
        return {s.id: s for s in self.rules}

    @cached_property
    def _serving(self) -> dict[str, tuple[SourceRule, ...]]:
        return {}

    def rule(self, source_id: str | None) -> SourceRule | None:
        """The source of this id; None for none, or one that was deleted."""
        return self._by_id.get(source_id) if source_id is not None else None

    @cached_property
    def _settled(self) -> dict[tuple[int, str], tuple[Landing, SourceRule | None]]:
        return {}

    def settled(self, landing: Landing, number: str) -> SourceRule | None:
        """The source that serves a landing for this number of the page.

        Every page view of a visit asks so for the landing it began with, which is remembered as an object (see `read`).
        """
        key = (id(landing), number)
        known = self._settled.get(key)
        if known is None or known[0] is not landing:
            if len(self._settled) >= _MOST_SETTLED:
                self._settled.clear()
            known = self._settled[key] = (landing, settle(landing, self.serving(number), self.with_numbers))
        return known[1]

    def slug(self, source_id: str | None) -> str | None:
        """The name by which answers call a source; None for none, or one that was deleted."""
        rule = self.rule(source_id)
        return rule.slug if rule else None

    def serving(self, number: str) -> tuple[SourceRule, ...]:
        """The sources that replace this number of the page."""
        known = self._serving.get(number)
        if known is None:
            known = tuple(s for s in self.rules if self.targets[s.id] in (None, number))
            if len(self._serving) < _MOST_SERVED:
                self._serving[number] = known
        return known


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A page view's visitor and visit.

    `kept`: the visit has no source of its own and keeps the last known one. `newcomer`: the visitor was never here.
    """

    visitor: VisitorRow
    visit: VisitRow
    landing: Landing
    kept: bool
    newcomer: bool


def load_sources(session: AccountSession, site_id: str) -> Sources:
    """The sources of a site in the order in which they are asked. One query."""
    stocked = (
        select(TrackingNumber.number)
        .where(
            TrackingNumber.account_id == TrackingSource.account_id,
            TrackingNumber.source_id == TrackingSource.source_id,
            TrackingNumber.status == "active",
        )
        .exists()
    )
    rows = session.execute(
        select(TrackingSource, stocked)
        .where(TrackingSource.site_id == site_id, TrackingSource.deleted_at.is_(None))
        .order_by(TrackingSource.position, TrackingSource.slug)
    ).all()
    return Sources(
        rules=tuple(as_rule(source) for source, _ in rows),
        targets={source.source_id: source.target for source, _ in rows},
        with_numbers=frozenset(source.source_id for source, has_number in rows if has_number),
    )


def as_rule(row: TrackingSource) -> SourceRule:
    """A source's row as rules see it."""
    return SourceRule(
        id=row.source_id,
        slug=row.slug,
        kind=row.kind,
        preset=row.preset,
        rule=row.rule,
        position=row.position,
        catch_all=row.catch_all,
    )


def read(site: Site, url: str, referrer: str | None) -> Landing:
    """A landing on this site."""
    return _read(url, referrer, tuple(site.domains))


# A page view asks for its landing, its visit's and its path; the pages of a site are few.
@lru_cache(maxsize=4096)
def _read(url: str, referrer: str | None, domains: tuple[str, ...]) -> Landing:
    return read_landing(url, referrer, own_hosts=domains)


def arrive(
    book: Book,
    site: Site,
    sources: Sources,
    *,
    visitor: VisitorRow | None,
    url: str,
    referrer: str | None,
    browser: Browser,
    at: datetime,
) -> Arrival:
    """Finds or begins visitor and visit for a page seen at `at`; `visitor` is one that the book has loaded.

    A visit goes on until 30 minutes of silence or another campaign. A visit without a source of its own (direct, or
    from an own page) keeps the visitor's last known source.
    """
    landing, newcomer = read(site, url, referrer), visitor is None
    if visitor is None:
        visitor = _new_visitor(book, site, browser, at)
    current = book.visit(visitor.visit_id)
    if current is not None and continues(
        last_seen_at=current.last_seen_at, campaign_key=current.campaign_key, landing=landing, at=at
    ):
        begun = read(site, current.landing_url, current.referrer)
        kept = _keeps(begun, visitor, sources)
        return Arrival(visitor=visitor, visit=current, landing=begun, kept=kept, newcomer=False)
    settled = settle_visit(landing, sources.rule(visitor.source_id), sources.rules, sources.with_numbers)
    # A visit that is told of late, after one that began after it, is not the one the visitor is in.
    late = current is not None and at < current.started_at
    if not late:
        visitor.source_id = settled.known.id if settled.known else visitor.source_id
    source_id = settled.source.id if settled.source else None
    visit = _new_visit(
        book, site, visitor, landing, source_id=source_id, url=url, referrer=referrer, browser=browser, at=at
    )
    if not late:
        visitor.visit_id = visit.visit_id
        visitor.region = browser.region or visitor.region
    return Arrival(visitor=visitor, visit=visit, landing=landing, kept=settled.kept, newcomer=newcomer)


def _keeps(landing: Landing, visitor: VisitorRow, sources: Sources) -> bool:
    return without_own_source(landing) and sources.rule(visitor.source_id) is not None


def source_for(arrival: Arrival, sources: Sources, number: str, held: Iterable[str]) -> SourceRule | None:
    """The source whose number replaces this number of the page.

    `held`: ids of the sources whose numbers the visitor holds, the latest first.
    """
    if arrival.kept:
        serving = sources.serving(number)
        by_id = {s.id: s for s in serving if s.kind == "online"}
        for source_id in (arrival.visitor.source_id, *held):
            if source_id in by_id:
                return stand_in(by_id[source_id], serving, sources.with_numbers)
    return sources.settled(arrival.landing, number)


def _new_visitor(book: Book, site: Site, browser: Browser, at: datetime) -> VisitorRow:
    visitor = VisitorRow(
        visitor_id=new_id(at),
        site_id=site.site_id,
        source_id=None,
        visit_id=None,
        visits=0,
        device=browser.device,
        region=browser.region,
        origin=browser.origin,
        alive_at=None,
        first_seen_at=at,
        last_seen_at=at,
    )
    book.add_visitor(visitor)
    return visitor


def _new_visit(
    book: Book,
    site: Site,
    visitor: VisitorRow,
    landing: Landing,
    *,
    source_id: str | None,
    url: str,
    referrer: str | None,
    browser: Browser,
    at: datetime,
) -> VisitRow:
    visitor.visits += 1
    touch = touch_columns(landing)
    visit = VisitRow(
        visit_id=new_id(at),
        visitor_id=visitor.visitor_id,
        source_id=source_id,
        started_at=at,
        campaign_key=touch["campaign_key"],
        landing_url=clean(url, MAX_URL) or "",
        referrer=clean(referrer, MAX_URL),
        last_seen_at=at,
    )
    began = {
        "site_id": site.site_id,
        "ordinal": visitor.visits,
        "local_day": local_day(at, site.time_zone),
        "device": browser.device,
        "user_agent": clean(browser.user_agent, 400),
        **touch,
    }
    book.add_visit(visit, began)
    return visit


def touch_columns(landing: Landing) -> dict[str, Any]:
    """The columns of a visit that say how its landing was read, and by which rules."""
    return {
        "utm": dict(landing.utm),
        "click_ids": dict(landing.click_ids),
        "campaign_key": landing.campaign_key,
        "touch_source": clean(landing.source, 255),
        "touch_medium": clean(landing.medium, 255),
        "touch_campaign": clean(landing.campaign, 255),
        "channel": landing.channel,
        "rules_version": RULES_VERSION[:20],
    }


def seen(visitor: VisitorRow, visit: VisitRow, *, at: datetime, path: str | None = None) -> None:
    """A life sign at `at`; with `path` it is a page view. Late news never turns the clock back."""
    if path is not None:
        visit.page_views += 1
        if at >= visit.last_seen_at:
            visit.last_path = clean(path, 400)
            visit.last_viewed_at = at
    if at >= visit.last_seen_at:
        visit.last_seen_at = at
        visit.left_at = None
    visitor.last_seen_at = max(visitor.last_seen_at, at)
