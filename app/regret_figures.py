"""How far our answers are from the best possible ones: figures over calls whose caller is known. Pure.

Regret is the difference of two log-losses over the same calls, in nats per call. Log-loss floors probabilities at 1e-4,
so the naive rule's certain mistakes cost 9.2 nats each and no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from app.demo.simulator import Answer as BestAnswer
from reports.backtest.facts import Answer
from reports.backtest.outcome import Judged, judge, measures

SURE = 0.9


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """The same calls, answered in up to four ways; empty where that way was not asked.

    `ours`, `best`, `naive`: with learning, from the moment on from which it had something to learn from. `untaught` and
    `untaught_best`: the shipped prior alone, and what it could have said, over the whole trace.
    """

    ours: tuple[Judged, ...]
    naive: tuple[Judged, ...]
    best: tuple[Judged, ...] = ()
    untaught: tuple[Judged, ...]
    untaught_best: tuple[Judged, ...] = ()

    @classmethod
    def pooled(cls, several: Iterable[Self]) -> "Judgements":
        """All calls together, whichever business they belong to."""
        found = list(several)
        return Judgements(
            ours=tuple(j for one in found for j in one.ours),
            naive=tuple(j for one in found for j in one.naive),
            best=tuple(j for one in found for j in one.best),
            untaught=tuple(j for one in found for j in one.untaught),
            untaught_best=tuple(j for one in found for j in one.untaught_best),
        )


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One line of the table. Log-losses and regrets in nats per call, all else shares; None: not known."""

    calls: int
    loss: float | None
    best_loss: float | None
    regret: float | None
    untaught_loss: float | None
    untaught_best_loss: float | None
    untaught_regret: float | None
    top_1: float | None
    best_top_1: float | None
    calibration: float | None
    best_calibration: float | None
    none_auc: float | None
    best_none_auc: float | None
    right_when_sure: float | None
    naive_loss: float | None
    naive_top_1: float | None


def best_judged(judged: Sequence[Judged], best: Mapping[str, BestAnswer]) -> tuple[Judged, ...]:
    """The best answers to the same calls, held against the same truth.

    Raises ValueError where a call rang another number there: then the two are not about the same call.
    """
    found = []
    for ours in judged:
        answer = best[ours.answer.call]
        if answer.number != ours.answer.number:
            raise ValueError(f"call {ours.answer.call} rang {ours.answer.number} here and {answer.number} there")
        found.append(judge(_as_ours(ours.answer, answer), ours.truth, answer.likelihoods.items()))
    return tuple(found)


def _as_ours(ours: Answer, answer: BestAnswer) -> Answer:
    first = max(answer.likelihoods.items(), key=lambda pair: (pair[1], pair[0]), default=(None, 0.0))
    return ours._replace(
        visitor=first[0], likelihood=first[1], none=answer.none, candidates=len(answer.likelihoods), naive=None
    )


def late(judged: Sequence[Judged], since: datetime) -> tuple[Judged, ...]:
    """Those of calls from `since` on."""
    return tuple(j for j in judged if j.answer.at >= since)


def figures(judgements: Judgements) -> Figures:
    """All figures of a business, or of several."""
    ours, naive, best, untaught, untaught_best = (
        measures(each)
        for each in (
            judgements.ours,
            judgements.naive,
            judgements.best,
            judgements.untaught,
            judgements.untaught_best,
        )
    )
    return Figures(
        calls=len(judgements.untaught),
        loss=ours["log_loss"],
        best_loss=best["log_loss"],
        regret=_minus(ours["log_loss"], best["log_loss"]),
        untaught_loss=untaught["log_loss"],
        untaught_best_loss=untaught_best["log_loss"],
        untaught_regret=_minus(untaught["log_loss"], untaught_best["log_loss"]),
        top_1=ours["top_1"],
        best_top_1=best["top_1"],
        calibration=ours["calibration_error"],
        best_calibration=best["calibration_error"],
        none_auc=ours["none_auc"],
        best_none_auc=best["none_auc"],
        right_when_sure=right_when_sure(judgements.ours),
        naive_loss=naive["log_loss"],
        naive_top_1=naive["top_1"],
    )


def right_when_sure(judged: Sequence[Judged]) -> float | None:
    """The share of right ones among the visitors who were named with at least 0.9; None where there is none."""
    sure = [j for j in judged if j.answer.visitor is not None and j.answer.likelihood >= SURE]
    return sum(1 for j in sure if j.truth == j.answer.visitor) / len(sure) if sure else None


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
