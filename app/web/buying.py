"""`/numbers/buy` and `/numbers/import`: numbers from Twilio, each with its price before anything is bought."""

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from app.accounts import providers
from app.api.buying import AvailableQuery
from app.api.providers import TwilioCredentials
from app.engine_room import engine_room
from app.provisioning.keep import import_number, importable
from app.provisioning.purchase import Limit, NotSold, Pending, Price, UnderWay, buy, price_of
from app.provisioning.shop import Shop, asked_shop, has_credentials
from app.web import words
from app.web.asking import changing, looking, noted, now, say
from app.web.numbers import by_staff
from app.web.places import Places, places
from core.errors import Conflict, InvalidInput
from core.phone import country_of, e164, for_country, is_country
from numberpool.provider import Doubtful, Kind, Offer, Refused, Wanted, kind_of

KINDS = {"local": "local", "toll_free": "toll-free", "mobile": "mobile"}
FIELDS = ("country", "kind", "area_code", "contains", "near", "region", "locality")


def buying() -> str:
    """The search, its results with prices, and the step before the purchase (`number`)."""
    with looking() as (_, session):
        known = places(session)
        ready = has_credentials(session, engine_room().secrets)
        shop = asked_shop(session, changing, by_staff()) if ready else None
    country = next((site.country for site in known.sites.values()), "US")
    given = {name: request.args.get(name, "").strip() for name in FIELDS}
    given["country"] = (given["country"] or country).upper()
    given["kind"] = given["kind"] or "local"
    page = {
        "here": "numbers",
        "ready": ready,
        "given": given,
        "kinds": KINDS,
        "sources": [s for s in known.sources.values() if not s.deleted],
        "source": request.args.get("source", ""),
        "quarantine_days": engine_room().settings.quarantine_days,
        "country": country,
    }
    if shop is not None and request.args.get("number"):
        return _confirm(shop, known, page)
    if shop is not None and "search" in request.args:
        page |= _search(shop, given)
    return render_template("numbers_buy.html", **page)


def _confirm(shop: Shop, known: Places, page: dict[str, object]) -> str:
    """What is about to be bought, at which price."""
    number = e164(request.args.get("number", ""))
    if number is None:
        raise InvalidInput({"number": "is no phone number"})
    kind = _kind(request.args.get("kind"), number)
    price = _price(shop, number, kind)
    chosen = next((s for s in known.sources.values() if s.source_id == page["source"] and not s.deleted), None)
    return render_template(
        "numbers_buy.html", **page, number=number, kind=kind, price=price, told=_told(price), chosen=chosen
    )


def _search(shop: Shop, given: dict[str, str]) -> dict[str, object]:
    """The results of a search, or what is wrong with it."""
    try:
        asked = AvailableQuery.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        fields = sorted({str(part["loc"][0]).replace("_", " ") for part in error.errors()})
        return {"problem": f"Look again at: {', '.join(fields)}."}
    near = e164(asked.near, asked.country) if asked.near else None
    if (asked.near and near is None) or not is_country(asked.country):
        return {"problem": f"Look again at: {'country' if not is_country(asked.country) else 'near'}."}
    found = shop.provider.search(
        Wanted(
            country=asked.country,
            kind=asked.kind,
            area_code=asked.area_code,
            contains=asked.contains,
            near=near,
            region=asked.region,
            locality=asked.locality,
            limit=30,
        )
    )
    if isinstance(found, Refused | Doubtful):
        return {"problem": f"{found.reason}."}
    price = price_of(shop.provider.prices(asked.country), asked.kind)
    return {"offers": [(offer, where(offer)) for offer in found], "told": _told(price)}


def where(offer: Offer) -> str:
    """The town and region of a number."""
    return ", ".join(part for part in (offer.locality, offer.region) if part) or offer.country


def _price(shop: Shop, number: str, kind: Kind) -> Price | None:
    return price_of(shop.provider.prices(country_of(number) or "US"), kind)


def _told(price: Price | None) -> str:
    return f"{words.money(price.minor, price.currency)} a month" if price else "a price that Twilio does not tell"


def _kind(text: str | None, number: str) -> Kind:
    told = {"local": "local", "toll_free": "toll_free", "mobile": "mobile"}
    return told.get(text or "", kind_of(number))  # type: ignore[return-value]


def _refusals_said(page: str) -> Callable[[Callable[[], Response]], Callable[[], Response]]:
    """What cannot be done is said where the reader is, instead of on a page of its own."""

    def around(action: Callable[[], Response]) -> Callable[[], Response]:
        @wraps(action)
        def act() -> Response:
            try:
                return action()
            except (Conflict, InvalidInput) as error:
                say(f"That was not done: {error.message}.", alarm=True)
                return redirect(url_for(page), code=303)

        return act

    return around


