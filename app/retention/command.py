"""The command `erase` as it speaks to people."""

from datetime import datetime

from app.database import closing_database
from app.retention.erase import Person, erase, find
from app.secretbox import VisitorIds
from app.settings import Settings
from core.errors import InvalidInput, NotFound, shown
from core.phone import require_e164
from store.sites import Account

_NAMES = {"visitors": "visitor", "visits": "visit", "calls": "call", "messages": "text", "recordings": "recording"}


def person_of(*, phone: str | None, visitor: str | None, email: str | None) -> Person:
    """Whom the options name. Raises InvalidInput unless it is one thing, and readable."""
    given = [value for value in (phone, visitor, email) if value]
    if len(given) != 1:
        raise InvalidInput({"person": "one of --phone, --visitor and --email is needed, and no more"})
    if phone:
        return Person(kind="phone", value=require_e164(phone, "phone"))
    if visitor:
        return Person(kind="visitor", value=VisitorIds.bare(visitor.strip()))
    address = (email or "").strip()
    if "@" not in address.strip("@"):
        raise InvalidInput({"email": f"{shown(address)} is no e-mail address"})
    return Person(kind="email", value=address)


def run(
    settings: Settings, account_id: str, person: Person, at: datetime, *, sure: bool
) -> tuple[dict[str, object], str]:
    """Erases (`sure`), or counts what would be touched; returns one JSON object, and a sentence."""
    with closing_database(settings.database_url) as database:
        with database.read() as work:
            session = work.account(account_id)
            if session.get(Account, account_id) is None:
                raise NotFound(f"there is no account {account_id}")
            found = find(session, person)
        if not sure:
            return {**found, "erased": False}, f"{_said(found)} would be touched; with --yes they are"
        told = erase(database, settings, account_id, person, at).told()
        also = f"; {told['texts']} rows held them in other texts, {told['events']} raw events are gone"
        return {**told, "erased": True}, f"{_said(told)} hold nothing of the person any more{also}"


def _said(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{count} {_NAMES[name]}{'' if count == 1 else 's'}" for name, count in counts.items() if name in _NAMES
    )
