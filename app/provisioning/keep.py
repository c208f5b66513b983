"""Numbers that are at the provider already: taking them in, and planning to give them back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from app.accounts import numbers as owned
from app.provisioning.fallback import write_fallback
from app.provisioning.purchase import Price, price_of, quarantine
from app.provisioning.shop import Shop
from core.errors import Conflict, InvalidInput
from core.phone import country_of
from numberpool import provisioning
from numberpool.guard import reasons_to_keep
from numberpool.in_use import ACTIVE, RELEASED, RESTING
from numberpool.numbers import all_numbers, change_number, get_number
from numberpool.provider import Doubtful, Failed, Held, Refused, kind_of
from numberpool.sources import find_source, source_row
from numberpool.states import By
from store.sessions import AccountSession, Work
from store.sites import TrackingNumber


@dataclass(frozen=True, kw_only=True)
class Importable:
    """A number of the provider's account that is not one of ours, and the addresses of others that it tells now."""

    held: Held
    overwritten: Mapping[str, str]


def importable(shop: Shop) -> tuple[Importable, ...] | Failed:
    """What can be imported, by number."""
    listed = shop.provider.list_numbers()
    if isinstance(listed, Refused | Doubtful):
        return listed
    with shop.transaction() as (_, session):
        ours = set(numbers_here(session))
    return tuple(
        Importable(held=held, overwritten=overwritten(shop, held))
        for held in sorted(listed, key=lambda held: held.number)
        if held.number not in ours
    )


def overwritten(shop: Shop, held: Held) -> dict[str, str]:
    """Which webhooks of a number point to somebody else, and where, by name."""
    wanted = asdict(shop.webhooks(held.number))
    return {name: url for name, url in asdict(held.webhooks).items() if url and url != wanted[name]}


def import_number(
    shop: Shop, *, number: str, source: str, quarantined: bool = True, overwrite: bool = False
) -> str | None:
    """Makes a number (E.164) of the provider's account one of ours and points its webhooks to us.

    A manual number of ours that turns out to be there is taken over as it is. Returns what went wrong after it became
    ours (the nightly reconcile makes up for it), or None. Raises InvalidInput, and Conflict where the number is in use
    or its calls go elsewhere now and `overwrite` was not said.
    """
    held = _held(shop, number)
    if held.elsewhere:
        raise Conflict(f"{held.elsewhere} at Twilio takes this number's calls; take it off there first")
    foreign = overwritten(shop, held)
    if foreign and not overwrite:
        raise Conflict(
            "the number's calls and texts go elsewhere now; say overwrite to point them here", fields=foreign
        )
    price = price_of(shop.provider.prices(country_of(number) or "US"), kind_of(number))
    with shop.transaction() as (work, session):
        row = _take_in(work, session, shop, number, source, quarantined=quarantined)
        row.provider_sid = held.sid
        _keep_price(row, price)
        session.flush()
        destination = source_row(session, row.source_id).destination
    write_fallback(shop.settings, number, destination)
    done = shop.provider.configure(held.sid, webhooks=shop.webhooks(number))
    return None if isinstance(done, Held) else f"its webhooks could not be set yet: {done.reason}"


def plan_release(session: AccountSession, number: str, *, by: By, at: datetime, rest_days: int, force: bool) -> None:
    """Gives a number back to its provider after a rest; until then nobody is shown it and its calls are still matched.

    Raises NotFound, and Conflict with the reasons against it unless `force`, or where it is not the provider's to take.
    """
    row, _ = get_number(session, number)
    if row.provider_sid is None:
        raise Conflict("the number was not bought or imported here, so there is nobody to give it back to")
    reasons = {} if force else reasons_to_keep(session, number, at)
    if reasons:
        raise Conflict("; ".join(reasons.values()), fields=reasons)
    if row.status == RELEASED:
        raise Conflict("the number is released already; it is kept at the provider until staff give it back there")
    said = f"to be given back to the provider after a rest of {rest_days} days"
    row = change_number(session, number, {"status": RESTING}, at, by=by, reason=said)
    provisioning.plan_release(row, at=at, rest_days=rest_days)
    session.flush()


def numbers_here(session: AccountSession) -> dict[str, TrackingNumber]:
    """The numbers of the account by E.164, released ones included."""
    return {row.number: row for row in all_numbers(session)}


def _held(shop: Shop, number: str) -> Held:
    listed = shop.provider.list_numbers()
    if isinstance(listed, Refused | Doubtful):
        raise Conflict(listed.reason)
    held = next((one for one in listed if one.number == number), None)
    if held is None:
        raise InvalidInput({"number": f"{number} is not among the numbers of the Twilio account"})
    return held


def _take_in(
    work: Work, session: AccountSession, shop: Shop, number: str, source: str, *, quarantined: bool
) -> TrackingNumber:
    at, said = shop.now(), "imported from Twilio"
    known = session.get(TrackingNumber, (session.account_id, number))
    if known is None or known.status == RELEASED:
        status, until = quarantine(at, shop.settings.quarantine_days) if quarantined else (ACTIVE, None)
        return owned.add_number(
            work,
            session,
            number=number,
            source=source,
            provider=shop.provider.name,
            status=status,
            at=at,
            by=shop.by,
            reason=said,
            quarantined_until=until,
        )
    owner = find_source(session, source)
    if owner is None:
        raise InvalidInput({"source": "there is no such source"})
    if owner.source_id != known.source_id or known.provider_sid is not None:
        raise Conflict(f"{number} is a number of this account already", fields={"number": "is in use"})
    fields = {"provider": shop.provider.name}
    return owned.change_number(work, session, number, fields, at, by=shop.by, reason=said)


def _keep_price(row: TrackingNumber, price: Price | None) -> None:
    row.monthly_price_minor = price.minor if price else None
    row.price_currency = price.currency if price else None
