"""How many numbers a source should have: the 1:20 rule says how many, the curve what that is worth. It never buys.

Likelihoods are probabilities from 0 to 1, money is integer minor units of a currency (ISO 4217) a month.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from numberpool.rules.sizing import Verdict
from reports.rules.pool_curve import CurvePoint, PoolCurve

WORTH_IT = 0.01
"""Fewer points of expected likelihood than this are no reason to buy beyond the rule."""


class Why(StrEnum):
    """Why so many numbers are recommended."""

    RULE = "rule"
    """The 1:20 rule asks for more, or says that some could go."""
    UNDER_TARGET = "under_target"
    """The rule is content; the expected likelihood is under the site's target, and more numbers lift it."""
    KEEPS_TARGET = "keeps_target"
    """Some could go by the rule; of those, what would take the expected likelihood under its target stays."""
    RIGHT = "right"
    """Nothing is to be changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount of minor units."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What numbers cost a month together, by currency, and how many have no price that is known."""

    sums: tuple[Money, ...]
    unknown: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """`numbers` is how many the source should have, `change` how many to add (below 0: how many could go).

    `now` and `then` are what the curve expects of present and recommended numbers, None where there is no curve.
    `each` is what one number costs a month, None where nothing is known.
    """

    numbers: int
    change: int
    why: Why
    now: CurvePoint | None
    then: CurvePoint | None
    each: Money | None

    @property
    def cost(self) -> Money | None:
        """What the change costs a month, below 0 where it saves; None where no price is known."""
        if self.each is None:
            return None
        return Money(amount_minor=self.each.amount_minor * self.change, currency=self.each.currency)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is known of a source: its numbers now, what the 1:20 rule recommends, the likelihood that is wanted."""

    numbers: int
    recommended: int
    verdict: Verdict
    target: float


def recommend(asked: Asked, curve: PoolCurve | None, each: Money | None) -> Recommendation:
    """The 1:20 rule decides; where it is content or would take numbers away, the curve has a say on the target."""
    numbers, why = _decide(asked, curve)
    known = curve is not None and asked.numbers > 0
    return Recommendation(
        numbers=numbers,
        change=numbers - asked.numbers,
        why=why,
        now=curve.at(asked.numbers) if curve is not None and known else None,
        then=curve.at(numbers) if curve is not None and known else None,
        each=each,
    )


def _decide(asked: Asked, curve: PoolCurve | None) -> tuple[int, Why]:
    if asked.verdict == "more":
        return asked.recommended, Why.RULE
    if curve is None or asked.numbers == 0:
        return (asked.recommended, Why.RULE) if asked.verdict == "fewer" else (asked.numbers, Why.RIGHT)
    now = curve.at(asked.numbers).likelihood
    if now < asked.target:
        more = _enough(asked, curve)
        if curve.at(more).likelihood - now >= WORTH_IT:
            return more, Why.UNDER_TARGET
        return (asked.numbers, Why.KEEPS_TARGET) if asked.verdict == "fewer" else (asked.numbers, Why.RIGHT)
    if asked.verdict != "fewer":
        return asked.numbers, Why.RIGHT
    least = _fewest(curve, asked.target, asked.recommended, asked.numbers)
    return least, Why.RULE if least == asked.recommended else Why.KEEPS_TARGET


def _enough(asked: Asked, curve: PoolCurve) -> int:
    """The fewest numbers that reach the target; where none does, those beyond which nothing changes."""
    top = max(asked.numbers, curve.knee or curve.most)
    if curve.at(top).likelihood < asked.target:
        return top
    return _fewest(curve, asked.target, asked.numbers, top)


def _fewest(curve: PoolCurve, target: float, low: int, high: int) -> int:
    """The fewest numbers in [low, high] with at least this likelihood; `high` has it, and the curve never falls."""
    while low < high:
        middle = (low + high) // 2
        if curve.at(middle).likelihood >= target:
            high = middle
        else:
            low = middle + 1
    return high


def prices(known: Iterable[Money | None]) -> Prices:
    """The prices of numbers together; None stands for a number without one."""
    sums: Counter[str] = Counter()
    unknown = 0
    for price in known:
        if price is None:
            unknown += 1
        else:
            sums[price.currency] += price.amount_minor
    return Prices(sums=tuple(Money(amount_minor=sums[c], currency=c) for c in sorted(sums)), unknown=unknown)


def price_of_one(own: Iterable[Money | None], others: Iterable[Money | None]) -> Money | None:
    """What another number may cost: the mean of the source's priced numbers, else of the site's; None where unknown.

    Of several currencies, that of most numbers counts (of equally many the first by its code). Halves round up.
    """
    return _mean_price(own) or _mean_price(others)


def _mean_price(known: Iterable[Money | None]) -> Money | None:
    held: Mapping[str, list[int]] = defaultdict(list)
    for price in known:
        if price is not None:
            held[price.currency].append(price.amount_minor)
    if not held:
        return None
    currency = min(held, key=lambda c: (-len(held[c]), c))
    amounts = held[currency]
    return Money(amount_minor=(2 * sum(amounts) + len(amounts)) // (2 * len(amounts)), currency=currency)
