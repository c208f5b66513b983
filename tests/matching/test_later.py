"""The same call again, with what was learnt since, on both databases."""

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.errors import NotFound
from core.ids import new_id
from matching.annotate import annotate
from matching.later import (
    FORM_WITHIN,
    LaterAnswer,
    Reason,
    answer_again,
    calls_of_form,
    other_calls_of_phone,
)
from matching.match import EVIDENCE_FOR, explain
from matching.override import override, undo
from matching.rules.hindsight import SPAM
from reports.calls import call_detail
from store.calls import Call, CallAnswer, CallCandidate, MatchDecision
from store.sessions import Database
from store.visits import Form, Visitor
from tests.matching.test_match import LATER, NUMBER, PHONE, candidates, holder, likelihoods, note, ring
from tests.support.rows import START, Business

SOON = LATER + timedelta(minutes=2)


def fill_in(office: Business, visitor: Visitor, phone: str, at: datetime) -> None:
    """The visitor leaves a phone in a form."""
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


def again(office: Business, call: Call, reason: Reason, at: datetime = SOON) -> LaterAnswer | None:
    return answer_again(office.session, call.call_id, at=at, reason=reason, days=60)


def state(office: Business, call: Call) -> tuple[Any, ...]:
    """Everything that is kept of a call's answers."""
    session = office.session
    session.flush()
    session.expire_all()
    fields = {column.name: getattr(call, column.name) for column in Call.__table__.columns}
    rows = [(c.visitor_id, c.likelihood, c.race, c.evidence) for c in candidates(office, call)]
    lines = session.scalars(select(MatchDecision.decision_id).where(MatchDecision.call_id == call.call_id)).all()
    kept = session.scalars(select(CallAnswer.ordinal).where(CallAnswer.call_id == call.call_id)).all()
    return fields, rows, sorted(lines), kept


def check_books(office: Business, call: Call) -> None:
    """Likelihoods and none sum to 1, evidence to what is stated."""
    found = candidates(office, call)
    assert math.fsum([*(c.likelihood for c in found), call.none_likelihood]) == pytest.approx(1, abs=1e-12)
    for c in found:
        if c.evidence is not None:
            stated = math.log2(c.likelihood / call.none_likelihood)
            assert math.fsum(row["weight"] for row in c.evidence) == pytest.approx(stated, abs=1e-9)


@pytest.mark.parametrize("reason", ["ended", "form", "spam", "not_spam", "override"])
def test_without_news_nothing_is_written(database: Database, reason: Reason) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(hours=h)) for h in range(3)]
        fill_in(office, people[1], PHONE, START)
        for minutes in (0, 30):
            call = ring(office, source, LATER + timedelta(minutes=minutes))
        call.status, call.duration_seconds = "completed", 3
        before = state(office, call)
        for visitor in people:
            note(office, visitor, "heartbeat", call.started_at + timedelta(seconds=5))
        assert again(office, call, reason, call.started_at + timedelta(minutes=1)) is None
        assert state(office, call) == before


