"""What a ledger knows of a call after what happened before it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.rules.cells import state_of
from matching.rules.facts import CandidateFacts, StaffDecision
from matching.rules.features import CONTACT
from matching.rules.habits import FORM_PHONE, PAGE_OPEN, SHARED_FROM, STAFF_PHONE
from matching.rules.ledger import Ledger, Scene
from tests.matching.rules.scenes import DAY, PHONE, textbook

T0 = datetime(2026, 3, 3, 15, 0, tzinfo=UTC).timestamp()
OTHER_PHONE = "+14155550123"


def ledger(days: float = 60.0) -> Ledger:
    return Ledger(time_zone="America/New_York", pages=textbook().pages, days=days)


def come(
    book: Ledger,
    visitor: str,
    at: float,
    *,
    number: str = "n1",
    source: str = "ads",
    path: str = "/",
    region: str | None = None,
    device: str = "phone",
) -> None:
    book.arrived(visitor, at, source=source, device=device, region=region)
    book.viewed(visitor, at, path)
    book.shown(visitor, at, number, source)


def ring(
    book: Ledger,
    call: str,
    at: float,
    *,
    number: str = "n1",
    caller: str | None = PHONE,
    best: tuple[str, float] | None = None,
    none: float = 1.0,
    races: dict[str, float] | None = None,
) -> None:
    book.called(call, at, number, caller, best=best, none=none, races=races or {})


def facts(scene: Scene) -> dict[str, CandidateFacts]:
    return {one.visitor: one for one in scene.candidates}


def test_the_facts_of_a_visitor_are_told_as_they_were() -> None:
    book = ledger()
    come(book, "a", T0, path="/", region="US-NY")
    book.viewed("a", T0 + 60, "/contact")
    book.clicked("a", T0 + 70, "n1")
    book.filled("a", T0 + 80, None)
    book.alive("a", T0 + 110)
    scene = book.scene(T0 + 120, "n1", PHONE, source="ads")
    assert scene.candidates == (
        CandidateFacts(
            visitor="a",
            visit="a.1",
            source="ads",
            last_seen_at=datetime.fromtimestamp(T0 + 110, UTC),
            seconds_since_seen=10.0,
            seconds_since_view=60.0,
            page_open=True,
            last_page_path="/contact",
            page_views=2,
            visits=1,
            tel_click_seconds=50.0,
            form_seconds=40.0,
            device="phone",
            region="US-NY",
        ),
    )
    assert scene.call.local_hour_of_week == 24 + 10
    assert (scene.call.number, scene.call.source, scene.call.number_kind) == ("n1", "ads", "pool")
    assert scene.call.caller_region == "US-NY"
    assert scene.call.region_share == pytest.approx(2 / 21)
    assert not scene.history.known


def test_a_page_is_open_while_it_gives_signs_and_has_not_said_goodbye() -> None:
    book = ledger()
    come(book, "a", T0)

    def told(at: float) -> CandidateFacts:
        return book.scene(at, "n1", PHONE, source="ads").candidates[0]

    assert told(T0 + PAGE_OPEN).page_open
    assert not told(T0 + PAGE_OPEN + 1).page_open
    book.leave("a", T0 + 10)
    assert (told(T0 + 11).page_open, told(T0 + 11).left, told(T0 + 11).seconds_since_seen) == (False, True, 1.0)
    book.alive("a", T0 + 20)
    assert (told(T0 + 21).page_open, told(T0 + 21).left) == (True, False)


def test_a_return_begins_its_page_views_anew_and_counts_visits() -> None:
    book = ledger()
    come(book, "a", T0, region="US-NY")
    book.viewed("a", T0 + 5, "/pricing")
    book.arrived("a", T0 + DAY, source="ads", device="desktop", region=None, visit="second")
    book.viewed("a", T0 + DAY, "/")
    one = book.scene(T0 + DAY + 1, "n1", PHONE, source="ads").candidates[0]
    assert (one.visits, one.page_views, one.visit, one.device) == (2, 1, "second", "desktop")
    assert one.region == "US-NY"


def test_another_sources_number_supersedes_and_a_return_restores() -> None:
    book = ledger()
    come(book, "a", T0, number="n1", source="ads")
    come(book, "a", T0 + 100, number="n2", source="search")
    assert not facts(book.scene(T0 + 110, "n1", PHONE, source="ads"))["a"].shown
    assert facts(book.scene(T0 + 110, "n2", PHONE, source="search"))["a"].shown
    # A direct visit has no number of its own: both count again.
    book.arrived("a", T0 + 200, source="direct", device="phone", region=None)
    assert facts(book.scene(T0 + 210, "n1", PHONE, source="ads"))["a"].shown
    come(book, "a", T0 + 300, number="n1", source="ads")
    assert facts(book.scene(T0 + 310, "n1", PHONE, source="ads"))["a"].shown
    assert not facts(book.scene(T0 + 310, "n2", PHONE, source="search"))["a"].shown


def test_only_holders_within_the_window_are_candidates_and_old_facts_are_unknown() -> None:
    book = ledger(days=2.0)
    come(book, "old", T0)
    come(book, "back", T0)
    book.filled("back", T0, None)
    book.alive("back", T0 + DAY * 2)
    come(book, "elsewhere", T0, number="n2")
    at = T0 + 3 * DAY
    scene = book.scene(at, "n1", PHONE, source="ads")
    assert list(facts(scene)) == ["back"]
    one = scene.candidates[0]
    assert (one.seconds_since_seen, one.seconds_since_view, one.form_seconds) == (DAY, None, None)


def test_a_form_makes_its_phone_known_and_other_phones_less_likely() -> None:
    book = ledger()
    come(book, "a", T0)
    book.filled("a", T0 + 5, PHONE)
    own = book.scene(T0 + 10, "n1", PHONE, source="ads")
    assert own.history.known
    assert [form.visitor for form in own.history.forms] == ["a"]
    assert own.candidates[0].other_phone == 0.0
    assert book.scene(T0 + 10, "n1", OTHER_PHONE, source="ads").candidates[0].other_phone == FORM_PHONE
    hidden = book.scene(T0 + 10, "n1", None, source="ads")
    assert hidden.candidates[0].other_phone == 0.0
    assert hidden.history.withheld
    assert not hidden.history.known


def test_a_matched_call_claims_a_phone_as_far_as_it_is_likely_and_staff_outrank_it() -> None:
    book = ledger()
    come(book, "a", T0)
    come(book, "b", T0)

    def claims() -> dict[str, float]:
        return {one.visitor: one.other_phone for one in book.scene(T0 + 99, "n1", OTHER_PHONE, source="ads").candidates}

    ring(book, "c1", T0 + 5, best=("a", 0.4), none=0.5)
    assert claims() == {"a": 0.0, "b": 0.0}
    ring(book, "c2", T0 + 6, best=("a", 0.8), none=0.1)
    assert claims() == {"a": 0.8, "b": 0.0}
    book.decided("c2", "b")
    assert claims() == {"a": 0.0, "b": STAFF_PHONE}
    assert book.decision("c2") == StaffDecision(visitor="b")
    book.decided("c2", None)
    assert claims() == {"a": 0.0, "b": 0.0}
    assert [call.decision for call in book.history(PHONE).calls] == [None, StaffDecision(visitor=None)]
    # On a call from their own phone nothing speaks against them.
    book.decided("c2", "a")
    assert facts(book.scene(T0 + 99, "n1", PHONE, source="ads"))["a"].other_phone == 0.0


def test_a_decision_on_a_call_nobody_heard_of_is_nothing() -> None:
    book = ledger()
    book.decided("unheard", "a")
    assert book.decision("unheard") is None


def test_a_phone_that_forms_and_staff_gave_to_many_is_shared() -> None:
    book = ledger()
    for place in range(SHARED_FROM):
        come(book, f"v{place}", T0 + place)
    for place in range(SHARED_FROM - 1):
        book.filled(f"v{place}", T0 + 10 + place, PHONE)
    ring(book, "c", T0 + 50)
    assert not book.history(PHONE).shared
    book.decided("c", "v0")
    assert not book.history(PHONE).shared
    book.decided("c", f"v{SHARED_FROM - 1}")
    assert book.history(PHONE).shared
    assert not book.history(PHONE).known


def test_earlier_calls_keep_their_races_until_a_better_model_sees_them_anew() -> None:
    book = ledger()
    come(book, "a", T0)
    given_races = {"a": 3.0}
    ring(book, "c", T0 + 5, races=given_races)
    given_races["a"] = 99.0
    before = book.history(PHONE)
    assert [(dict(call.races), call.number) for call in before.calls] == [({"a": 3.0}, "n1")]
    book.reraced("c", {"a": 1.0})
    book.reraced("unheard", {"a": 5.0})
    assert [dict(call.races) for call in book.history(PHONE).calls] == [{"a": 1.0}]
    assert [dict(call.races) for call in before.calls] == [{"a": 3.0}]


def test_calls_by_nobody_on_other_numbers_within_minutes_are_a_burst() -> None:
    book = ledger()
    for place, number in enumerate(["n1", "n2", "n3", "n3"]):
        ring(book, f"c{place}", T0 + place, number=number, none=0.5)
    ring(book, "c9", T0 + 5, number="n4", caller=OTHER_PHONE, none=1.0)
    call = book.scene(T0 + 10, "n1", PHONE, source="ads").call
    assert call.recent_calls_other_numbers == 2
    assert 2.2 < call.recent_nobody < 2.5
    assert book.scene(T0 + 10, "n1", None, source="ads").call.recent_calls_other_numbers == 0
    assert book.scene(T0 + 3_600, "n1", PHONE, source="ads").call.recent_nobody == 0.0


def test_what_is_forgotten_is_gone_and_what_is_recent_stays() -> None:
    book = ledger(days=2.0)
    come(book, "old", T0)
    come(book, "new", T0 + 5 * DAY)
    book.filled("old", T0, OTHER_PHONE)
    ring(book, "c", T0 + 5 * DAY)
    book.forget(T0 + 5 * DAY)
    assert book.last_seen("n1") == "new"
    assert list(facts(book.scene(T0 + 5 * DAY, "n1", PHONE, source="ads"))) == ["new"]
    assert book.history(OTHER_PHONE).known  # phones are kept for longer than visitors
    assert [calls for _, calls in book.phones_met()] == [["c"]]
    book.forget(T0 + 500 * DAY)
    assert list(book.phones_met()) == []
    assert not book.history(PHONE).known
    assert not book.history(OTHER_PHONE).known
    assert book.decision("c") is None
    # A visitor who was forgotten is heard as a stranger, and strangers break nothing.
    for act in (book.alive, book.leave):
        act("old", T0 + 501 * DAY)
    book.viewed("old", T0 + 501 * DAY, "/")
    book.clicked("old", T0 + 501 * DAY, "n1")
    book.filled("old", T0 + 501 * DAY, PHONE)
    assert book.last_seen("n1") is None


def test_stretches_run_from_life_sign_to_life_sign_in_the_state_they_were_spent_in() -> None:
    book = ledger()
    come(book, "a", T0, path="/contact")
    book.clicked("a", T0 + 100, "n1")
    book.viewed("a", T0 + 150, "/")
    found = sorted(book.stretches(T0 + 400))
    first = state_of(device=1, page=CONTACT, views=0, visits=0, left=False, superseded=False, source=0)
    assert [(seen - T0, end - T0) for seen, end, *_ in found] == [(0, 100), (100, 150), (150, 400)]
    assert [one[5] for one in found[:2]] == [first, first]
    assert found[2][5] != first
    assert [one[3] == T0 + 100 for one in found] == [False, True, True]
    # What ended is told once; what goes on is told again, from its beginning.
    assert [(seen - T0, end - T0) for seen, end, *_ in book.stretches(T0 + 500)] == [(150, 500)]


VISITORS = ("a", "b", "c")
NUMBERS = {"n1": "ads", "n2": "search"}
PHONES = (PHONE, OTHER_PHONE, None)
ACTS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from(VISITORS), st.sampled_from(sorted(NUMBERS))),
    st.tuples(st.just("viewed"), st.sampled_from(VISITORS), st.sampled_from(["/", "/contact"])),
    st.tuples(st.just("alive"), st.sampled_from(VISITORS), st.none()),
    st.tuples(st.just("leave"), st.sampled_from(VISITORS), st.none()),
    st.tuples(st.just("clicked"), st.sampled_from(VISITORS), st.sampled_from(sorted(NUMBERS))),
    st.tuples(st.just("filled"), st.sampled_from(VISITORS), st.sampled_from(PHONES)),
    st.tuples(st.just("ring"), st.sampled_from(VISITORS), st.sampled_from(PHONES)),
    st.tuples(st.just("decided"), st.sampled_from([*VISITORS, None]), st.integers(0, 5)),
)
SCRIPTS = st.lists(st.tuples(ACTS, st.integers(1, 40_000)), max_size=25)


def _play(book: Ledger, script: list[tuple[tuple[Any, ...], int]], at: float, first: int = 0) -> float:
    for place, ((what, who, more), later) in enumerate(script, start=first):
        at += later
        if what == "come":
            come(book, who, at, number=more, source=NUMBERS[more])
        elif what == "ring":
            ring(book, f"c{place}", at, caller=more, best=(who, 0.7), none=0.2, races={who: 1.5})
        elif what == "decided":
            book.decided(f"c{more}", who)
        elif what in ("alive", "leave"):
            getattr(book, what)(who, at)
        else:
            getattr(book, what)(who, at, more)
    return at


@settings(max_examples=60, deadline=None)
@given(past=SCRIPTS, future=SCRIPTS, number=st.sampled_from(sorted(NUMBERS)), caller=st.sampled_from(PHONES))
def test_a_scene_is_that_of_a_ledger_that_never_heard_the_future(
    past: list[Any], future: list[Any], number: str, caller: str | None
) -> None:
    book, blind = ledger(), ledger()
    at = _play(book, past, T0)
    _play(blind, past, T0)
    scene = book.scene(at + 1, number, caller, source=NUMBERS[number])
    end = _play(book, future, at + 2, first=len(past))
    book.forget(end + 100 * DAY)
    assert scene == blind.scene(at + 1, number, caller, source=NUMBERS[number])
    assert all(one.seconds_since_seen >= 0.0 for one in scene.candidates)


@settings(max_examples=40, deadline=None)
@given(script=SCRIPTS, night=st.integers(0, 20))
def test_looking_and_nights_change_no_answer(script: list[Any], night: int) -> None:
    """Asking for scenes and stretches in between leaves the ledger as it was."""
    book, asked = ledger(), ledger()
    at = _play(book, script, T0)
    middle = _play(asked, script[:night], T0)
    asked.scene(middle, "n1", PHONE, source="ads")
    asked.stretches(middle)
    asked.forget(middle)
    _play(asked, script[night:], middle, first=night)
    for caller in PHONES:
        assert asked.scene(at, "n1", caller, source="ads") == book.scene(at, "n1", caller, source="ads")
