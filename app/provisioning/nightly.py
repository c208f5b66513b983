"""The nightly look at an account's numbers; whoever runs jobs calls it, once a night."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from app.provisioning.reconcile import Reconciled, end_quarantines, reconcile
from app.provisioning.shop import Make, Shop, provider_of, twilio
from app.secretbox import SecretBox
from app.settings import Settings
from numberpool.states import SYSTEM
from store.sessions import AccountSession, Database, Work


def reconcile_all(
    database: Database, settings: Settings, account_id: str, at: datetime, *, make: Make = twilio
) -> Reconciled:
    """Ends quarantines that are over and, where credentials are kept, brings both sides together (see `reconcile`).

    `at` (aware UTC) is the moment of all that it decides; `make` makes the provider from AccountSid and token.
    """

    @contextmanager
    def transaction() -> Iterator[tuple[Work, AccountSession]]:
        with database.write() as work:
            yield work, work.account(account_id)

    with database.read() as work:
        provider = provider_of(work.account(account_id), SecretBox(settings), make)
    if provider is None:
        done = Reconciled()
        end_quarantines(transaction, settings.quarantine_days, by=SYSTEM, at=at, done=done)
        return done
    return reconcile(Shop(provider=provider, transaction=transaction, settings=settings, now=lambda: at, by=SYSTEM))
