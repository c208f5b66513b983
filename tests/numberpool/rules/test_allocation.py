"""Longest rested: even to the visitor, whatever the pool and whoever stays away."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.allocation import LongestRested, PoolNumber, RoundRobin, longest_rested

AT = datetime(2026, 3, 2, tzinfo=UTC)
NUMBERS = st.lists(st.integers(1_000, 9_999).map(lambda n: f"+1212555{n}"), min_size=1, max_size=30, unique=True)


def play(last_turns: dict[str, int], visitors: int) -> list[str]:
    """Gives so many visitors a number and returns the numbers in order."""
    turn, given = max(last_turns.values()), []
    for _ in range(visitors):
        chosen = longest_rested(PoolNumber(number=n, last_turn=t) for n, t in last_turns.items())
        assert chosen is not None
        turn += 1
        last_turns[chosen.number] = turn
        given.append(chosen.number)
    return given


@given(NUMBERS, st.integers(0, 200))
def test_visitors_per_number_differ_by_at_most_one(numbers: list[str], visitors: int) -> None:
    shown = Counter(play(dict.fromkeys(numbers, 0), visitors))
    counts = [shown[n] for n in numbers]
    assert max(counts) - min(counts) <= 1


@given(NUMBERS, st.integers(0, 50), st.integers(1, 60))
def test_a_number_rests_for_a_whole_round(numbers: list[str], before: int, visitors: int) -> None:
    turns = dict.fromkeys(numbers, 0)
    play(turns, before)
    given_out = play(turns, visitors)
    for i, number in enumerate(given_out):
        assert number not in given_out[i + 1 : i + len(numbers)]


@given(NUMBERS, st.data())
def test_a_number_that_joins_is_given_next(numbers: list[str], data: st.DataObject) -> None:
    turns = dict.fromkeys(numbers, 0)
    play(turns, data.draw(st.integers(len(numbers), 90)))
    turns["+12125550000"] = 0
    assert play(turns, 1) == ["+12125550000"]


def test_an_empty_pool_gives_nothing() -> None:
    assert longest_rested([]) is None


@given(st.sets(st.integers(1, 99), max_size=12), st.integers(0, 40))
def test_the_pool_in_memory_gives_what_the_rule_gives(ends: set[int], visitors: int):
    pool = [PoolNumber(number=f"+121255501{end:02d}", last_turn=0) for end in sorted(ends, reverse=True)]
    kept = LongestRested([n.number for n in pool])
    for turn in range(1, visitors + 1):
        chosen = longest_rested(pool)
        assert kept.give(at=AT, region=None) == (chosen.number if chosen else None)
        pool = [PoolNumber(number=n.number, last_turn=turn) if n == chosen else n for n in pool]


@given(st.lists(st.integers(1, 99), unique=True, max_size=12), st.integers(0, 40))
def test_round_robin_goes_round_in_the_order_listed(ends: list[int], visitors: int):
    numbers = [f"+121255501{end:02d}" for end in ends]
    policy = RoundRobin(numbers)
    given_out = [policy.give(at=AT, region="US-NY") for _ in range(visitors)]
    assert given_out == [numbers[i % len(numbers)] if numbers else None for i in range(visitors)]
