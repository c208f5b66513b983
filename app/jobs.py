"""What Ringtrace does by itself, at its time: each account's nights and its minutes. The one home of APScheduler.

Every serving process has a scheduler that looks twice a minute; one of them, the leader, does what is due. A row in
`job_runs` makes each run happen once however many processes and machines there are. A night that was missed, because
nothing was serving, is caught up once; what takes long (training, the curves of numbers) is a process of its own.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.util import Finalize

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.due import last_due, next_due
from app.engine_room import KEY, EngineRoom
from app.job_runs import (
    TRAIN,
    Run,
    accounts_with_sites,
    begin,
    finish,
    give_back,
    last_run_due,
    place_of,
    take_up_broken,
)
from app.nightly_jobs import NIGHTLY, Night
from app.regular_jobs import Around, Regular
from app.settings import Settings
from app.telephony.intake import process_due
from app.telephony.media_fetch import Fetching
from app.training_process import Outcome, train_in_process
from store.leader import leadership
from store.sessions import Database

log = logging.getLogger("ringtrace.jobs")

LOOK_SECONDS = 30
STAND_BY_SECONDS = 3
"""How often a process that does not lead asks whether nobody does any more."""
FIRST_LOOK = timedelta(seconds=60)
"""After a start: visitors and calls come first, and whoever starts a server twice in a row is not made to wait."""
REST = timedelta(hours=1)
"""How long an account is left alone at most: its site may move to another time zone."""

Train = Callable[[Settings, str, Callable[[], bool]], Outcome]


class Jobs:
    """The scheduler of one process."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        tell_time: Callable[[], datetime] = clock.now,
        train: Train = train_in_process,
        nightly: Mapping[str, Callable[[Night], Outcome]] = NIGHTLY,
        regular: bool = True,
    ) -> None:
        self._settings = settings
        self._database = database
        self._now = tell_time
        self._train = train
        self._nightly = nightly
        self._regular = Regular(self._ends) if regular else None
        self._fetching = Fetching(self._ends)
        self._lead = leadership(database.engine)
        self._leads = False
        self._ask_again = tell_time()
        self._seen: set[str] = set()
        self._rest: dict[str, datetime] = {}
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # A look that takes as long as a training is meant; the scheduler would warn of each one it leaves out.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def start(self, first_look: timedelta = FIRST_LOOK) -> None:
        """Looks from then on, in threads of its own, until `stop`."""
        first = clock.now() + first_look  # the scheduler goes by the machine's clock
        self._scheduler.add_job(self.look, "interval", seconds=LOOK_SECONDS, next_run_time=first)
        self._scheduler.add_job(self.stand_by, "interval", seconds=STAND_BY_SECONDS, next_run_time=first)
        self._scheduler.start()

    def stop(self) -> None:
        """Ends what runs, within seconds; a training that was not done is left to the next start."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        if self._regular is not None:
            self._regular.stop()
        self._fetching.stop()
        self._lead.release()

    def stand_by(self) -> None:
        """Takes over at once where the leader is gone, instead of at the next look."""
        if not self._leads and not self._ends() and self._lead.hold():
            self.look()

    def look(self) -> None:
        """Does what is due now, account by account, if this process is the leader."""
        try:
            was_leading, self._leads = self._leads, not self._ends() and self._lead.hold()
            if not was_leading:
                self._rest, self._seen = {}, set()
            accounts = tuple(accounts_with_sites(self._database)) if self._leads else ()
            self._events(accounts)
            for account_id in accounts:
                if self._ends() or self._deposed():
                    return
                if account_id not in self._seen:
                    self._take_up(account_id)
                self._seen.add(account_id)
                self._minutes(account_id)
                if account_id not in self._rest or self._now() >= self._rest[account_id]:
                    self._rest[account_id] = self._visit(account_id)
        except SQLAlchemyError as error:
            log.warning("jobs wait: the database does not answer (%s)", type(error).__name__)
        except Exception:
            log.exception("looking for due jobs failed")

    def _events(self, accounts: Iterable[str]) -> None:
        """Of all accounts first what webhooks told and still waits: a training may take long."""
        for account_id in accounts if self._regular is not None else ():
            if self._stops():
                return
            process_due(self._database, self._settings, account_id, at=self._now(), should_stop=self._stops)

    def _take_up(self, account_id: str) -> None:
        """Does again what broke off under a leader before."""
        for job in (TRAIN, *self._nightly):
            if broken := take_up_broken(self._database, account_id, job, at=self._now()):
                self._do(broken)

    def _minutes(self, account_id: str) -> None:
        """What falls due every few minutes."""
        if self._regular is not None and not self._stops():
            around = Around(
                database=self._database,
                settings=self._settings,
                account_id=account_id,
                at=self._now(),
                should_stop=self._stops,
            )
            self._fetching.look(around)
            self._regular.look(around)

    def _visit(self, account_id: str) -> datetime:
        """Does the account's night if that is due; returns until when it may be left alone."""
        time_of_day, at = self._settings.train_at, self._now()
        with self._database.read() as work:
            session = work.account(account_id)
            place = place_of(session)
            last = {job: last_run_due(session, job) for job in (TRAIN, *self._nightly)}
        if place is None or time_of_day is None:
            return at + REST
        due = last_due(at, time_of_day, place.time_zone)
        for job, before in last.items():
            # However many nights were missed, the last one is caught up, and none from before the site was there.
            if due > place.since and (before is None or due > before) and not self._stops():
                run = Run(account_id=account_id, job=job, due_at=due, started_at=self._now())
                if begin(self._database, run):
                    self._do(run)
        return min(next_due(at, time_of_day, place.time_zone), at + REST)

    def _do(self, run: Run) -> None:
        name = "training" if run.job == TRAIN else run.job
        try:
            outcome = self._work(run)
        except Exception as error:
            log.exception("%s could not be started", name)
            outcome = Outcome(said=f"could not be started: {error}", failed=True)
        if not outcome.stopped:
            finish(self._database, run, at=self._now(), outcome=outcome.said, failed=outcome.failed)
            level = logging.WARNING if outcome.failed else logging.INFO
            log.log(level, "%s of account %s: %s", name, run.account_id, outcome.said)
        elif self._leads:
            give_back(self._database, run)

    def _work(self, run: Run) -> Outcome:
        if run.job == TRAIN:
            return self._train(self._settings, run.account_id, self._stops)
        return self._nightly[run.job](
            Night(
                database=self._database,
                settings=self._settings,
                account_id=run.account_id,
                at=self._now(),
                stopping=self._stops,
            )
        )

    def _stops(self) -> bool:
        return self._ends() or self._deposed()

    def _deposed(self) -> bool:
        """Whether another process leads by now, which then takes up what this one was doing. Asks now and then."""
        if self._leads and self._now() >= self._ask_again:
            self._ask_again = self._now() + timedelta(seconds=LOOK_SECONDS)
            self._leads = self._lead.hold()
        return not self._leads

    def _ends(self) -> bool:
        # A server that knows nothing of us ends by ending its main thread, and then waits for our threads.
        return self._stopping.is_set() or not threading.main_thread().is_alive()


def start_jobs(app: Flask) -> Jobs:
    """Starts the jobs of a process that serves, and sees to it that they stop with it."""
    room: EngineRoom = app.extensions[KEY]
    jobs = Jobs(settings=room.settings, database=room.database, tell_time=room.tell_time)
    jobs.start()
    # Worker processes of a server are ended by `multiprocessing`, which knows no `atexit`; in others both are one.
    Finalize(None, jobs.stop, exitpriority=10)
    return jobs
