"""`/numbers`: the tracking numbers of an account, and why each is what it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import g
from pydantic import BaseModel, Field

from app.accounts import numbers as owned
from app.accounts.sites import get_site
from app.api.auth import reading, writing
from app.api.base import Answer, Body, Phone, Reference, Text, api_blueprint
from app.api.paging import Page, PageQuery, Query, page_of
from app.engine_room import engine_room
from app.provisioning.fallback import follow_source
from app.provisioning.keep import plan_release
from app.provisioning.purchase import quarantine
from core.phone import require_e164
from core.time import format_time
from numberpool import numbers
from numberpool.guard import calls_without_views
from numberpool.in_use import ACTIVE, QUARANTINED
from numberpool.sources import get_source
from numberpool.states import REASON_LIMIT, By
from store.sessions import AccountSession
from store.sites import TrackingNumber, TrackingSource

bp = api_blueprint("numbers")

Provider = Literal["manual", "twilio"]
Status = Literal["active", "resting", "quarantined", "released"]
Reason = Annotated[Text, Field(max_length=REASON_LIMIT, description="Why; kept in the number's history.")]
Pair = tuple[TrackingNumber, TrackingSource]


class NumberPath(BaseModel):
    """A path that ends in a number."""

    e164: str = Field(description="The number in E.164; its plus may be left out.")


class NewNumber(Body):
    """A number to be given to a source."""

    number: Phone
    source: Reference
    provider: Provider = "manual"
    status: Literal["active", "resting", "quarantined"] = "active"
    reason: Reason | None = None


class NumberChange(Body):
    """Fields of a number to be changed."""

    # The defaults below are never used: only what was sent is changed.
    source: Reference = Field(default_factory=str)
    provider: Provider = Field(default_factory=lambda: "manual")
    status: Status = Field(default_factory=lambda: "active")
    printed: bool = Field(default_factory=bool)
    reason: Reason | None = None


class ReleaseQuery(Query):
    """How a number is released."""

    at_provider: bool = Field(
        default=False,
        description="Also give it back to Twilio, after a rest; 409 with what speaks against it.",
    )
    force: bool = Field(default=False, description="Give it back in spite of the reasons.")


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
    printed: bool = Field(description="It stands on paper somewhere, so it is not given back without `force`.")
    monthly_price_minor: int | None = Field(description="What it costs a month, in minor units of `currency`.")
    currency: str | None
    quarantined_until: str | None = Field(description="When its quarantine ends by itself, if it does.")
    release_at: str | None = Field(
        description="When it is to be given back to its provider; naming a status calls it off."
    )
    calls_without_views: int | None = Field(
        description="Of a quarantined number: calls since then that nobody on the site could have made."
    )
    warning: str | None = Field(description="What to know about a change that was made.")


class NumberPage(Page):
    """A page of numbers."""

    items: list[NumberAnswer]


class NumberQuery(PageQuery):
    """Which numbers."""

    site: str | None = Field(default=None, description="Only those of this site.")
    source: str | None = Field(default=None, description="Only those of this source (id or slug).")
    status: Status | None = Field(default=None, description="Only those of this status.")


def rendered(pair: Pair, calls: Mapping[str, Sequence[datetime]], *, warning: str | None = None) -> dict[str, Any]:
    """A number as the outside sees it. `calls`: see `strays`."""
    number, source = pair
    until, release_at = number.quarantined_until, number.release_at
    heard = sum(call >= number.status_since for call in calls.get(number.number, ()))
    return NumberAnswer(
        number=number.number,
        source=source.slug,
        source_id=source.source_id,
        site=source.site_id,
        provider=number.provider,
        status=number.status,
        since=format_time(number.status_since),
        created_at=format_time(number.created_at),
        printed=number.printed,
        monthly_price_minor=number.monthly_price_minor,
        currency=number.price_currency,
        quarantined_until=format_time(until) if until else None,
        release_at=format_time(release_at) if release_at else None,
        calls_without_views=heard if number.status == QUARANTINED else None,
        warning=warning,
    ).json_ready()


def strays(session: AccountSession, rows: Sequence[Pair]) -> Mapping[str, Sequence[datetime]]:
    """When each quarantined number among these was called without views; one query, none without such numbers."""
    waiting = [number for number, _ in rows if number.status == QUARANTINED]
    if not waiting:
        return {}
    return calls_without_views(session, [n.number for n in waiting], min(n.status_since for n in waiting))


def answer_of(session: AccountSession, number: str, *, warning: str | None = None) -> dict[str, Any]:
    """A number (E.164) of this account as the outside sees it. Raises NotFound."""
    pair = numbers.get_number(session, number)
    return rendered(pair, strays(session, [pair]), warning=warning)


def asker() -> By:
    """Whoever holds the token of this request."""
    return By(kind="api", user_id=g.user_id)


@bp.post("/numbers", responses={201: NumberAnswer})
def create_number(body: NewNumber) -> tuple[dict[str, Any], int]:
    """Gives a number to a source."""
    number = require_e164(body.number, "number")
    with writing() as (work, session):
        at = engine_room().now()
        owned.add_number(
            work,
            session,
            number=number,
            source=body.source,
            provider=body.provider,
            status=body.status,
            at=at,
            by=asker(),
            reason=body.reason,
            quarantined_until=quarantine(at, engine_room().settings.quarantine_days)[1],
        )
        return answer_of(session, number), 201


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
        calls = strays(session, rows)
        return page_of(
            rows, query.limit, lambda row: (row[0].created_at, row[0].number), lambda row: rendered(row, calls)
        )


@bp.get("/numbers/<string:e164>", responses={200: NumberAnswer})
def get_number(path: NumberPath) -> dict[str, Any]:
    """One tracking number."""
    number = numbers.number_in_path(path.e164)
    with reading() as session:
        return answer_of(session, number)


@bp.patch("/numbers/<string:e164>", responses={200: NumberAnswer})
def change_number(path: NumberPath, body: NumberChange) -> dict[str, Any]:
    """Moves a number to another source, or changes its status, its provider or whether it is printed."""
    number = numbers.number_in_path(path.e164)
    fields = body.given()
    reason = fields.pop("reason", None)
    with writing() as (work, session):
        at = engine_room().now()
        warning = early_warning(session, number, fields.get("status"))
        until = quarantine(at, engine_room().settings.quarantine_days)[1]
        row = owned.change_number(work, session, number, fields, at, by=asker(), reason=reason, quarantined_until=until)
        follow_source(engine_room().settings, session, row.source_id)
        return answer_of(session, number, warning=warning)


@bp.delete("/numbers/<string:e164>", responses={204: None})
def release_number(path: NumberPath, query: ReleaseQuery) -> tuple[str, int]:
    """Releases a number; its history stays and late calls are still matched. At the provider only when asked to."""
    number = numbers.number_in_path(path.e164)
    room = engine_room()
    with writing() as (work, session):
        if query.at_provider:
            days = room.settings.rest_days
            plan_release(session, number, by=asker(), at=room.now(), rest_days=days, force=query.force)
        else:
            owned.release_number(work, session, number, room.now(), by=asker())
    return "", 204


def early_warning(session: AccountSession, number: str, status: str | None) -> str | None:
    """What to say where a quarantine is ended early although calls came; None where there is nothing to say."""
    row, _ = numbers.get_number(session, number)
    if status != ACTIVE or row.status != QUARANTINED:
        return None
    heard = len(calls_without_views(session, [number], row.status_since).get(number, ()))
    if not heard:
        return None
    said = "1 call" if heard == 1 else f"{heard} calls"
    return f"{said} without views came since its quarantine began: somebody else's callers may be counted as yours"
