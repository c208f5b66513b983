"""The calibration report over rows of a small business, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core.ids import new_id
from matching.annotate import annotate
from matching.override import override, undo
from reports.calibration import CalibrationReport, ProvenCall, calibration_report, proven_calls
from reports.period import Period
from reports.rules.calibration import Proof
from store.calls import Call, CallAnswer, MatchDecision
from store.sessions import AccountSession, Database
from store.sites import TrackingSource
from store.visits import Form, Visitor
from tests.reports.builders import rang, visits_on
from tests.support.rows import Business

ZONE = "America/New_York"
PERIOD = Period(start=datetime(2026, 3, 10, 4, tzinfo=UTC), end=datetime(2026, 3, 20, 4, tzinfo=UTC), time_zone=ZONE)
AT = PERIOD.start + timedelta(days=2, hours=12)
LATER = AT + timedelta(hours=3)
NOW = PERIOD.end + timedelta(hours=12)
NUMBER = "+12125560001"
CALLER = "+12125550199"


class Scene:
    """One source, three visitors, and what came to light of their calls."""

    def __init__(self, business: Business) -> None:
        self.business = business
        self.session = business.session
        self.ads: TrackingSource = business.source("google_ads", [NUMBER])
        self.anna, self.bo, self.cy = visits_on(business, self.ads, PERIOD.start - timedelta(days=60), 3)

    def call(self, candidates: list[tuple[Visitor, float]], at: datetime = AT, **fields: Any) -> Call:
        return rang(self.business, self.ads, NUMBER, at, candidates, **fields)

    def form(self, visitor: Visitor, at: datetime = LATER, phone: str | None = CALLER) -> None:
        self.session.add(
            Form(
                form_id=new_id(at),
                site_id=self.business.site.site_id,
                visitor_id=visitor.visitor_id,
                visit_id=visitor.visit_id,
                at=at,
                phone=phone,
            )
        )
        self.session.flush()

    def decide(self, call: Call, visitor: Visitor | None, user: str | None = None, at: datetime = LATER) -> None:
        visit_id = visitor.visit_id if visitor else None
        override(self.session, call_id=call.call_id, visit_id=visit_id, user_id=user, reason=None, at=at)

    def proven(self) -> list[ProvenCall]:
        return proven_calls(self.session, self.business.site.site_id, PERIOD.start, PERIOD.end)

    def report(self, period: Period = PERIOD, proof: Proof | None = None) -> CalibrationReport:
        return calibration_report(self.session, self.business.site, period, NOW, proof)


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    with database.write() as work:
        yield Scene(Business.open(work))


def the_one(scene: Scene) -> ProvenCall:
    (found,) = scene.proven()
    return found


def test_staff_confirm_and_correct(scene: Scene) -> None:
    user = new_id(AT)
    right, wrong = scene.call([(scene.anna, 0.8)]), scene.call([(scene.anna, 0.7)])
    nobody = scene.call([(scene.anna, 0.2)])
    scene.call([(scene.bo, 0.9)])  # nobody looked at it
    scene.decide(right, scene.anna, user)
    scene.decide(wrong, scene.bo, user)
    scene.decide(nobody, None)
    found = {c.judged.call_id: c for c in scene.proven()}
    assert set(found) == {right.call_id, wrong.call_id, nobody.call_id}
    first = found[right.call_id]
    assert (first.judged.stated, first.judged.right, first.judged.user_id) == (0.8, True, user)
    assert (first.said, first.truth) == (scene.anna.visitor_id, scene.anna.visitor_id)
    assert (found[wrong.call_id].judged.right, found[wrong.call_id].truth) == (False, scene.bo.visitor_id)
    assert (found[nobody.call_id].judged.right, found[nobody.call_id].said) == (True, None)
    assert found[nobody.call_id].judged.stated == pytest.approx(0.8)
    assert {c.judged.proof for c in found.values()} == {Proof.STAFF}


def test_a_decision_taken_back_is_no_proof_and_the_last_one_counts(scene: Scene) -> None:
    call = scene.call([(scene.anna, 0.8)])
    scene.decide(call, scene.bo)
    undo(scene.session, call_id=call.call_id, user_id=None, at=LATER + timedelta(minutes=1))
    assert scene.proven() == []
    scene.decide(call, scene.anna, at=LATER + timedelta(minutes=2))
    assert the_one(scene).judged.right


def test_the_first_answer_is_judged_not_a_better_one_given_later(scene: Scene) -> None:
    call = scene.call([(scene.anna, 0.6), (scene.bo, 0.3)])
    scene.session.add(
        MatchDecision(
            decision_id=new_id(LATER),
            call_id=call.call_id,
            at=LATER,
            by="model",
            visit_id=scene.bo.visit_id,
            visitor_id=scene.bo.visitor_id,
            likelihood=0.95,
            model_version="test-2",
            reason="a form came",
        )
    )
    call.model_visitor_id, call.model_likelihood, call.model_version = scene.bo.visitor_id, 0.95, "test-2"
    scene.session.flush()
    scene.decide(call, scene.bo, at=LATER + timedelta(hours=1))
    found = the_one(scene)
    assert (found.judged.stated, found.judged.right, found.said) == (0.6, False, scene.anna.visitor_id)
    assert found.judged.version == "test-1"


def test_a_form_after_the_call_judges_the_likeliest_visitor_among_the_visitors(scene: Scene) -> None:
    scene.call([(scene.anna, 0.6), (scene.bo, 0.2)])
    scene.form(scene.anna)
    found = the_one(scene)
    assert (found.judged.proof, found.judged.right) == (Proof.FORM, True)
    assert found.judged.stated == pytest.approx(0.6 / 0.8)
    assert found.truth == scene.anna.visitor_id


def test_a_form_judges_the_likeliest_visitor_where_the_model_had_said_nobody(scene: Scene) -> None:
    scene.call([(scene.anna, 0.3), (scene.bo, 0.1)])
    scene.form(scene.bo)
    found = the_one(scene)
    assert (found.judged.right, found.said) == (False, scene.anna.visitor_id)
    assert found.judged.stated == pytest.approx(0.3 / 0.4)


def test_an_answer_that_was_superseded_is_judged_by_what_it_gave_then(scene: Scene) -> None:
    call = scene.call([(scene.anna, 0.3), (scene.bo, 0.1)])
    for ordinal, (none, first) in enumerate([(0.6, 0.3), (0.1, 0.7)], start=1):
        scene.session.add(
            CallAnswer(
                call_id=call.call_id,
                ordinal=ordinal,
                at=LATER,
                none_likelihood=none,
                candidates=[
                    {"visitor_id": scene.anna.visitor_id, "likelihood": first},
                    {"visitor_id": scene.bo.visitor_id, "likelihood": 0.1},
                ],
            )
        )
    call.none_likelihood = 0.01  # as it stands now
    scene.form(scene.anna)
    found = the_one(scene)
    assert (found.judged.right, found.judged.stated) == (True, pytest.approx(0.3 / 0.4))


@pytest.mark.parametrize("why", ["before", "another phone", "withheld", "two visitors", "no candidate", "spam"])
def test_a_form_that_proves_nothing(scene: Scene, why: str) -> None:
    candidates = [] if why == "no candidate" else [(scene.anna, 0.6)]
    call = scene.call(candidates, **({"from_number": None} if why == "withheld" else {}))
    scene.form(
        scene.anna,
        at=AT - timedelta(minutes=1) if why == "before" else LATER,
        phone=None if why == "withheld" else "+12125550177" if why == "another phone" else CALLER,
    )
    if why == "two visitors":
        scene.form(scene.bo, at=LATER + timedelta(days=1))
    if why == "spam":
        annotate(scene.session, call_id=call.call_id, at=LATER, spam=True)
    assert [c for c in scene.proven() if c.judged.proof is Proof.FORM] == []


def test_spam_marked_later_was_nobodys(scene: Scene) -> None:
    seen, missed = scene.call([(scene.anna, 0.1)]), scene.call([(scene.anna, 0.7)])
    for call in (seen, missed):
        annotate(scene.session, call_id=call.call_id, at=LATER, spam=True)
    found = {c.judged.call_id: c.judged for c in scene.proven()}
    assert {j.proof for j in found.values()} == {Proof.SPAM}
    assert (found[seen.call_id].right, found[missed.call_id].right) == (True, False)


def test_kinds_stand_apart_and_together_a_call_counts_once(scene: Scene) -> None:
    both = scene.call([(scene.anna, 0.9)])
    scene.form(scene.anna)
    scene.decide(both, scene.bo)
    spam = scene.call([(scene.anna, 0.7)], from_number=None)
    annotate(scene.session, call_id=spam.call_id, at=LATER, spam=True)
    report = scene.report()
    assert {kind: r.tally.calls for kind, r in report.by_proof.items()} == {
        Proof.STAFF: 1,
        Proof.FORM: 1,
        Proof.SPAM: 1,
    }
    assert (report.overall.tally.calls, report.overall.tally.right) == (1, 0)  # staff outrank the form
    assert scene.report(proof=Proof.FORM).overall.tally.right == 1
    assert scene.report(proof=Proof.SPAM).overall.tally.wrong == 1


def test_only_calls_of_the_period_and_the_site(scene: Scene) -> None:
    for at in (PERIOD.start - timedelta(seconds=1), PERIOD.start, PERIOD.end):
        scene.decide(scene.call([(scene.anna, 0.9)], at), scene.anna, at=at + timedelta(hours=1))
    assert the_one(scene).started_at == PERIOD.start
    report = scene.report()
    assert (report.calls, report.overall.tally.calls) == (1, 1)
    assert proven_calls(scene.session, new_id(AT), PERIOD.start, PERIOD.end) == []


def test_the_alarm_looks_at_four_weeks_however_short_the_period(scene: Scene) -> None:
    for i in range(24):
        at = PERIOD.end - timedelta(days=25, minutes=i)
        scene.decide(scene.call([(scene.anna, 0.95)], at), scene.bo, at=at + timedelta(hours=1))
    older = PERIOD.end - timedelta(days=29)
    scene.decide(scene.call([(scene.anna, 0.95)], older), scene.bo, at=older + timedelta(hours=1))
    report = scene.report(Period(start=PERIOD.end - timedelta(days=7), end=PERIOD.end, time_zone=ZONE))
    assert (report.overall.tally.calls, report.slip.tally.calls) == (0, 24)
    assert report.slip.alarm


def test_sources_people_versions_and_weeks(scene: Scene) -> None:
    one, two = new_id(AT), new_id(AT)
    email = scene.business.source("email", ["+12125560002"])
    for i in range(3):
        scene.decide(scene.call([(scene.anna, 0.9)]), scene.anna if i else scene.bo, one)
    scene.call([(scene.anna, 0.9)])
    elsewhere = rang(scene.business, email, "+12125560002", AT + timedelta(days=5), [(scene.cy, 0.6)])
    scene.decide(elsewhere, None, two, at=AT + timedelta(days=6))
    report = scene.report()
    ads, mail = report.by_source
    assert (ads.source_id, ads.calls, ads.decided, ads.tally.wrong) == (scene.ads.source_id, 4, 3, 1)
    assert (mail.source_id, mail.calls, mail.decided, mail.tally.wrong) == (email.source_id, 1, 1, 1)
    assert {u: (t.calls, t.wrong) for u, t in report.by_user.items()} == {one: (3, 1), two: (1, 1)}
    assert {v: t.calls for v, t in report.by_version.items()} == {"test-1": 4}
    assert [(w.begins.isoformat(), w.tally.calls) for w in report.by_week] == [("2026-03-09", 3), ("2026-03-16", 1)]


def test_another_account_sees_nothing_of_it(scene: Scene) -> None:
    scene.decide(scene.call([(scene.anna, 0.9)]), scene.anna)
    site = scene.business.site
    stranger = AccountSession(scene.session.connection(), new_id(AT))
    assert proven_calls(stranger, site.site_id, PERIOD.start, PERIOD.end) == []
    stranger.close()


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_five_queries_however_many_calls(scene: Scene, database: Database) -> None:
    for i in range(30):
        call = scene.call([(scene.anna, 0.6), (scene.bo, 0.3)], AT + timedelta(minutes=i))
        if i % 2:
            scene.decide(call, scene.anna)
    scene.form(scene.anna)
    scene.session.flush()
    with counting(database) as seen:
        report = scene.report()
    assert len(seen) == 5
    assert report.overall.tally.calls == 30
    assert report.overall.bands
