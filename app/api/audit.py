"""`/audit`: who did what in the account."""

from typing import Any, Literal

from pydantic import Field

from app.activity import ActivityFilter, entries
from app.api.auth import reading
from app.api.base import Answer, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from core.time import format_time, parse_moment
from store.keeping import AuditEntry

bp = api_blueprint("audit")


class AuditQuery(PageQuery):
    """Which entries. Times are ISO 8601, or dates: the midnight (UTC) that begins them."""

    user: str | None = Field(default=None, max_length=32, description="The id of who did it, or `system`.")
    about: str | None = Field(
        default=None, max_length=60, description="What the action's name begins with, such as `call` or `sign_in`."
    )
    from_: str | None = Field(default=None, alias="from", description="At or after.")
    to: str | None = Field(default=None, description="Before.")


class AuditAnswer(Answer):
    """An entry: `action` is what was done, `subject` to what; `by` says how its doer was known."""

    id: str
    at: str
    by: Literal["person", "token", "system"]
    user: str | None
    action: str
    subject: str | None
    details: dict[str, Any]


class AuditPage(Page):
    """A page of entries, newest first."""

    items: list[AuditAnswer]


@bp.get("/audit", responses={200: AuditPage})
def list_audit(query: AuditQuery) -> dict[str, Any]:
    """The audit log of the account, newest first."""
    asked = ActivityFilter(
        who=query.user,
        about=query.about,
        start=None if query.from_ is None else parse_moment(query.from_, "UTC", "from"),
        end=None if query.to is None else parse_moment(query.to, "UTC", "to"),
    )
    with reading() as session:
        rows = entries(session, asked, query.limit + 1, query.after())
        return page_of(rows, query.limit, lambda row: (row.at, row.entry_id), _answer)


def _answer(row: AuditEntry) -> dict[str, Any]:
    return AuditAnswer(
        id=row.entry_id,
        at=format_time(row.at),
        by=row.by,
        user=row.user_id,
        action=row.action,
        subject=row.subject,
        details=row.details,
    ).json_ready()
