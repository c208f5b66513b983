"""Reads visits again by the present rules: a corrected list of hosts also corrects last month's report.

What a visit says of its landing (source, medium, campaign, tags, channel, rules version) and which tracking source it
belongs to are written anew, visitor by visitor and in the order of their visits, so that a direct return keeps the
source that the visit before it now has. Which numbers were shown stays as it was: assignments, and what calls were
matched with at the time, are history.

Sources are the site's present ones, with two exceptions, so that tidying up does not rewrite the past:

- A visit of a source that was deleted after the visit began keeps it as long as the landing, as it is read now, still
  fits that source's own preset or rule; and a direct return from before the deletion keeps it as it did then. Where it
  fits no more, the present sources decide. A deleted source gets no visit that it did not have.
- A source whose numbers were released since keeps the visits it has: a `catch_all` steps in for the others only. (A
  visit that a `catch_all` took because the source that fits had no numbers goes to that source once it has some.)

Everything is read from what the visits themselves keep, so a second run changes nothing, and a run that broke off goes
on where it stopped: its visits carry the present rules' version already.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func, select

from attribution.arrive import MAX_URL, Sources, as_rule, read, touch_columns
from attribution.rules.landing import Landing
from attribution.rules.reference import RULES_VERSION
from attribution.rules.settle import settle_visit, without_own_source
from attribution.rules.sources import SourceRule, fits
from store.counts import forget_days
from store.sessions import AccountSession
from store.sites import Site, TrackingSource
from store.visits import Visit, Visitor


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which visits are read again: those that other rules than the present ones have read.

    Only those begun until `at` (UTC) and from the site's local day `since` on; `everything`: those of the present
    rules too.
    """

    at: datetime
    since: date | None = None
    everything: bool = False

    def conditions(self, site: Site) -> list[ColumnElement[bool]]:
        """The same, for a query on visits."""
        found = [Visit.site_id == site.site_id, Visit.started_at <= self.at]
        if self.since is not None:
            found.append(Visit.local_day >= self.since)
        if not self.everything:
            found.append(Visit.rules_version != RULES_VERSION)
        return found

    def holds(self, visit: Visit) -> bool:
        """Whether this visit of the site is one of them."""
        return (
            visit.started_at <= self.at
            and (self.since is None or visit.local_day >= self.since)
            and (self.everything or visit.rules_version != RULES_VERSION)
        )


@dataclass(kw_only=True)
class Reread:
    """What came of it: visits `read` and, of these, `changed` in more than the version of the rules.

    `channels`, `sources`: visits by (channel before, after) and by (source id before, after) where those differ.
    `last`: the id of the last visitor looked at, None where none was left.
    """

    read: int = 0
    changed: int = 0
    channels: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    last: str | None = None

    def add(self, other: "Reread") -> None:
        """Counts another chunk's."""
        self.read += other.read
        self.changed += other.changed
        self.channels += other.channels
        self.sources += other.sources
        self.last = other.last


@dataclass(frozen=True, kw_only=True)
class SiteSources:
    """A site's present sources, and those deleted since with the moment of their deletion (UTC)."""

    present: Sources
    deleted: Mapping[str, tuple[SourceRule, datetime]]

    def at(self, source_id: str | None, moment: datetime) -> SourceRule | None:
        """The source of this id if it is there or was there at that moment."""
        gone = self.deleted.get(source_id) if source_id else None
        return self.present.rule(source_id) or (gone[0] if gone and gone[1] > moment else None)

    def slug(self, source_id: str | None) -> str | None:
        """The name of a source, there or deleted; None for none."""
        gone = self.deleted.get(source_id) if source_id else None
        return self.present.slug(source_id) or (gone[0].slug if gone else None)


def with_deleted(session: AccountSession, site: Site, present: Sources) -> SiteSources:
    """The site's present sources together with its deleted ones. One query."""
    rows = session.scalars(
        select(TrackingSource).where(TrackingSource.site_id == site.site_id, TrackingSource.deleted_at.is_not(None))
    )
    deleted = {row.source_id: (as_rule(row), row.deleted_at) for row in rows if row.deleted_at is not None}
    return SiteSources(present=present, deleted=deleted)


def count(session: AccountSession, site: Site, which: Which) -> int:
    """How many visits there are to read again."""
    return session.scalar(select(func.count()).select_from(Visit).where(*which.conditions(site))) or 0


