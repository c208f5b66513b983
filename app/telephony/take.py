"""Takes a webhook in: who signed it, kept raw, processed, and what to answer. All of its database is in here."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import EngineRoom
from app.telephony.base import Dial, IncomingCall, Plan, RequestHeaders, Tell
from app.telephony.intake import Processed, is_away, keep, process
from app.telephony.plan import NOBODYS, dial, plan_of
from app.telephony.tokens import signers
from app.telephony.told import Told
from app.telephony.twilio import TwilioProvider
from store.sessions import Away, Work

log = logging.getLogger("ringtrace.telephony")

TWILIO = TwilioProvider()


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A webhook that was taken in: the accounts it is kept for (none: it was refused) and, of a call, the answer."""

    accounts: tuple[str, ...]
    plan: Plan | None = None

    @property
    def refused(self) -> bool:
        """Whether nobody's token signed it."""
        return not self.accounts


class NotKept(Away):
    """A genuine webhook of these accounts could not be kept; `plan` is how its call is to be connected all the same."""

    def __init__(self, accounts: tuple[str, ...], plan: Plan | None) -> None:
        super().__init__()
        self.accounts, self.plan = accounts, plan


def take(room: EngineRoom, told: Told, *, url: str | None, headers: RequestHeaders) -> Taken:
    """Verifies, keeps and processes a webhook that was sent to `url` (None: to none that can be read).

    What goes wrong while it is processed is written into the event and costs nothing else. Raises SQLAlchemyError, and
    nothing else, where it could not be verified or kept (then NotKept).
    """
    try:
        incoming = TWILIO.parse_call(told.form)
        with room.database.read() as work:
            accounts = _trusted(work, room, incoming, told, url, headers)
            plan = _plan(work, room, accounts, incoming) if told.kind == "voice" else None
    except SQLAlchemyError:
        raise
    except Exception as error:
        # What we cannot look up is as far away as a database that does not answer: the call is connected without.
        log.exception("whose webhook it is could not be found out")
        raise Away from error
    if not accounts:
        log.warning("a webhook without a valid signature was refused")
        return Taken(accounts=())
    for account_id in _homes(accounts, told):
        try:
            kept = keep(room.database, account_id, told, via="webhook")
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and not is_away(error):
                log.exception("a genuine webhook could not be kept")
            raise NotKept(accounts, plan) from error
        if not kept.done:
            processed = _processed(room, account_id, kept.event_id, told)
            if isinstance(plan, Dial) and processed is not None and processed.call is not None:
                plan = dial(processed.call.connection, base=room.settings.public_base_url)
    return Taken(accounts=accounts, plan=plan)


def _processed(room: EngineRoom, account_id: str, event_id: str, told: Told) -> Processed | None:
    """What became of the event now; None where the database failed: it is kept, and taken up again by itself."""
    try:
        return process(room, account_id, event_id, at=told.at)
    except Exception:
        log.exception("event %s is kept and waits", event_id)
        return None


def _trusted(
    work: Work, room: EngineRoom, incoming: IncomingCall, told: Told, url: str | None, headers: RequestHeaders
) -> tuple[str, ...]:
    """The accounts a token of which signed this request."""
    if url is None:
        return ()
    form = told.form
    return tuple(
        signer.account_id
        for signer in signers(work, room.secrets, incoming, at=told.at)
        if TWILIO.verify(tokens=signer.tokens, url=url, form=form, headers=headers)
    )


def _plan(work: Work, room: EngineRoom, accounts: Sequence[str], incoming: IncomingCall) -> Plan:
    """How the call is connected: by the account whose number or call it is, or not at all."""
    for account_id in accounts:
        if (plan := plan_of(work.account(account_id), incoming, base=room.settings.public_base_url)) is not None:
            return plan
    return Tell(sentence=NOBODYS)


def _homes(accounts: Sequence[str], told: Told) -> Sequence[str]:
    """The accounts to keep it for. Several share a provider's account only while the call is known to none of them.

    Then a recording or a leg waits with each until its call is there, and leaves the others.
    """
    waits = told.kind == "recording" or "ParentCallSid" in told.form
    return accounts if waits else accounts[:1]