@_refusals_said("web.buying")
def purchase() -> Response:
    """Buys what was confirmed, at most at the price that was shown."""
    form = request.form
    number = e164(form.get("number", ""))
    if number is None:
        raise InvalidInput({"number": "is no phone number"})
    limit = None
    if form.get("price", "").isdecimal():
        limit = Limit(minor=int(form["price"]), currency=form.get("currency") or None)
    kind = _kind(form.get("kind"), number)
    with looking() as (_, session):
        shop = asked_shop(session, changing, by_staff())
    done = buy(shop, number=number, source=form.get("source", ""), kind=kind, limit=limit)
    shown = for_country(number, country_of(number) or "US")
    if isinstance(done, UnderWay):
        raise Conflict(f"{shown} is being bought at this moment")
    if isinstance(done, NotSold):
        raise Conflict(done.reason)
    if isinstance(done, Pending):
        said = "Whether it was bought is not known yet. Buy it again to look, or wait for the nightly look"
        say(f"{said}: {done.reason}.", alarm=True)
        return redirect(url_for("web.numbers"), code=303)
    if done.note is not None:
        say(f"{shown}: {done.note}.", alarm=True)
        return redirect(url_for("web.numbers"), code=303)
    days = engine_room().settings.quarantine_days
    rest = f" It is in quarantine for {words.counted(days, 'day')} and shown to visitors after that." if days else ""
    say(f"{shown} is bought.{rest}")
    return redirect(url_for("web.number", e164=number), code=303)


def importing() -> str:
    """The numbers of the Twilio account that are not ours, and what an import would overwrite."""
    with looking() as (_, session):
        known = places(session)
        ready = has_credentials(session, engine_room().secrets)
        shop = asked_shop(session, changing, by_staff()) if ready else None
    found = importable(shop) if shop else ()
    failed = isinstance(found, Refused | Doubtful)
    return render_template(
        "numbers_import.html",
        here="numbers",
        ready=ready,
        problem=found.reason if isinstance(found, Refused | Doubtful) else None,
        found=() if failed else found,
        sources=[s for s in known.sources.values() if not s.deleted],
        quarantine_days=engine_room().settings.quarantine_days,
        country=next((site.country for site in known.sites.values()), "US"),
    )


@_refusals_said("web.importing")
def take_in() -> Response:
    """Imports a number; `overwrite` points away what takes its calls now."""
    form = request.form
    number = e164(form.get("number", ""))
    if number is None:
        raise InvalidInput({"number": "is no phone number"})
    with looking() as (_, session):
        shop = asked_shop(session, changing, by_staff())
    warning = import_number(
        shop,
        number=number,
        source=form.get("source", ""),
        quarantined=form.get("status") != "active",
        overwrite=form.get("overwrite") == "yes",
    )
    shown = for_country(number, country_of(number) or "US")
    say(f"{shown} is one of your numbers now." + (f" But {warning}." if warning else ""), alarm=warning is not None)
    return redirect(url_for("web.number", e164=number), code=303)


@_refusals_said("web.buying")
def credentials() -> Response:
    """Keeps Twilio's credentials, encrypted; asks nothing of Twilio."""
    given = {name: request.form.get(name, "").strip() for name in ("account_sid", "auth_token")}
    try:
        body = TwilioCredentials.model_validate(given)
    except ValidationError:
        raise InvalidInput({"account_sid": "an AccountSid is AC and 32 digits or letters from a to f"}) from None
    if not body.auth_token:
        raise InvalidInput({"auth_token": "1 to 200 letters, digits and signs without spaces are allowed"})
    with changing() as (work, session):
        providers.store_twilio(
            work,
            session,
            engine_room().secrets,
            account_sid=body.account_sid,
            auth_token=body.auth_token,
            at=now(),
        )
        noted(session, "provider.credentials", "twilio", account_sid=body.account_sid)
    say("Twilio's credentials are kept, encrypted.")
    return redirect(url_for("web.buying"), code=303)


def add_routes(web: Blueprint) -> None:
    """The pages and what can be done on them."""
    web.add_url_rule("/numbers/buy", view_func=buying)
    web.add_url_rule("/numbers/buy", view_func=purchase, methods=["POST"])
    web.add_url_rule("/numbers/import", view_func=importing)
    web.add_url_rule("/numbers/import", view_func=take_in, methods=["POST"])
    web.add_url_rule("/numbers/credentials", view_func=credentials, methods=["POST"])