def reclassify(
    session: AccountSession,
    site: Site,
    sources: SiteSources,
    which: Which,
    *,
    after: str | None = None,
    visitors: int = 200,
    keep: bool = True,
) -> Reread:
    """Reads the visits of the next `visitors` visitors again, in the order of visitors' ids from `after` on.

    Those visitors are held against new page views until the transaction ends. `keep=False` only counts what would
    change. Flushes; the caller commits each chunk.
    """
    chosen = _next_visitors(session, site, which, after, visitors)
    done = Reread(last=chosen[-1] if chosen else None)
    if not chosen:
        return done
    held = _hold(session, chosen, for_change=keep)
    moved: set[date] = set()
    rows = session.scalars(
        select(Visit)
        .where(Visit.visitor_id.in_(chosen))
        .order_by(Visit.visitor_id, Visit.started_at, Visit.ordinal, Visit.visit_id)
        .execution_options(populate_existing=True)
    )
    for visitor_id, visits in groupby(rows, key=lambda visit: visit.visitor_id):
        last_known: SourceRule | None = None
        for visit, columns, known in _read_again(site, sources, which, visits):
            last_known = known
            if columns is not None:
                _count(done, visit, columns)
                if keep:
                    if visit.source_id != columns["source_id"]:
                        moved.add(visit.local_day)
                    _apply(visit, columns)
        visitor = held.get(visitor_id)
        if keep and visitor is not None and last_known is not None and visitor.source_id != last_known.id:
            visitor.source_id = last_known.id
    session.flush()
    forget_days(session, site.site_id, moved)
    return done


def _next_visitors(session: AccountSession, site: Site, which: Which, after: str | None, limit: int) -> Sequence[str]:
    """Ids of the next visitors who have a visit to be read again."""
    conditions = which.conditions(site)
    if after is not None:
        conditions.append(Visit.visitor_id > after)
    statement = select(Visit.visitor_id).where(*conditions).group_by(Visit.visitor_id)
    return session.scalars(statement.order_by(Visit.visitor_id).limit(limit)).all()


def _hold(session: AccountSession, visitor_ids: Sequence[str], *, for_change: bool) -> dict[str, Visitor]:
    """The visitors by id, always locked in the order of their ids."""
    statement = select(Visitor).where(Visitor.visitor_id.in_(visitor_ids)).order_by(Visitor.visitor_id)
    if for_change:
        statement = statement.with_for_update(key_share=True)
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return {row.visitor_id: row for row in rows}


def _read_again(
    site: Site, sources: SiteSources, which: Which, visits: Iterator[Visit]
) -> Iterator[tuple[Visit, dict[str, Any] | None, SourceRule | None]]:
    """One visitor's visits in their order.

    Each with its new columns (None: it is not to be read again) and the visitor's last known source after it.
    """
    known: SourceRule | None = None
    for visit in visits:
        landing = read(site, _address(visit), visit.referrer)
        if known is not None and sources.at(known.id, visit.started_at) is None:
            known = None
        if not which.holds(visit):
            if known is None or not without_own_source(landing):
                known = sources.at(visit.source_id, visit.started_at) or known
            yield visit, None, known
            continue
        source, known = _settle(sources, visit, landing, known)
        yield visit, {**touch_columns(landing), "source_id": source.id if source else None}, known


def _settle(
    sources: SiteSources, visit: Visit, landing: Landing, known: SourceRule | None
) -> tuple[SourceRule | None, SourceRule | None]:
    """The source of a visit, and the visitor's last known one after it."""
    own = sources.at(visit.source_id, visit.started_at)
    stocked = sources.present.with_numbers | sources.deleted.keys() | ({own.id} if own else set())
    if own is not None and own.id in sources.deleted and fits(own, landing):
        returns = known is not None and without_own_source(landing)
        if not returns:
            return own, own
    settled = settle_visit(landing, known, sources.present.rules, stocked)
    return settled.source, settled.known


def _address(visit: Visit) -> str:
    """A visit's landing address; one that was cut at its end gets back the tags that were read before it was."""
    url = visit.landing_url
    if len(url) < MAX_URL:
        return url
    tags = {**{f"utm_{word}": value for word, value in visit.utm.items()}, **visit.click_ids}
    head, mark, query = url.partition("?")
    return f"{head}?{urlencode(tags)}&{query}" if mark and tags else url


def _count(done: Reread, visit: Visit, columns: Mapping[str, Any]) -> None:
    done.read += 1
    differing = {name for name, value in columns.items() if getattr(visit, name) != value}
    done.changed += bool(differing - {"rules_version"})
    if "channel" in differing:
        done.channels[visit.channel, columns["channel"]] += 1
    if "source_id" in differing:
        done.sources[visit.source_id, columns["source_id"]] += 1


def _apply(visit: Visit, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        if getattr(visit, name) != value:
            setattr(visit, name, value)
