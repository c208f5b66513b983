"""A pool by whatever policy: nothing but its numbers and its turn is state, and everybody has exactly one number."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from numberpool.rules.allocation import POLICIES, longest_rested
from numberpool.rules.least_ambiguous import SLACK
from numberpool.rules.pool import Newcomer, Pool, PoolNumber
from tests.numberpool.rules.pools import (
    REGIONS,
    START,
    Give,
    Happening,
    anything,
    called,
    copied,
    fresh,
    gives,
    happens,
    number,
    policies,
    sizes,
    taken_back,
)

inside = st.lists(st.one_of(gives(), gives(), gives(), called, taken_back), max_size=60)


def state(pool: Pool) -> list[PoolNumber]:
    return [replace(n) for n in pool.numbers.values()]


@pytest.mark.parametrize("policy", POLICIES)
@given(size=sizes, before=anything, after=anything)
def test_a_pool_built_again_goes_on_as_the_old_one(
    policy: str, size: int, before: list[Happening], after: list[Happening]
) -> None:
    old = Pool(policy, fresh(size))
    for one in before:
        old, _ = happens(old, one)
    new = copied(old)
    for one in after:
        old, of_old = happens(old, one)
        new, of_new = happens(new, one)
        assert of_old == of_new
    assert (old.turn, state(old)) == (new.turn, state(new))


@pytest.mark.parametrize("policy", POLICIES)
@given(size=sizes, begin=inside, elsewhere=inside, after=inside, joined=st.booleans())
def test_a_pool_that_takes_over_what_others_changed_goes_on_as_if_built_from_it(
    policy: str, size: int, begin: list[Happening], elsewhere: list[Happening], after: list[Happening], joined: bool
) -> None:
    other = Pool(policy, fresh(size))
    for one in begin:
        happens(other, one)
    mine = copied(other)
    for one in elsewhere:
        happens(other, one)
    changed = [replace(n) for n in other.numbers.values() if n.changed_turn > mine.turn]
    if joined:
        changed.append(PoolNumber(number=number(77)))
        other = copied(other, [*other.numbers.values(), changed[-1]])
    mine.refresh(changed, other.turn)
    assert (mine.turn, state(mine)) == (other.turn, state(other))
    built = copied(other)
    for one in after:
        assert happens(mine, one)[1] == happens(built, one)[1]
    assert (mine.turn, state(mine)) == (built.turn, state(built))


@given(policies, sizes, anything)
def test_every_change_takes_a_turn_and_stamps_it(policy: str, size: int, history: list[Happening]) -> None:
    pool = Pool(policy, fresh(size))
    for one in history:
        turn, before = pool.turn, {n.number: n for n in state(pool)}
        pool, _ = happens(pool, one)
        changed = [n for n in pool.numbers.values() if n.number in before and n != before[n.number]]
        assert len(changed) <= 1
        assert pool.turn == turn + len(changed)
        assert all(n.changed_turn == pool.turn for n in changed)


def test_an_unknown_number_changes_nothing() -> None:
    pool = Pool("least_ambiguous", fresh(2))
    assert pool.take_back(number(9)) is None
    assert pool.called(number(9), START) is None
    assert pool.take_back(number(1)) is not None, "it is there, though nobody has it"
    assert (pool.turn, state(pool)) == (0, fresh(2))


def test_an_unknown_policy_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Pool("random", [])


class Office(RuleBasedStateMachine):
    """Visitors of one pool as live traffic has them, against the plainest account of who holds what."""

    visitors = Bundle("visitors")

    @initialize(policy=policies, size=st.integers(1, 6))
    def opens(self, policy: str, size: int) -> None:
        self.pool = Pool(policy, fresh(size))
        self.rested: set[str] = set()
        self.held: dict[int, str] = {}
        self.shown: list[int] = []
        self.at = START
        self.taken_back = False

    @rule(target=visitors, region=st.sampled_from((None, *REGIONS)), later=st.floats(0, 40_000))
    def assign(self, region: str | None, later: float) -> int:
        """Somebody new comes."""
        self.at += later
        visitor = len(self.shown)
        self.shown.append(visitor)
        self.show(visitor, region)
        return visitor

    @rule(visitor=visitors, region=st.sampled_from((None, *REGIONS)))
    def comes_back(self, visitor: int, region: str | None) -> None:
        """They keep their number, as long as it is in the pool."""
        held = self.held.get(visitor)
        self.show(visitor, region)
        if held in self.pool.numbers:
            assert self.held[visitor] == held

    def show(self, visitor: int, region: str | None) -> None:
        if self.held.get(visitor) in self.pool.numbers:
            return
        self.held.pop(visitor, None)
        plain = longest_rested(state(self.pool))
        given_now = self.pool.give(Newcomer(self.at, region))
        if not self.pool.numbers:
            assert given_now is None
            return
        assert given_now is not None, "nobody gets none while there is a number"
        self.held[visitor] = given_now.number
        if self.pool.policy == "longest_rested":
            assert plain is not None
            assert given_now.number == plain.number

    @rule(visitor=visitors)
    def turns_out_to_be_nobody(self, visitor: int) -> None:
        if self.held.get(visitor) in self.pool.numbers:
            level = self.pool.numbers[self.held[visitor]].level
            self.pool.take_back(self.held[visitor])
            assert self.pool.numbers[self.held[visitor]].level == max(level - 1, 0)
            self.taken_back = True

    @rule(place=st.integers(0, 9))
    @precondition(lambda self: self.pool.numbers)
    def call(self, place: int) -> None:
        name = list(self.pool.numbers)[place % len(self.pool.numbers)]
        before = self.pool.numbers[name].level, self.pool.numbers[name].last_turn
        self.pool.called(name, self.at)
        after = self.pool.numbers[name]
        assert (after.level, after.last_turn, after.called_at) == (*before, self.at)

    @rule(place=st.integers(0, 9))
    @precondition(lambda self: self.pool.numbers)
    def rest(self, place: int) -> None:
        """A number leaves the pool; who holds it gets another when they come back."""
        name = list(self.pool.numbers)[place % len(self.pool.numbers)]
        self.rested.add(name)
        self.pool = copied(self.pool, [n for n in self.pool.numbers.values() if n.number != name])

    @rule()
    @precondition(lambda self: self.rested)
    def release(self) -> None:
        """A number that rested is active again."""
        name = min(self.rested)
        self.rested.discard(name)
        self.pool = copied(self.pool, [*self.pool.numbers.values(), PoolNumber(number=name)])

    @rule()
    def another_process_takes_over(self) -> None:
        self.pool = copied(self.pool)

    @invariant()
    def levels_stay_together(self) -> None:
        if self.taken_back or self.pool.policy == "round_robin":
            return
        levels = [n.level for n in self.pool.numbers.values() if n.last_turn]
        apart = max(levels, default=0) - min(levels, default=0)
        assert apart <= (1 if self.pool.policy == "longest_rested" else SLACK + 1)

    @invariant()
    def turns_are_told_apart(self) -> None:
        turns = [n.last_turn for n in self.pool.numbers.values() if n.last_turn]
        assert len(turns) == len(set(turns))
        assert all(n.last_turn <= n.changed_turn <= self.pool.turn for n in self.pool.numbers.values())


Office.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOffice = Office.TestCase


@given(sizes, st.lists(gives(), min_size=1, max_size=40))
def test_nobody_gets_none_while_there_is_a_number(size: int, history: list[Give]) -> None:
    for policy in POLICIES:
        pool = Pool(policy, fresh(size))
        assert all(pool.give(one.newcomer) is not None for one in history)
        assert sum(n.level for n in pool.numbers.values()) >= len(history)
