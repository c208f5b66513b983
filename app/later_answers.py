"""Hands on what was learnt after a call, so that the model can answer it again.

Each is called once its cause is committed, works in transactions of its own, one per call, and never fails: what goes
wrong is logged, and the event, the status report or the decision behind it stands. None of it is for the webhook that
a call is waiting for.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from app.engine_room import EngineRoom
from app.telling.calls import tell_call
from app.telling.outbox import MATCH_CHANGED
from matching.later import LaterAnswer, Reason, answer_again, calls_of_form, other_calls_of_phone
from store.sessions import AccountSession

log = logging.getLogger("ringtrace.matching")


@dataclass(frozen=True, kw_only=True)
class PhoneLeft:
    """A visitor left this phone (E.164) in a form of the site at `at` (aware UTC)."""

    site_id: str
    visitor_id: str
    phone: str
    at: datetime


def after_the_end(room: EngineRoom, account_id: str, call_id: str) -> tuple[LaterAnswer, ...]:
    """A call ended: what pages reported late, and a score that had failed, come in now."""
    return _answer_again(room, account_id, lambda _: (call_id,), "ended")


def after_forms(room: EngineRoom, account_id: str, forms: Iterable[PhoneLeft]) -> tuple[LaterAnswer, ...]:
    """Forms brought phones that may have called before."""
    found: tuple[LaterAnswer, ...] = ()
    for form in forms:
        found += _answer_again(room, account_id, partial(_calls_of, form=form), "form")
    return found


def after_spam(room: EngineRoom, account_id: str, call_id: str, *, spam: bool) -> tuple[LaterAnswer, ...]:
    """A call was marked as spam, or the mark was taken off."""
    return _answer_again(room, account_id, lambda _: (call_id,), "spam" if spam else "not_spam")


def after_decision(room: EngineRoom, account_id: str, call_id: str) -> tuple[LaterAnswer, ...]:
    """Staff decided a call, or took that back: whose phone it is may be seen otherwise now, for its other calls too."""
    return _answer_again(room, account_id, lambda session: other_calls_of_phone(session, call_id), "override")


def _calls_of(session: AccountSession, form: PhoneLeft) -> tuple[str, ...]:
    return calls_of_form(session, site_id=form.site_id, visitor_id=form.visitor_id, phone=form.phone, at=form.at)


def _answer_again(
    room: EngineRoom, account_id: str, which: Callable[[AccountSession], tuple[str, ...]], reason: Reason
) -> tuple[LaterAnswer, ...]:
    """Answers the calls again, each by itself: one that fails leaves the others theirs."""
    try:
        with room.database.read() as work:
            call_ids = which(work.account(account_id))
    except Exception:
        log.exception("which calls to answer again (%s) could not be found", reason)
        return ()
    found = []
    for call_id in call_ids:
        try:
            with room.database.write() as work:
                at = room.now()
                answer = answer_again(
                    work.account(account_id),
                    call_id,
                    at=at,
                    reason=reason,
                    days=room.settings.candidate_days,
                )
                if answer is not None and answer.moved:
                    tell_call(room, work, account_id, MATCH_CHANGED, call_id, at=at)
        except Exception:
            log.exception("call %s could not be answered again (%s)", call_id, reason)
            continue
        if answer is not None:
            found.append(answer)
    return tuple(found)
