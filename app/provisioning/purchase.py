"""Buying a number: the intent is kept first, the provider is asked once, and searched before it is asked again."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import audit
from app.accounts import numbers as owned
from app.provisioning.fallback import remove_fallback, write_fallback
from app.provisioning.shop import Shop
from core.errors import Conflict, InvalidInput
from core.phone import country_of
from numberpool import provisioning
from numberpool.in_use import ACTIVE, QUARANTINED, RELEASED
from numberpool.provider import Bought, Doubtful, Failed, Held, Kind, Prices, Refused, Taken, kind_of
from numberpool.sources import source_row
from numberpool.states import By
from store.provisioning import NumberPurchase
from store.sessions import AccountSession, Work
from store.sites import TrackingNumber

log = logging.getLogger("ringtrace.provisioning")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a number may cost a month: minor units of `currency`; a currency of None is the provider's own."""

    minor: int
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a number costs a month, in minor units of `currency`."""

    minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Purchased:
    """The number is bought; `note` says what is to be known besides."""

    purchase_id: str
    number: str
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Nobody knows yet: the next try, or the nightly reconcile, searches before anything else."""

    purchase_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NotSold:
    """The provider did not sell it."""

    purchase_id: str
    reason: str
    code: int | None


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """Somebody else waits for the provider's answer to this very purchase at this moment."""

    purchase_id: str


Outcome = Purchased | Pending | NotSold


def buy(
    shop: Shop, *, number: str, source: str, kind: Kind | None = None, limit: Limit | None = None
) -> Outcome | UnderWay:
    """Buys a number (E.164) for a source (id or slug), or goes on with a purchase of it whose end nobody knows.

    Raises InvalidInput for fields that cannot be, Conflict where the number is in use or costs more than the limit.
    """
    price = _checked_price(shop, number, kind or kind_of(number), limit)
    with shop.transaction() as (work, session):
        if owned.is_somebodys(work, number):
            raise Conflict(f"{number} is in use", fields={"number": "is in use"})
        purchase, _ = provisioning.intend(session, number=number, source=source, user_id=shop.by.user_id, at=shop.now())
        if price is not None:
            purchase.monthly_price_minor, purchase.price_currency = price.minor, price.currency
        _note(session, shop, purchase)
        destination = source_row(session, purchase.source_id).destination
    if provisioning.is_under_way(purchase, shop.now()):
        return UnderWay(purchase_id=purchase.purchase_id)
    if purchase.posts:
        known = _search(shop, purchase)
        if known is not None:
            return known
    with shop.transaction() as (_, session):
        if not provisioning.take_turn(session, purchase, shop.now()):
            return UnderWay(purchase_id=purchase.purchase_id)
    write_fallback(shop.settings, number, destination)
    return _settle(shop, purchase, _ask(shop, purchase))


def _note(session: AccountSession, shop: Shop, purchase: NumberPurchase) -> None:
    """Money is spent: who asked for it stands in the audit log, whatever the provider says."""
    details = {
        "purchase": purchase.purchase_id,
        "monthly_price_minor": purchase.monthly_price_minor,
        "currency": purchase.price_currency,
    }
    who: audit.By = {"staff": "person", "api": "token"}.get(shop.by.kind, "system")  # type: ignore[assignment]
    audit.note(session, "number.buy", purchase.number, by=who, user_id=shop.by.user_id, at=shop.now(), details=details)


def price_of(prices: Prices | Failed, kind: Kind) -> Price | None:
    """The monthly price of a number of this kind; None where it is not known."""
    if not isinstance(prices, Prices) or kind not in prices.monthly or not prices.currency:
        return None
    return Price(minor=prices.monthly[kind], currency=prices.currency)


def find_again(shop: Shop, purchase: NumberPurchase) -> Outcome:
    """What became of a purchase that hangs: what was bought is taken in, what was not is closed."""
    found = shop.provider.find_by_token(purchase.token)
    if isinstance(found, Held):
        return finish(shop, purchase, found)
    if found is not None:
        return Pending(purchase_id=purchase.purchase_id, reason=found.reason)
    said = "the provider was never asked" if not purchase.posts else "the provider has not sold it"
    with shop.transaction() as (_, session):
        provisioning.settle(session, purchase.purchase_id, Refused(reason=said), shop.now())
    _forget_file(shop, purchase.number)
    return NotSold(purchase_id=purchase.purchase_id, reason=said, code=None)


