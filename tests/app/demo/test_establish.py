import math
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.accounts.passwords import verify_password
from app.demo import establish as establishing
from app.demo.business import BILLBOARD, OWN_NUMBER, OWNER_EMAIL, SOURCES, TIME_ZONE
from app.demo.establish import demo_account, demo_site, establish
from app.demo.facts import Called, Decided, Ended, Noted, Opened
from app.demo.history import history
from app.secretbox import SecretBox
from app.settings import Settings
from core.time import format_time, local_day
from reports.accuracy import accuracy_report
from reports.period import period_asked_for
from store.calls import Call, CallCandidate, CallNote, MatchDecision
from store.directory import User
from store.sessions import Database
from store.sites import Account, TrackingSource
from store.visits import Visit, Visitor
from tests.support.serving import environ

AT = datetime(2026, 5, 6, 18, 30, tzinfo=UTC)


def _establish(database: Database, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")):
    box = SecretBox(Settings.from_env(environ("sqlite:///unused.db")))
    return establish(database, box, hosts=hosts, base_url="http://127.0.0.1:8000/demo", days=60, at=AT)


def test_a_business_with_a_past_is_there_and_its_sums_agree(database: Database):
    made = _establish(database)
    assert made is not None
    facts = history(end=AT, time_zone=TIME_ZONE)
    with database.read() as work:
        user = work.directory.scalar(select(User).where(User.email == OWNER_EMAIL))
        assert verify_password(user.password_hash, made.password)
        session = work.account(demo_account(work.directory) or "")
        site = demo_site(session)
        assert site.numbers == [OWN_NUMBER]
        calls = session.scalars(select(Call)).all()
        assert len(calls) == sum(isinstance(f, Called) for f in facts)
        # A trace tells milliseconds.
        assert sorted(format_time(c.started_at) for c in calls) == sorted(
            format_time(f.at) for f in facts if isinstance(f, Called)
        )
        assert all(c.started_at.microsecond % 1000 == 0 for c in calls)
        assert sorted(c.caller_name or "" for c in calls) == sorted(
            f.caller_name or "" for f in facts if isinstance(f, Called)
        )
        lasted = {f.seconds for f in facts if isinstance(f, Ended) and f.status == "completed"}
        assert {c.duration_seconds for c in calls if c.status == "completed"} == lasted
        assert {c.duration_seconds for c in calls if c.status != "completed"} == {0}
        assert sorted(c.status for c in calls) == sorted(f.status for f in facts if isinstance(f, Ended))
        people = {f.person.key for f in facts if isinstance(f, Opened)}
        assert session.scalar(select(func.count()).select_from(Visitor)) == len(people)
        assert session.scalar(select(func.max(Visit.last_seen_at))) <= AT
        for call in calls:
            rows = session.scalars(select(CallCandidate.likelihood).where(CallCandidate.call_id == call.call_id))
            assert math.fsum([*rows, call.none_likelihood]) == pytest.approx(1, abs=1e-9)
        reasons = session.scalars(select(MatchDecision.reason).where(MatchDecision.by == "staff"))
        assert sorted(map(str, reasons)) == sorted(f.reason for f in facts if isinstance(f, Decided))
        decided = sum(isinstance(f, Decided) for f in facts)
        assert sum(c.matched_by == "staff" for c in calls) == decided > 0
        assert sum(c.value_minor is not None for c in calls) == sum(
            isinstance(f, Noted) and f.cents is not None for f in facts
        )
        notes = sum(isinstance(f, Noted) and f.note is not None for f in facts)
        assert session.scalar(select(func.count()).select_from(CallNote)) == notes
        billboard = session.scalar(select(TrackingSource).where(TrackingSource.slug == BILLBOARD))
        assert all(c.matched_visit_id is None for c in calls if c.source_id == billboard.source_id)


def test_the_accuracy_report_has_something_to_say(database: Database):
    _establish(database)
    with database.read() as work:
        session = work.account(demo_account(work.directory) or "")
        site = demo_site(session)
        # As its page opens for a site this young: the full days it has been there.
        first = (local_day(site.created_at, site.time_zone) + timedelta(days=1)).isoformat()
        report = accuracy_report(session, site, period_asked_for(first, None, site.time_zone, AT), AT)
    verdicts = {s.slug: s.verdict for s in report.sources}
    assert verdicts["google_ads"] == "more"
    assert verdicts["google_organic"] == "right"
    assert verdicts["email"] == "fewer"
    assert len(verdicts) == len(SOURCES)


def test_it_is_made_once_and_later_hosts_are_let_in(database: Database):
    assert _establish(database) is not None
    assert _establish(database, ("127.0.0.1", "demo.example.com")) is None
    with database.read() as work:
        assert work.directory.scalar(select(func.count()).select_from(User)) == 1
        session = work.account(demo_account(work.directory) or "")
        assert demo_site(session).domains == ["127.0.0.1", "localhost", "demo.example.com"]


def test_what_breaks_off_leaves_nothing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    from store.engine import make_engine

    def killed(*_args: object, **_kw: object) -> None:
        raise KeyboardInterrupt

    database = Database(make_engine(sqlite_url))
    with monkeypatch.context() as patch:
        patch.setattr(establishing, "load", killed)
        with pytest.raises(KeyboardInterrupt):
            _establish(database)
    with database.read() as work:
        assert demo_account(work.directory) is None
        assert work.directory.scalar(select(func.count()).select_from(User)) == 0
    assert _establish(database) is not None
    with database.read() as work:
        session = work.account(demo_account(work.directory) or "")
        assert session.scalar(select(func.count()).select_from(Account)) == 1
    database.engine.dispose()
