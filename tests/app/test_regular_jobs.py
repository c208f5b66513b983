"""What is done every ten minutes: once, in words, and nobody waits for what waits for others."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import jobs as jobs_module
from app import regular_jobs
from app.jobs import Jobs
from app.regular_jobs import Around, Patient, Wanting
from app.settings import Settings
from store.engine import make_engine
from store.models import JobRun
from store.sessions import Database
from tests.support.models import account_with_site
from tests.support.serving import environ, wait_until

DUE = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
LATER = timedelta(minutes=10)


@dataclass
class Minutes:
    """A database, the time, and what was done when, in place of the work there is."""

    url: str
    database: Database
    at: datetime = DUE + timedelta(seconds=10)
    done: list[tuple[str, str, datetime]] = field(default_factory=list)
    waits: Callable[[Around], None] = lambda _: None
    concerns: Callable[[Around], bool] = lambda _: True
    made: list[Jobs] = field(default_factory=list)

    def jobs(self) -> Jobs:
        """Another process' jobs: a database of its own."""
        settings = Settings.from_env(environ(self.url, RINGTRACE_TRAIN_AT="off"))
        database = Database(make_engine(self.url))
        made = Jobs(settings=settings, database=database, tell_time=lambda: self.at, nightly={})
        self.made.append(made)
        return made

    def quick(self, around: Around) -> str:
        self.done.append(("quick", around.account_id, around.at))
        return "done"

    def patient(self, around: Around) -> str:
        self.waits(around)
        self.done.append(("patient", around.account_id, around.at))
        return "heard"

    def count(self, name: str) -> int:
        return sum(what == name for what, _, _ in self.done)

    def runs(self, account_id: str, job: str) -> list[tuple[datetime, str | None, bool]]:
        with self.database.read() as work:
            rows = work.account(account_id).scalars(select(JobRun).where(JobRun.job == job).order_by(JobRun.due_at))
            return [(row.due_at, row.outcome, row.failed) for row in rows]

    def wait_for(self, account_id: str, runs: int) -> None:
        """Until so many patient runs of the account have ended."""
        wait_until(
            lambda: sum(said is not None for _, said, _ in self.runs(account_id, "patient")) == runs,
            10,
            "the patient work was not done",
        )


@pytest.fixture
def minutes(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minutes]:
    one = Minutes(database_url, database)
    monkeypatch.setattr(regular_jobs, "WORK", {"quick": one.quick})
    monkeypatch.setattr(regular_jobs, "PATIENT", {"patient": Patient(lambda a: one.concerns(a), one.patient)})
    yield one
    for jobs in one.made:
        jobs.stop()
        jobs._database.engine.dispose()


def test_both_kinds_happen_once_and_say_what_came_of_it(minutes: Minutes) -> None:
    account_id = account_with_site(minutes.database)
    jobs = minutes.jobs()
    for _ in range(3):
        jobs.look()
    minutes.wait_for(account_id, 1)
    assert minutes.runs(account_id, "quick") == [(DUE, "done", False)]
    assert minutes.runs(account_id, "patient") == [(DUE, "heard", False)]
    minutes.at += LATER
    jobs.look()
    minutes.wait_for(account_id, 2)
    assert (minutes.count("quick"), minutes.count("patient")) == (2, 2)


def test_four_processes_without_a_leader_do_each_once(minutes: Minutes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Everybody:
        def hold(self) -> bool:
            return True

        def release(self) -> None:
            pass

    monkeypatch.setattr(jobs_module, "leadership", lambda _: Everybody())
    accounts = [account_with_site(minutes.database) for _ in range(3)]
    four, together = [minutes.jobs() for _ in range(4)], threading.Barrier(4)

    def look(jobs: Jobs) -> None:
        together.wait(10)
        jobs.look()

    for round_ in range(1, 4):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(look, four))
        for account_id in accounts:
            minutes.wait_for(account_id, round_)
        minutes.at += LATER
    for what in ("quick", "patient"):
        done = sorted((account, at) for name, account, at in minutes.done if name == what)
        assert len(done) == len(set(done)) == 3 * len(accounts)


def test_a_silent_provider_keeps_nothing_else(minutes: Minutes) -> None:
    first, second = sorted(account_with_site(minutes.database) for _ in range(2))
    answers, asked = threading.Event(), threading.Event()

    def silent(_: Around) -> None:
        asked.set()
        assert answers.wait(20)

    minutes.waits = silent
    jobs = minutes.jobs()
    jobs.look()
    assert asked.wait(10)
    minutes.at += LATER
    jobs.look()
    assert minutes.count("quick") == 4, "both accounts, both times"
    assert minutes.count("patient") == 0
    answers.set()
    minutes.wait_for(first, 2)
    minutes.wait_for(second, 1)
    # The second account stood in line until it was due again, and is asked once for both.
    assert [due for due, _, _ in minutes.runs(second, "patient")] == [DUE + LATER]


def test_what_is_wanting_is_told_in_its_own_words(minutes: Minutes, caplog: pytest.LogCaptureFixture) -> None:
    account_id = account_with_site(minutes.database)

    def refuses(_: Around) -> None:
        raise Wanting("the provider does not accept the credentials")

    minutes.waits = refuses
    jobs = minutes.jobs()
    with caplog.at_level(logging.WARNING, "ringtrace.jobs"):
        jobs.look()
        minutes.wait_for(account_id, 1)
    assert minutes.runs(account_id, "patient") == [(DUE, "the provider does not accept the credentials", True)]
    assert "Traceback" not in caplog.text

    def breaks(_: Around) -> None:
        raise OSError("no more sockets")

    minutes.waits, minutes.at = breaks, minutes.at + LATER
    jobs.look()
    minutes.wait_for(account_id, 2)
    assert minutes.runs(account_id, "patient")[-1] == (DUE + LATER, "OSError: no more sockets", True)


def test_nothing_is_written_down_for_whom_it_does_not_concern(minutes: Minutes) -> None:
    account_id = account_with_site(minutes.database)
    minutes.concerns = lambda _: False
    minutes.jobs().look()
    minutes.made[0].stop()
    assert minutes.runs(account_id, "patient") == []
    assert minutes.count("quick") == 1


def test_stopping_waits_for_what_runs_and_begins_no_more(minutes: Minutes) -> None:
    for _ in range(2):
        account_with_site(minutes.database)
    begun = threading.Event()

    def until_told(around: Around) -> None:
        begun.set()
        wait_until(around.should_stop, 10, "nobody said to stop")

    minutes.waits = until_told
    jobs = minutes.jobs()
    jobs.look()
    assert begun.wait(10)
    jobs.stop()
    assert minutes.count("patient") == 1


def test_whoever_stands_by_takes_over_at_once(minutes: Minutes) -> None:
    account_with_site(minutes.database)
    leader, other = minutes.jobs(), minutes.jobs()
    leader.look()
    other.stand_by()
    minutes.at += LATER
    other.stand_by()
    assert minutes.count("quick") == 1, "there is a leader"
    leader.stop()
    other.stand_by()
    assert minutes.count("quick") == 2
    minutes.at += LATER
    other.stand_by()
    assert minutes.count("quick") == 2, "a leader looks at its own time"
