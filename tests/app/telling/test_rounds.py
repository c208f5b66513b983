"""Looks are bounded, forget nobody, and come when something is due."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.telling.rounds import Rounds

AT = datetime(2026, 4, 15, 15, tzinfo=UTC)


@given(st.sets(st.text("abcdef", min_size=1, max_size=4), max_size=60), st.integers(1, 12))
def test_everybody_has_their_turn_and_no_look_is_large(accounts: set[str], most: int) -> None:
    rounds, listed = Rounds(most), sorted(accounts)
    seen: list[str] = []
    for _ in range(-(-len(listed) // most)):
        chosen = rounds.choose(listed, AT)
        assert len(chosen) <= most
        seen += chosen
    assert set(seen) == accounts


def test_those_who_have_something_due_are_looked_at_out_of_turn() -> None:
    rounds, listed = Rounds(2), [f"{n:02}" for n in range(50)]
    rounds.choose(listed, AT)
    rounds.note({"40": AT + timedelta(seconds=5), "41": AT + timedelta(hours=1), "42": None})
    assert "40" not in rounds.choose(listed, AT)
    assert rounds.choose(listed, AT + timedelta(seconds=5)) == ["04", "05", "40"]
    assert "40" in rounds.choose(listed, AT + timedelta(seconds=5)), "until a look says otherwise"
    rounds.note({"40": None})
    assert "40" not in rounds.choose(listed, AT + timedelta(seconds=5))
    assert "41" in rounds.choose(listed, AT + timedelta(hours=1))


def test_accounts_that_come_and_go_disturb_nobody() -> None:
    rounds = Rounds(2)
    assert rounds.choose(["a", "b", "c", "d"], AT) == ["a", "b"]
    assert rounds.choose(["b", "c", "d", "e"], AT) == ["c", "d"]
    assert rounds.choose(["b", "e"], AT) == ["b", "e"]
    assert rounds.choose([], AT) == []
    assert rounds.choose(["a"], AT) == ["a"]
