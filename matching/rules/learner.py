"""A site's history played in order: every call is answered with what came before it, then learnt from.

The backtest plays traces through it, the nightly training what the database holds.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from core.time import hour_of_week, zone
from matching.rules.curves import hour_kind
from matching.rules.exposure import Exposure, HourGrid
from matching.rules.facts import NumberKind
from matching.rules.ledger import Ledger
from matching.rules.lessons import CallLesson, Lessons, lesson
from matching.rules.model import LikelihoodModel, prior
from matching.rules.rank import Ranking, rank

DAY = 86_400.0
HALF_LIFE = 45.0
"""Days after which a call and its exposure count half."""
KEEP_DAYS = 150.0
"""Lessons older than this are forgotten: they would count a tenth."""
LEAST_CALLS = 15
"""Calls below which there is nothing to fit."""
_NIGHT = timedelta(hours=3, minutes=30)
_REMEMBERED = 0.9
"""What a day's gain of fits over the prior still counts a day later."""
_DOUBT = -1.0
"""Nats that fits may have foreseen worse than the prior, in all, before the prior answers again."""


class Learner:
    """Plays one site. Times are epoch seconds; see Ledger for the events.

    ``learning``: whether lessons are kept at all; ``nightly``: whether a model is fitted to them every night.
    """

    def __init__(
        self,
        *,
        time_zone: str,
        start: float,
        model: LikelihoodModel | None = None,
        learning: bool = True,
        nightly: bool = True,
        days: float = 60.0,
        half_life: float = HALF_LIFE,
    ) -> None:
        self.model = model or prior()
        self.learning, self.nightly = learning, nightly
        self.half_life = half_life
        self.ledger = Ledger(time_zone=time_zone, pages=self.model.pages, days=days)
        self.refits: list[dict[str, Any]] = []
        self.fitted: LikelihoodModel | None = None
        self.score = 0.0
        self._zone = zone(time_zone)
        self._exposure = Exposure()
        self._lessons: list[CallLesson] = []
        self._watched: dict[str, float] = {}
        self._held: Exposure | None = None
        self._held_from = start
        self._flushed = start
        self._due = self._next_night(start)
        self.shown = self.ledger.shown
        self.arrived = self.ledger.arrived
        self.viewed = self.ledger.viewed
        self.alive = self.ledger.alive
        self.left = self.ledger.leave
        self.filled = self.ledger.filled
        self.last_seen = self.ledger.last_seen
        self.clicked = self.ledger.clicked

    def called(
        self, call: str, at: float, number: str, caller: str | None, *, source: str, kind: NumberKind = "pool"
    ) -> Ranking:
        """Answer a call with what was known before it, and remember it."""
        scene = self.ledger.scene(at, number, caller, source=source, kind=kind)
        ranking = rank(self.model, scene.call, scene.candidates, scene.history, evidence_for=0)
        best = ranking.best
        self.ledger.called(
            call,
            at,
            number,
            caller,
            best=(best.visitor, best.likelihood) if best else None,
            none=ranking.none,
            races={ranked.visitor: ranked.race for ranked in ranking.candidates},
        )
        if self.learning:
            place = self.ledger.place_of(source)
            self._lessons.append(lesson(call, at, scene, ranking, self.model.pages, place))
        return ranking

    def decided(self, call: str, at: float, visitor: str | None) -> None:
        """Staff said who made a call."""
        self.ledger.decided(call, visitor)

    def undecided(self, call: str) -> None:
        """Staff took back what they said."""
        self.ledger.undecided(call)

    def tick(self, at: float) -> None:
        """Run the nights that fell due before ``at``."""
        while at >= self._due:
            self.night(self._due)
            self._due = self._next_night(self._due)

    def night(self, now: float) -> None:
        """Take the time since the last night into account; refit where this learns."""
        if not self.learning:
            self._flush(now, None)
            self.ledger.forget(now)
            return
        day = Exposure()
        since = self._flushed
        self._flush(now, day)
        self._exposure.fade(0.5 ** ((now - since) / DAY / self.half_life))
        self._exposure.merge(day)
        self._fade_numbers(now - since)
        self.ledger.forget(now)
        self._lessons = [kept for kept in self._lessons if kept.at >= now - KEEP_DAYS * DAY]
        if self._held is not None:
            self._held.merge(day)
        if self.nightly and len(self._lessons) >= LEAST_CALLS:
            self._refit(now, since, day)

    def _refit(self, now: float, since: float, day: Exposure) -> None:
        from matching.rules.fit import fit, log_likelihood
        from matching.rules.spread import shipped_spread

        shipped = prior()
        gain = None
        if self.fitted is not None:
            # Last night's fit and the prior both foresaw this day without having seen it.
            check = self._lessons_of(now, since, day)
            gain = log_likelihood(check, self.fitted) - log_likelihood(check, shipped)
            self.score = _REMEMBERED * self.score + gain
        version = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        model, found = fit(
            self.lessons(now),
            prior=shipped,
            spread=shipped_spread(),
            start=self.fitted or shipped,
            version=version,
            rounds=12 if self.fitted is None else 6,
        )
        better = self.score > _DOUBT
        self.fitted = model
        self.model = model if better else shipped
        for call, races in found.races.items():
            self.ledger.reraced(call, races)
        self.refits.append(
            {
                "at": now,
                "version": version,
                "calls": len(self._lessons),
                "better": better,
                "gain": gain,
                "score": self.score,
            }
        )

    def hold_out(self, now: float) -> None:
        """From here on, keep apart what comes: ``held_out`` is of it alone."""
        self._held, self._held_from = Exposure(), now

    def held_out(self, now: float) -> Lessons:
        """What came since ``hold_out``, unfaded and without what staff said."""
        return self._lessons_of(now, self._held_from, self._held or Exposure())

    def lessons(self, now: float) -> Lessons:
        """All that is known to learn from."""
        return Lessons(
            now=now,
            calls=tuple(self._lessons),
            decisions={c.call: d for c in self._lessons if (d := self.ledger.decision(c.call)) is not None},
            cells=self._exposure.cells,
            seconds=self._exposure.seconds,
            hours=self._exposure.hours,
            sources=tuple(self.ledger.sources),
            numbers={n: (source, self._watched.get(n, 0.0)) for n, (source, _) in self.ledger.numbers.items()},
            half_life=self.half_life,
        )

    def _lessons_of(self, now: float, since: float, day: Exposure) -> Lessons:
        """The last period alone, unfaded."""
        return replace(
            self.lessons(now),
            calls=tuple(c for c in self._lessons if c.at >= since),
            decisions={},
            cells=day.cells,
            seconds=day.seconds,
            hours=day.hours,
            numbers={n: (source, now - max(begun, since)) for n, (source, begun) in self.ledger.numbers.items()},
            half_life=1e9,
        )

    def _fade_numbers(self, passed: float) -> None:
        factor = 0.5 ** (passed / DAY / self.half_life)
        for number, (_, begun) in self.ledger.numbers.items():
            self._watched[number] = self._watched.get(number, 0.0) * factor + min(passed, self._flushed - begun)

    def _flush(self, now: float, into: Exposure | None) -> None:
        """Sum the stretches since the last time, a day and a bit at a time at most."""
        stretches = self.ledger.stretches(now)
        if into is not None and now > self._flushed:
            into.add(stretches, self._grid(self._flushed, now))
        self._flushed = now

    def _grid(self, start: float, end: float) -> HourGrid:
        first = int(start // 3600) + 1
        edges = np.asarray([start, *(hour * 3600.0 for hour in range(first, int(np.ceil(end / 3600)))), end])
        edges = edges[np.concatenate([[True], np.diff(edges) > 0])]
        kinds = [
            hour_kind(hour_of_week(datetime.fromtimestamp((a + b) / 2, UTC), self.ledger.time_zone))
            for a, b in pairwise(edges)
        ]
        return HourGrid(edges=edges, kinds=np.asarray(kinds, dtype=np.int64))

    def _next_night(self, at: float) -> float:
        """The next half past three at the site."""
        local = datetime.fromtimestamp(at, self._zone)
        night = local.replace(hour=0, minute=0, second=0, microsecond=0) + _NIGHT
        while night.timestamp() <= at:
            night = (night + timedelta(days=1)).replace(hour=3, minute=30)
        return night.timestamp()
