"""Scoring a call on both databases: who is a candidate, as of when, and what the phone did before."""

import math
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select

from core.ids import new_id
from core.time import local_day
from matching.match import EVIDENCE_FOR, explain, match_call
from matching.override import override, undo
from matching.rules.model import prior
from store.calls import Call, CallCandidate, MatchDecision
from store.sessions import Database
from store.sites import TrackingSource
from store.visits import Form, Visit, VisitEvent, Visitor
from tests.support.pages import give
from tests.support.rows import START, Business

NUMBER = "+12125550142"
PHONE = "+12125550199"
LATER = START + timedelta(minutes=5)


def holder(office: Business, source: TrackingSource, at: datetime = START) -> Visitor:
    """A visitor who was shown the number at `at` and has one page view then."""
    visitor = office.visitor(at, source, last_path="/pricing")
    note(office, visitor, "pageview", at, url="https://example.com/pricing?x=1")
    assert give(office.session, visitor.visitor_id, source.source_id, at) == NUMBER
    return visitor


def note(office: Business, visitor: Visitor, kind: str, at: datetime, **more: str) -> None:
    office.session.add(
        VisitEvent(
            event_id=new_id(at), visit_id=visitor.visit_id, visitor_id=visitor.visitor_id, type=kind, at=at, **more
        )
    )
    office.session.flush()


def again(office: Business, visitor: Visitor, at: datetime) -> Visit:
    """Another visit of a visitor."""
    visitor.visits += 1
    visit = Visit(
        visit_id=new_id(at),
        site_id=office.site.site_id,
        visitor_id=visitor.visitor_id,
        source_id=visitor.source_id,
        ordinal=visitor.visits,
        started_at=at,
        local_day=at.date(),
        landing_url="https://example.com/",
        utm={},
        click_ids={},
        channel="Direct",
        rules_version="test",
        device="desktop",
        last_seen_at=at,
        page_views=1,
    )
    visitor.visit_id, visitor.last_seen_at = visit.visit_id, at
    office.session.add(visit)
    office.session.flush()
    return visit


def ring(office: Business, source: TrackingSource, at: datetime, caller: str | None = PHONE) -> Call:
    call = Call(
        call_id=new_id(at),
        provider="twilio",
        provider_call_id=new_id(at),
        site_id=office.site.site_id,
        source_id=source.source_id,
        number=NUMBER,
        destination="+12125559000",
        from_number=caller,
        started_at=at,
        local_day=local_day(at, office.site.time_zone),
        status="ringing",
        updated_at=at,
    )
    office.session.add(call)
    office.session.flush()
    score(office, call)
    return call


def score(office: Business, call: Call) -> None:
    match_call(office.session, call, at=call.started_at, model=prior(), days=60)


def candidates(office: Business, call: Call) -> list[CallCandidate]:
    query = select(CallCandidate).where(CallCandidate.call_id == call.call_id).order_by(CallCandidate.rank)
    return list(office.session.scalars(query.execution_options(populate_existing=True)))


def likelihoods(office: Business, call: Call) -> dict[str, float]:
    return {c.visitor_id: c.likelihood for c in candidates(office, call)}


def test_everything_sums_to_one_and_evidence_adds_up(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(hours=h)) for h in range(EVIDENCE_FOR + 5)]
        note(office, people[0], "tel_click", START, number=NUMBER)
        call = ring(office, source, LATER)
        found = candidates(office, call)
        assert [c.rank for c in found] == list(range(1, len(people) + 1))
        assert math.fsum([*(c.likelihood for c in found), call.none_likelihood]) == pytest.approx(1, abs=1e-12)
        assert [c.evidence is not None for c in found] == [i < EVIDENCE_FOR for i in range(len(found))]
        for c in found[:EVIDENCE_FOR]:
            stated = math.log2(c.likelihood / call.none_likelihood)
            assert math.fsum(row["weight"] for row in c.evidence or []) == pytest.approx(stated, abs=1e-9)
        assert found[0].visitor_id == people[0].visitor_id == call.matched_visitor_id == call.model_visitor_id
        assert call.matched_by == "model"
        assert call.matched_likelihood == found[0].likelihood
        history = office.session.scalars(select(MatchDecision)).one()
        assert (history.by, history.visit_id, history.model_version) == ("model", found[0].visit_id, prior().version)


def test_candidates_held_the_number_and_were_seen_within_the_window(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work, START - timedelta(days=90))
        source = office.source("google_ads", [NUMBER])
        office.visitor(START, source)  # never shown the number
        gone = holder(office, source, START - timedelta(days=61))
        there = holder(office, source, START - timedelta(days=59))
        back = holder(office, source, START - timedelta(days=80))
        again(office, back, START - timedelta(days=1))
        call = ring(office, source, START)
        assert set(likelihoods(office, call)) == {there.visitor_id, back.visitor_id}
        assert gone.visitor_id not in likelihoods(office, call)


