"""One account: its numbers without database, its provider, what failed or waits, its nights, who hears of alarms."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.accounts.providers import TWILIO
from app.doctor.findings import Finding, Patient, bad, counted, ok, warn
from app.nightly_jobs import NIGHTLY
from app.outage.numbers import NumberFiles, version_of
from app.provisioning.fallback import destinations, path_of
from store.alarms import AlarmSettings
from store.models import JobRun
from store.provider_events import CallRecording, ProviderEvent
from store.sessions import AccountSession, Work
from store.sites import ProviderCredential, Site
from store.webhooks import WebhookDelivery

_WAITS = timedelta(minutes=30)
_NIGHTS = timedelta(days=2)
_LATELY = timedelta(days=7)


def of_account(patient: Patient, work: Work, account_id: str) -> Iterator[Finding]:
    """All findings about one account; what is well is one line."""
    session = work.account(account_id)
    found = [
        *_numbers(patient, work, session),
        *_events(patient, session),
        *_sent(patient, session),
        *_recordings(session),
        *_nights(patient, session),
        *_mail(patient, session),
    ]
    yield from found
    if not found:
        yield ok("account", "nothing waits, failed or is missing", account_id)


def _numbers(patient: Patient, work: Work, session: AccountSession) -> Iterator[Finding]:
    account_id = session.account_id
    numbers = destinations(session, TWILIO)
    if not numbers:
        return
    if session.get(ProviderCredential, (account_id, TWILIO)) is None:
        yield bad(
            "provider",
            f"{counted(len(numbers), 'number')} at Twilio and no credentials: their calls cannot be verified",
            "store them with PUT /api/v1/providers/twilio",
            account_id,
        )
    bare = [number for number in numbers if not path_of(patient.settings, number).exists()]
    if bare:
        yield warn(
            "fallback",
            f"{counted(len(bare), 'number')} at Twilio without a fallback answer, such as {bare[0]}",
            "the next night writes it; until then callers hear an error while the server is down",
            account_id,
        )
    if NumberFiles(patient.settings.outage, patient.box).version(account_id) != version_of(work, account_id):
        yield warn(
            "outage",
            "what answers calls while the database is away is not as new as the set-up",
            "start the server; it writes it within a minute",
            account_id,
        )


def _events(patient: Patient, session: AccountSession) -> Iterator[Finding]:
    failed = _count(session, ProviderEvent.event_id, ProviderEvent.state == "failed")
    late = _count(
        session,
        ProviderEvent.event_id,
        ProviderEvent.next_try_at.is_not(None),
        ProviderEvent.received_at < patient.at - _WAITS,
    )
    if failed:
        says = f"{counted(failed, 'event')} of the provider could not be processed"
        yield bad("events", says, "see the page Events: why, and to try again", session.account_id)
    if late:
        says = f"{counted(late, 'event')} of the provider wait for more than half an hour"
        yield warn("events", says, "start the server; if it runs, see the page Events", session.account_id)


def _sent(patient: Patient, session: AccountSession) -> Iterator[Finding]:
    dead = _count(session, WebhookDelivery.delivery_id, WebhookDelivery.dead_at >= patient.at - _LATELY)
    if dead:
        says = f"{counted(dead, 'message')} of webhooks were given up in the last week"
        yield warn("webhooks", says, "see the page Webhooks: why, and to send them again", session.account_id)


def _recordings(session: AccountSession) -> Iterator[Finding]:
    lost = _count(
        session,
        CallRecording.recording_id,
        CallRecording.status == "completed",
        CallRecording.stored_at.is_(None),
        CallRecording.deleted_at.is_(None),
        CallRecording.next_try_at.is_(None),
        CallRecording.problem.is_not(None),
    )
    if lost:
        says = f"{counted(lost, 'recording')} could not be fetched from the provider"
        yield warn("recordings", says, "they are still there: fetch them by hand, see their calls", session.account_id)


def _nights(patient: Patient, session: AccountSession) -> Iterator[Finding]:
    began = session.scalar(select(func.min(Site.created_at)))
    if patient.settings.train_at is None or began is None or patient.at - began < _NIGHTS:
        return
    rows = session.execute(
        select(JobRun.job, func.max(JobRun.ended_at))
        .where(JobRun.job.in_(NIGHTLY), JobRun.failed.is_(False), JobRun.ended_at.is_not(None))
        .group_by(JobRun.job)
    )
    done: dict[str, datetime | None] = {row[0]: row[1] for row in rows}
    for job in NIGHTLY:
        last = done.get(job)
        if last is None or patient.at - last > _NIGHTS:
            when = "never" if last is None else f"{(patient.at - last).days} days ago"
            says = f"the night's work {job} was last done {when}"
            yield warn("jobs", says, "look for it in the server's log", session.account_id)


def _mail(patient: Patient, session: AccountSession) -> Iterator[Finding]:
    asked = session.get(AlarmSettings, session.account_id)
    if asked is not None and asked.emails and patient.settings.smtp_url is None:
        says = f"{counted(len(asked.emails), 'address', 'addresses')} should hear of alarms and no mail server is set"
        yield bad("alarms", says, "set RINGTRACE_SMTP_URL", session.account_id)


def _count(session: AccountSession, key: object, *conditions: object) -> int:
    return session.scalar(select(func.count(key)).where(*conditions)) or 0  # type: ignore[arg-type]
