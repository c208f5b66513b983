"""Least ambiguous: regions share a number, and nothing else changes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from numberpool.rules.least_ambiguous import COOL, SLACK
from numberpool.rules.pool import Newcomer, Pool, PoolNumber
from tests.numberpool.rules.pools import (
    REGIONS,
    START,
    Give,
    Happening,
    Leave,
    anything,
    called,
    fresh,
    gives,
    happens,
    moves,
    number,
    sizes,
    taken_back,
)

MINUTE, HOUR = 60.0, 3_600.0
ONE, TWO, THREE = number(1), number(2), number(3)


def shown(pool: Pool, *visitors: tuple[float, str | None]) -> list[str]:
    """Visitors come, so many seconds after the start and from these regions: what they are shown."""
    chosen = [pool.give(Newcomer(START + at, region)) for at, region in visitors]
    return [n.number for n in chosen if n is not None]


@given(sizes, st.lists(st.one_of(gives((None, "US-NY")), gives((None, "US-NY")), taken_back, moves), max_size=120))
def test_it_is_longest_rested_where_nothing_distinguishes(size: int, history: list[Happening]) -> None:
    ours, plain = Pool("least_ambiguous", fresh(size)), Pool("longest_rested", fresh(size))
    for one in history:
        ours, mine = happens(ours, one)
        plain, theirs = happens(plain, one)
        assert (mine and mine.number) == (theirs and theirs.number)
    assert [(n.number, n.level, n.last_turn) for n in ours.numbers.values()] == [
        (n.number, n.level, n.last_turn) for n in plain.numbers.values()
    ]


@given(sizes, st.lists(st.one_of(gives(), gives(), called, moves), max_size=150))
def test_levels_stay_together_whoever_comes(size: int, history: list[Happening]) -> None:
    pool = Pool("least_ambiguous", fresh(size))
    for one in history:
        pool, _ = happens(pool, one)
        levels = [n.level for n in pool.numbers.values() if n.last_turn]
        assert max(levels, default=0) - min(levels, default=0) <= SLACK + 1


@given(st.integers(2, 9), st.lists(gives(), max_size=60), st.lists(st.one_of(gives(), called), max_size=150))
def test_no_time_gives_two_numbers_visitors_that_differ_by_more_than_six(
    size: int, before: list[Give], history: list[Happening]
) -> None:
    pool = Pool("least_ambiguous", fresh(size))
    for one in before:
        happens(pool, one)
    given_out = Counter(dict.fromkeys(pool.numbers, 0))
    for each in history:
        _, about = happens(pool, each)
        if isinstance(each, Give) and about is not None:
            given_out[about.number] += 1
        assert max(given_out.values()) - min(given_out.values()) <= 6


def test_people_of_two_regions_share_a_number_and_those_of_one_do_not() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    assert shown(pool, (0, "US-NY"), (1, "US-CA")) == [ONE, TWO]
    assert shown(pool, (10 * MINUTE, "US-CA"), (10 * MINUTE + 1, "US-NY")) == [ONE, TWO]


def test_regions_take_turns_on_their_own() -> None:
    pool = Pool("least_ambiguous", fresh(3))
    regions = ["US-NY", "US-NY", "US-CA", "US-NY", "US-CA", "US-CA"] * 20
    came = shown(pool, *((i * HOUR, region) for i, region in enumerate(regions)))
    rested = shown(Pool("longest_rested", fresh(3)), *((i * HOUR, region) for i, region in enumerate(regions)))

    def soon_again(numbers: list[str]) -> int:
        """How often somebody gets the number that one of the last two of their region got."""
        last: dict[str, list[str]] = {}
        again = 0
        for region, one in zip(regions, numbers, strict=True):
            again += one in last.setdefault(region, [])[-2:]
            last[region].append(one)
        return again

    assert soon_again(came) < 0.6 * soon_again(rested)
    assert max(Counter(came).values()) - min(Counter(came).values()) <= 3


def test_time_tells_apart_what_regions_do_not() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    shown(pool, (0, "US-NY"), (30 * HOUR, "US-CA"))
    assert shown(pool, (30 * HOUR + 60, "US-NJ")) == [ONE], "nobody of New Jersey came to either, and to one lately"


def test_who_comes_from_anywhere_gets_the_number_longest_rested() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    assert shown(pool, (0, "US-NY"), (1, "US-CA"), (2, None), (3, None)) == [ONE, TWO, ONE, TWO]
    assert shown(pool, (4, "not a region"), (5, "us-ny")) == [ONE, TWO]


@given(sizes, st.integers(0, 40), st.sampled_from((None, *REGIONS)))
def test_a_number_cools_down_while_another_can_be_given(size: int, before: int, region: str | None) -> None:
    pool = Pool("least_ambiguous", fresh(size))
    shown(pool, *((i * HOUR, REGIONS[i % 3]) for i in range(before * size)))
    expected = Pool("least_ambiguous", list(pool.numbers.values()), pool.turn)._policy.choose(Newcomer(START, region))
    assert expected is not None
    pool.called(expected.number, START)
    instead = pool._policy.choose(Newcomer(START + COOL - 1, region))
    assert instead is not None
    assert (instead is expected) == (size == 1)


def test_a_number_that_was_called_is_given_again_after_some_minutes() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    pool.called(ONE, START)
    assert shown(pool, (COOL - 1, None)) == [TWO]
    assert shown(pool, (COOL, None)) == [ONE]


def test_a_cooling_number_is_given_once_the_others_are_ahead() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    shown(pool, *((i, "US-NY") for i in range(4)))
    pool.called(ONE, START)
    came = shown(pool, *((4 + i, "US-NY") for i in range(5)))
    assert came[:2] == [TWO, TWO]
    assert ONE in came[2:4]


def test_a_pool_of_which_all_numbers_cool_gives_as_if_none_did() -> None:
    pool = Pool("least_ambiguous", fresh(3))
    for name in (ONE, TWO, THREE):
        pool.called(name, START)
    assert shown(pool, *((i, None) for i in range(4))) == [ONE, TWO, THREE, ONE]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=200), st.integers(1, 3))
def test_what_a_number_remembers_is_short_whatever_is_told(regions: list[str], size: int) -> None:
    pool = Pool("least_ambiguous", fresh(size))
    for i, region in enumerate([*regions, *(f"{region[:2]}-{i:07d}" for i, region in enumerate(regions))]):
        pool.give(Newcomer(START + i * 1e9, region))
    assert all(len(n.recent or "") <= 2_000 for n in pool.numbers.values())


@given(st.text(max_size=200), anything)
def test_a_memory_that_makes_no_sense_is_passed_over(recent: str, history: list[Happening]) -> None:
    strange = [
        PoolNumber(number=ONE, recent=recent),
        PoolNumber(number=TWO, last_turn=4, level=9, recent="round=4 =0 ="),
    ]
    pool = Pool("least_ambiguous", strange, 5)
    for one in history:
        pool, about = happens(pool, one)
        assert about is not None or not isinstance(one, Give)
        assert isinstance(one, Leave) or pool.numbers
