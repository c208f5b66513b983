"""Seals every secret in the database anew under the present SECRET_KEY, so that an older key can be dropped."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from app.secretbox import SecretBox
from store.alarms import AlarmSettings
from store.base import Base
from store.directory import Membership
from store.sessions import AccountSession, Database
from store.sites import ProviderCredential
from store.webhooks import WebhookEndpoint

SEALED: tuple[tuple[type[Base], tuple[InstrumentedAttribute[Any], ...]], ...] = (
    (
        ProviderCredential,
        (ProviderCredential.token, ProviderCredential.previous_token, ProviderCredential.next_token),
    ),
    (AlarmSettings, (AlarmSettings.secret,)),
    (WebhookEndpoint, (WebhookEndpoint.secret,)),
)
"""Every column that holds a sealed secret."""


@dataclass(kw_only=True)
class Renewed:
    """How many secrets were sealed anew, and how many no key of ours opens."""

    renewed: int = 0
    unreadable: int = 0


def rotate_secrets(database: Database, box: SecretBox) -> Renewed:
    """Renews all of them, account by account, each in a transaction of its own.

    Safe to run twice, and while serving.
    """
    done = Renewed()
    for account_id in all_accounts(database):
        with database.write() as work:
            _renew(work.account(account_id), box, done)
    return done


def unreadable(session: AccountSession, box: SecretBox) -> tuple[int, int]:
    """How many sealed secrets an account has, and how many of them no key of ours opens."""
    sealed = [value for row, columns in _rows(session) for c in columns if (value := getattr(row, c.key)) is not None]
    return len(sealed), sum(box.open(value) is None for value in sealed)


def all_accounts(database: Database) -> list[str]:
    """The ids of all accounts."""
    with database.read() as work:
        return sorted(work.directory.scalars(select(Membership.account_id).distinct()))


def _renew(session: AccountSession, box: SecretBox, done: Renewed) -> None:
    for row, columns in _rows(session):
        for column in columns:
            sealed = getattr(row, column.key)
            if sealed is None:
                continue
            anew = box.renew(sealed)
            if anew is None:
                done.unreadable += 1
            else:
                setattr(row, column.key, anew)
                done.renewed += 1


def _rows(session: AccountSession) -> list[tuple[Any, tuple[InstrumentedAttribute[Any], ...]]]:
    found: list[tuple[Any, tuple[InstrumentedAttribute[Any], ...]]] = []
    for table, columns in SEALED:
        found += [(row, columns) for row in session.scalars(select(table))]
    return found
