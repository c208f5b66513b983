"""Nightly training: once however many look, caught up once, stopped at once."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from app import jobs as jobs_module
from app.factory import create_app
from app.job_runs import BROKE_OFF, TRAIN, Run, begin, recent_runs
from app.jobs import Jobs, start_jobs
from app.nightly_jobs import Night as NightOf
from app.settings import Settings
from app.training_process import Outcome
from store.engine import make_engine
from store.models import JobRun
from store.sessions import Database
from store.sites import Site
from tests.support.models import account_with_site
from tests.support.rows import START
from tests.support.serving import Clock, environ, wait_until

DUE = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
"""Half past three in the night after START, in New York."""


@dataclass
class Night:
    """A database, the time, and what was trained."""

    url: str
    database: Database
    at: datetime = DUE + timedelta(seconds=10)
    trained: list[tuple[str, datetime]] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(said="version 2026-03-03 is in use now"))
    during: Callable[[Callable[[], bool]], None] = lambda _: None
    nightly: dict[str, Callable[[NightOf], Outcome]] = field(default_factory=dict)
    regular: bool = False

    def settings(self, **more: str) -> Settings:
        return Settings.from_env(environ(self.url, **more))

    def jobs(self, **more: str) -> Jobs:
        """Another process' jobs: a database of its own."""
        made = Jobs(
            settings=self.settings(**more),
            database=Database(make_engine(self.url)),
            tell_time=lambda: self.at,
            train=self._train,
            nightly=self.nightly,
            regular=self.regular,
        )
        self.made.append(made)
        return made

    made: list[Jobs] = field(default_factory=list)

    def _train(self, _settings: Settings, account_id: str, stopping: Callable[[], bool]) -> Outcome:
        self.trained.append((account_id, self.at))
        self.during(stopping)
        return replace(self.outcome, stopped=True) if stopping() else self.outcome

    def runs(self, account_id: str) -> list[JobRun]:
        with self.database.read() as work:
            return list(recent_runs(work.account(account_id), TRAIN, 50))


@pytest.fixture
def night(database: Database, database_url: str) -> Iterator[Night]:
    one = Night(database_url, database)
    yield one
    for jobs in one.made:
        jobs.stop()
        jobs._database.engine.dispose()


def test_a_due_run_happens_once_and_says_what_came_of_it(night: Night) -> None:
    account_id = account_with_site(night.database)
    jobs = night.jobs()
    night.at = DUE - timedelta(seconds=1)
    jobs.look()
    assert night.trained == []
    night.at = DUE + timedelta(hours=2)
    for _ in range(3):
        jobs.look()
    assert night.trained == [(account_id, night.at)]
    [run] = night.runs(account_id)
    assert (run.due_at, run.started_at, run.ended_at) == (DUE, night.at, night.at)
    assert (run.outcome, run.failed) == ("version 2026-03-03 is in use now", False)
    night.at += timedelta(days=1)
    jobs.look()
    assert [r.due_at for r in night.runs(account_id)] == [DUE + timedelta(days=1), DUE]


def test_the_scheduler_looks_by_itself_by_a_clock_that_runs(night: Night) -> None:
    account_id = account_with_site(night.database)
    jobs = Jobs(
        settings=night.settings(),
        database=Database(make_engine(night.url)),
        tell_time=Clock(timedelta(minutes=1)),
        train=night._train,
        nightly={},
        regular=False,
    )
    night.made.append(jobs)
    jobs.start(first_look=timedelta())
    wait_until(lambda: any(run.ended_at for run in night.runs(account_id)), 20, "nothing was trained")
    assert [account for account, _ in night.trained] == [account_id]


def test_two_schedulers_on_one_database_run_it_once(night: Night) -> None:
    accounts = sorted(account_with_site(night.database) for _ in range(3))
    together = threading.Barrier(2)
    pair = [night.jobs(), night.jobs()]

    def look(jobs: Jobs) -> None:
        together.wait(10)
        for _ in range(5):
            jobs.look()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(look, pair))
    assert sorted(account for account, _ in night.trained) == accounts


def test_without_the_leader_lock_the_row_alone_holds_it_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    class Everybody:
        def hold(self) -> bool:
            return True

        def release(self) -> None:
            pass

    monkeypatch.setattr(jobs_module, "leadership", lambda _: Everybody())
    # Nobody sees the other's row before both have found the run due.
    found = threading.Barrier(4)

    def late(*arguments: object, **options: object) -> bool:
        found.wait(10)
        return begin(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs_module, "begin", late)
    account_id = account_with_site(night.database)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda jobs: jobs.look(), [night.jobs() for _ in range(4)]))
    assert [account for account, _ in night.trained] == [account_id]
    assert len(night.runs(account_id)) == 1


