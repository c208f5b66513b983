"""The last weeks of a live site as plain values: what visitors did, who called, and who may have been the caller.

Read once, in a handful of streamed queries; after that other pool sizes can be tried as often as one likes without the
database (`reports.replay`). Visits stand as they were recorded, with the source each one got; only which number a
visitor is given is left open.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import func, select

from core.time import day_start, local_day
from matching.replay import replay
from matching.rules.facts import NumberKind
from matching.rules.learner import Learner
from reports.happenings import (
    Alive,
    Arrived,
    Clicked,
    Decided,
    Filled,
    Happening,
    Left,
    Rang,
    Undecided,
    Viewed,
)
from store.calls import Call, CallCandidate
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Visit

MOST_VISITS = 150_000
"""Visits that are read at most, the most recent ones."""
LONGEST = timedelta(days=84)
"""How far back is read at most."""
WARM_UP = timedelta(days=21)
"""How long the pools fill before calls are counted, at most; a fourth of the time read where that is less.

A history that begins in the middle does not know who held the numbers before: its first calls have too few candidates.
One that is read from its very beginning knows.
"""
LEAST_LIKELIHOOD = 1e-3
"""Candidates of a call below this are left out: together they hardly ever were the caller."""
_CHUNK = 2000


class SourcePool(NamedTuple):
    """An online source's pool as it is now: the policy that gives its numbers, and the active ones."""

    policy: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Callers:
    """Who may have made a call: (visitor, likelihood), and the likelihood of nobody. One of them where it is certain.

    `counts`: whether the call is among those that figures are made of; spam and calls of the warm-up are not.
    """

    candidates: tuple[tuple[str, float], ...]
    nobody: float
    counts: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A site's last weeks, in order of time. Calls count from `counted_from` on.

    `never_shown`: visitors who were new in these weeks and were shown no number that counts: machines, and whoever came
    while their source had none.
    """

    time_zone: str
    start: datetime
    counted_from: datetime
    end: datetime
    visits: int
    pools: Mapping[str, SourcePool]
    happenings: tuple[Happening, ...]
    callers: Mapping[str, Callers]
    never_shown: frozenset[str] = frozenset()

    def calls_by_source(self) -> Counter[str]:
        """How many calls count, by source."""
        return Counter(
            happening.source
            for happening in self.happenings
            if isinstance(happening, Rang)
            and (callers := self.callers.get(happening.call)) is not None
            and callers.counts
        )


def read_history(session: AccountSession, site: Site, at: datetime, *, most_visits: int = MOST_VISITS) -> History:
    """What happened on `site` in the weeks before `at`, of which at most `most_visits` visits. Reads only."""
    start, visits = _begin(session, site, at, most_visits)
    counted_from = start + min(WARM_UP, (at - start) / 4) if _had_visits_before(session, site, start) else start
    recorder = _Recorder()
    for _, _, _, tell in replay(session, site.site_id, since=start, until=at):
        # It is told what a learner would be: the same history by the same queries.
        tell(cast(Learner, recorder))
    return History(
        time_zone=site.time_zone,
        start=start,
        counted_from=counted_from,
        end=at,
        visits=visits,
        pools=_pools(session, site),
        happenings=tuple(recorder.happenings),
        callers=_callers(session, site, start, counted_from, at),
        never_shown=frozenset(recorder.new - recorder.shown_to),
    )


def _begin(session: AccountSession, site: Site, at: datetime, most: int) -> tuple[datetime, int]:
    """From when on to read, and how many visits there are since: whole local days, at least the last one with any."""
    earliest = local_day(at - LONGEST, site.time_zone)
    rows = session.execute(
        select(Visit.local_day, func.count(Visit.visit_id))
        .where(Visit.site_id == site.site_id, Visit.local_day >= earliest, Visit.started_at < at)
        .group_by(Visit.local_day)
        .order_by(Visit.local_day.desc())
    )
    visits, first = 0, None
    for day, count in rows:
        if first is not None and visits + count > most:
            break
        visits, first = visits + count, day
    return (at if first is None else day_start(first, site.time_zone)), visits


def _had_visits_before(session: AccountSession, site: Site, start: datetime) -> bool:
    earlier = select(Visit.visit_id).where(
        Visit.site_id == site.site_id, Visit.local_day < local_day(start, site.time_zone)
    )
    return session.scalar(earlier.limit(1)) is not None


class _Recorder:
    """Keeps what a learner would be told."""

    def __init__(self) -> None:
        self.happenings: list[Happening] = []
        self.new: set[str] = set()
        self.shown_to: set[str] = set()
        self._same: dict[str, str] = {}

    def _one(self, text: str) -> str:
        """One object for each text: ids and paths come up again and again."""
        return self._same.setdefault(text, text)

    def arrived(
        self,
        visitor: str,
        at: float,
        *,
        source: str | None,
        device: str,
        region: str | None,
        visit: str | None = None,
        ordinal: int | None = None,
    ) -> None:
        kept = self._one(source) if source is not None else None
        if ordinal == 1:
            self.new.add(self._one(visitor))
        self.happenings.append(Arrived(at, self._one(visitor), kept, device, region, ordinal or 1))

    def viewed(self, visitor: str, at: float, path: str | None) -> None:
        self.happenings.append(Viewed(at, self._one(visitor), self._one(path) if path is not None else None))

    def alive(self, visitor: str, at: float) -> None:
        self.happenings.append(Alive(at, self._one(visitor)))

    def left(self, visitor: str, at: float) -> None:
        self.happenings.append(Left(at, self._one(visitor)))

    def clicked(self, visitor: str, at: float, number: str) -> None:
        self.happenings.append(Clicked(at, self._one(visitor)))

    def filled(self, visitor: str, at: float, phone: str | None) -> None:
        self.happenings.append(Filled(at, self._one(visitor), phone))

    def shown(self, visitor: str, at: float, number: str, source: str) -> None:
        self.shown_to.add(self._one(visitor))  # which number it is, is what a replay finds out

    def called(
        self, call: str, at: float, number: str, caller: str | None, *, source: str, kind: NumberKind = "pool"
    ) -> None:
        self.happenings.append(Rang(at, call, number, caller, self._one(source), kind))

    def decided(self, call: str, at: float, visitor: str | None) -> None:
        self.happenings.append(Decided(at, call, visitor))

    def undecided(self, call: str) -> None:
        at = self.happenings[-1].at if self.happenings else 0.0
        self.happenings.append(Undecided(at, call))


def _pools(session: AccountSession, site: Site) -> dict[str, SourcePool]:
    """The online sources with an active number, in their order, numbers as they were got."""
    rows = session.execute(
        select(TrackingSource.source_id, TrackingSource.allocation, TrackingNumber.number)
        .join(TrackingNumber, TrackingNumber.source_id == TrackingSource.source_id)
        .where(
            TrackingSource.site_id == site.site_id,
            TrackingSource.kind == "online",
            TrackingSource.deleted_at.is_(None),
            TrackingNumber.status == "active",
        )
        .order_by(TrackingSource.position, TrackingSource.source_id, TrackingNumber.created_at, TrackingNumber.number)
    )
    pools: dict[str, SourcePool] = {}
    for source, policy, number in rows:
        before = pools.get(source, SourcePool(policy, ()))
        pools[source] = before._replace(numbers=(*before.numbers, number))
    return pools


def _callers(
    session: AccountSession, site: Site, start: datetime, counted_from: datetime, end: datetime
) -> dict[str, Callers]:
    within = (Call.site_id == site.site_id, Call.started_at >= start, Call.started_at < end)
    candidates: dict[str, list[tuple[str, float]]] = {}
    query: Any = (
        select(CallCandidate.call_id, CallCandidate.visitor_id, CallCandidate.likelihood)
        .join(Call, Call.call_id == CallCandidate.call_id)
        .where(*within, CallCandidate.likelihood >= LEAST_LIKELIHOOD)
        .order_by(CallCandidate.call_id, CallCandidate.rank)
        .execution_options(yield_per=_CHUNK)
    )
    for call, visitor, likelihood in session.execute(query):
        candidates.setdefault(call, []).append((visitor, likelihood))
    calls = session.execute(
        select(
            Call.call_id, Call.started_at, Call.spam, Call.none_likelihood, Call.matched_by, Call.matched_visitor_id
        ).where(*within)
    )
    found: dict[str, Callers] = {}
    for call, at, spam, none, by, matched in calls:
        counts = not spam and at >= counted_from
        if spam or by == "staff":
            certain = ((matched, 1.0),) if matched is not None and not spam else ()
            found[call] = Callers(candidates=certain, nobody=0.0 if certain else 1.0, counts=counts)
        else:
            found[call] = Callers(candidates=tuple(candidates.get(call, ())), nobody=none, counts=counts)
    return found
