"""Learning from the database: a replay tells a learner what a live call gathers, and a refit is checked."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from core.ids import new_id
from core.time import local_day
from matching.gather import gather
from matching.incoming import of_call
from matching.learn import refit
from matching.match import match_call
from matching.override import override, undo
from matching.replay import replay
from matching.rules.learner import LEAST_CALLS, Learner
from matching.rules.ledger import Scene
from matching.rules.model import prior
from store.calls import Call
from store.sessions import Database
from store.sites import TrackingSource
from store.visits import Form, VisitEvent, Visitor
from tests.support.pages import give
from tests.support.rows import START, Business

DAY = timedelta(days=1)
NUMBERS = ["+12125550141", "+12125550142"]


def history(office: Business, *, days: int, calls: int) -> TrackingSource:
    """Ten visitors a day on two numbers; so many calls, most of them from a page just seen."""
    rng = random.Random(5)
    source = office.source("google_ads", numbers=NUMBERS)
    visitors: list[tuple[datetime, Visitor, str]] = []
    for place in range(days * 10):
        at = START + timedelta(hours=2.4 * place + rng.random())
        visitor = office.visitor(
            at, source, last_path="/contact", last_viewed_at=at, device=rng.choice(["phone", "desktop"])
        )
        visitor.region = rng.choice(["US-NY", "US-CA", None])
        note(office, visitor, "pageview", at, url="https://example.com/contact")
        number = give(office.session, visitor.visitor_id, source.source_id, at)
        assert number is not None
        visitors.append((at, visitor, number))
    for place in range(calls):
        at, visitor, number = visitors[place * len(visitors) // calls]
        when = at + timedelta(seconds=rng.choice([20, 90, 4000]))
        if place % 5 == 0:
            note(office, visitor, "tel_click", at, number=number)
        if place % 7 == 0:
            form(office, visitor, at, f"+1212555{1000 + place}")
        caller = None if place % 9 == 0 else f"+1212555{1000 + place - place % 3}"
        ring(office, source, number, when, caller)
    return source


def note(office: Business, visitor: Visitor, kind: str, at: datetime, **more: str) -> None:
    office.session.add(
        VisitEvent(
            event_id=new_id(at), visit_id=visitor.visit_id, visitor_id=visitor.visitor_id, type=kind, at=at, **more
        )
    )
    office.session.flush()


def form(office: Business, visitor: Visitor, at: datetime, phone: str) -> None:
    note(office, visitor, "form", at)
    office.session.add(
        Form(
            form_id=new_id(at),
            site_id=office.site.site_id,
            visitor_id=visitor.visitor_id,
            visit_id=visitor.visit_id,
            at=at,
            phone=phone,
        )
    )
    office.session.flush()


def ring(office: Business, source: TrackingSource, number: str, at: datetime, caller: str | None) -> Call:
    call = Call(
        call_id=new_id(at),
        provider="twilio",
        provider_call_id=new_id(at),
        site_id=office.site.site_id,
        source_id=source.source_id,
        number=number,
        destination="+12125559000",
        from_number=caller,
        started_at=at,
        local_day=local_day(at, office.site.time_zone),
        status="completed",
        updated_at=at,
    )
    office.session.add(call)
    office.session.flush()
    match_call(office.session, call, at=at, model=prior(), days=60)
    return call


@pytest.fixture
def office(database: Database) -> Iterator[Business]:
    with database.write() as work:
        yield Business.open(work)


def scenes(office: Business, until: datetime) -> dict[str, Scene]:
    """What a learner that hears the replay knows of each call."""
    found: dict[str, Scene] = {}
    learner = Learner(time_zone=office.site.time_zone, start=(START - DAY).timestamp(), nightly=False)
    called = learner.called

    def keep(call: str, at: float, number: str, caller: str | None, **more: str):  # type: ignore[no-untyped-def]
        found[call] = learner.ledger.scene(at, number, caller, **more)  # type: ignore[arg-type]
        return called(call, at, number, caller, **more)  # type: ignore[arg-type]

    learner.called = keep  # type: ignore[method-assign]
    for moment, _, _, step in replay(office.session, office.site.site_id, since=START - DAY, until=until):
        learner.tick(moment)
        step(learner)
    return found


def test_the_replay_knows_of_each_call_what_was_gathered_live(office: Business) -> None:
    history(office, days=6, calls=24)
    rows = office.session.scalars(select(Call).order_by(Call.started_at)).all()
    found = scenes(office, START + 30 * DAY)
    assert set(found) == {call.call_id for call in rows}
    for call in rows:
        live = gather(office.session, of_call(call), at=call.started_at, days=60)
        told = found[call.call_id]
        assert told.call == live.call
        assert sorted(told.candidates, key=lambda c: c.visitor) == sorted(live.candidates, key=lambda c: c.visitor)
        assert [c.at for c in told.history.calls] == [c.at for c in live.history.calls]
        assert told.history.forms == live.history.forms


def test_staff_who_take_their_word_back_leave_no_trace_in_the_replay(office: Business) -> None:
    history(office, days=3, calls=6)
    before = scenes(office, START + 30 * DAY)
    call = office.session.scalars(select(Call).order_by(Call.started_at)).first()
    assert call is not None
    at = call.started_at + timedelta(minutes=1)
    override(office.session, call_id=call.call_id, visit_id=None, user_id=None, reason=None, at=at)
    undo(office.session, call_id=call.call_id, user_id=None, at=at)
    assert scenes(office, START + 30 * DAY) == before


def test_too_few_calls_teach_nothing(office: Business) -> None:
    history(office, days=3, calls=LEAST_CALLS - 1)
    assert refit(office.session, current=prior(), at=START + 4 * DAY, version="v", days=60) is None


def test_a_refit_has_figures_and_a_verdict_and_is_the_same_again(office: Business) -> None:
    source = history(office, days=10, calls=40)
    shares: list[float] = []
    at = START + 11 * DAY
    first = refit(office.session, current=prior(), at=at, version="v1", days=60, progress=shares.append)
    again = refit(office.session, current=prior(), at=at, version="v1", days=60)
    assert first is not None
    assert again is not None
    assert first.model.dumps() == again.model.dumps()
    assert first.model.version == "v1"
    assert set(first.model.sources) == {source.source_id}
    assert set(first.model.background.numbers) == set(NUMBERS)
    figures = first.model.training
    assert figures["calls"] == 40
    assert figures["held_out"]["calls"] == 8
    assert first.better == (figures["held_out"]["after"] <= figures["held_out"]["shipped"])
    assert first.reason
    assert not first.reason.endswith(".")
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] == pytest.approx(1.0)


def test_a_model_that_has_seen_the_held_out_calls_is_no_measure_for_one_that_has_not(office: Business) -> None:
    """Else the first version would stay for ever: each night the one in use has been fitted to nearly all of them."""
    history(office, days=10, calls=40)
    at = START + 11 * DAY
    first = refit(office.session, current=prior(), at=at, version="v1", days=60)
    assert first is not None
    second = refit(office.session, current=first.model, at=at, version="v2", days=60)
    assert second is not None
    held = second.model.training["held_out"]
    assert held["before"] < held["after"], "fitted to these calls, it foresees them better"
    assert second.better == (held["after"] <= held["shipped"])
