"""`/numbers/available`, `/numbers/purchase`, `/numbers/import` and what belongs to them: numbers from a provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from flask import g
from pydantic import Field

from app.api.auth import reading
from app.api.base import Answer, Body, ById, ErrorAnswer, Phone, Reference, api_blueprint, text
from app.api.numbers import NumberAnswer, answer_of, asker
from app.api.paging import Page, PageQuery, Query, page_of
from app.engine_room import engine_room
from app.http_errors import error_response
from app.provisioning.keep import import_number as take_in
from app.provisioning.keep import importable
from app.provisioning.purchase import Limit, NotSold, Purchased, UnderWay, buy, price_of
from app.provisioning.shop import Shop, asked_shop, has_credentials
from core.errors import Conflict, NotFound
from core.phone import is_country, require_e164
from core.time import format_time
from numberpool.numbers import source_slugs
from numberpool.provider import Doubtful, Failed, Offer, Prices, Refused, Wanted
from numberpool.provisioning import purchase_of, purchases
from store.provisioning import NumberPurchase
from store.sessions import AccountSession, Work

bp = api_blueprint("buying")

Kind = Literal["local", "toll_free", "mobile"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
RETRY_SECONDS = "30"


class AvailableQuery(Query):
    """What is looked for."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, such as US.")]
    kind: Kind = "local"
    area_code: Annotated[str, Field(pattern=r"^[0-9]{1,6}$")] | None = None
    contains: Annotated[str, Field(pattern=r"^[0-9A-Za-z*+]{2,20}$")] | None = Field(
        default=None, description="Digits the number is to hold; `*` stands for any digit."
    )
    near: str | None = Field(default=None, max_length=60, description="Numbers near this one (E.164).")
    region: text(60) | None = Field(default=None, description="A state or province, such as NY.")  # type: ignore[valid-type]
    locality: text(60) | None = Field(default=None, description="A town.")  # type: ignore[valid-type]
    limit: int = Field(default=20, ge=1, le=100)


class OfferAnswer(Answer):
    """A number that can be bought, where it is at home, what it can do and costs a month (null: not known)."""

    number: str
    kind: Kind
    country: str
    region: str | None
    locality: str | None
    capabilities: dict[str, bool]
    monthly_price_minor: int | None
    currency: str | None


class OfferList(Answer):
    """Numbers that can be bought."""

    items: list[OfferAnswer]


class NewPurchase(Body):
    """A number to be bought for a source, and what it may cost a month at most."""

    number: Phone
    source: Reference
    kind: Kind | None = Field(default=None, description="As the search told; where left out, read from the number.")
    max_monthly_price_minor: Annotated[int, Field(ge=0, le=10**9)] | None = None
    currency: Currency | None = Field(default=None, description="Of the limit; the provider's own where left out.")


class PurchaseAnswer(Answer):
    """A purchase: `doubtful` means that nobody knows yet, and that it is searched before it is tried again."""

    id: str
    number: str
    source: str
    status: Literal["intended", "asked", "doubtful", "bought", "taken", "refused"]
    reason: str | None
    monthly_price_minor: int | None
    currency: str | None
    created_at: str
    updated_at: str


class PurchasePage(Page):
    """A page of purchases."""

    items: list[PurchaseAnswer]


class NewImport(Body):
    """A number of the Twilio account to be made one of ours."""

    number: Phone
    source: Reference
    status: Literal["quarantined", "active"] = "quarantined"
    overwrite: bool = Field(default=False, description="Point its calls and texts here, wherever they go now.")


class HeldAnswer(Answer):
    """A number at Twilio that is not one of ours; `overwrites` are the addresses an import would take the place of."""

    number: str
    name: str
    overwrites: dict[str, str]
    diverted_by: str | None = Field(description="What takes its calls in spite of the webhooks; to be taken off first.")


class HeldList(Answer):
    """Numbers that can be imported."""

    items: list[HeldAnswer]


@contextmanager
def unmarked() -> Iterator[tuple[Work, AccountSession]]:
    """A transaction of the asker's account that takes no Idempotency-Key.

    A purchase is several transactions; that it is made once is the purchase's own row to see to. So a repeat with the
    same key gets the first answer where there was one, and goes on with the purchase where there was none.
    """
    with engine_room().database.write() as work:
        yield work, work.account(g.account_id)


def _shop() -> Shop:
    with reading() as session:
        return asked_shop(session, unmarked, asker())


