"""Keeps texts: once each, with who may have sent them. And tells of them."""

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.api.message_answers import message_answer
from app.secretbox import VisitorIds
from app.settings import Settings
from app.telephony.base import IncomingText
from app.telephony.record import Line, line_of
from app.telephony.told import Told
from app.telephony.twilio import TwilioProvider
from app.telling.outbox import MESSAGE_RECEIVED, tell
from core.ids import new_id
from core.time import local_day
from matching.match_text import match_text
from matching.models import model_in_use
from reports.messages import message_detail
from store.messages import Message
from store.sessions import AccountSession, Work

log = logging.getLogger("ringtrace.telephony")


def record_text(work: Work, account_id: str, told: Told, *, at: datetime, settings: Settings) -> None:
    """Keeps the text that `told` brought, as of the moment it came, and lets whoever asked for it know.

    Once per id of the provider's, however often and in whatever form it is told. Nothing is kept of a text without id,
    or to a number that is not the account's: there is nothing to keep it by. Flushes.
    """
    incoming = TwilioProvider().parse_text(told.form)
    session = work.account(account_id)
    if incoming.text_id is None or _known(session, incoming.text_id):
        return
    line = line_of(session, incoming.number)
    if line is None:
        log.warning("a text to a number that is not the account's is not kept")
        return
    message = _insert(session, incoming, line, told)
    if message is None:
        return
    _match(session, message, settings.candidate_days)
    session.flush()
    message_id, sign = message.message_id, VisitorIds(settings).sign
    tell(
        session,
        MESSAGE_RECEIVED,
        message_id,
        lambda: message_answer(message_detail(session, message_id), sign).json_ready(),
        at=at,
    )


def _known(session: AccountSession, text_id: str) -> bool:
    return session.scalar(select(Message.message_id).where(Message.provider_message_id == text_id)) is not None


def _insert(session: AccountSession, incoming: IncomingText, line: Line, told: Told) -> Message | None:
    """The new text, or None where a telling at the same moment kept it first."""
    message = Message(
        message_id=new_id(told.at),
        provider=told.provider,
        provider_message_id=incoming.text_id,
        site_id=line.site_id,
        source_id=line.source_id,
        number=line.number,
        from_number=incoming.from_number,
        sender=incoming.sender,
        body=incoming.body,
        media=incoming.media,
        at=told.at,
        local_day=local_day(told.at, line.time_zone),
        none_likelihood=1.0,
        candidates=[],
    )
    try:
        with session.begin_nested():
            session.add(message)
            session.flush()
    except IntegrityError:
        if not _known(session, incoming.text_id or ""):
            raise
        return None
    return message


def _match(session: AccountSession, message: Message, days: int) -> None:
    """Finds who may have written. Whatever goes wrong here, the text stays, without candidates."""
    message_id = message.message_id
    try:
        with session.begin_nested():
            match_text(session, message, at=message.at, model=model_in_use(session), days=days)
            session.flush()
    except Exception:
        log.exception("text %s is kept but could not be scored", message_id)
        session.refresh(message)
