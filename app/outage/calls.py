"""Calls while the database is away: verified by the files, connected where the number's calls go, kept in the spool."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import EngineRoom
from app.metrics import webhook_taken
from app.telephony.base import Plan, RequestHeaders, Tell
from app.telephony.intake import keep, process
from app.telephony.plan import NOBODYS, dial
from app.telephony.take import NotKept, Taken, take
from app.telephony.told import Told
from app.telephony.twilio import TwilioProvider

log = logging.getLogger("ringtrace.outage")

WEBHOOK: Final = "webhook"
"""The kind of these records in the spool."""
SECONDS, LOOK_SECONDS = 0.5, 0.3
"""What the database may take for a call, and a look at it then: the caller hears nothing until that is over."""
TWILIO = TwilioProvider()


def take_in(room: EngineRoom, told: Told, *, url: str | None, headers: RequestHeaders) -> Taken:
    """Takes a webhook in as `take` does, or without the database where that does not work in time.

    Raises SQLAlchemyError where the database is away and nobody is known who could have signed.
    """
    outcome = "taken"
    try:
        taken = room.outage.patience(
            lambda: take(room, told, url=url, headers=headers), seconds=SECONDS, look=LOOK_SECONDS
        )
    except NotKept as error:
        outcome, taken = "spooled", Taken(accounts=error.accounts, plan=error.plan)
        _keep_aside(room, error.accounts, told)
    except SQLAlchemyError:
        aside = take_aside(room, told, url=url, headers=headers)
        if aside is None:
            webhook_taken(told.kind, "unavailable")
            raise
        outcome, taken = "spooled", aside
    webhook_taken(told.kind, "refused" if taken.refused else outcome)
    return taken


def take_aside(room: EngineRoom, told: Told, *, url: str | None, headers: RequestHeaders) -> Taken | None:
    """Verifies a webhook by the files, keeps it in the spool, and says what to answer.

    None where no file knows who could have signed it; refused where it does not even look like signed.
    """
    call = TWILIO.parse_call(told.form)
    if url is None or not TWILIO.looks_signed(headers):
        return Taken(accounts=())
    known = room.outage.files.find(number=call.number, account_sid=call.account_sid, at=told.at)
    if not known:
        return None
    signed = [k for k in known if TWILIO.verify(tokens=k.tokens, url=url, form=told.form, headers=headers)]
    if not signed:
        return Taken(accounts=())
    connection = signed[0].connection
    base = room.settings.public_base_url
    plan: Plan = dial(connection, base=base) if connection else Tell(sentence=NOBODYS)
    accounts = (signed[0].account_id,)
    _keep_aside(room, accounts, told)
    return Taken(accounts=accounts, plan=plan if told.kind == "voice" else None)


def _keep_aside(room: EngineRoom, accounts: Iterable[str], told: Told) -> None:
    """Keeps it in the spool. What cannot be kept is answered all the same: the provider's list heals its record."""
    for account_id in accounts:
        try:
            room.outage.spool.append({"kind": WEBHOOK, "account": account_id, "told": told.as_json()})
        except Exception:
            log.exception("a webhook could not be kept in the spool")


def take_from_spool(room: EngineRoom, record: Mapping[str, Any]) -> None:
    """Takes in a webhook that was kept. Raises SQLAlchemyError where the database is away again."""
    told = Told.from_json(record["told"])
    kept = keep(room.database, record["account"], told, via="spool")
    if not kept.done:
        process(room, record["account"], kept.event_id, at=room.now())
