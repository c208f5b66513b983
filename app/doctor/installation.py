"""The installation: its address, its keys, its database, its jobs."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import requests
from sqlalchemy import func, select

from app.doctor.findings import Finding, Patient, bad, counted, ok, warn
from app.rotate_secrets import all_accounts, unreadable
from store.leader import leadership
from store.migrate import current_revision, head_revision

_SECONDS = 3.0
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_SKEW_WARNED, _SKEW_BAD = timedelta(seconds=5), timedelta(seconds=60)


def address(patient: Patient) -> Iterator[Finding]:
    """Whether browsers and providers reach us where we say we are."""
    base = patient.settings.public_base_url
    here = (urlsplit(base).hostname or "") in _HERE
    if here:
        yield warn(
            "address",
            f"{base} is this machine only: neither a provider nor a visitor can reach it",
            "set RINGTRACE_PUBLIC_BASE_URL to the address that the world uses",
        )
    elif not patient.settings.https:
        yield warn(
            "address",
            f"{base} is not encrypted: sign-ins, callers and visitors can be read on the way",
            "put a server with a certificate in front, and name it in RINGTRACE_PUBLIC_BASE_URL",
        )
    try:
        answer = requests.get(f"{base}/health", timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        says = f"{base}/health does not answer ({type(error).__name__})"
        yield warn("address", says, "start the server; if it runs, look at DNS, firewall and certificate")
        return
    if answer.status_code == 200:
        yield ok("address", f"{base} answers")
    else:
        says = f"{base}/health answers {answer.status_code}"
        yield warn("address", says, "see that this address leads to Ringtrace, and that its database is up")


def keys(patient: Patient) -> Iterator[Finding]:
    """Whether our keys open what the database holds."""
    if not patient.settings.secret_key:
        yield bad("secret key", "RINGTRACE_SECRET_KEY is not set", "set it; without it nothing is served")
        return
    sealed = closed = 0
    for account_id in all_accounts(patient.database):
        with patient.database.read() as work:
            some, unread = unreadable(work.account(account_id), patient.box)
        sealed, closed = sealed + some, closed + unread
    if closed:
        yield bad(
            "secret key",
            f"{closed} of {counted(sealed, 'secret')} in the database cannot be read with it",
            "add the key of the time to RINGTRACE_PREVIOUS_SECRET_KEYS, or enter tokens and webhooks anew",
        )
    else:
        yield ok("secret key", f"it opens all {counted(sealed, 'secret')} in the database")


def database(patient: Patient) -> Iterator[Finding]:
    """Whether the database answers, is of our revision, is whole, and agrees about the time."""
    engine = patient.database.engine
    with engine.connect().execution_options(ringtrace_write=False) as connection:
        revision, head = current_revision(connection), head_revision()
        if revision != head:
            says = f"it is at revision {revision or 'none'}, and this Ringtrace needs {head}"
            yield bad("database", says, "run `ringtrace db upgrade`")
        else:
            yield ok("database", f"it answers, at revision {head}")
        if engine.dialect.name == "sqlite":
            said = [row[0] for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
            pages, size = (connection.exec_driver_sql(f"PRAGMA {n}").scalar() or 0 for n in ("page_count", "page_size"))
            if said == ["ok"]:
                yield ok("database", f"it is whole, {pages * size / 1e6:,.0f} MB")
            else:
                yield bad("database", f"it is damaged: {'; '.join(said)[:200]}", "stop the server and restore a backup")
            return
        size = connection.scalar(select(func.pg_database_size(func.current_database()))) or 0
        yield ok("database", f"{size / 1e6:,.0f} MB")
        theirs = connection.scalar(select(func.clock_timestamp()))
    if theirs is not None:
        apart = abs(theirs - patient.at)
        says = f"this machine and the database are {apart.total_seconds():.0f} s apart"
        todo = "have both set their clocks by NTP"
        if apart > _SKEW_BAD:
            yield bad("clock", says, todo)
        elif apart > _SKEW_WARNED:
            yield warn("clock", says, todo)
        else:
            yield ok("clock", says)


def jobs(patient: Patient) -> Iterator[Finding]:
    """Whether some process does what falls due."""
    if is_led(patient):
        yield ok("jobs", "a server does what falls due")
    else:
        yield warn(
            "jobs",
            "no process does what falls due",
            "start the server; a minute after its start it takes them on",
        )
    if patient.settings.train_at is None:
        yield warn(
            "jobs",
            "the night's work is switched off: no training, no retention, no comparison of numbers",
            "set RINGTRACE_TRAIN_AT to a time of day",
        )


def is_led(patient: Patient) -> bool:
    """Whether a process leads; whoever asks and could lead gives it up at once."""
    lead = leadership(patient.database.engine)
    held = lead.hold()
    lead.release()
    return not held
