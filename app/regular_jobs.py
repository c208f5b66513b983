"""What is done every few minutes for each account: days that are over are counted, alarms are looked for and told.

Like a night's work each run has its row, so that it happens once however many processes there are; rows of runs are
kept for some days. What waits for other people's servers does so in a thread of its own, where it keeps nothing else.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from app.alarms import Post, deliver, note
from app.engine_room import EngineRoom
from app.job_runs import Run, begin, finish, forget_runs
from app.provisioning.shop import has_credentials
from app.secretbox import SecretBox
from app.settings import Settings
from app.telephony.sweep import Make, Sweep, compare, list_of, twilio_calls
from reports.alarms import keep, look, open_alarms
from reports.counts import count_day, days_to_count
from reports.rules.alarms import State
from store.sessions import Database
from store.sites import Site

log = logging.getLogger("ringtrace.jobs")

EVERY = timedelta(minutes=10)
SWEPT_EVERY = timedelta(minutes=5)
"""What no webhook told is there within ten minutes: this, the sweep's own grace, and until the next look."""
KEPT = timedelta(days=3)
MOST_DAYS = 400
"""Days of a site that one look counts: a longer history is counted over some of them."""
COUNT, ALARMS, SWEEP = "count", "alarms", "sweep"


class Wanting(Exception):
    """A run did not do all it should, for a reason that people can read; it counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the work needs. `should_stop`: the server ends, or another process leads."""

    database: Database
    settings: Settings
    account_id: str
    at: datetime
    should_stop: Callable[[], bool]


def count_days(around: Around) -> str:
    """Counts the days that are over, each in a transaction of its own."""
    counted = 0
    with around.database.read() as work:
        session = work.account(around.account_id)
        days = [
            (site.site_id, day)
            for site in session.scalars(select(Site).order_by(Site.site_id))
            for day in days_to_count(session, site, around.at, MOST_DAYS)
        ]
    for site_id, day in days:
        if around.should_stop():
            break
        with around.database.write() as work:
            session = work.account(around.account_id)
            count_day(session, session.get_one(Site, (around.account_id, site_id)), day, around.at)
        counted += 1
    return f"{counted} {'day' if counted == 1 else 'days'} counted"


def alarms(around: Around, post: Post | None = None) -> str:
    """Looks for what is wrong, keeps what changed, tells of it."""
    with around.database.read() as work:
        session = work.account(around.account_id)
        findings, standing = look(session, around.at), bool(open_alarms(session))
    opened = closed = 0
    if standing or any(one.state is State.RAISE for one in findings):
        with around.database.write() as work:
            session = work.account(around.account_id)
            changes = keep(session, findings, around.at)
            note(session, changes, around.at)
            opened, closed = len(changes.opened), len(changes.closed)
    way = post or Post.of(around.settings)
    told = deliver(around.database, SecretBox(around.settings), way, around.account_id, around.at)
    return f"{opened} begun, {closed} over, {told} told"


def has_list(around: Around) -> bool:
    """Whether the account's provider can be asked for its calls."""
    with around.database.read() as work:
        return has_credentials(work.account(around.account_id), SecretBox(around.settings))


def sweep(around: Around, make: Make = twilio_calls) -> str:
    """Compares the provider's list of calls with ours. Raises Wanting where the provider did not let it."""
    calls = list_of(around.database, around.settings, around.account_id, make)
    if calls is None:
        return "no provider to ask"
    swept = compare(
        Sweep(
            room=EngineRoom.over(around.settings, around.database, lambda: around.at),
            account_id=around.account_id,
            at=around.at,
            calls=calls,
            should_stop=around.should_stop,
        )
    )
    if swept.problem:
        raise Wanting(swept.sentence())
    return swept.sentence()


class Patient(NamedTuple):
    """Work that waits for other people's servers, whether an account has any of it, and how often it falls due."""

    concerns: Callable[[Around], bool]
    work: Callable[[Around], str]
    every: timedelta = EVERY


WORK: dict[str, Callable[[Around], str]] = {COUNT: count_days, ALARMS: alarms}
PATIENT: dict[str, Patient] = {SWEEP: Patient(has_list, sweep, SWEPT_EVERY)}


class Regular:
    """Remembers what this process did, so that most looks ask the database nothing.

    `ends` tells whether the server is to stop. Patient work asks nothing else: a process that leads no more ends the
    run it has begun, whose row keeps the next leader from it.
    """

    def __init__(self, ends: Callable[[], bool] = lambda: False) -> None:
        self._done: dict[tuple[str, str], datetime] = {}
        self._ends = ends
        self._latest: dict[str, datetime] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def look(self, around: Around) -> None:
        """Does what fell due since the last look; a failure of one is logged and does not keep the others."""
        due = _due(around.at)
        for name, work in WORK.items():
            if around.should_stop() or self._done.get((around.account_id, name)) == due:
                continue
            self._done[around.account_id, name] = due
            self._once(around, name, due, work)
        for name, patient in PATIENT.items():
            due = self._latest[name] = _due(around.at, patient.every)
            if around.should_stop() or self._done.get((around.account_id, name)) == due:
                continue
            concerns = patient.concerns(around)
            self._done[around.account_id, name] = due
            if concerns:
                if name not in self._threads:
                    self._threads[name] = ThreadPoolExecutor(1, thread_name_prefix=f"ringtrace-{name}")
                self._threads[name].submit(self._in_thread, replace(around, should_stop=self._ends), name, due)

    def stop(self) -> None:
        """Waits for the patient work that runs, and begins no more."""
        for thread in self._threads.values():
            thread.shutdown(wait=True, cancel_futures=True)

    def _in_thread(self, around: Around, name: str, due: datetime) -> None:
        # What waited in line until it fell due again is done then, once.
        if due < self._latest[name] or self._ends():
            return
        try:
            self._once(around, name, due, PATIENT[name].work)
        except Exception:
            log.exception("%s of account %s could not be kept in the record of runs", name, around.account_id)

    def _once(self, around: Around, name: str, due: datetime, work: Callable[[Around], str]) -> None:
        run = Run(account_id=around.account_id, job=name, due_at=due, started_at=around.at)
        if begin(around.database, run):
            self._do(around, run, work)

    def _do(self, around: Around, run: Run, work: Callable[[Around], str]) -> None:
        try:
            said, failed = work(around), False
        except Wanting as error:
            said, failed = str(error), True
            log.warning("%s of account %s: %s", run.job, run.account_id, error)
        except Exception as error:
            log.exception("%s of account %s failed", run.job, run.account_id)
            said, failed = f"{type(error).__name__}: {error}", True
        finish(around.database, run, at=around.at, outcome=said, failed=failed)
        forget_runs(around.database, run.account_id, run.job, before=around.at - KEPT)


def _due(at: datetime, every: timedelta | None = None) -> datetime:
    """The latest tenth minute of an hour, or as often as it is asked for."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int((every or EVERY).total_seconds()), UTC)
