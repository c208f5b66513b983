"""The look itself: everything, one after the other, none kept from being done by another."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.database import closing_database
from app.doctor.account import of_account
from app.doctor.findings import Finding, Patient, bad, looked, ok
from app.doctor.installation import address, database, is_led, jobs, keys
from app.doctor.machine import backups, folders, modes, spool
from app.rotate_secrets import all_accounts
from app.settings import Settings, SettingsError
from core.errors import NotFound


def look(environ: Mapping[str, str], at: datetime, account_id: str | None = None) -> Iterator[Finding]:
    """Looks at the installation that the environment names, or at one account of it alone.

    Raises NotFound where there is no such account.
    """
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        for problem in error.problems:
            yield bad("settings", problem, "see docs/settings.md")
        return
    with closing_database(settings.database_url) as opened:
        patient = Patient(settings=settings, database=opened, at=at)
        if account_id is None:
            yield from _installation(patient)
        yield from _accounts(patient, account_id)


def _installation(patient: Patient) -> Iterator[Finding]:
    yield ok("settings", "all are allowed")
    yield from looked("address", lambda: address(patient))
    yield from looked("database", lambda: database(patient))
    yield from looked("secret key", lambda: keys(patient))
    yield from looked("disk", lambda: folders(patient))
    yield from looked("secret key", lambda: modes(patient))
    yield from looked("spool", lambda: spool(patient))
    yield from looked("jobs", lambda: jobs(patient))
    yield from looked("backups", lambda: backups(patient, serving=is_led(patient)))


def _accounts(patient: Patient, account_id: str | None) -> Iterator[Finding]:
    try:
        known = all_accounts(patient.database)
    except Exception:
        return  # that the database does not answer was said
    if account_id is not None and account_id not in known:
        raise NotFound(f"there is no account {account_id}")
    for one in [account_id] if account_id else known:
        with patient.database.read() as work:
            yield from looked("account", lambda w=work, a=one: of_account(patient, w, a), one)  # type: ignore[misc]
