"""A site's last weeks once more with other pool sizes: who would have held which number, and how sure each answer.

Which of a call's candidates made it is drawn, the surer the likelier; several draws show how much hangs on that
(multiple imputation, Rubin 1987).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from math import log

from core.time import local_day
from matching.rules.learner import Learner
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking
from numberpool.rules.facts import Newcomer, PoolNumber
from numberpool.rules.pool import Pool
from reports.happenings import Alive, Arrived, Clicked, Decided, Filled, Happening, Left, Rang, Undecided, Viewed
from reports.history import Callers, History, SourcePool
from reports.rules.pool_curve import Tally

STEP = 4096
"""Happenings between two looks at whether to go on."""
MOST_ANSWERED = 1500
"""Calls of a site that are answered in one replay. A busy number has a thousand candidates: each call takes 10 ms."""

_WEEK = 7 * 86_400.0


class Stopped(Exception):
    """Whoever asked for the replay wants it no more."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Answers by source with the sizes asked for, and the pairs of (call, likelihood of its answer) that counted."""

    tallies: Mapping[str, Tally]
    answers: Mapping[str, float]


def replay_with(
    history: History,
    sizes: Mapping[str, int],
    *,
    model: LikelihoodModel,
    days: int,
    sure_from: float,
    draw: int = 0,
    telephones: Collection[str] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Replayed:
    """Plays `history` with `sizes` numbers by source. `days`: for how long after their last sign a holder counts.

    The same `draw` draws the same callers whatever the sizes are, so that sizes differ by nothing else. `telephones`:
    whose calls are answered (see `some_telephones`); all where None. Raises Stopped.
    """
    playing = _Replay(history, sizes, model=model, days=days, sure_from=sure_from, draw=draw, telephones=telephones)
    for place, happening in enumerate(history.happenings):
        if not place % STEP and should_stop():
            raise Stopped
        playing.play(happening)
    return Replayed(tallies=playing.tallies, answers=playing.answers)


def telephone_of(call: Rang) -> str:
    """The number that called; the call itself where it was withheld."""
    return call.caller or call.call


def some_telephones(history: History, most: int = MOST_ANSWERED) -> frozenset[str] | None:
    """Telephones whose calls are enough to know the rest by; None where all calls together are no more than `most`.

    Whole telephones, because their earlier calls are evidence for the later ones; drawn by nothing but their number.
    Sources with few calls keep all of theirs.
    """
    calls: dict[str, list[str]] = {}
    for happening in history.happenings:
        if isinstance(happening, Rang) and (known := history.callers.get(happening.call)) is not None and known.counts:
            calls.setdefault(happening.source, []).append(telephone_of(happening))
    if sum(len(of) for of in calls.values()) <= most:
        return None
    left, chosen = most, set[str]()
    for place, source in enumerate(sorted(calls, key=lambda s: (len(calls[s]), s))):
        share = left // (len(calls) - place)
        taken = sorted(calls[source], key=lambda who: _clock(0, who, ""))[:share]
        left -= len(taken)
        chosen.update(taken)
    return frozenset(chosen)


def drawn_caller(callers: Callers, who: str, draw: int) -> str | None:
    """The visitor who made a call, or None for nobody, drawn by their likelihoods.

    ``who`` is the telephone, or the call where the number was withheld: calls of one telephone are drawn alike, so that
    they come from one person as far as their likelihoods allow. (An exponential race with the same clocks for each
    pair of telephone and visitor; its winner is drawn by exactly these likelihoods.)
    """
    winner, best = None, _clock(draw, who, "") / callers.nobody if callers.nobody > 0.0 else float("inf")
    for visitor, likelihood in callers.candidates:
        if likelihood > 0.0 and (reached := _clock(draw, who, visitor) / likelihood) < best:
            winner, best = visitor, reached
    return winner


def _clock(draw: int, who: str, visitor: str) -> float:
    """An exponential variable that is always the same for the same three."""
    digest = blake2b(f"{draw}\n{who}\n{visitor}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return -log((int.from_bytes(digest) + 0.5) / 2**64)


def pool_of(pool: SourcePool, source: str, size: int) -> Pool:
    """A pool of `size` numbers: the first there are, and further ones by made-up names."""
    names = [*pool.numbers[:size], *(f"{source}+{place}" for place in range(len(pool.numbers), size))]
    return Pool(pool.policy, [PoolNumber(number=name) for name in names])


class _Replay:
    def __init__(
        self,
        history: History,
        sizes: Mapping[str, int],
        *,
        model: LikelihoodModel,
        days: int,
        sure_from: float,
        draw: int,
        telephones: Collection[str] | None,
    ) -> None:
        self.tallies = {source: Tally() for source in sizes}
        self.answers: dict[str, float] = {}
        self._history, self._draw, self._sure_from = history, draw, sure_from
        self._telephones = telephones
        self._pools = {source: pool_of(history.pools[source], source, size) for source, size in sizes.items()}
        self._numbers = {source: tuple(pool.numbers) for source, pool in self._pools.items()}
        self._learner = Learner(
            time_zone=history.time_zone,
            start=history.start.timestamp(),
            model=model,
            learning=False,
            days=float(days),
        )
        self._tidy_at = history.start.timestamp() + _WEEK
        self._held: dict[tuple[str, str], str] = {}
        self._shown: dict[str, str | None] = {}

    def play(self, happening: Happening) -> None:
        """One thing happens."""
        learner, at = self._learner, happening.at
        if at >= self._tidy_at:
            # Nothing is learnt here, so nights only clear away: once a week saves a third of the time.
            learner.night(at)
            self._tidy_at = at + _WEEK
        match happening:
            case Viewed(_, visitor, path):
                learner.viewed(visitor, at, path or "/")
            case Alive(_, visitor):
                learner.alive(visitor, at)
            case Arrived():
                self._arrived(happening)
            case Left(_, visitor):
                learner.left(visitor, at)
            case Clicked(_, visitor):
                self._clicked(visitor, at)
            case Filled(_, visitor, phone):
                learner.filled(visitor, at, phone)
            case Rang():
                self._rang(happening)
            case Decided(_, call, visitor):
                learner.decided(call, at, visitor)
            case Undecided(_, call):
                learner.undecided(call)

    def _arrived(self, visit: Arrived) -> None:
        """A visit begins with the number of its source that the visitor holds, or a new one."""
        visitor, source, at = visit.visitor, visit.source, visit.at
        self._learner.arrived(
            visitor, at, source=source, device=visit.device, region=visit.region, ordinal=visit.ordinal
        )
        pool = self._pools.get(source) if source is not None else None
        if source is None or pool is None or visitor in self._history.never_shown:
            self._shown[visitor] = None
            return
        number = self._held.get((visitor, source))
        if number is None:
            given = pool.give(Newcomer(at=at, region=visit.region, device=visit.device))
            if given is None:
                return
            number = self._held[visitor, source] = given.number
            self._learner.shown(visitor, at, number, source)
        self._shown[visitor] = number

    def _clicked(self, visitor: str, at: float) -> None:
        number = self._shown.get(visitor)
        if number is None:
            self._learner.alive(visitor, at)
        else:
            self._learner.clicked(visitor, at, number)

    def _rang(self, call: Rang) -> None:
        callers = self._history.callers.get(call.call)
        pool = self._pools.get(call.source)
        if callers is None or pool is None or call.kind != "pool":
            # An offline number, or a source that has no pool any more: it rang all the same, and says who is a dialler.
            self._answer(call, call.number)
            return
        number = self._rings(call, callers)
        pool.called(number, call.at)
        if self._telephones is not None and telephone_of(call) not in self._telephones:
            # Not answered, but others are asked who called around them.
            self._learner.ledger.called(
                call.call, call.at, number, call.caller, best=None, none=callers.nobody, races={}
            )
            return
        ranking = self._answer(call, number)
        if callers.counts:
            best = ranking.best
            given = best.likelihood if best is not None else ranking.none
            self.answers[call.call] = given
            day = local_day(datetime.fromtimestamp(call.at, UTC), self._history.time_zone).isoformat()
            sure = best is not None and best.likelihood >= self._sure_from
            self.tallies[call.source].add(day, given, sure=sure)

    def _answer(self, call: Rang, number: str) -> Ranking:
        return self._learner.called(call.call, call.at, number, call.caller, source=call.source, kind=call.kind)

    def _rings(self, call: Rang, callers: Callers) -> str:
        """The number that whoever made the call would have dialled; by nobody any of the source's, by chance."""
        visitor = drawn_caller(callers, telephone_of(call), self._draw)
        number = self._held.get((visitor, call.source)) if visitor is not None else None
        if number is not None:
            return number
        numbers = self._numbers[call.source]
        chance = blake2b(f"{self._draw}\n{call.call}".encode(), digest_size=8).digest()
        return numbers[int.from_bytes(chance) % len(numbers)]