def test_a_form_after_the_call_says_who_it_was(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        first, second = (holder(office, source, START - timedelta(minutes=m)) for m in (0, 3))
        call = ring(office, source, LATER)
        stood, races = likelihoods(office, call), {c.visitor_id: c.race for c in candidates(office, call)}
        none, given = call.none_likelihood, call.matched_at
        assert call.matched_visitor_id == first.visitor_id
        fill_in(office, second, PHONE, SOON)
        told = again(office, call, "form", SOON + timedelta(seconds=1))
        assert told == LaterAnswer(
            call_id=call.call_id,
            reason="form",
            visit_id=second.visit_id,
            visitor_id=second.visitor_id,
            likelihood=likelihoods(office, call)[second.visitor_id],
            moved=True,
        )
        assert told.likelihood > 0.9
        check_books(office, call)
        assert "known_phone" in {row["name"] for row in candidates(office, call)[0].evidence or []}
        assert {c.visitor_id: c.race for c in candidates(office, call)} == races, "what the call itself said"
        detail = call_detail(office.session, call.call_id)
        assert detail is not None
        (kept,) = detail.answers
        assert (kept.at, kept.reason, kept.none, kept.visitor_id) == (given, None, none, first.visitor_id)
        assert {c.visitor_id: c.likelihood for c in kept.candidates} == stood
        assert kept.candidates[0].source == "google_ads"
        assert kept.candidates[0].evidence
        line = detail.history[-1]
        assert [d.reason for d in detail.history] == [None, "form"]
        assert (line.by, line.visitor_id, line.likelihood, line.user_id) == (
            "model",
            second.visitor_id,
            told.likelihood,
            None,
        )
        assert (call.matched_by, call.matched_visitor_id, call.matched_at) == ("model", second.visitor_id, line.at)
        assert (call.model_visit_id, call.model_likelihood) == (second.visit_id, told.likelihood)
        assert call.updated_at == line.at
        before = state(office, call)
        assert again(office, call, "form", SOON + timedelta(minutes=1)) is None
        assert state(office, call) == before


def test_the_same_choice_made_surer_is_credited_since_it_was(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        first, _ = (holder(office, source, START - timedelta(minutes=m)) for m in (0, 3))
        call = ring(office, source, LATER)
        stated = call.matched_likelihood or 0
        fill_in(office, first, PHONE, SOON)
        told = again(office, call, "form")
        assert told is not None
        assert not told.moved
        assert (call.matched_likelihood or 0) > stated
        assert call.matched_at == call.started_at


def test_a_spam_mark_gives_the_call_to_nobody_and_taking_it_off_gives_it_back(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        for minutes in range(3):
            holder(office, source, START - timedelta(minutes=minutes))
        call = ring(office, source, LATER)
        stood, credited, races = (
            likelihoods(office, call),
            call.matched_visitor_id,
            [c.race for c in candidates(office, call)],
        )
        annotate(office.session, call_id=call.call_id, at=SOON, spam=True)
        told = again(office, call, "spam")
        assert told is not None
        assert told.visit_id is None
        assert told.moved
        assert told.likelihood == call.none_likelihood >= SPAM - 1e-12
        assert (call.matched_by, call.matched_visit_id, call.matched_likelihood, call.matched_at) == (None,) * 4
        check_books(office, call)
        assert candidates(office, call)[0].evidence[-1]["name"] == "spam"  # type: ignore[index]
        assert again(office, call, "spam") is None
        # The next call of this phone begins with nobody.
        second = ring(office, source, LATER + timedelta(minutes=30))
        assert second.none_likelihood > 0.9
        annotate(office.session, call_id=call.call_id, at=SOON, spam=False)
        assert again(office, call, "not_spam") is not None
        assert call.matched_visitor_id == credited
        check_books(office, call)
        assert [c.race for c in candidates(office, call)] == races
        assert likelihoods(office, call)[str(credited)] == pytest.approx(stood[str(credited)], abs=0.1)
        assert [a.reason for a in call_detail(office.session, call.call_id).answers] == [None, "spam"]  # type: ignore[union-attr]


def test_a_decision_about_one_call_tells_whose_phone_made_the_others(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        first, second = (holder(office, source, START - timedelta(minutes=m)) for m in (0, 3))
        calls = [ring(office, source, LATER + timedelta(days=days)) for days in (0, 2)]
        withheld = ring(office, source, LATER + timedelta(days=3), caller=None)
        assert calls[0].matched_visitor_id == first.visitor_id
        decided = LATER + timedelta(days=4)
        override(
            office.session,
            call_id=calls[1].call_id,
            visit_id=second.visit_id,
            user_id=None,
            reason=None,
            at=decided,
        )
        assert other_calls_of_phone(office.session, calls[1].call_id) == (calls[0].call_id,)
        assert other_calls_of_phone(office.session, withheld.call_id) == ()
        assert other_calls_of_phone(office.session, new_id(START)) == ()
        told = again(office, calls[0], "override", decided + timedelta(seconds=1))
        assert told is not None
        assert told.visitor_id == calls[0].matched_visitor_id == second.visitor_id
        check_books(office, calls[0])
        undo(office.session, call_id=calls[1].call_id, user_id=None, at=decided + timedelta(seconds=2))
        back = again(office, calls[0], "override", decided + timedelta(seconds=3))
        assert back is not None
        assert calls[0].matched_visitor_id == first.visitor_id
        check_books(office, calls[0])


def test_what_staff_decided_stays_and_says_what_the_model_gives_it_now(database: Database) -> None:
    user = new_id(START)
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(minutes=m)) for m in range(EVIDENCE_FOR + 3)]
        call = ring(office, source, LATER)
        last = next(p for p in people if p.visitor_id == candidates(office, call)[-1].visitor_id)
        override(office.session, call_id=call.call_id, visit_id=last.visit_id, user_id=user, reason="knew her", at=SOON)
        decided = (
            call.matched_by,
            call.matched_visit_id,
            call.matched_visitor_id,
            call.matched_at,
            call.matched_user_id,
        )
        fill_in(office, people[1], PHONE, SOON)
        told = again(office, call, "form", SOON + timedelta(minutes=1))
        assert told is not None
        assert not told.moved
        now = (call.matched_by, call.matched_visit_id, call.matched_visitor_id, call.matched_at, call.matched_user_id)
        assert now == decided
        assert call.model_visitor_id == people[1].visitor_id
        assert call.matched_likelihood == likelihoods(office, call)[last.visitor_id]
        chosen = next(c for c in candidates(office, call) if c.visitor_id == last.visitor_id)
        assert chosen.rank > EVIDENCE_FOR
        assert chosen.evidence, "evidence is kept for whom staff chose"
        check_books(office, call)
        undo(office.session, call_id=call.call_id, user_id=user, at=SOON + timedelta(minutes=2))
        assert call.matched_visitor_id == people[1].visitor_id


def test_of_staffs_nobody_the_likelihood_is_nobodys(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        visitor = holder(office, source)
        call = ring(office, source, LATER)
        override(office.session, call_id=call.call_id, visit_id=None, user_id=None, reason=None, at=SOON)
        fill_in(office, visitor, PHONE, SOON)
        assert again(office, call, "form", SOON + timedelta(minutes=1)) is not None
        assert (call.matched_by, call.matched_likelihood) == ("staff", call.none_likelihood)


def test_a_click_that_is_reported_late_is_heard_when_the_call_ends(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        _, second = (holder(office, source, START - timedelta(minutes=m)) for m in (0, 3))
        call = ring(office, source, LATER)
        note(office, second, "tel_click", LATER - timedelta(seconds=4), number=NUMBER)
        told = again(office, call, "ended")
        assert told is not None
        assert told.visitor_id == second.visitor_id
        races = {c.visitor_id: c.race for c in candidates(office, call)}
        assert max(races, key=lambda visitor: races[visitor]) == second.visitor_id
        check_books(office, call)


def test_a_call_that_could_not_be_scored_gets_its_first_answer(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        visitor = holder(office, source)
        call = ring(office, source, LATER)
        whole = likelihoods(office, call)
        for row in [*candidates(office, call), *office.session.scalars(select(MatchDecision))]:
            office.session.delete(row)
        call.model_version = call.model_visit_id = call.model_visitor_id = call.model_likelihood = None
        call.matched_by = call.matched_visit_id = call.matched_visitor_id = call.matched_likelihood = None
        call.matched_at, call.none_likelihood = None, 1.0
        office.session.flush()
        told = again(office, call, "ended")
        assert told is not None
        assert call.matched_visitor_id == visitor.visitor_id
        assert likelihoods(office, call) == whole
        assert office.session.scalars(select(CallAnswer)).all() == []


def test_whoever_ranks_low_is_explained_by_the_answer_that_counts(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(minutes=m)) for m in range(EVIDENCE_FOR + 2)]
        call = ring(office, source, LATER)
        fill_in(office, people[3], PHONE, SOON)
        assert again(office, call, "form", SOON + timedelta(seconds=1)) is not None
        low = candidates(office, call)[-1]
        assert low.evidence is None
        rows = explain(office.session, call, low.visitor_id) or []
        assert {row["name"] for row in rows} >= {"base_rate", "known_phone"}
        assert "late_news" not in {row["name"] for row in rows}
        stated = math.log2(low.likelihood / call.none_likelihood)
        assert math.fsum(row["weight"] for row in rows) == pytest.approx(stated, abs=1e-9)


def test_which_calls_a_form_speaks_of(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        visitor = holder(office, source)
        long_ago, recent = (ring(office, source, LATER + timedelta(days=days)) for days in (0, 3))
        ring(office, source, LATER + timedelta(days=3), caller="+12125550177")
        asked = {"site_id": office.site.site_id, "visitor_id": visitor.visitor_id, "phone": PHONE}
        edge = LATER + FORM_WITHIN
        session = office.session
        assert calls_of_form(session, **asked, at=edge) == (recent.call_id, long_ago.call_id)
        assert calls_of_form(session, **asked, at=edge + timedelta(seconds=1)) == (recent.call_id,)
        # A report that came late: the form was sent before the call, and was not known then.
        assert calls_of_form(session, **asked, at=LATER - timedelta(minutes=1)) == (recent.call_id, long_ago.call_id)
        fill_in(office, visitor, PHONE, edge)
        assert calls_of_form(session, **asked, at=edge + timedelta(minutes=1)) == ()
        assert calls_of_form(session, **{**asked, "site_id": new_id(START)}, at=edge) == ()


def test_calls_of_others_and_of_nobody_are_not_found(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        holder(office, source)
        call = ring(office, source, LATER)
        stranger = Business.open(work)
        for unknown in (call.call_id, "x", new_id(START)):
            with pytest.raises(NotFound):
                answer_again(stranger.session, unknown, at=SOON, reason="ended", days=60)


def test_answers_are_counted_and_only_the_likeliest_candidates_of_each_are_kept(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        for minutes in range(EVIDENCE_FOR + 5):
            holder(office, source, START - timedelta(minutes=minutes))
        call = ring(office, source, LATER)
        for turn in range(4):
            annotate(office.session, call_id=call.call_id, at=SOON, spam=turn % 2 == 0)
            assert again(office, call, "spam" if turn % 2 == 0 else "not_spam") is not None
        kept = office.session.scalars(select(CallAnswer).order_by(CallAnswer.ordinal)).all()
        assert [(row.ordinal, row.reason) for row in kept] == [(1, None), (2, "spam"), (3, "not_spam"), (4, "spam")]
        assert {len(row.candidates) for row in kept} == {EVIDENCE_FOR}
        assert sorted(row.at for row in kept) == [row.at for row in kept]
        assert len(office.session.scalars(select(CallCandidate.rank)).all()) == EVIDENCE_FOR + 5
