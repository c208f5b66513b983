"""`/numbers`: the tracking numbers of an account."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.accounts import numbers as owned
from app.accounts.sites import get_site
from app.api.auth import reading, writing
from app.api.base import Answer, Body, Phone, Reference, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from core.phone import require_e164
from core.time import format_time
from numberpool import numbers
from numberpool.sources import get_source
from store.sites import TrackingNumber, TrackingSource

bp = api_blueprint("numbers")

Provider = Literal["manual", "twilio"]
Status = Literal["active", "resting", "quarantined", "released"]


class NumberPath(BaseModel):
    """A path that ends in a number."""

    e164: str = Field(description="The number in E.164; its plus may be left out.")


class NewNumber(Body):
    """A number to be given to a source."""

    number: Phone
    source: Reference
    provider: Provider = "manual"
    status: Literal["active", "resting", "quarantined"] = "active"


class NumberChange(Body):
    """Fields of a number to be changed."""

    # The defaults below are never used: only what was sent is changed.
    source: Reference = Field(default_factory=str)
    provider: Provider = Field(default_factory=lambda: "manual")
    status: Status = Field(default_factory=lambda: "active")


class NumberAnswer(Answer):
    """A tracking number; `since` is when it got its status."""

    number: str
    source: str
    source_id: str
    site: str
    provider: str
    status: Status
    since: str
    created_at: str


class NumberPage(Page):
    """A page of numbers."""

    items: list[NumberAnswer]


class NumberQuery(PageQuery):
    """Which numbers."""

    site: str | None = Field(default=None, description="Only those of this site.")
    source: str | None = Field(default=None, description="Only those of this source (id or slug).")
    status: Status | None = Field(default=None, description="Only those of this status.")


def rendered(pair: tuple[TrackingNumber, TrackingSource]) -> dict[str, Any]:
    """A number as the outside sees it."""
    number, source = pair
    return NumberAnswer(
        number=number.number,
        source=source.slug,
        source_id=source.source_id,
        site=source.site_id,
        provider=number.provider,
        status=number.status,
        since=format_time(number.status_since),
        created_at=format_time(number.created_at),
    ).json_ready()


@bp.post("/numbers", responses={201: NumberAnswer})
def create_number(body: NewNumber) -> tuple[dict[str, Any], int]:
    """Gives a number to a source."""
    number = require_e164(body.number, "number")
    with writing() as (work, session):
        owned.add_number(
            work,
            session,
            number=number,
            source=body.source,
            provider=body.provider,
            status=body.status,
            at=engine_room().now(),
        )
        return rendered(numbers.get_number(session, number)), 201


@bp.get("/numbers", responses={200: NumberPage})
def list_numbers(query: NumberQuery) -> dict[str, Any]:
    """The tracking numbers of the account, released ones included, newest first."""
    with reading() as session:
        rows = numbers.list_numbers(
            session,
            source_id=get_source(session, query.source).source_id if query.source is not None else None,
            site_id=get_site(session, query.site).site_id if query.site is not None else None,
            status=query.status,
            after=query.after(),
            limit=query.limit + 1,
        )
        return page_of(rows, query.limit, lambda row: (row[0].created_at, row[0].number), rendered)


@bp.get("/numbers/<string:e164>", responses={200: NumberAnswer})
def get_number(path: NumberPath) -> dict[str, Any]:
    """One tracking number."""
    number = numbers.number_in_path(path.e164)
    with reading() as session:
        return rendered(numbers.get_number(session, number))


@bp.patch("/numbers/<string:e164>", responses={200: NumberAnswer})
def change_number(path: NumberPath, body: NumberChange) -> dict[str, Any]:
    """Moves a number to another source, or changes its status or provider."""
    number = numbers.number_in_path(path.e164)
    with writing() as (work, session):
        owned.change_number(work, session, number, body.given(), engine_room().now())
        return rendered(numbers.get_number(session, number))


@bp.delete("/numbers/<string:e164>", responses={204: None})
def release_number(path: NumberPath) -> tuple[str, int]:
    """Releases a number; its history stays and late calls are still matched."""
    number = numbers.number_in_path(path.e164)
    with writing() as (work, session):
        owned.release_number(work, session, number, engine_room().now())
    return "", 204
