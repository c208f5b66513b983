"""`/api/v1/messages`: texts that came in, and who may have sent them."""

from typing import Any

from flask import Response, jsonify
from pydantic import Field

from app.api.auth import reading
from app.api.base import ById, api_blueprint
from app.api.message_answers import MessageAnswer, message_answer
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.secretbox import VisitorIds
from core.time import parse_moment
from reports.messages import MessageFilter, MessageRow, list_messages, message_detail
from reports.period import zone_of_dates
from store.sessions import AccountSession

bp = api_blueprint("messages")

DATE_LENGTH = 10


class MessagesQuery(PageQuery):
    """Filters of the texts. Times are ISO 8601, or dates: the midnight that begins them at the site."""

    from_: str | None = Field(default=None, alias="from", description="Came at or after.")
    to: str | None = Field(default=None, description="Came before.")
    site: str | None = None
    source: str | None = Field(default=None, description="A source's slug or id.")
    number: str | None = Field(default=None, description="The tracking number that was written to, E.164.")
    caller: str | None = Field(
        default=None, description="Who wrote, E.164, or `withheld` for whoever has no telephone number."
    )
    visitor: str | None = Field(default=None, description="Matched to this visitor.")
    q: str | None = Field(default=None, description="In the words, or in who wrote them.")


class MessagesPage(Page):
    """A page of texts, newest first."""

    items: list[MessageAnswer]


@bp.get("/messages", responses={200: MessagesPage})
def messages_list(query: MessagesQuery) -> Response:
    """Texts that came in, newest first."""
    place, sign = query.after(), engine_room().visitor_ids.sign
    with reading() as session:
        rows = list_messages(session, _filter(session, query), query.limit + 1, place)

    def render(row: MessageRow) -> dict[str, Any]:
        return message_answer(row, sign).json_ready()

    return jsonify(page_of(rows, query.limit, lambda row: (row.at, row.message_id), render))


@bp.get("/messages/<string:id>", responses={200: MessageAnswer})
def message_get(path: ById) -> Response:
    """One text with everybody who may have sent it."""
    with reading() as session:
        found = message_detail(session, path.id)
    return jsonify(message_answer(found, engine_room().visitor_ids.sign).json_ready())


def _filter(session: AccountSession, query: MessagesQuery) -> MessageFilter:
    dates = any(len(moment) == DATE_LENGTH for moment in (query.from_, query.to) if moment)
    zone = zone_of_dates(session, query.site) if dates else "UTC"
    return MessageFilter(
        start=None if query.from_ is None else parse_moment(query.from_, zone, "from"),
        end=None if query.to is None else parse_moment(query.to, zone, "to"),
        site=query.site,
        source=query.source,
        number=query.number,
        caller=query.caller,
        visitor=None if query.visitor is None else VisitorIds.bare(query.visitor),
        text=query.q,
    )
