"""The record of what jobs fell due and ran: the row that makes a run happen once, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from core.text import clean
from store.directory import SiteKey
from store.models import JobRun
from store.sessions import AccountSession, Database
from store.sites import Site

TRAIN = "train"
OUTCOME_LIMIT = 400
BROKE_OFF = "broke off: the server stopped while it ran"
TAKEN_UP = "taken up again after the server stopped"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an account's day is reckoned: the zone of its first site, and since when there is one (aware UTC)."""

    account_id: str
    time_zone: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that fell due at `due_at` and that we do since `started_at` (aware UTC)."""

    account_id: str
    job: str
    due_at: datetime
    started_at: datetime


def accounts_with_sites(database: Database) -> Sequence[str]:
    """The ids of all accounts that have a site."""
    with database.read() as work:
        return work.directory.scalars(select(SiteKey.account_id).distinct().order_by(SiteKey.account_id)).all()


def place_of(session: AccountSession) -> Place | None:
    """The account's place, or None where it has no site."""
    site = session.execute(select(Site.time_zone, Site.created_at).order_by(Site.site_id).limit(1)).one_or_none()
    return Place(account_id=session.account_id, time_zone=site[0], since=site[1]) if site else None


def last_run_due(session: AccountSession, job: str) -> datetime | None:
    """When the account's latest run of this job was due, whatever came of it."""
    return session.scalar(select(func.max(JobRun.due_at)).where(JobRun.job == job))


def begin(database: Database, run: Run) -> bool:
    """Takes the run on; False where it was taken on before, by whichever process of whichever machine."""
    try:
        with database.write() as work:
            work.account(run.account_id).add(JobRun(job=run.job, due_at=run.due_at, started_at=run.started_at))
    except IntegrityError:
        return False
    return True


def finish(database: Database, run: Run, *, at: datetime, outcome: str, failed: bool) -> None:
    """Writes down what came of it, unless somebody else took it up meanwhile."""
    with database.write() as work:
        work.account(run.account_id).execute(
            update(JobRun)
            .where(*_is(run))
            .values(ended_at=at, outcome=clean(outcome, OUTCOME_LIMIT), failed=failed)
            .execution_options(synchronize_session=False)
        )


def give_back(database: Database, run: Run) -> None:
    """Leaves the run to the next start, because the server is told to stop before it is done."""
    with database.write() as work:
        work.account(run.account_id).execute(
            delete(JobRun).where(*_is(run)).execution_options(synchronize_session=False)
        )


def forget_runs(database: Database, account_id: str, job: str, *, before: datetime) -> None:
    """Drops the runs of a frequent job that were due before."""
    with database.read() as work:
        old = work.account(account_id).scalar(select(func.count()).where(JobRun.job == job, JobRun.due_at < before))
    if old:
        with database.write() as work:
            work.account(account_id).execute(
                delete(JobRun)
                .where(JobRun.job == job, JobRun.due_at < before)
                .execution_options(synchronize_session=False)
            )


def take_up_broken(database: Database, account_id: str, job: str, *, at: datetime) -> Run | None:
    """The run of this job that never ended, to be done again; None where there is none.

    For a new leader: whoever had it is gone.

    It is taken up once: a run that takes the machine down with it is marked as failed the second time.
    """
    with database.read() as work:
        open_runs = work.account(account_id).scalar(
            select(func.count()).where(JobRun.job == job, JobRun.ended_at.is_(None))
        )
    if not open_runs:
        return None
    with database.write() as work:
        session = work.account(account_id)
        *older, latest = session.scalars(
            select(JobRun).where(JobRun.job == job, JobRun.ended_at.is_(None)).order_by(JobRun.due_at)
        ).all()
        again = latest.outcome is None
        for row in older if again else [*older, latest]:
            row.ended_at, row.outcome, row.failed = at, BROKE_OFF, True
        if not again:
            return None
        latest.started_at, latest.outcome = at, TAKEN_UP
        return Run(account_id=account_id, job=latest.job, due_at=latest.due_at, started_at=at)


def _is(run: Run) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRun.job == run.job,
        JobRun.due_at == run.due_at,
        JobRun.started_at == run.started_at,
        JobRun.ended_at.is_(None),
    )


def recent_runs(session: AccountSession, job: str, most: int) -> Sequence[JobRun]:
    """The latest runs of a job, the newest first."""
    return session.scalars(select(JobRun).where(JobRun.job == job).order_by(JobRun.due_at.desc()).limit(most)).all()
