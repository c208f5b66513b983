"""Matching a text, on both databases: as a call at its moment would be matched, and without becoming one."""

import math
from datetime import datetime, timedelta

import pytest

from core.ids import new_id
from core.time import local_day
from matching.match_text import match_text
from matching.rules.model import prior
from matching.score import EVIDENCE_FOR
from store.messages import Message
from store.sessions import Database
from store.sites import TrackingSource
from store.visits import Form
from tests.matching.test_match import LATER, NUMBER, PHONE, holder, likelihoods, note, ring
from tests.support.rows import START, Business


def text(office: Business, source: TrackingSource, at: datetime, sender: str | None = PHONE) -> Message:
    message = Message(
        message_id=new_id(at),
        provider="twilio",
        provider_message_id=new_id(at),
        site_id=office.site.site_id,
        source_id=source.source_id,
        number=NUMBER,
        from_number=sender,
        body="Do you do boilers?",
        media=0,
        at=at,
        local_day=local_day(at, office.site.time_zone),
        none_likelihood=1.0,
        candidates=[],
    )
    office.session.add(message)
    office.session.flush()
    match_text(office.session, message, at=at, model=prior(), days=60)
    office.session.flush()
    return message


def shares(message: Message) -> dict[str, float]:
    return {c["visitor_id"]: c["likelihood"] for c in message.candidates}


def test_a_text_is_matched_as_a_call_of_its_moment_would_be(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(hours=h)) for h in range(EVIDENCE_FOR + 3)]
        note(office, people[0], "tel_click", START, number=NUMBER)
        message = text(office, source, LATER)
        call = ring(office, source, LATER)
        assert shares(message) == pytest.approx(likelihoods(office, call), abs=1e-12)
        assert message.none_likelihood == pytest.approx(call.none_likelihood, abs=1e-12)
        assert (message.matched_visitor_id, message.matched_visit_id) == (people[0].visitor_id, people[0].visit_id)
        assert message.matched_likelihood == message.candidates[0]["likelihood"]
        assert message.model_version == prior().version


def test_everything_sums_to_one_and_the_evidence_of_the_likeliest_adds_up(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source, START - timedelta(hours=h)) for h in range(EVIDENCE_FOR + 3)]
        note(office, people[0], "tel_click", START, number=NUMBER)
        message = text(office, source, LATER)
        found = message.candidates
        assert [c["rank"] for c in found] == list(range(1, len(found) + 1))
        assert {c["source"] for c in found} == {"google_ads"}
        assert math.fsum([*shares(message).values(), message.none_likelihood]) == pytest.approx(1, abs=1e-12)
        assert [c["evidence"] is not None for c in found] == [i < EVIDENCE_FOR for i in range(len(found))]
        for c in found[:EVIDENCE_FOR]:
            stated = math.log2(c["likelihood"] / message.none_likelihood)
            assert math.fsum(row["weight"] for row in c["evidence"]) == pytest.approx(stated, abs=1e-9)
        said = " ".join(row["value"] for c in found[:EVIDENCE_FOR] for row in c["evidence"])
        assert "before the text" in said
        assert "before the call" not in said


def test_the_calls_of_a_phone_say_whose_texts_its_are(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        first = holder(office, source)
        note(office, first, "tel_click", START, number=NUMBER)
        assert ring(office, source, START + timedelta(seconds=5)).matched_visitor_id == first.visitor_id
        weeks = START + timedelta(days=20)
        there = holder(office, source, weeks - timedelta(minutes=1))
        assert text(office, source, weeks).matched_visitor_id == first.visitor_id
        assert text(office, source, weeks, "+13105550111").matched_visitor_id == there.visitor_id
        assert first.visitor_id in shares(text(office, source, weeks, None)), "who has no number is somebody, too"


def test_a_phone_left_in_a_form_names_who_wrote(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        people = [holder(office, source) for _ in range(4)]
        left = Form(
            form_id=new_id(START),
            site_id=office.site.site_id,
            visitor_id=people[2].visitor_id,
            visit_id=people[2].visit_id or "",
            at=START,
            phone=PHONE,
        )
        office.session.add(left)
        office.session.flush()
        assert text(office, source, START + timedelta(hours=3)).matched_visitor_id == people[2].visitor_id


def test_the_texts_of_a_phone_are_no_calls_of_it(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        source = office.source("google_ads", [NUMBER])
        for _ in range(3):
            holder(office, source)
        untouched = likelihoods(office, ring(office, source, LATER, "+13105550111"))
        for minute in range(1, 4):
            text(office, source, LATER - timedelta(minutes=minute))
        after = likelihoods(office, ring(office, source, LATER))
        assert sorted(after.values()) == pytest.approx(sorted(untouched.values()), abs=1e-12)


def test_nobody_wrote_to_a_number_that_nobody_holds(database: Database) -> None:
    with database.write() as work:
        office = Business.open(work)
        board = office.source("billboard", [NUMBER], kind="offline", preset=None)
        message = text(office, board, START)
        assert (message.none_likelihood, message.candidates, message.matched_visit_id) == (1.0, [], None)