def test_a_candidate_is_represented_by_the_latest_visit_begun_before_the_call(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        visitor = holder(office, source)
        before = again(office, visitor, START + timedelta(hours=2))
        again(office, visitor, START + timedelta(hours=4))
        call = ring(office, source, START + timedelta(hours=3))
        assert [c.visit_id for c in candidates(office, call)] == [before.visit_id]


def test_what_happened_after_the_call_changes_nothing(database: Database) -> None:
    """A call that is scored late is scored as it would have been at once."""
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(minutes=m)) for m in (0, 7, 20)]
        note(office, people[1], "heartbeat", START, number="")
        visit = office.session.get_one(Visit, (office.session.account_id, people[1].visit_id))
        visit.last_seen_at = people[1].last_seen_at = START
        call = ring(office, source, LATER)
        at_once = likelihoods(office, call)
        for person in people:
            note(office, person, "pageview", LATER + timedelta(minutes=1), url="https://example.com/contact")
            note(office, person, "tel_click", LATER + timedelta(minutes=1), number=NUMBER)
            visit = office.session.get_one(Visit, (office.session.account_id, person.visit_id))
            visit.last_seen_at = person.last_seen_at = LATER + timedelta(minutes=2)
            visit.page_views, visit.last_path = 9, "/contact"
        again(office, people[2], LATER + timedelta(minutes=3))
        holder(office, source, LATER + timedelta(minutes=1))
        score(office, call)
        assert likelihoods(office, call) == pytest.approx(at_once, abs=1e-12)


def test_nobody_is_likelier_when_everybody_left_long_ago(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work, START - timedelta(days=60))
        source = office.source("google_ads", [NUMBER])
        for day in range(30, 40):
            holder(office, source, START - timedelta(days=day))
        call = ring(office, source, START)
        assert call.none_likelihood > 0.5
        assert (call.matched_by, call.matched_visit_id, call.matched_likelihood) == (None, None, None)


def test_a_number_nobody_holds_is_called_by_nobody(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        board = office.source("billboard", [NUMBER], kind="offline", preset=None)
        call = ring(office, board, START)
        assert (call.none_likelihood, candidates(office, call)) == (1.0, [])


def test_a_redial_weeks_later_outweighs_who_is_on_the_site_now(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        first = holder(office, source)
        note(office, first, "tel_click", START, number=NUMBER)
        assert ring(office, source, START + timedelta(seconds=5)).matched_visitor_id == first.visitor_id
        weeks = START + timedelta(days=20)
        holder(office, source, weeks - timedelta(minutes=1))
        assert ring(office, source, weeks).matched_visitor_id == first.visitor_id
        assert ring(office, source, weeks + timedelta(minutes=1), "+13105550111").matched_visitor_id != first.visitor_id


def test_a_decision_is_in_effect_for_the_next_call_of_that_phone_until_it_is_undone(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        one, other = holder(office, source), holder(office, source)
        note(office, one, "tel_click", START, number=NUMBER)
        call = ring(office, source, START + timedelta(seconds=5))
        assert call.matched_visitor_id == one.visitor_id
        decided = {"call_id": call.call_id, "user_id": None}
        override(office.session, visit_id=other.visit_id, reason="told us", at=START + timedelta(hours=1), **decided)
        second = ring(office, source, START + timedelta(hours=2))
        assert second.matched_visitor_id == other.visitor_id
        undo(office.session, at=START + timedelta(hours=3), **decided)
        third = ring(office, source, START + timedelta(hours=3, minutes=1))
        assert likelihoods(office, third)[other.visitor_id] < likelihoods(office, second)[other.visitor_id]


def test_a_phone_left_in_a_form_names_its_visitor(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source) for _ in range(4)]
        office.session.add(
            Form(
                form_id=new_id(START),
                site_id=office.site.site_id,
                visitor_id=people[2].visitor_id,
                visit_id=people[2].visit_id or "",
                at=START,
                phone=PHONE,
            )
        )
        office.session.flush()
        call = ring(office, source, START + timedelta(hours=3))
        assert call.matched_visitor_id == people[2].visitor_id
        withheld = ring(office, source, START + timedelta(hours=3), None)
        assert likelihoods(office, withheld)[people[2].visitor_id] < likelihoods(office, call)[people[2].visitor_id]


def test_whoever_staff_choose_is_explained_and_the_evidence_adds_up(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        for minutes in range(EVIDENCE_FOR + 3):
            holder(office, source, START - timedelta(hours=minutes))
        call = ring(office, source, LATER)
        last = candidates(office, call)[-1]
        assert last.evidence is None
        # News that came after the score does not make the sum wrong.
        visitor = office.session.get_one(Visitor, (office.session.account_id, last.visitor_id))
        note(office, visitor, "tel_click", LATER - timedelta(seconds=5), number=NUMBER)
        rows = explain(office.session, call, last.visitor_id)
        assert rows is not None
        assert rows[-1]["name"] == "late_news"
        stated = math.log2(last.likelihood / call.none_likelihood)
        assert math.fsum(row["weight"] for row in rows) == pytest.approx(stated, abs=1e-9)
        assert explain(office.session, call, new_id(START)) is None


def test_the_number_of_queries_does_not_grow_with_candidates(database: Database) -> None:
    seen: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _x, statement, *_: seen.append(statement))
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        counts = []
        for people in (EVIDENCE_FOR + 1, 60):
            for _ in range(people):
                holder(office, source)
            seen.clear()
            ring(office, source, LATER + timedelta(seconds=people), f"+1212555{people:04d}")
            counts.append(len(seen))
    assert counts[1] <= counts[0] <= 16


def test_a_visitor_whose_own_phone_is_another_is_less_likely(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        known, stranger = holder(office, source), holder(office, source)
        office.session.add(
            Form(
                form_id=new_id(START),
                site_id=office.site.site_id,
                visitor_id=known.visitor_id,
                visit_id=known.visit_id or "",
                at=START,
                phone="+13105550111",
            )
        )
        office.session.flush()
        shares = likelihoods(office, ring(office, source, LATER))
        assert shares[known.visitor_id] < shares[stranger.visitor_id]
