"""Credentials of telephony providers: kept encrypted, rotated without a gap."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from sqlalchemy import delete

from app.accounts.create import OWN_PROVIDER
from app.secretbox import SecretBox
from core.errors import NotFound
from store.directory import ProviderAccount
from store.sessions import AccountSession, Work
from store.sites import ProviderCredential

TWILIO = "twilio"
PREVIOUS_VALID = timedelta(hours=24)
"""For how long the token before the last still signs: the provider may have webhooks under way."""


class _Unsaid(Enum):
    """What was not said."""

    KEEP = "keep"


KEEP: Final = _Unsaid.KEEP
"""The next token stays what it is."""


def store_twilio(
    work: Work,
    session: AccountSession,
    secrets: SecretBox,
    *,
    account_sid: str,
    auth_token: str,
    next_auth_token: str | _Unsaid | None = KEEP,
    at: datetime,
) -> ProviderCredential:
    """Keeps Twilio's credentials of this account; a token that is replaced stays valid for `PREVIOUS_VALID`.

    `next_auth_token` is Twilio's secondary token, which signs from the moment it is promoted there: it is valid
    already, until it is None. Stored as `auth_token` it is the next one no more.
    """
    row = session.get(ProviderCredential, (session.account_id, TWILIO), with_for_update={"key_share": True})
    if row is None:
        row = ProviderCredential(
            provider=TWILIO, account_sid=account_sid, token=secrets.seal(auth_token), updated_at=at
        )
        session.add(row)
        # From now on Twilio signs; what the account's own token signed may still be under way.
        own = session.get(ProviderCredential, (session.account_id, OWN_PROVIDER))
        if own is not None:
            own.previous_until = at + PREVIOUS_VALID
    else:
        if secrets.open(row.token) != auth_token:
            row.previous_token, row.previous_until = row.token, at + PREVIOUS_VALID
            row.token = secrets.seal(auth_token)
        if row.account_sid != account_sid:
            row.next_token = None
        row.account_sid, row.updated_at = account_sid, at
    if next_auth_token is not KEEP:
        row.next_token = secrets.seal(next_auth_token) if next_auth_token is not None else None
    if row.next_token is not None and secrets.open(row.next_token) == auth_token:
        row.next_token = None
    session.flush()
    work.directory.execute(
        delete(ProviderAccount).where(
            ProviderAccount.provider == TWILIO,
            ProviderAccount.account_id == session.account_id,
            ProviderAccount.account_sid != account_sid,
        )
    )
    key = (TWILIO, account_sid, session.account_id)
    if work.directory.get(ProviderAccount, key) is None:
        work.directory.add(ProviderAccount(provider=TWILIO, account_sid=account_sid, account_id=session.account_id))
        work.directory.flush()
    return row


def get_twilio(session: AccountSession) -> ProviderCredential:
    """What is kept of Twilio's credentials. Raises NotFound where there is nothing."""
    row = session.get(ProviderCredential, (session.account_id, TWILIO))
    if row is None:
        raise NotFound("no credentials of Twilio are kept")
    return row