@bp.get("/numbers/available", responses={200: OfferList, 409: ErrorAnswer})
def available_numbers(query: AvailableQuery) -> dict[str, Any]:
    """Numbers that can be bought at Twilio, each with its monthly price. 409 where no credentials are kept."""
    if not is_country(query.country):
        raise NotFound("there is no such country")
    near = require_e164(query.near, "near", query.country) if query.near else None
    shop = _shop()
    wanted = Wanted(
        country=query.country,
        kind=query.kind,
        area_code=query.area_code,
        contains=query.contains,
        near=near,
        region=query.region,
        locality=query.locality,
        limit=query.limit,
    )
    found = shop.provider.search(wanted)
    if isinstance(found, Refused | Doubtful):
        raise _failed(found)
    prices = shop.provider.prices(query.country)
    return OfferList(items=[_offer(offer, prices) for offer in found]).json_ready()


@bp.post("/numbers/purchase", responses={201: NumberAnswer, 202: PurchaseAnswer})
def purchase_number(body: NewPurchase) -> Any:
    """Buys a number; it begins in quarantine. 202: nobody knows yet; ask again, and it is searched first."""
    number = require_e164(body.number, "number")
    limit = None
    if body.max_monthly_price_minor is not None:
        limit = Limit(minor=body.max_monthly_price_minor, currency=body.currency)
    done = buy(_shop(), number=number, source=body.source, kind=body.kind, limit=limit)
    if isinstance(done, UnderWay):
        # Not kept under an Idempotency-Key: whoever repeats it is to get the answer of the purchase itself.
        response = error_response(429, "this very number is being bought at the moment; ask again shortly")
        response.headers["Retry-After"] = RETRY_SECONDS
        return response
    if isinstance(done, NotSold):
        raise Conflict(done.reason, fields={"number": done.reason})
    with reading() as session:
        if isinstance(done, Purchased) and done.note is None:
            return answer_of(session, number), 201
        row = purchase_of(session, done.purchase_id)
        assert row is not None
        return _purchase(row, source_slugs(session)), 202


@bp.get("/numbers/purchases", responses={200: PurchasePage})
def list_purchases(query: PageQuery) -> dict[str, Any]:
    """The account's purchases, newest first."""
    with reading() as session:
        slugs = source_slugs(session)
        rows = purchases(session, after=query.after(), limit=query.limit + 1)
        return page_of(rows, query.limit, lambda row: (row.created_at, row.purchase_id), lambda r: _purchase(r, slugs))


@bp.get("/numbers/purchases/<string:id>", responses={200: PurchaseAnswer})
def get_purchase(path: ById) -> dict[str, Any]:
    """One purchase, and what came of it."""
    with reading() as session:
        row = purchase_of(session, path.id)
        if row is None:
            raise NotFound("there is no such purchase")
        return _purchase(row, source_slugs(session))


@bp.get("/providers/twilio/numbers", responses={200: HeldList, 404: ErrorAnswer, 409: ErrorAnswer})
def importable_numbers() -> dict[str, Any]:
    """Numbers of the Twilio account that are not ours yet. 404 where no credentials are kept."""
    with reading() as session:
        if not has_credentials(session, engine_room().secrets):
            raise NotFound("no credentials of Twilio are kept")
    found = importable(_shop())
    if isinstance(found, Refused | Doubtful):
        raise _failed(found)
    return HeldList(
        items=[
            HeldAnswer(
                number=one.held.number,
                name=one.held.token,
                overwrites=dict(one.overwritten),
                diverted_by=one.held.elsewhere or None,
            )
            for one in found
        ]
    ).json_ready()


@bp.post("/numbers/import", responses={201: NumberAnswer})
def import_number(body: NewImport) -> tuple[dict[str, Any], int]:
    """Makes a number of the Twilio account one of ours and points its webhooks here; it begins in quarantine."""
    number = require_e164(body.number, "number")
    warning = take_in(
        _shop(),
        number=number,
        source=body.source,
        quarantined=body.status == "quarantined",
        overwrite=body.overwrite,
    )
    with reading() as session:
        return answer_of(session, number, warning=warning), 201


def _offer(offer: Offer, prices: Prices | Failed) -> OfferAnswer:
    price = price_of(prices, offer.kind)
    return OfferAnswer(
        number=offer.number,
        kind=offer.kind,
        country=offer.country,
        region=offer.region,
        locality=offer.locality,
        capabilities={"voice": offer.voice, "sms": offer.sms, "mms": offer.mms},
        monthly_price_minor=price.minor if price else None,
        currency=price.currency if price else None,
    )


def _purchase(row: NumberPurchase, slugs: dict[str, str]) -> dict[str, Any]:
    return PurchaseAnswer(
        id=row.purchase_id,
        number=row.number,
        source=slugs[row.source_id],
        status=row.status,
        reason=row.reason,
        monthly_price_minor=row.monthly_price_minor,
        currency=row.price_currency,
        created_at=format_time(row.created_at),
        updated_at=format_time(row.updated_at),
    ).json_ready()


def _failed(failed: Failed) -> Conflict:
    """The provider's refusal, or its silence: nothing is wrong here, and nothing can be done now."""
    return Conflict(failed.reason if isinstance(failed, Refused) else f"{failed.reason}; try again in a minute")
