"""Who may sign a webhook: the accounts it can concern, and the tokens that count for each at this moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.accounts.create import OWN_PROVIDER
from app.secretbox import SecretBox
from app.telephony.base import IncomingCall
from store.directory import NumberOwner, ProviderAccount, ProviderCall
from store.sessions import AccountSession, DirectorySession, Work
from store.sites import ProviderCredential

TWILIO = "twilio"
OVERLAP = timedelta(hours=24)
"""For how long the token before the current one still signs."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """An account and the tokens that may sign for it."""

    account_id: str
    tokens: tuple[str, ...]


def signers(work: Work, secrets: SecretBox, call: IncomingCall, *, at: datetime) -> tuple[Signer, ...]:
    """Who may sign what is told of `call`; empty where nobody can be found."""
    return tuple(
        Signer(account_id=account_id, tokens=tokens_of(work.account(account_id), secrets, at=at))
        for account_id in _accounts(work.directory, call)
    )


def tokens_of(session: AccountSession, secrets: SecretBox, *, at: datetime) -> tuple[str, ...]:
    """The tokens that sign for this account at `at`. Those that no key of ours opens are left out."""
    return tuple(token for sealed in sealed_of(session) if sealed.signs(at) and (token := secrets.open(sealed.token)))


@dataclass(frozen=True, kw_only=True)
class SealedToken:
    """An encrypted token, and the moment (aware UTC) from which it no longer signs, if there is one."""

    token: bytes
    until: datetime | None = None

    def signs(self, at: datetime) -> bool:
        """Whether it signs at `at`."""
        return self.until is None or at < self.until


def sealed_of(session: AccountSession) -> tuple[SealedToken, ...]:
    """The tokens of an account as they are kept.

    Twilio's current one, the one that is to come next, and for 24 hours the one before; the account's own until
    Twilio's is stored, and as "the one before" for 24 hours from then on.
    """
    kept = {c.provider: c for c in session.scalars(select(ProviderCredential))}
    twilio, own = kept.get(TWILIO), kept.get(OWN_PROVIDER)
    found = []
    if twilio is not None:
        found.append(SealedToken(token=twilio.token))
        if twilio.next_token is not None:
            found.append(SealedToken(token=twilio.next_token))
        if twilio.previous_token is not None and twilio.previous_until is not None:
            found.append(SealedToken(token=twilio.previous_token, until=twilio.previous_until))
    if own is not None and twilio is None:
        found.append(SealedToken(token=own.token))
    elif own is not None and own.previous_until is not None:
        found.append(SealedToken(token=own.token, until=own.previous_until))
    return tuple(found)


def _accounts(directory: DirectorySession, call: IncomingCall) -> list[str]:
    """The accounts this can concern: by the call, else by the number, else by the provider's AccountSid."""
    for call_id in (call.call_id, call.parent_call_id):
        known = directory.get(ProviderCall, call_id) if call_id else None
        if known is not None:
            return [known.account_id]
    owner = directory.get(NumberOwner, call.number) if call.number else None
    if owner is not None:
        return [owner.account_id]
    if call.account_sid is None:
        return []
    return list(
        directory.scalars(
            select(ProviderAccount.account_id)
            .where(ProviderAccount.provider == TWILIO, ProviderAccount.account_sid == call.account_sid)
            .order_by(ProviderAccount.account_id)
        )
    )
