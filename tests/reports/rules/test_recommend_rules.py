"""What is recommended: the 1:20 rule decides, the curve has a say on the target, nothing is bought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.sizing import verdict
from reports.rules.pool_curve import CurvePoint, PoolCurve
from reports.rules.recommend import Asked, Money, Why, price_of_one, prices, recommend


def point(numbers: int, likelihood: float, sure: float | None = None) -> CurvePoint:
    sure = likelihood if sure is None else sure
    return CurvePoint(numbers=numbers, likelihood=likelihood, low=0.0, high=1.0, sure=sure, sure_low=0.0, sure_high=1.0)


def curve(present: int, **likelihoods: float) -> PoolCurve:
    points = tuple(point(int(name[1:]), value) for name, value in likelihoods.items())
    return PoolCurve(present=present, calls=100, expected_calls=100.0, points=points)


def asked(numbers: int, recommended: int, target: float = 0.9) -> Asked:
    return Asked(numbers=numbers, recommended=recommended, verdict=verdict(numbers, recommended), target=target)


EACH = Money(amount_minor=115, currency="USD")


def test_more_by_the_rule_with_what_it_brings_and_costs() -> None:
    found = recommend(asked(8, 10), curve(8, n4=0.7, n8=0.81, n10=0.86, n16=0.9), EACH)
    assert (found.change, found.numbers, found.why) == (2, 10, Why.RULE)
    assert found.cost == Money(amount_minor=230, currency="USD")
    assert found.now is not None
    assert found.then is not None
    assert (found.now.sure, found.then.sure) == (0.81, 0.86)


def test_fewer_by_the_rule_saves() -> None:
    found = recommend(asked(15, 9), curve(15, n7=0.91, n9=0.945, n15=0.949), EACH)
    assert (found.change, found.why, found.cost) == (-6, Why.RULE, Money(amount_minor=-690, currency="USD"))


def test_what_keeps_the_target_stays() -> None:
    steep = curve(15, n8=0.8, n9=0.82, n12=0.9, n15=0.95)
    found = recommend(asked(15, 9), steep, EACH)
    assert (found.numbers, found.why) == (12, Why.KEEPS_TARGET)
    under = recommend(asked(15, 9, target=0.97), steep, EACH)
    assert (under.change, under.why) == (0, Why.KEEPS_TARGET)


def test_under_its_target_the_fewest_that_reach_it() -> None:
    rising = curve(10, n5=0.7, n10=0.8, n20=0.92, n30=0.95)
    found = recommend(asked(10, 10), rising, None)
    assert found.why is Why.UNDER_TARGET
    assert rising.at(found.numbers).likelihood >= 0.9 > rising.at(found.numbers - 1).likelihood
    assert found.cost is None
    out_of_reach = recommend(asked(10, 10, target=0.99), rising, EACH)
    assert (out_of_reach.numbers, out_of_reach.why) == (rising.knee, Why.UNDER_TARGET), "beyond nothing changes"
    flat = recommend(asked(10, 10, target=0.99), curve(10, n5=0.8, n10=0.8, n20=0.805), EACH)
    assert (flat.change, flat.why) == (0, Why.RIGHT), "more would change nothing"


def test_without_a_curve_the_rule_alone() -> None:
    assert recommend(asked(8, 10), None, EACH).change == 2
    assert recommend(asked(15, 9), None, EACH).change == -6
    right = recommend(asked(10, 10), None, EACH)
    assert (right.change, right.why, right.now, right.then) == (0, Why.RIGHT, None, None)
    assert recommend(asked(0, 3), curve(0, n1=0.5), EACH).now is None, "of no numbers nothing is expected"


@given(
    numbers=st.integers(0, 300),
    recommended=st.integers(1, 300),
    target=st.floats(0, 1),
    sizes=st.dictionaries(st.integers(1, 400), st.floats(0, 1), min_size=1, max_size=7),
)
def test_it_never_contradicts_the_rule_and_gives_back_only_what_the_target_allows(
    numbers: int, recommended: int, target: float, sizes: dict[int, float]
) -> None:
    values = sorted(sizes.values())
    played = curve(numbers, **{f"n{n}": value for n, value in zip(sorted(sizes), values, strict=True)})
    found = recommend(asked(numbers, recommended, target), played, EACH)
    assert found.numbers == numbers + found.change >= 0
    if numbers < recommended:
        assert found.numbers == recommended
    elif found.change < 0:
        assert found.numbers >= recommended
        assert played.at(found.numbers).likelihood >= target
    elif found.change > 0:
        assert played.at(numbers).likelihood < target
        assert played.at(found.numbers).likelihood > played.at(numbers).likelihood


def test_prices_that_are_not_known_are_said_never_counted_as_nothing() -> None:
    euro = Money(amount_minor=99, currency="EUR")
    found = prices([EACH, None, EACH, euro, None])
    assert (found.sums, found.unknown) == ((euro, Money(amount_minor=230, currency="USD")), 2)
    assert price_of_one([None], [EACH, Money(amount_minor=120, currency="USD"), euro]) == Money(
        amount_minor=118, currency="USD"
    )
    assert price_of_one([euro, None], [EACH, EACH]) == euro, "its own numbers come first"
    assert price_of_one([None], [None]) is None


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_the_price_of_one_is_the_mean(minors: list[int]) -> None:
    found = price_of_one([Money(amount_minor=minor, currency="USD") for minor in minors], [])
    assert found is not None
    assert found.amount_minor == pytest.approx(sum(minors) / len(minors), abs=0.5)