def test_nights_that_were_missed_are_caught_up_once(night: Night) -> None:
    account_id = account_with_site(night.database)
    night.jobs().look()
    night.made[0].stop()
    night.at += timedelta(days=9, hours=5)
    after_restart = night.jobs()
    for _ in range(2):
        after_restart.look()
    # The clocks changed meanwhile: half past three is an hour earlier in UTC.
    assert [r.due_at for r in night.runs(account_id)] == [DUE + timedelta(days=9, hours=-1), DUE]
    assert len(night.trained) == 2


def test_nothing_is_caught_up_from_before_there_was_a_site(night: Night) -> None:
    account_id = account_with_site(night.database, at=DUE + timedelta(minutes=1))
    night.at = DUE + timedelta(hours=3)
    night.jobs().look()
    assert night.runs(account_id) == []


def test_a_failed_run_says_why_and_the_next_night_tries_again(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    account_id = account_with_site(night.database)
    night.outcome = Outcome(said="the disk is full", failed=True)
    jobs = night.jobs()
    with caplog.at_level(logging.WARNING, "ringtrace.jobs"):
        jobs.look()
    assert "the disk is full" in caplog.text
    jobs.look()
    [run] = night.runs(account_id)
    assert (run.failed, run.outcome) == (True, "the disk is full")

    def breaks(_: object) -> None:
        raise OSError("no more processes")

    night.during = breaks
    night.at += timedelta(days=1)
    jobs.look()
    assert night.runs(account_id)[0].outcome == "could not be started: no more processes"
    assert len(night.trained) == 2


def test_one_accounts_failure_does_not_keep_the_others(night: Night) -> None:
    accounts = {account_with_site(night.database) for _ in range(3)}

    def breaks(_: object) -> None:
        raise RuntimeError("x" * 2000)

    night.during = breaks
    night.jobs().look()
    assert {account for account, _ in night.trained} == accounts
    assert all(night.runs(account_id)[0].failed for account_id in accounts)


def begun(night: Night, account_id: str, due_at: datetime = DUE) -> None:
    """A run somebody began who is gone."""
    assert begin(night.database, Run(account_id=account_id, job=TRAIN, due_at=due_at, started_at=due_at))


def test_a_run_that_broke_off_is_taken_up_by_the_next_leader(night: Night) -> None:
    account_id = account_with_site(night.database)
    begun(night, account_id)
    jobs = night.jobs()
    for _ in range(2):
        jobs.look()
    [run] = night.runs(account_id)
    assert (run.failed, run.outcome, run.started_at) == (False, "version 2026-03-03 is in use now", night.at)
    assert len(night.trained) == 1


def test_a_run_that_takes_the_machine_down_is_not_tried_a_third_time(night: Night) -> None:
    account_id = account_with_site(night.database)
    begun(night, account_id, DUE - timedelta(days=1))
    begun(night, account_id)

    def dies(_: object) -> None:
        raise SystemExit

    night.during = dies
    with pytest.raises(SystemExit):
        night.jobs().look()
    night.made[0].stop()
    assert [(r.failed, r.ended_at is None) for r in night.runs(account_id)] == [(False, True), (True, False)]
    night.during = lambda _: None
    jobs = night.jobs()
    jobs.look()
    assert [(r.failed, r.outcome) for r in night.runs(account_id)] == [(True, BROKE_OFF), (True, BROKE_OFF)]
    assert len(night.trained) == 1
    night.at += timedelta(days=1)
    jobs.look()
    assert len(night.trained) == 2


def test_who_leads_no_more_stops_and_leaves_the_run_to_the_new_leader(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = account_with_site(night.database)
    first, second = night.jobs(), night.jobs()
    told: list[bool] = []

    def loses(stopping: Callable[[], bool]) -> None:
        if told:
            return
        told.append(stopping())
        first._lead.release()
        monkeypatch.setattr(first._lead, "hold", lambda: False)
        night.at += timedelta(minutes=5)
        told.append(stopping())
        second.look()

    night.during = loses
    first.look()
    assert told == [False, True]
    assert len(night.trained) == 2
    [run] = night.runs(account_id)
    assert (run.failed, run.started_at) == (False, night.at), "what the second wrote stays"
    assert run.ended_at is not None


def test_a_run_that_is_stopped_is_left_to_the_next_start(night: Night) -> None:
    account_id = account_with_site(night.database)
    begun = threading.Event()

    def until_told(stopping: Callable[[], bool]) -> None:
        begun.set()
        wait_until(stopping, 10, "nobody said to stop")

    night.during = until_told
    first = night.jobs()
    night.at = datetime.now(UTC)
    first.start(first_look=timedelta())
    assert begun.wait(10)
    assert len(night.runs(account_id)) == 1
    first.stop()
    assert night.runs(account_id) == []
    night.during = lambda _: None
    second = night.jobs()
    second.look()
    assert [r.failed for r in night.runs(account_id)] == [False]


def test_moving_to_another_zone_trains_no_night_twice(night: Night) -> None:
    account_id = account_with_site(night.database)
    jobs = night.jobs()
    jobs.look()
    with night.database.write() as work:
        work.account(account_id).execute(update(Site).values(time_zone="Europe/Berlin"))
    night.at += timedelta(hours=2)
    jobs.look()
    assert len(night.trained) == 1
    with night.database.write() as work:
        work.account(account_id).execute(update(Site).values(time_zone="America/Los_Angeles"))
    night.at += timedelta(hours=2)
    jobs.look()
    assert len(night.runs(account_id)) == len(night.trained) == 2, "half past three came on the new clock"


def test_the_hour_is_a_setting(night: Night) -> None:
    account_id = account_with_site(night.database)
    night.at = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    jobs = night.jobs(RINGTRACE_TRAIN_AT="19:00")
    jobs.look()
    assert night.trained == []
    night.at += timedelta(minutes=1)
    jobs.look()
    assert [r.due_at for r in night.runs(account_id)] == [night.at]


def test_a_database_that_is_down_is_asked_again(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    account_id = account_with_site(night.database)
    jobs = night.jobs()
    with night.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE site_keys RENAME TO elsewhere")
    jobs.look()
    assert "the database does not answer" in caplog.text
    with night.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO site_keys")
    jobs.look()
    assert [account for account, _ in night.trained] == [account_id]


def test_serving_starts_them_and_ends_them(sqlite_url: str) -> None:
    app = create_app(Settings.from_env(environ(sqlite_url)))
    jobs = start_jobs(app)
    assert jobs is not None
    threads = {t.name for t in threading.enumerate()}
    assert "APScheduler" in threads
    jobs.stop()
    jobs.stop()
    assert "APScheduler" not in {t.name for t in threading.enumerate()}
    app.extensions["ringtrace"].database.engine.dispose()


def test_off_means_no_nights_but_the_minutes_go_on(night: Night) -> None:
    account_id = account_with_site(night.database)
    night.regular = True
    night.nightly = {"curves": lambda _: Outcome(said="never")}
    night.jobs(RINGTRACE_TRAIN_AT="off").look()
    assert night.trained == []
    with night.database.read() as work:
        assert {run.job for run in work.account(account_id).scalars(select(JobRun))} == {"count", "alarms"}


def test_the_rest_of_the_night_follows_the_training_once(night: Night) -> None:
    account_id = account_with_site(night.database)
    done: list[tuple[str, str, datetime]] = []

    def curves(of: NightOf) -> Outcome:
        done.append(("curves", of.account_id, of.at))
        return Outcome(said="3 curves")

    def reconcile(of: NightOf) -> Outcome:
        done.append(("reconcile", of.account_id, of.at))
        raise OSError("no more processes")

    night.nightly = {"curves": curves, "reconcile": reconcile}
    for jobs in (night.jobs(), night.jobs()):
        jobs.look()
        jobs.look()
        jobs.stop()
    assert len(night.trained) == 1
    assert done == [("curves", account_id, night.at), ("reconcile", account_id, night.at)]
    with night.database.read() as work:
        session = work.account(account_id)
        [made], [failed] = recent_runs(session, "curves", 5), recent_runs(session, "reconcile", 5)
        assert (made.due_at, made.outcome, made.failed) == (DUE, "3 curves", False)
        assert (failed.outcome, failed.failed) == ("could not be started: no more processes", True)


def test_the_minutes_happen_once_in_ten_and_are_forgotten_after_days(night: Night) -> None:
    account_id = account_with_site(night.database)
    night.regular = True
    pair = [night.jobs(RINGTRACE_TRAIN_AT="off") for _ in range(2)]

    def runs() -> list[datetime]:
        with night.database.read() as work:
            return [run.due_at for run in recent_runs(work.account(account_id), "alarms", 50)]

    for _ in range(3):
        pair[0].look()
    assert runs() == [DUE]
    pair[0].stop()
    night.at += timedelta(minutes=10)
    pair[1].look()
    assert runs() == [DUE + timedelta(minutes=10), DUE]
    night.at += timedelta(days=4)
    pair[1].look()
    assert runs() == [DUE + timedelta(days=4, minutes=10)]


def test_the_default_is_half_past_three(sqlite_url: str) -> None:
    assert Settings.from_env(environ(sqlite_url)).train_at == time(3, 30)


def test_only_the_newest_sites_zone_does_not_count(night: Night) -> None:
    """The first site's does."""
    account_id = account_with_site(night.database)
    with night.database.write() as work:
        session = work.account(account_id)
        first = session.scalar(select(Site))
        assert first is not None
        values = {c.key: getattr(first, c.key) for c in Site.__table__.columns}
        session.add(Site(**{**values, "site_id": "f" * 32, "time_zone": "Asia/Tokyo", "created_at": START}))
    night.at = datetime(2026, 3, 2, 20, tzinfo=UTC)
    night.jobs().look()
    assert night.trained == [], "it is half past three in Tokyo only"
