"""How good the answers were, where it is known who called.

Measures per call, over calls that rang a pool number and whose caller is known (a visitor, or nobody from the site):
log-loss in nats with probabilities floored at 1e-4, the Brier score summed over all answers, top-1 over calls made by
visitors, recall, precision and the area under the ROC curve (Mann and Whitney 1947) of "nobody", and the expected
calibration error of the best candidate's likelihood in 15 bins of equal mass (Naeini et al. 2015). The naive rule
"whoever was last seen on that number called" is measured the same way; it gives its visitor probability 1.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from reports.backtest.facts import Answer

FLOOR = 1e-4
BINS = 15
_Z = 1.959963984540054


class Judged(NamedTuple):
    """A call whose caller is known: `truth` is a visitor or None; `given` the probability given to that truth.

    `squares` is the sum of the squared probabilities of all answers, nobody included.
    """

    answer: Answer
    truth: str | None
    given: float
    squares: float


def judge(answer: Answer, truth: str | None, candidates: Iterable[tuple[str, float]], *, naive: bool = False) -> Judged:
    """Holds an answer against the truth. `candidates`: (visitor, likelihood). `naive`: as the naive rule answers."""
    if naive:
        best = answer.naive
        asked = answer._replace(visitor=best, likelihood=1.0 if best else 0.0, none=0.0 if best else 1.0)
        return Judged(asked, truth, 1.0 if truth == best else 0.0, 1.0)
    given = answer.none if truth is None else 0.0
    squares = answer.none**2
    for visitor, likelihood in candidates:
        squares += likelihood * likelihood
        if visitor == truth:
            given = likelihood
    return Judged(answer, truth, given, squares)


def measures(judged: Sequence[Judged]) -> dict[str, Any]:
    """All figures of these calls; None where there is nothing to divide by."""
    made = [j for j in judged if j.truth is not None]
    nobody = [j for j in judged if j.truth is None]
    said = [j for j in judged if j.answer.none > j.answer.likelihood]
    right_nobody = sum(1 for j in said if j.truth is None)
    curve = calibration([(j.answer.likelihood, _first(j)) for j in judged if j.answer.visitor is not None])
    return {
        "calls": len(judged),
        "calls_by_visitors": len(made),
        "log_loss": _mean([-math.log(max(j.given, FLOOR)) for j in judged]),
        "brier": _mean([j.squares - 2.0 * j.given + 1.0 for j in judged]),
        "top_1": _mean([float(_first(j)) for j in made]),
        "answer_right": _mean([float(_answer_right(j)) for j in judged]),
        "none_recall": right_nobody / len(nobody) if nobody else None,
        "none_precision": right_nobody / len(said) if said else None,
        "none_auc": auc([j.answer.none for j in nobody], [j.answer.none for j in made]),
        "calibration_error": expected_calibration_error(curve),
        "calibration": curve,
    }


def _first(judged: Judged) -> bool:
    return judged.truth is not None and judged.answer.visitor == judged.truth


def _answer_right(judged: Judged) -> bool:
    """Whether the match (the best candidate, or nobody where that is likelier) is the truth."""
    if judged.answer.none > judged.answer.likelihood:
        return judged.truth is None
    return _first(judged)


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """The probability that a positive's score is above a negative's, ties half; None where one kind is missing."""
    if not positives or not negatives:
        return None
    others = np.sort(np.asarray(negatives))
    below = np.searchsorted(others, positives, side="left")
    up_to = np.searchsorted(others, positives, side="right")
    return float((below + up_to).sum()) / 2.0 / (len(positives) * len(negatives))


def calibration(pairs: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """(likelihood, right) in at most 15 bins of equal mass, the least likely first, each with a 95 % interval.

    The interval is Wilson's (1927) for the share that was right.
    """
    if not pairs:
        return []
    order = sorted(pairs, key=lambda pair: pair[0])
    bins = []
    for held in np.array_split(np.arange(len(order)), min(BINS, len(order))):
        likelihoods = [order[i][0] for i in held]
        right = sum(order[i][1] for i in held)
        low, high = wilson(right, len(held))
        bins.append(
            {
                "likelihood_from": likelihoods[0],
                "likelihood_to": likelihoods[-1],
                "calls": len(held),
                "mean_likelihood": math.fsum(likelihoods) / len(held),
                "right": right,
                "share_right": right / len(held),
                "low": low,
                "high": high,
            }
        )
    return bins


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; `of` must be above 0."""
    share, spread = right / of, _Z * _Z / of
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = _Z * math.sqrt(share * (1.0 - share) / of + spread / (4.0 * of)) / (1.0 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def expected_calibration_error(bins: Sequence[dict[str, Any]]) -> float | None:
    """The mean distance between likelihood and share that was right, weighted by calls; None without bins."""
    calls = sum(b["calls"] for b in bins)
    if not calls:
        return None
    off = math.fsum(b["calls"] * abs(b["mean_likelihood"] - b["share_right"]) for b in bins)
    return float(off / calls)


def expected(answers: Sequence[Answer]) -> dict[str, float | int | None]:
    """What the model itself expects of its answers to calls that rang a pool number.

    `expected_accuracy`: the mean likelihood of the answer given, a visitor or nobody. `mean_likelihood` and
    `share_at_least_90` are over the calls credited to a visitor.
    """
    matched = [a.likelihood for a in answers if a.visitor is not None and a.likelihood >= a.none]
    return {
        "calls": len(answers),
        "matches": len(matched),
        "expected_accuracy": _mean([max(a.likelihood, a.none) for a in answers]),
        "mean_likelihood": _mean(matched),
        "share_at_least_90": sum(1 for m in matched if m >= 0.9) / len(matched) if matched else None,
    }


def grouped(answers: Iterable[Answer], key: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    """Answers by a key, in the order in which the keys came up."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(key(answer), []).append(answer)
    return groups


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
