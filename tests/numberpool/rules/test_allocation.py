"""Longest rested and round robin: even to the visitor, whatever the pool and whoever stays away."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.allocation import POLICIES, longest_rested
from numberpool.rules.pool import Newcomer, Pool, PoolNumber
from tests.numberpool.rules.pools import START, Give, Happening, anything, fresh, happens, number, sizes

SOMEBODY = Newcomer(START)


def given_out(pool: Pool, visitors: int) -> list[str]:
    """So many visitors get a number: the numbers in order."""
    chosen = [pool.give(SOMEBODY) for _ in range(visitors)]
    return [n.number for n in chosen if n is not None]


def test_the_default_comes_first() -> None:
    assert list(POLICIES) == ["least_ambiguous", "longest_rested", "round_robin"]


@pytest.mark.parametrize("policy", POLICIES)
@given(size=sizes, visitors=st.integers(0, 200))
def test_visitors_per_number_differ_by_at_most_one(policy: str, size: int, visitors: int) -> None:
    pool = Pool(policy, fresh(size))
    shown = Counter(given_out(pool, visitors))
    counts = [shown[n] for n in pool.numbers]
    assert sum(counts) == visitors
    assert max(counts) - min(counts) <= 1


@given(sizes, st.integers(0, 50), st.integers(1, 60))
def test_a_number_rests_for_a_whole_round(size: int, before: int, visitors: int) -> None:
    pool = Pool("longest_rested", fresh(size))
    given_out(pool, before)
    order = given_out(pool, visitors)
    for i, one in enumerate(order):
        assert one not in order[i + 1 : i + size]


@pytest.mark.parametrize("policy", ["least_ambiguous", "longest_rested"])
@given(size=sizes, before=st.integers(9, 90))
def test_a_number_that_joins_is_given_next_and_catches_up_with_nobody(policy: str, size: int, before: int) -> None:
    pool = Pool(policy, fresh(size))
    given_out(pool, before)
    pool = Pool(policy, [*pool.numbers.values(), PoolNumber(number=number(99))], pool.turn)
    order = given_out(pool, 3 * (size + 1))
    assert order[0] == number(99)
    assert 3 <= Counter(order)[number(99)] <= 4


@pytest.mark.parametrize("policy", POLICIES)
def test_an_empty_pool_gives_nothing(policy: str) -> None:
    pool = Pool(policy, [])
    assert pool.give(SOMEBODY) is None
    assert pool.turn == 0
    assert longest_rested([]) is None


@given(sizes, anything)
def test_the_heaps_give_what_the_rule_gives(size: int, history: list[Happening]) -> None:
    pool = Pool("longest_rested", fresh(size))
    for one in history:
        expected = longest_rested(pool.numbers.values())
        pool, about = happens(pool, one)
        if isinstance(one, Give):
            assert about is expected


@given(sizes, st.lists(st.booleans(), max_size=200))
def test_what_is_out_of_date_does_not_pile_up(size: int, history: list[bool]) -> None:
    pool = Pool("longest_rested", fresh(size))
    for give in history * 3:
        if give:
            pool.give(SOMEBODY)
        else:
            pool.called(number(1), START)
    policy = pool._policy
    assert len(policy._given) + len(policy._new) <= 2 * size + 65  # type: ignore[attr-defined]


@given(st.lists(st.integers(1, 99), unique=True, max_size=12), st.integers(0, 40))
def test_round_robin_goes_round_in_the_order_listed(ends: list[int], visitors: int) -> None:
    listed = [number(end) for end in ends]
    pool = Pool("round_robin", [PoolNumber(number=n) for n in listed])
    assert given_out(pool, visitors) == [listed[i % len(listed)] for i in range(visitors if listed else 0)]


def test_round_robin_goes_on_after_the_one_given_last_whoever_left_or_joined() -> None:
    pool = Pool("round_robin", fresh(4))
    assert given_out(pool, 2) == [number(4), number(3)]
    left = [n for n in pool.numbers.values() if n.number != number(2)]
    again = Pool("round_robin", [*left, PoolNumber(number=number(7))], pool.turn)
    assert given_out(again, 4) == [number(1), number(7), number(4), number(3)]
