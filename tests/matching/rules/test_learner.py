"""A site's history played in order: nights, learning from the past alone, and staff at once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.time import zone
from matching.rules.learner import DAY, LEAST_CALLS, Learner
from matching.rules.model import LikelihoodModel, prior
from matching.rules.rank import Ranking
from tests.matching.rules.played import NUMBERS, START, Event, Town, tell, town
from tests.matching.rules.scenes import PHONE, quiet, textbook


class Nights(Learner):
    """Notes when a night was run, and runs it."""

    def __init__(self, **known: Any) -> None:
        super().__init__(**known)
        self.ran: list[float] = []

    def night(self, now: float, *told: Any, **more: Any) -> None:
        self.ran.append(now)
        super().night(now, *told, **more)


def _play(learner: Learner, events: tuple[Event, ...], life: Town) -> dict[str, Ranking]:
    answers: dict[str, Ranking] = {}
    for event in events:
        learner.tick(event.at)
        if event.what == "called":
            ring = life.rings[event.who]
            answers[ring.call] = learner.called(
                ring.call, event.at, ring.number, ring.caller, source=NUMBERS[ring.number]
            )
        else:
            tell(learner, event)
    return answers


@pytest.fixture(scope="module")
def life() -> Town:
    return town(9, quiet(), days=5.0, visitors=150, phones=True, forms=0.1)


@pytest.fixture(scope="module")
def learnt(life: Town) -> tuple[Nights, dict[str, Ranking]]:
    learner = Nights(time_zone="UTC", start=START, model=quiet())
    return learner, _play(learner, life.events, life)


@pytest.mark.parametrize(
    ("name", "start", "days"),
    [
        ("UTC", datetime(2026, 3, 2, tzinfo=UTC), 5),
        ("America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC), 6),  # clocks go forward on the 8th
        ("America/New_York", datetime(2026, 10, 30, 12, tzinfo=UTC), 6),  # and back on 1 November
        ("Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC), 6),
        ("Europe/Helsinki", datetime(2026, 3, 27, tzinfo=UTC), 6),  # half past three does not exist on the 29th
        ("Europe/Helsinki", datetime(2026, 10, 23, tzinfo=UTC), 6),  # and comes twice on 25 October
        ("Australia/Lord_Howe", datetime(2026, 4, 2, tzinfo=UTC), 6),  # by half an hour
    ],
)
def test_a_night_is_run_once_on_every_local_day(name: str, start: datetime, days: int) -> None:
    learner = Nights(time_zone=name, start=start.timestamp(), learning=False)
    hour = start.timestamp()
    while hour <= start.timestamp() + days * DAY:
        learner.tick(hour)
        hour += 1_800.0
    local = [datetime.fromtimestamp(at, zone(name)) for at in learner.ran]
    first = datetime.fromtimestamp(learner.ran[0], zone(name)).date()
    assert [moment.date() for moment in local] == [first + timedelta(days=day) for day in range(len(local))]
    assert len(local) in (days, days + 1)
    for moment in local:
        gap = name == "Europe/Helsinki" and moment.date() == date(2026, 3, 29)
        assert (moment.hour, moment.minute) == ((4, 30) if gap else (3, 30))
    assert all(at > start.timestamp() for at in learner.ran)


def test_nights_that_were_missed_are_made_up_for_in_order() -> None:
    learner = Nights(time_zone="UTC", start=START, learning=False)
    learner.tick(START + 10 * DAY)
    assert learner.ran == [START + day * DAY + 3.5 * 3_600.0 for day in range(10)]
    learner.tick(START + 10 * DAY)
    assert len(learner.ran) == 10
    learner.tick(START + 10 * DAY + 3.5 * 3_600.0)
    assert len(learner.ran) == 11


@pytest.mark.parametrize("how", [{"learning": False}, {"nightly": False}])
def test_without_learning_the_model_stays(life: Town, how: dict[str, bool]) -> None:
    learner = Nights(time_zone="UTC", start=START, model=textbook(), **how)
    _play(learner, life.events, life)
    assert len(learner.ran) == 4 or len(learner.ran) == 5
    assert learner.model == textbook()
    assert learner.fitted is None
    assert learner.refits == []


def test_nights_refit_once_there_is_enough_to_learn_from(learnt: tuple[Nights, dict[str, Ranking]], life: Town) -> None:
    learner, answers = learnt
    assert len(answers) == len(life.rings) > LEAST_CALLS
    assert learner.refits
    assert [refit["calls"] for refit in learner.refits] == sorted(refit["calls"] for refit in learner.refits)
    assert all(refit["calls"] >= LEAST_CALLS for refit in learner.refits)
    assert learner.refits[0]["gain"] is None
    assert all(isinstance(refit["gain"], float) for refit in learner.refits[1:])
    assert learner.fitted is not None
    assert learner.fitted.version == f"{datetime.fromtimestamp(learner.ran[-1], UTC):%Y-%m-%d}"
    assert learner.model == (learner.fitted if learner.refits[-1]["better"] else prior())
    assert LikelihoodModel.loads(learner.fitted.dumps()) == learner.fitted


@pytest.mark.parametrize("kept", [0.75, 0.95])
def test_a_future_that_never_comes_leaves_all_earlier_answers_as_they_were(
    life: Town, learnt: tuple[Nights, dict[str, Ranking]], kept: float
) -> None:
    events = life.events[: int(len(life.events) * kept)]
    learner = Learner(time_zone="UTC", start=START, model=quiet())
    answers = _play(learner, events, life)
    assert learner.refits
    assert answers == {call: learnt[1][call] for call in answers}


def test_exposure_is_every_visitors_time_whatever_the_nights(
    life: Town, learnt: tuple[Nights, dict[str, Ranking]]
) -> None:
    """Up to the last night, faded by half-lives: a learner that fades nothing counts each second once."""
    learner = Nights(time_zone="UTC", start=START, model=quiet(), nightly=False, half_life=1e12)
    _play(learner, life.events, life)
    now = learner.ran[-1]
    since = {
        event.who: event.at for event in reversed(life.events) if event.what == "shown" and event.at < now
    }  # the first time, being read backwards
    lessons = learner.lessons(now)
    assert lessons.seconds.sum() == pytest.approx(sum(now - at for at in since.values()), rel=1e-6)
    assert lessons.hours.sum() == pytest.approx(lessons.seconds.sum(), rel=1e-9)
    begun: dict[str, float] = {}
    for event in life.events:
        if event.what == "shown":
            begun.setdefault(event.told["number"], event.at)
    assert {number: source for number, (source, _) in lessons.numbers.items()} == NUMBERS
    watched_numbers = {number: seconds for number, (_, seconds) in lessons.numbers.items()}
    assert watched_numbers == pytest.approx({number: now - at for number, at in begun.items()}, rel=1e-9)
    faded = learnt[0].lessons(now)
    assert 0.0 < faded.seconds.sum() < lessons.seconds.sum()


def test_an_override_is_in_effect_for_the_same_phones_next_call_at_once() -> None:
    def second(decision: str | None, *, decided: bool) -> dict[str | None, float]:
        learner = Learner(time_zone="UTC", start=START, model=textbook())
        for name, late in (("a", 0.0), ("b", 30.0)):
            learner.arrived(name, START + late, source="ads", device="phone", region=None)
            learner.viewed(name, START + late, "/")
            learner.shown(name, START + late, "n0", "ads")
        learner.clicked("a", START + 60, "n0")
        first = learner.called("c1", START + 65, "n0", PHONE, source="ads")
        assert first.best is not None
        assert first.best.visitor == "a"
        if decided:
            learner.decided("c1", START + 70, decision)
        again = learner.called("c2", START + 7_200, "n0", PHONE, source="ads")
        return {None: again.none} | {one.visitor: one.likelihood for one in again.candidates}

    assert second(None, decided=False)["a"] > 0.8
    assert second("b", decided=True)["b"] > 0.8
    assert second(None, decided=True)[None] > 0.8


def test_a_decision_taken_back_is_as_if_it_had_not_been_made() -> None:
    learner = Learner(time_zone="UTC", start=START, model=textbook())
    learner.arrived("a", START, source="ads", device="phone", region=None)
    learner.viewed("a", START, "/")
    learner.shown("a", START, "n0", "ads")
    learner.called("c1", START + 5, "n0", PHONE, source="ads")
    before = learner.ledger.scene(START + 10, "n0", "+14155550123", source="ads")
    learner.decided("c1", START + 6, None)
    assert learner.ledger.decision("c1") is not None
    learner.undecided("c1")
    assert learner.ledger.decision("c1") is None
    assert learner.ledger.history(PHONE).calls[0].decision is None
    assert learner.ledger.scene(START + 10, "n0", "+14155550123", source="ads") == before


def test_what_is_held_out_is_the_time_since_alone() -> None:
    learner = Nights(time_zone="UTC", start=START, model=quiet(), nightly=False)
    life = town(10, quiet(), days=4.0, visitors=60)
    half = next(place for place, event in enumerate(life.events) if event.at >= START + 2 * DAY)
    _play(learner, life.events[:half], life)
    learner.night(START + 2 * DAY)
    learner.hold_out(START + 2 * DAY)
    _play(learner, life.events[half:], life)
    learner.night(life.end)
    apart = learner.held_out(life.end)
    assert {call.call for call in apart.calls} == {event.who for event in life.events[half:] if event.what == "called"}
    people = {event.who: event.at for event in reversed(life.events) if event.what == "shown"}
    watched = sum(life.end - max(at, START + 2 * DAY) for at in people.values())
    assert apart.seconds.sum() == pytest.approx(watched, rel=1e-6)
    assert apart.decisions == {}
