"""A trace played through the rules that live traffic meets: visits, sources, sticky numbers, and who called.

Landings are read, visits go on or end, sources are settled and numbers given by the pure rules of attribution and
numberpool; what was learnt before a call answers it. What happens only to visitors of a page happens here too: bots
and pages of other sites get no number and nobody is remembered for them.

Events of visitors without a page view, and decisions on calls or for visitors that never were, change nothing and are
counted: live traffic knows no visitor, call or visit to keep them with.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from attribution.rules.settle import settle_visit
from attribution.rules.sources import SourceRule
from attribution.rules.visits import VISIT_TIMEOUT, continues
from core.phone import caller_of, e164
from core.time import day_start, local_day
from matching.rules.rank import Ranking
from numberpool.rules.facts import Newcomer
from reports.backtest.facts import AgentLike, Answer, Assigned, Counts, Hears, Learns
from reports.backtest.landings import Landed, Landings, Tags
from reports.backtest.lines import Call, Form, Heartbeat, Line, Override, PageView, TelClick, TraceSite
from reports.backtest.site import Pools

LOOKBACK = timedelta(days=60)
"""For how long after their last sign of life somebody is a candidate."""
_SWEEP = timedelta(days=7)
_REGION = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}", re.ASCII)
_DAY = timedelta(days=1)
_OTHER = "other tags"


class _Visitor:
    """A visitor as pages see them: their visit, their last known source, what they hold and what they see."""

    __slots__ = ("first_seen", "held", "known", "landed", "last_seen", "region", "shown", "tags", "told")

    def __init__(self, at: datetime) -> None:
        self.first_seen = at
        self.last_seen: datetime | None = None
        self.tags: Tags = None
        self.landed: Landed | None = None
        self.known: SourceRule | None = None
        self.held: dict[str, str] = {}
        self.shown: str | None = None
        self.told: str | None = None
        self.region: str | None = None


class _Gone(NamedTuple):
    """What is kept of a visitor whom nobody has seen for longer than the look-back: the number stays theirs."""

    known: str | None
    held: tuple[tuple[str, str], ...]
    shown: str | None
    told: str | None
    region: str | None


class Player:
    """Plays the lines of one trace, in their order.

    `agents` reads a user agent (app's, which owns the library). `learner` answers calls, `ears` hear what comes up.
    """

    def __init__(
        self, site: TraceSite, pools: Pools, learner: Learns, *, agents: Callable[[str], AgentLike], ears: Hears
    ) -> None:
        self.counts = Counts()
        self._site, self._pools, self._learner, self._ears = site, pools, learner, ears
        self._agents = lru_cache(maxsize=20_000)(agents)
        self._landings = Landings(site.domain)
        self._visitors: dict[str, _Visitor] = {}
        self._gone: dict[str, _Gone] = {}
        self._same: dict[_Gone, _Gone] = {}
        self._last_seen: dict[str, tuple[str, datetime]] = {}
        self._calls: dict[str, tuple[datetime, bool]] = {}
        self._today: dict[str, set[str]] = {}
        self._day, self._midnight = "", site.start - _DAY
        self._sweep_at = site.start + LOOKBACK

    def play(self, line: Line) -> None:
        """One line happens."""
        at = line[0]
        seconds = at.timestamp()
        self._learner.tick(seconds)
        if at >= self._midnight:
            self._turn_day(at)
        if isinstance(line, PageView):
            self._page_view(line, seconds)
        elif isinstance(line, Heartbeat | TelClick | Form):
            self._sign_of_life(line, seconds)
        elif isinstance(line, Call):
            self._call(line, seconds)
        else:
            self._override(line, seconds)

    def finish(self) -> None:
        """The trace is over: the last day is counted."""
        self._count_day()

    # Pages

    def _page_view(self, line: PageView, seconds: float) -> None:
        at, name, url, referrer, user_agent, region = line
        if (agent := self._agents(user_agent)).bot:
            self.counts.bot_page_views += 1
            return
        landing, tags = self._landings.untagged, None
        if "?" in url or "#" in url:
            page = self._landings.read(url, referrer) if self._landings.is_own(url) else None
            if page is not None:
                landing, tags = page
            path = landing.landing_path if page is not None else None
        else:
            # Without a query or fragment there are no tags: within a visit it does not matter where it came from.
            path = self._landings.path(url)
        if path is None:
            self.counts.foreign_pages += 1
            return
        self.counts.page_views += 1
        visitor = self._find(name, at)
        if visitor is None:
            visitor = self._visitors[name] = _Visitor(at)
            self.counts.visitors += 1
        if visitor.last_seen is None or not continues(
            last_seen_at=visitor.last_seen,
            campaign_key=landing.campaign_key if self._same_tags(visitor, line, tags) else _OTHER,
            landing=landing,
            at=at,
        ):
            if landing is self._landings.untagged:
                landing = self._landings.read(url, referrer).landing
            settled = settle_visit(landing, visitor.known, self._pools.sources, self._pools.with_numbers)
            visitor.known, visitor.tags = settled.known, tags
            visitor.landed = (url, referrer) if tags is not None else None
            if region is not None and _REGION.fullmatch(region):
                visitor.region = region.upper()
            source = settled.source.id if settled.source is not None else None
            self._count_visit(name, source)
            self._learner.arrived(name, seconds, source=source, device=agent.device, region=visitor.region)
            self._learner.viewed(name, seconds, path)
            self._show(name, visitor, source, at, Newcomer(seconds, visitor.region, agent.device))
        else:
            self._learner.viewed(name, seconds, path)
        self._seen(name, visitor, at)

    def _same_tags(self, visitor: _Visitor, line: PageView, tags: Tags) -> bool:
        if tags is None or tags == visitor.tags:
            return True
        if visitor.landed is None or visitor.last_seen is None or line.at - visitor.last_seen >= VISIT_TIMEOUT:
            return False
        return self._landings.same_tags((line.url, line.referrer), visitor.landed)

    def _show(self, name: str, visitor: _Visitor, source: str | None, at: datetime, newcomer: Newcomer) -> None:
        """The number of the visit's source: the one held, else the one the policy gives; else the page's own."""
        number = visitor.held.get(source) if source is not None else None
        if number is None and source is not None:
            number = self._pools.give(source, newcomer)
            if number is not None:
                visitor.held[source] = number
        visitor.shown = number
        if source is not None and number is not None and number != visitor.told:
            visitor.told = number
            self._learner.shown(name, newcomer.at, number, source)
            self._ears.assigned(Assigned(at, name, number, source))

    def _seen(self, name: str, visitor: _Visitor, at: datetime) -> None:
        visitor.last_seen = at
        sign = (name, at)
        for number in visitor.held.values():
            self._last_seen[number] = sign

    # What a page reports

    def _sign_of_life(self, line: Heartbeat | TelClick | Form, seconds: float) -> None:
        at, name = line[0], line[1]
        visitor = self._find(name, at)
        if visitor is None:
            self.counts.unknown_visitors += 1
            return
        if isinstance(line, Form):
            self._learner.filled(name, seconds, e164(line.phone) if line.phone else None)
        elif isinstance(line, TelClick) and visitor.shown is not None:
            self._learner.clicked(name, seconds, visitor.shown)
        else:
            # A click on the page's own number says no more than that somebody is there.
            self._learner.alive(name, seconds)
        self._seen(name, visitor, at)

    # Calls

    def _call(self, line: Call, seconds: float) -> None:
        self.counts.calls += 1
        number = self._rings(line)
        source = self._pools.owner(number)
        self._calls[line.id] = (line.at, number is not None)
        if number is None or source is None:
            unheard = Answer(line.id, line.at, self._day, None, None, None, 0.0, 1.0, 0, None)
            self._ears.answered(unheard, Ranking(none=1.0, candidates=()))
            return
        naive, when = self._last_seen.get(number, (None, line.at))
        ranking = self._learner.called(line.id, seconds, number, caller_of(line.caller), source=source)
        self._pools.called(number, seconds)
        best = ranking.candidates[0] if ranking.candidates else None
        answer = Answer(
            call=line.id,
            at=line.at,
            day=self._day,
            number=number,
            source=source,
            visitor=best.visitor if best else None,
            likelihood=best.likelihood if best else 0.0,
            none=ranking.none,
            candidates=len(ranking.candidates),
            naive=naive if line.at - when <= LOOKBACK else None,
        )
        self._ears.answered(answer, ranking)

    def _rings(self, line: Call) -> str | None:
        """The pool number that rings; None where none of the pools' does."""
        dials = line.dials
        if dials.visitor is not None:
            visitor = self._find(dials.visitor, line.at)
            return visitor.shown if visitor is not None else None
        if dials.number is not None:
            return dials.number if self._pools.owner(dials.number) is not None else None
        return self._pools.slot(dials.pool or "", line.id if dials.key is None else dials.key)

    def _override(self, line: Override, seconds: float) -> None:
        self.counts.overrides += 1
        call = self._calls.get(line.call)
        if call is None:
            self.counts.unknown_calls += 1
            return
        called_at, rang = call
        if line.visitor is not None:
            visitor = self._find(line.visitor, line.at)
            if visitor is None or visitor.first_seen > called_at:
                self.counts.unknown_visitors += 1
                return
        if rang:
            self._learner.decided(line.call, seconds, line.visitor)

    # Keeping and forgetting

    def _find(self, name: str, at: datetime) -> _Visitor | None:
        visitor = self._visitors.get(name)
        if visitor is None and self._gone and (gone := self._gone.pop(name, None)) is not None:
            visitor = self._visitors[name] = _Visitor(self._site.start)
            visitor.known = self._pools.rule[gone.known] if gone.known is not None else None
            visitor.held = dict(gone.held)
            visitor.shown, visitor.told, visitor.region = gone.shown, gone.told, gone.region
        return visitor

    def _sweep(self, at: datetime) -> None:
        """Visitors unseen for longer than the look-back are folded up: source and numbers, shared by who has the same.

        Only these are theirs for good; visit and times can matter no more.
        """
        self._sweep_at = at + _SWEEP
        last = at - LOOKBACK - _SWEEP
        for name in [n for n, v in self._visitors.items() if v.last_seen is None or v.last_seen < last]:
            visitor = self._visitors.pop(name)
            known = visitor.known.id if visitor.known is not None else None
            gone = _Gone(known, tuple(visitor.held.items()), visitor.shown, visitor.told, visitor.region)
            self._gone[name] = self._same.setdefault(gone, gone)

    def _count_visit(self, name: str, source: str | None) -> None:
        self.counts.visits += 1
        self._today.setdefault("", set()).add(name)
        if source is not None:
            self.counts.source_visits[source] = self.counts.source_visits.get(source, 0) + 1
            self._today.setdefault(source, set()).add(name)

    def _turn_day(self, at: datetime) -> None:
        self._count_day()
        day = local_day(at, self._site.time_zone)
        self._day, self._midnight = day.isoformat(), day_start(day + _DAY, self._site.time_zone)
        if at >= self._sweep_at:
            self._sweep(at)

    def _count_day(self) -> None:
        for source, visitors in self._today.items():
            into, key = (self.counts.days_visitors, source) if source else (self.counts.visitors_by_day, self._day)
            into[key] = into.get(key, 0) + len(visitors)
        self._today = {}
