"""Questions to the audit log: who did what in an account, newest first, and in words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from core.text import clean
from store.keeping import AuditEntry
from store.paging import newest_first
from store.sessions import AccountSession

GROUPS = {
    "sign_in": "sign-ins",
    "call": "calls",
    "number": "numbers",
    "source": "sources",
    "site": "sites",
    "model": "the model",
    "provider": "providers",
    "alarms": "alarms",
    "webhook": "webhooks",
    "export": "exports",
    "retention": "retention",
    "account": "the account",
    "user": "users",
}
"""What an action's name begins with → what it is about."""

SAID = {
    "sign_in": "signed in",
    "sign_in.wrong": "a try to sign in with a wrong password",
    "sign_in.refused": "too many wrong tries: further ones are refused for a while",
    "sign_in.end": "signed out",
    "call.match": "decided who called",
    "call.match.undo": "returned to the model's choice",
    "call.change": "changed a call",
    "call.note": "wrote a note",
    "number.add": "took a number in",
    "number.buy": "asked for a number to be bought",
    "number.change": "changed a number",
    "source.add": "made a source",
    "source.change": "changed a source",
    "source.delete": "deleted a source",
    "site.add": "made a site",
    "site.change": "changed a site",
    "model.use": "put a model version to use",
    "provider.credentials": "stored a provider's credentials",
    "alarms.settings": "changed who hears of alarms",
    "webhook.add": "made a webhook",
    "webhook.change": "changed a webhook",
    "webhook.delete": "took a webhook away",
    "webhook.replay": "had a message sent again",
    "export.accuracy": "took the accuracy report out as a file",
    "export.activity": "took the activity out as a file",
    "retention.change": "changed for how long data is kept",
    "account.erase": "removed a person",
    "account.add": "the account was made",
    "account.open": "opened this account",
    "user.password": "a password was set from the command line",
}
"""What is said of an action; one that is not here is said by its name."""


@dataclass(frozen=True, kw_only=True)
class ActivityFilter:
    """Which entries. `who`: a user's id, or `system`; `about`: the first word of the action; times are aware UTC."""

    who: str | None = None
    about: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def entries(
    session: AccountSession, asked: ActivityFilter, limit: int, after: tuple[datetime, str] | None = None
) -> Sequence[AuditEntry]:
    """At most `limit` entries, newest first, after the place `after`."""
    found = select(AuditEntry)
    if asked.who == "system":
        found = found.where(AuditEntry.by == "system")
    elif asked.who is not None:
        found = found.where(AuditEntry.user_id == asked.who)
    if asked.about is not None:
        begins = AuditEntry.action.startswith(f"{asked.about}.", autoescape=True)
        found = found.where(or_(AuditEntry.action == asked.about, begins))
    if asked.start is not None:
        found = found.where(AuditEntry.at >= asked.start)
    if asked.end is not None:
        found = found.where(AuditEntry.at < asked.end)
    return session.scalars(newest_first(found, AuditEntry.at, AuditEntry.entry_id, after=after, limit=limit)).all()


def said(action: str) -> str:
    """An action in words."""
    return SAID.get(action) or action.replace(".", " ").replace("_", " ")


def details_said(details: Mapping[str, Any]) -> str:
    """What else is known of an entry, in one line."""
    parts = [f"{name.replace('_', ' ')}: {_value(value)}" for name, value in details.items() if value not in (None, "")]
    return clean("; ".join(parts), 300) or ""


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)
