"""`/numbers/{e164}/history`: why a number is what it is."""

from typing import Any, Literal

from flask import g
from pydantic import Field

from app.accounts.names import user_names
from app.api.base import Answer, api_blueprint
from app.api.numbers import NumberPath
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from core.time import format_time
from numberpool import numbers
from numberpool.states import changes_of
from store.provisioning import NumberChange

bp = api_blueprint("number_history")


class ChangeAnswer(Answer):
    """One change of a number: what it was (null: it was new), what it became, who did it and why."""

    at: str
    from_: str | None = Field(alias="from")
    to: str
    from_source: str | None
    to_source: str
    by: Literal["staff", "api", "system"]
    user: str | None
    reason: str | None


class ChangePage(Page):
    """A page of changes."""

    items: list[ChangeAnswer]


@bp.get("/numbers/<string:e164>/history", responses={200: ChangePage})
def number_history(path: NumberPath, query: PageQuery) -> dict[str, Any]:
    """Every change of a number's status and source, with who did it and why, newest first."""
    number = numbers.number_in_path(path.e164)
    with engine_room().database.read() as work:
        session = work.account(g.account_id)
        numbers.get_number(session, number)
        rows = changes_of(session, number, after=query.after(), limit=query.limit + 1)
        names = user_names(work.directory, {row.user_id for row in rows if row.user_id})
        slugs = numbers.source_slugs(session)

    def render(row: NumberChange) -> dict[str, Any]:
        before = row.from_source_id
        return ChangeAnswer(
            at=format_time(row.at),
            **{"from": row.from_status},
            to=row.to_status,
            from_source=slugs.get(before) if before else None,
            to_source=slugs[row.to_source_id],
            by=row.by,
            user=names.get(row.user_id) if row.user_id else None,
            reason=row.reason,
        ).json_ready()

    return page_of(rows, query.limit, lambda row: (row.at, row.change_id), render)
