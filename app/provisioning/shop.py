"""What every dealing with a provider needs: the provider with the account's credentials, transactions, addresses."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from app.accounts.providers import TWILIO
from app.engine_room import engine_room
from app.secretbox import SecretBox
from app.settings import Settings
from core.errors import Conflict
from numberpool.provider import NumberProvider, Webhooks
from numberpool.states import By
from store.sessions import AccountSession, Work
from store.sites import ProviderCredential

MAKER = "ringtrace_number_provider"
"""The extension of the Flask application that makes a provider; tests speak to servers of their own through it."""
OVERRIDES = "#ct=2000&rt=4000&rc=2&rp=ct,rt,5xx"
"""Twilio's connection overrides: 2 s to connect, 4 s for an answer, two retries, also after an error of ours."""
NO_CREDENTIALS = "no credentials of Twilio are kept for this account; store them first (PUT /api/v1/providers/twilio)"

Make = Callable[[str, str], NumberProvider]
Transaction = Callable[[], AbstractContextManager[tuple[Work, AccountSession]]]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One account's dealings with its provider. `transaction` commits when its block ends; no network inside of one."""

    provider: NumberProvider
    transaction: Transaction
    settings: Settings
    now: Callable[[], datetime]
    by: By

    def webhooks(self, number: str) -> Webhooks:
        """Where the provider is to tell of this number (E.164)."""
        return webhooks_of(self.settings.public_base_url, number)


def webhooks_of(base_url: str, number: str) -> Webhooks:
    """The webhooks of a number (E.164) under the address that the provider calls."""
    return Webhooks(
        voice_url=f"{base_url}/webhooks/twilio/voice{OVERRIDES}",
        voice_fallback_url=f"{base_url}/fallback/{number.removeprefix('+')}.xml",
        status_callback=f"{base_url}/webhooks/twilio/status",
        sms_url=f"{base_url}/webhooks/twilio/sms",
    )


def twilio(account_sid: str, auth_token: str) -> NumberProvider:
    """Twilio itself; its library is loaded when first needed, never by a page or a call."""
    from app.telephony.twilio_numbers import TwilioNumbers

    return TwilioNumbers(account_sid, auth_token)


def provider_of(session: AccountSession, secrets: SecretBox, make: Make = twilio) -> NumberProvider | None:
    """The account's provider, or None where no credentials are kept that our keys open."""
    row = session.get(ProviderCredential, (session.account_id, TWILIO))
    token = secrets.open(row.token) if row is not None else None
    return make(row.account_sid, token) if row is not None and token else None


def has_credentials(session: AccountSession, secrets: SecretBox) -> bool:
    """Whether credentials are kept that our keys open."""
    row = session.get(ProviderCredential, (session.account_id, TWILIO))
    return row is not None and bool(secrets.open(row.token))


def asked_provider(session: AccountSession) -> NumberProvider:
    """The provider of the account of this request. Raises Conflict where no credentials are kept."""
    made = provider_of(session, engine_room().secrets, maker())
    if made is None:
        raise Conflict(NO_CREDENTIALS)
    return made


def maker() -> Make:
    """What makes providers in this application."""
    return cast(Make, current_app.extensions.get(MAKER, twilio))


def asked_shop(session: AccountSession, transaction: Transaction, by: By) -> Shop:
    """The shop of this request. Raises Conflict where no credentials are kept."""
    room = engine_room()
    return Shop(provider=asked_provider(session), transaction=transaction, settings=room.settings, now=room.now, by=by)
