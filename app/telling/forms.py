"""Webhooks about forms that visitors sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.secretbox import VisitorIds
from app.telling.outbox import FORM_RECEIVED, tell
from core.time import format_time
from store.sessions import AccountSession


@dataclass(frozen=True, kw_only=True)
class FormSent:
    """A form that was kept: who sent it in which visit, with which phone (E.164) and e-mail, at `at` (aware UTC).

    `visitor_id` is the bare id.
    """

    form_id: str
    site_id: str
    visitor_id: str
    visit_id: str
    phone: str | None
    email: str | None
    at: datetime


def tell_form(session: AccountSession, visitor_ids: VisitorIds, form: FormSent, *, at: datetime) -> int:
    """Writes down that whoever asked for `form.received` is to be told of the form; returns how many.

    To be called last in the transaction that keeps the form. Flushes.
    """

    def data() -> dict[str, Any]:
        return {
            "id": form.form_id,
            "site": form.site_id,
            "visitor": visitor_ids.sign(form.site_id, form.visitor_id),
            "visit": form.visit_id,
            "name": None,
            "email": form.email,
            "phone": form.phone,
            "fields": {},
            "at": format_time(form.at),
        }

    return tell(session, FORM_RECEIVED, form.form_id, data, at=at)
