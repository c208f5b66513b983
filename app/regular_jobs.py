"""What is done every few minutes for each account: days that are over are counted, alarms are looked for and told.

Like a night's work each run has its row, so that it happens once however many processes there are; rows of runs are
kept for some days.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app.alarms import Post, deliver, note
from app.job_runs import Run, begin, finish, forget_runs
from app.secretbox import SecretBox
from app.settings import Settings
from reports.alarms import keep, look, open_alarms
from reports.counts import count_day, days_to_count
from reports.rules.alarms import State
from store.sessions import Database
from store.sites import Site

log = logging.getLogger("ringtrace.jobs")

EVERY = timedelta(minutes=10)
KEPT = timedelta(days=3)
MOST_DAYS = 400
"""Days of a site that one look counts: a longer history is counted over some of them."""
COUNT, ALARMS = "count", "alarms"


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


WORK: dict[str, Callable[[Around], str]] = {COUNT: count_days, ALARMS: alarms}


class Regular:
    """Remembers what this process did, so that most looks ask the database nothing."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], datetime] = {}

    def look(self, around: Around) -> None:
        """Does what fell due since the last look; a failure of one is logged and does not keep the others."""
        due = _due(around.at)
        for name, work in WORK.items():
            if around.should_stop() or self._done.get((around.account_id, name)) == due:
                continue
            self._done[around.account_id, name] = due
            run = Run(account_id=around.account_id, job=name, due_at=due, started_at=around.at)
            if begin(around.database, run):
                self._do(around, run, work)

    def _do(self, around: Around, run: Run, work: Callable[[Around], str]) -> None:
        try:
            said, failed = work(around), False
        except Exception as error:
            log.exception("%s of account %s failed", run.job, run.account_id)
            said, failed = f"{type(error).__name__}: {error}", True
        finish(around.database, run, at=around.at, outcome=said, failed=failed)
        forget_runs(around.database, run.account_id, run.job, before=around.at - KEPT)


def _due(at: datetime) -> datetime:
    """The latest tenth minute of an hour."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(EVERY.total_seconds()), UTC)
