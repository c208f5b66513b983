import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.nightly_jobs import NIGHTLY, Night
from app.retention.nightly import Retention, foresee
from app.retention.policy import Policy, policy_of, set_policy
from app.settings import Settings
from app.telephony.media_store import new_file, path_of
from core.errors import InvalidInput
from core.ids import new_id
from core.time import local_day
from reports.counts import Counts, counts_of
from reports.period import Period
from store.base import Base
from store.calls import Call, CallCandidate, CallNote, CallTag, MatchDecision
from store.imports import ImportedVisitor
from store.keeping import AuditEntry
from store.messages import Message
from store.models import JobRun
from store.provider_events import CallLeg, CallRecording, ProviderEvent
from store.sessions import Database
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Assignment, Form, Visit, VisitEvent, Visitor
from tests.app.backup.copies import settings_of
from tests.reports.builders import event, holds, rang, visit
from tests.support.rows import START, Business

OLD, NOW = START, START + timedelta(days=800)
NUMBERS = ["+12125550142", "+12125550143"]
URL = "https://example.com/offer?gclid=Cj0secretclick&utm_campaign=spring&mail=anna@example.com"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, tmp_path)


class _Shop:
    """A shop with two years of visits: one of long ago that called, one that did not, and one of yesterday."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as work:
            business = Business.open(work, OLD - timedelta(days=1))
            self.account_id, self.site = business.session.account_id, business.site
            source = business.source("google_ads", NUMBERS, OLD - timedelta(days=1))
            self.source_id = source.source_id
            self.silent, self.caller, self.loyal, self.late = (
                self._visitor(business, source, at)
                for at in (OLD, OLD + timedelta(hours=1), OLD + timedelta(hours=2), NOW - timedelta(days=1))
            )
            at = NOW - timedelta(days=2)
            self.again = visit(business, self.loyal, at, last_viewed_at=at).visit_id
            self.loyal.visit_id, self.loyal.last_seen_at = self.again, at
            self.call = rang(
                business,
                source,
                NUMBERS[0],
                OLD + timedelta(hours=1, minutes=5),
                candidates=[(self.caller, 0.8)],
            )
            business.session.add(
                ImportedVisitor(site_id=self.site.site_id, key=b"k" * 32, visitor_id=self.silent.visitor_id)
            )

    @staticmethod
    def _visitor(business: Business, source: TrackingSource, at: datetime) -> Visitor:
        visitor = business.visitor(at, source, landing_url=URL, click_ids={"gclid": "Cj0secretclick"}, user_agent="Moz")
        visitor.origin = "network"
        holds(business, visitor, source, NUMBERS[0], at, at + timedelta(hours=3))
        event(business, visitor, "tel_click", at, number=NUMBERS[0], url=URL)
        business.session.add(
            Form(
                form_id=new_id(at),
                site_id=business.site.site_id,
                visitor_id=visitor.visitor_id,
                visit_id=visitor.visit_id or "",
                at=at,
                email="anna@example.com",
            )
        )
        business.session.flush()
        return visitor

    def night(self, settings: Settings, stopping: Callable[[], bool] = lambda: False) -> dict[str, int]:
        done = Retention(self.database, settings, self.account_id, NOW, stopping).run()
        return {name: count for name, count in done.counts.items() if count}

    def ids(self, column: object) -> set[object]:
        with self.database.read() as work:
            return set(work.account(self.account_id).scalars(select(column)))  # type: ignore[call-overload]

    def counts(self, start: datetime, end: datetime) -> Counts:
        with self.database.read() as work:
            session = work.account(self.account_id)
            site = session.scalars(select(Site)).one()
            return counts_of(session, site, Period(start=start, end=end, time_zone=site.time_zone), NOW)

    def put(self, *rows: Base) -> None:
        with self.database.write() as work:
            work.account(self.account_id).add_all(rows)

    def policy(self, **days: int | None) -> None:
        with self.database.write() as work:
            set_policy(work.account(self.account_id), days, candidate_days=60, by="system", user_id=None, at=NOW)


@pytest.fixture
def shop(database: Database) -> _Shop:
    return _Shop(database)


def test_visits_that_nobody_refers_to_go_with_all_that_hangs_on_them(shop: _Shop, settings: Settings):
    assert shop.night(settings) == {"visits": 2, "visits emptied": 1}
    assert shop.ids(Visit.visit_id) == {shop.caller.visit_id, shop.again, shop.late.visit_id}
    assert shop.ids(Visitor.visitor_id) == {shop.caller.visitor_id, shop.loyal.visitor_id, shop.late.visitor_id}
    assert shop.ids(Assignment.visitor_id) == {shop.caller.visitor_id, shop.late.visitor_id}
    assert shop.ids(VisitEvent.visit_id) == shop.ids(Form.visit_id) == {shop.late.visit_id}
    assert shop.ids(ImportedVisitor.visitor_id) == set()
    assert shop.ids(CallCandidate.visit_id) == {shop.caller.visit_id}


def test_what_a_call_refers_to_keeps_its_campaign_and_nothing_of_the_person(shop: _Shop, settings: Settings):
    shop.night(settings)
    with shop.database.read() as work:
        session = work.account(shop.account_id)
        visit = session.get_one(Visit, (shop.account_id, shop.caller.visit_id))
        visitor = session.get_one(Visitor, (shop.account_id, shop.caller.visitor_id))
        late = session.get_one(Visit, (shop.account_id, shop.late.visit_id))
    assert visit.landing_url == "https://example.com/offer?utm_campaign=spring&gclid=removed"
    assert (visit.click_ids, visit.user_agent, visit.last_path, visitor.origin) == (
        {"gclid": "removed"},
        None,
        None,
        None,
    )
    assert (visit.source_id, visit.started_at) == (shop.source_id, shop.caller.first_seen_at)
    assert late.landing_url == URL
    assert shop.night(settings) == {}, "a second night finds nothing"


def test_reports_over_visitors_stay_what_they_were(shop: _Shop, settings: Settings):
    """Also after the site moved to another clock, and after the night was broken off in between."""
    begin = datetime.combine(local_day(OLD, "America/New_York"), datetime.min.time(), NOW.tzinfo) + timedelta(hours=5)
    period = (begin - timedelta(days=3), begin + timedelta(days=3))
    before = shop.counts(*period)
    assert before != Counts()
    for looks in range(8):
        looked = itertools.chain([False] * looks, itertools.repeat(True))
        shop.night(settings, lambda looked=looked: next(looked))  # type: ignore[misc]
        assert shop.counts(*period) == before
    shop.night(settings)
    assert len(shop.ids(Visit.visit_id)) == 3
    assert shop.counts(*period) == before
    with shop.database.write() as work:
        work.account(shop.account_id).scalars(select(Site)).one().time_zone = "America/Los_Angeles"
    moved = shop.counts(begin - timedelta(days=3, hours=-3), begin + timedelta(days=3, hours=3))
    assert moved == before


def test_forever_is_forever(shop: _Shop, settings: Settings):
    shop.policy(visits_days=None)
    assert shop.night(settings) == {}


def _call_with_everything(shop: _Shop, settings: Settings) -> CallRecording:
    call_id = shop.call.call_id
    recording = CallRecording(
        recording_id=new_id(OLD), call_id=call_id, provider_recording_id="RE1", status="completed", made_at=OLD
    )
    recording.stored_at, recording.media_type, recording.size_bytes = OLD, "audio/mpeg", 3
    with new_file(settings, shop.account_id, recording.recording_id) as half:
        half.file.write(b"abc")
        half.keep(path_of(settings, shop.account_id, recording.recording_id, "audio/mpeg"))
    shop.put(
        recording,
        CallTag(call_id=call_id, tag="lead", position=0),
        CallNote(note_id=new_id(OLD), call_id=call_id, at=OLD, text="asked for a price"),
        CallLeg(call_id=call_id, provider_leg_id="CA2", status="completed", updated_at=OLD),
        MatchDecision(decision_id=new_id(OLD), call_id=call_id, at=OLD, by="staff", likelihood=0.8),
    )
    return recording


def test_recordings_lose_their_files_and_stay_known(shop: _Shop, settings: Settings):
    recording = _call_with_everything(shop, settings)
    path = path_of(settings, shop.account_id, recording.recording_id, "audio/mpeg")
    assert path.exists()
    assert shop.night(settings)["recordings"] == 1
    assert not path.exists()
    assert shop.ids(CallRecording.deleted_at) == {NOW}
    assert shop.ids(Call.call_id) == {shop.call.call_id}


def test_calls_go_with_all_that_hangs_on_them_and_free_their_visits(shop: _Shop, settings: Settings):
    recording = _call_with_everything(shop, settings)
    shop.policy(calls_days=700, recordings_days=None)
    assert shop.night(settings) == {"calls": 1, "visits": 3}
    for column in (Call.call_id, CallCandidate.call_id, CallTag.tag, CallNote.text, CallLeg.call_id):
        assert shop.ids(column) == set()
    assert shop.ids(CallRecording.call_id) == shop.ids(MatchDecision.call_id) == set()
    assert not path_of(settings, shop.account_id, recording.recording_id, "audio/mpeg").exists()


def test_texts_events_log_and_runs_go_by_their_own_days(shop: _Shop, settings: Settings):
    def rows(at: datetime) -> list[Base]:
        return [
            Message(
                message_id=new_id(at),
                provider="twilio",
                provider_message_id=new_id(at),
                site_id=shop.site.site_id,
                source_id=shop.source_id,
                number=NUMBERS[0],
                body="hello",
                at=at,
                local_day=at.date(),
                none_likelihood=1.0,
                candidates=[],
            ),
            ProviderEvent(
                event_id=new_id(at),
                event_key=new_id(at).encode(),
                provider="twilio",
                kind="voice",
                fields=[],
                via="webhook",
                received_at=at,
                state="done",
            ),
            AuditEntry(entry_id=new_id(at), at=at, by="system", action="x", details={}),
            JobRun(job="curves", due_at=at, started_at=at, ended_at=at),
        ]

    waiting = rows(OLD)[1]
    waiting.state = "waiting"  # type: ignore[attr-defined]
    shop.put(waiting, *rows(OLD), *rows(NOW - timedelta(days=10)))
    shop.policy(messages_days=365, visits_days=None)
    assert shop.night(settings) == {"messages": 1, "events": 1, "audit": 1}
    assert shop.ids(ProviderEvent.state) == {"waiting", "done"}, "what waits is late, not old"
    assert shop.ids(Message.at) == shop.ids(JobRun.due_at) == {NOW - timedelta(days=10)}


def test_what_is_foreseen_is_what_the_night_removes(shop: _Shop, settings: Settings):
    _call_with_everything(shop, settings)
    for days in ({}, {"calls_days": 700}):
        shop.policy(**days)
        with shop.database.read() as work:
            session = work.account(shop.account_id)
            foreseen = foresee(session, policy_of(session), NOW)
        if not days:
            assert shop.night(settings) == {name: count for name, count in foreseen.items() if count}
        else:
            # A visit that was kept for a call goes with it, a night's work that only shows once the call is gone.
            assert shop.night(settings) == {"calls": foreseen["calls"], "visits": 1}


def test_other_accounts_are_left_alone(shop: _Shop, settings: Settings):
    other = _other(shop.database)
    before = _census(shop.database, other)
    shop.policy(calls_days=30, messages_days=30)
    shop.night(settings)
    assert _census(shop.database, other) == before


def _other(database: Database) -> str:
    with database.write() as work:
        business = Business.open(work, OLD - timedelta(days=1))
        source = business.source("google_ads", ["+12125550199"], OLD - timedelta(days=1))
        business.visitor(OLD, source)
        rang(business, source, "+12125550199", OLD, candidates=[])
        return business.session.account_id


def _census(database: Database, account_id: str) -> list[int]:
    with database.read() as work:
        session = work.account(account_id)
        return [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Visit, Visitor, Assignment, Call, TrackingNumber)
        ]


def test_it_is_a_job_of_the_night(shop: _Shop, settings: Settings):
    night = Night(database=shop.database, settings=settings, account_id=shop.account_id, at=NOW, stopping=lambda: False)
    done = NIGHTLY["retention"](night)
    assert (done.failed, done.stopped) == (False, False)
    assert done.said == "removed 2 visits, 1 visits emptied"
    assert NIGHTLY["retention"](replace(night, stopping=lambda: True)).stopped


def test_days_that_are_not_allowed_are_named(shop: _Shop):
    for days, field in (
        ({"visits_days": 59}, "visits_days"),
        ({"calls_days": 29}, "calls_days"),
        ({"audit_days": 3651}, "audit_days"),
    ):
        with pytest.raises(InvalidInput) as caught:
            shop.policy(**days)
        assert list(caught.value.fields) == [field]
    shop.policy(visits_days=60)
    with shop.database.read() as work:
        assert policy_of(work.account(shop.account_id)) == Policy(visits_days=60)
