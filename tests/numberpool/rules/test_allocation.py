"""Longest rested: even to the visitor, whatever the pool and whoever stays away."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.allocation import PoolNumber, longest_rested

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
