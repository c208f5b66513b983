"""Who hears of an account's alarms."""

from collections.abc import Sequence
from datetime import datetime

from app.accounts.passwords import require_email
from app.outgoing import Allowed, is_public, require_reachable
from app.secretbox import SecretBox
from app.telling.signing import new_secret
from core.errors import InvalidInput, shown
from store.alarms import AlarmSettings
from store.sessions import AccountSession

MOST_EMAILS = 20


def get_alarm_settings(session: AccountSession) -> AlarmSettings | None:
    """What is set; None where nothing ever was."""
    return session.get(AlarmSettings, session.account_id)


def set_alarm_settings(
    session: AccountSession,
    box: SecretBox,
    *,
    emails: Sequence[str],
    webhook_url: str | None,
    at: datetime,
    allowed: Allowed = is_public,
) -> str | None:
    """Sets who hears of alarms. Returns the webhook's secret where it is new: for a new address there is a new one.

    `allowed`: the network addresses that webhooks may reach. Raises InvalidInput naming `emails` or `webhook_url`.
    Flushes.
    """
    addresses = _addresses(emails)
    url = _url(webhook_url, allowed)
    row = session.get(AlarmSettings, session.account_id, with_for_update=True)
    if row is None:
        row = AlarmSettings(emails=[], webhook_url=None, secret=None, updated_at=at)
        session.add(row)
    secret = None
    if url is None:
        row.secret = None
    elif url != row.webhook_url or row.secret is None or box.open(row.secret) is None:
        secret = new_secret()
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


def _url(url: str | None, allowed: Allowed) -> str | None:
    text = (url or "").strip()
    if not text:
        return None
    try:
        require_reachable(text, allowed)
    except ValueError as error:
        raise InvalidInput({"webhook_url": f"{shown(text)}: {error}"}) from None
    return text