def finish(shop: Shop, purchase: NumberPurchase, held: Held) -> Purchased:
    """Takes a bought number in, in quarantine; where it cannot be given to its source, that is kept and told."""
    at, note = shop.now(), None
    by = By(kind=shop.by.kind, user_id=shop.by.user_id or purchase.user_id)
    try:
        with shop.transaction() as (work, session):
            _take_in(work, session, purchase, held, by, at, days=shop.settings.quarantine_days)
            provisioning.settle(session, purchase.purchase_id, Bought(held=held), at)
    except (Conflict, InvalidInput) as error:
        note = f"it was bought, but could not be given to the source: {error.message}"
        log.warning("a number that was bought could not be taken in")
        with shop.transaction() as (_, session):
            provisioning.settle(session, purchase.purchase_id, Bought(held=held), at, reason=note)
    return Purchased(purchase_id=purchase.purchase_id, number=purchase.number, note=note)


def quarantine(at: datetime, days: int) -> tuple[str, datetime | None]:
    """The status of a number that is new here, and until when it keeps it; no days: it is active at once."""
    return (QUARANTINED, at + timedelta(days=days)) if days else (ACTIVE, None)


def _checked_price(shop: Shop, number: str, kind: Kind, limit: Limit | None) -> Price | None:
    prices = shop.provider.prices(country_of(number) or "US")
    if isinstance(prices, Refused) and limit is None:
        raise Conflict(prices.reason)
    price = price_of(prices, kind)
    if limit is None:
        return price
    field = "max_monthly_price_minor"
    if price is None:
        raise Conflict("the monthly price is not known, so it cannot be held to a limit", fields={field: "not known"})
    if limit.currency is not None and limit.currency != price.currency:
        raise Conflict(f"the provider counts in {price.currency}", fields={"currency": f"is {price.currency}"})
    if price.minor > limit.minor:
        said = f"costs {price.minor} minor units of {price.currency} a month"
        raise Conflict(f"the number {said}, more than the {limit.minor} allowed", fields={field: said})
    return price


def _search(shop: Shop, purchase: NumberPurchase) -> Outcome | None:
    """What an earlier request bought, before there is another one; None where it bought nothing."""
    found = shop.provider.find_by_token(purchase.token)
    if isinstance(found, Held):
        return finish(shop, purchase, found)
    if found is None:
        return None
    return Pending(purchase_id=purchase.purchase_id, reason=found.reason)


def _ask(shop: Shop, purchase: NumberPurchase) -> Bought | Taken | Refused | Doubtful:
    """Asks for the number, once, and looks for it where the answer leaves doubt.

    Where it was asked for before, "taken" may mean: by the request before.
    """
    outcome = shop.provider.buy(purchase.number, token=purchase.token, webhooks=shop.webhooks(purchase.number))
    again = isinstance(outcome, Taken) and purchase.posts > 0
    if not isinstance(outcome, Doubtful) and not again:
        return outcome
    found = shop.provider.find_by_token(purchase.token)
    if isinstance(found, Held):
        return Bought(held=found)
    return Doubtful(reason=outcome.reason) if isinstance(outcome, Taken | Doubtful) else outcome


def _settle(shop: Shop, purchase: NumberPurchase, outcome: Bought | Taken | Refused | Doubtful) -> Outcome:
    if isinstance(outcome, Bought):
        return finish(shop, purchase, outcome.held)
    with shop.transaction() as (_, session):
        provisioning.settle(session, purchase.purchase_id, outcome, shop.now())
    if isinstance(outcome, Doubtful):
        return Pending(purchase_id=purchase.purchase_id, reason=outcome.reason)
    _forget_file(shop, purchase.number)
    return NotSold(purchase_id=purchase.purchase_id, reason=outcome.reason, code=outcome.code)


def _forget_file(shop: Shop, number: str) -> None:
    with shop.transaction() as (_, session):
        row = session.get(TrackingNumber, (session.account_id, number))
    if row is None or row.status == RELEASED:
        remove_fallback(shop.settings, number)


def _take_in(
    work: Work, session: AccountSession, purchase: NumberPurchase, held: Held, by: By, at: datetime, *, days: int
) -> None:
    row = session.get(TrackingNumber, (session.account_id, purchase.number))
    if row is not None and row.status != RELEASED and row.provider_sid == held.sid:
        return  # somebody took it in meanwhile
    status, until = quarantine(at, days)
    row = owned.add_number(
        work,
        session,
        number=purchase.number,
        source=purchase.source_id,
        provider="twilio",
        status=status,
        at=at,
        by=by,
        reason="bought",
        quarantined_until=until,
    )
    row.provider_sid = held.sid
    row.monthly_price_minor, row.price_currency = purchase.monthly_price_minor, purchase.price_currency
    session.flush()
