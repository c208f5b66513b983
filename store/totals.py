"""How much waits in the whole installation: sums over all accounts, for whoever operates it.

The one place that counts across accounts. It tells numbers only, nothing of any account, and reads nothing but the
partial indexes of what is due, so it costs what waits and not what is stored.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select

from store.models import JobRun
from store.provider_events import CallRecording, ProviderEvent
from store.sessions import Database
from store.webhooks import WebhookDelivery


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Rows that wait or failed, and by job when it last ended well (aware UTC)."""

    events_waiting: int
    events_failed: int
    deliveries_waiting: int
    recordings_waiting: int
    jobs: dict[str, datetime]


def totals(database: Database) -> Totals:
    """The figures of this moment. Raises what the database raises."""
    with database.engine.connect().execution_options(ringtrace_write=False) as connection, connection.begin():

        def count(statement: Select[int]) -> int:
            return connection.execute(statement).scalar_one()

        jobs = connection.execute(
            select(JobRun.job, func.max(JobRun.ended_at))
            .where(JobRun.ended_at.is_not(None), JobRun.failed.is_(False))
            .group_by(JobRun.job)
        )
        return Totals(
            events_waiting=count(select(func.count()).where(ProviderEvent.next_try_at.is_not(None))),
            events_failed=count(select(func.count()).where(ProviderEvent.state == "failed")),
            deliveries_waiting=count(select(func.count()).where(WebhookDelivery.next_try_at.is_not(None))),
            recordings_waiting=count(select(func.count()).where(CallRecording.next_try_at.is_not(None))),
            jobs={job: at for job, at in jobs if at is not None},
        )
