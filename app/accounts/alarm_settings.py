"""Who hears of an account's alarms."""

import base64
import secrets as randomness
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address

from app.accounts.passwords import require_email
from app.outgoing import is_public, read_url
from app.secretbox import SecretBox
from core.errors import InvalidInput, shown
from store.alarms import AlarmSettings
from store.sessions import AccountSession

MOST_EMAILS = 20
SECRET_BYTES = 24


def get_alarm_settings(session: AccountSession) -> AlarmSettings | None:
    """What is set; None where nothing ever was."""
    return session.get(AlarmSettings, session.account_id)


def set_alarm_settings(
    session: AccountSession, box: SecretBox, *, emails: Sequence[str], webhook_url: str | None, at: datetime
) -> str | None:
    """Sets who hears of alarms. Returns the webhook's secret where it is new: for a new address there is a new one.

    Raises InvalidInput naming `emails` or `webhook_url`. Flushes.
    """
    addresses = _addresses(emails)
    url = _url(webhook_url)
    row = session.get(AlarmSettings, session.account_id, with_for_update=True)
    if row is None:
        row = AlarmSettings(emails=[], webhook_url=None, secret=None, updated_at=at)
        session.add(row)
    secret = None
    if url is None:
        row.secret = None
    elif url != row.webhook_url or row.secret is None or box.open(row.secret) is None:
        secret = "whsec_" + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode()
        row.secret = box.seal(secret)
    row.emails, row.webhook_url, row.updated_at = addresses, url, at
    session.flush()
    return secret


def _addresses(emails: Sequence[str]) -> list[str]:
    if len(emails) > MOST_EMAILS:
        raise InvalidInput({"emails": f"at most {MOST_EMAILS} are allowed"})
    found = []
    for place, email in enumerate(emails):
        try:
            found.append(require_email(email))
        except InvalidInput as error:
            raise InvalidInput({"emails": f"{place + 1}: {next(iter(error.fields.values()))}"}) from None
    return list(dict.fromkeys(found))


def _url(url: str | None) -> str | None:
    text = (url or "").strip()
    if not text:
        return None
    try:
        host = read_url(text).hostname or ""
    except ValueError as error:
        raise InvalidInput({"webhook_url": f"{shown(text)}: {error}"}) from None
    try:
        address = ip_address(host)
    except ValueError:
        return text  # a name; where it leads is looked at with every message
    if not is_public(address):
        raise InvalidInput({"webhook_url": f"{shown(text)} is not on the public internet"})
    return text
