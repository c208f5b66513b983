"""A visitor arrives on a page: who they are, which visit this is, which source it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
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
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Visit, Visitor

MAX_URL = 4000


@dataclass(frozen=True, kw_only=True)
class Browser:
    """What is known of the browser: device class, region (ISO 3166-2 or None) and user agent."""

    device: str
    region: str | None
    user_agent: str | None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A site's sources as rules see them, with the target each serves and which have an active number."""

    rules: tuple[SourceRule, ...]
    targets: dict[str, str | None]
    with_numbers: frozenset[str]

    def rule(self, source_id: str | None) -> SourceRule | None:
        """The source of this id; None for none, or one that was deleted."""
        return next((s for s in self.rules if s.id == source_id), None)

    def slug(self, source_id: str | None) -> str | None:
        """The name by which answers call a source; None for none, or one that was deleted."""
        rule = self.rule(source_id)
        return rule.slug if rule else None

    def serving(self, number: str) -> tuple[SourceRule, ...]:
        """The sources that replace this number of the page."""
        return tuple(s for s in self.rules if self.targets[s.id] in (None, number))


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A page view's visitor and visit.

    `kept`: the visit has no source of its own and keeps the last known one. `newcomer`: the visitor was never here.
    """

    visitor: Visitor
    visit: Visit
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
    return read_landing(url, referrer, own_hosts=site.domains)


def find_visitor(session: AccountSession, site: Site, visitor_id: str | None) -> Visitor | None:
    """The visitor, held against their other tabs until the transaction ends; None where this site has no such."""
    if visitor_id is None:
        return None
    return session.scalar(
        select(Visitor)
        .where(Visitor.visitor_id == visitor_id, Visitor.site_id == site.site_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def arrive(
    session: AccountSession,
    site: Site,
    sources: Sources,
    *,
    visitor: Visitor | None,
    url: str,
    referrer: str | None,
    browser: Browser,
    at: datetime,
) -> Arrival:
    """Finds or begins visitor and visit for a page seen at `at`.

    A visit goes on until 30 minutes of silence or another campaign. A visit without a source of its own (direct, or
    from an own page) keeps the visitor's last known source.
    """
    landing, newcomer = read(site, url, referrer), visitor is None
    if visitor is None:
        visitor = _new_visitor(session, site, browser, at)
    current = session.get(Visit, (session.account_id, visitor.visit_id)) if visitor.visit_id else None
    if current is not None and continues(
        last_seen_at=current.last_seen_at, campaign_key=current.campaign_key, landing=landing, at=at
    ):
        begun = read(site, current.landing_url, current.referrer)
        kept = _keeps(begun, visitor, sources)
        return Arrival(visitor=visitor, visit=current, landing=begun, kept=kept, newcomer=False)
    settled = settle_visit(landing, sources.rule(visitor.source_id), sources.rules, sources.with_numbers)
    visitor.source_id = settled.known.id if settled.known else visitor.source_id
    visit = _new_visit(session, site, visitor, landing, url=url, referrer=referrer, browser=browser, at=at)
    visit.source_id = settled.source.id if settled.source else None
    # The visitor's row first: the visit's points to it.
    session.flush()
    session.add(visit)
    return Arrival(visitor=visitor, visit=visit, landing=landing, kept=settled.kept, newcomer=newcomer)


def _keeps(landing: Landing, visitor: Visitor, sources: Sources) -> bool:
    return without_own_source(landing) and sources.rule(visitor.source_id) is not None


def source_for(arrival: Arrival, sources: Sources, number: str, held: Iterable[str]) -> SourceRule | None:
    """The source whose number replaces this number of the page.

    `held`: ids of the sources whose numbers the visitor holds, the latest first.
    """
    serving = sources.serving(number)
    if arrival.kept:
        by_id = {s.id: s for s in serving if s.kind == "online"}
        for source_id in (arrival.visitor.source_id, *held):
            if source_id in by_id:
                return stand_in(by_id[source_id], serving, sources.with_numbers)
    return settle(arrival.landing, serving, sources.with_numbers)


def _new_visitor(session: AccountSession, site: Site, browser: Browser, at: datetime) -> Visitor:
    visitor = Visitor(
        visitor_id=new_id(at),
        site_id=site.site_id,
        visits=0,
        device=browser.device,
        region=browser.region,
        first_seen_at=at,
        last_seen_at=at,
    )
    session.add(visitor)
    return visitor


def _new_visit(
    session: AccountSession,
    site: Site,
    visitor: Visitor,
    landing: Landing,
    *,
    url: str,
    referrer: str | None,
    browser: Browser,
    at: datetime,
) -> Visit:
    visitor.visits += 1
    visit = Visit(
        visit_id=new_id(at),
        site_id=site.site_id,
        visitor_id=visitor.visitor_id,
        ordinal=visitor.visits,
        started_at=at,
        local_day=local_day(at, site.time_zone),
        landing_url=clean(url, MAX_URL) or "",
        referrer=clean(referrer, MAX_URL),
        device=browser.device,
        user_agent=clean(browser.user_agent, 400),
        last_seen_at=at,
        page_views=0,
        **touch_columns(landing),
    )
    visitor.visit_id = visit.visit_id
    visitor.region = browser.region or visitor.region
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


def seen(visitor: Visitor, visit: Visit, *, at: datetime, path: str | None = None) -> None:
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
