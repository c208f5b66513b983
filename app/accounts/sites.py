"""Sites of an account: making them with their public key, changing and listing them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.hosts import require_host, require_network
from core.currency import is_currency
from core.errors import InvalidInput, NotFound, shown
from core.ids import is_id, new_id, new_secret
from core.phone import is_country, require_e164
from core.time import is_time_zone
from numberpool.in_use import numbers_in_use
from store.directory import SiteKey
from store.paging import newest_first
from store.sessions import AccountSession, Work
from store.sites import Site

DEFAULTS: Mapping[str, Any] = {
    "numbers": [],
    "time_zone": "UTC",
    "country": "US",
    "currency": "USD",
    "consent_default": "full",
    "exclude_networks": [],
    "visitors_per_number": 20,
    "likelihood_target": 0.9,
    "sure_from": 0.9,
    "likely_from": 0.6,
}
"""What a site gets for what its owner left out."""


def create_site(work: Work, session: AccountSession, fields: Mapping[str, Any], at: datetime) -> Site:
    """A site with the key for its script tag, known to the directory in the same transaction.

    `fields`: `name` and `domains`, the rest as in `DEFAULTS`. Raises InvalidInput.
    """
    values = {**DEFAULTS, **fields}
    site = Site(
        site_id=new_id(at), key=new_secret(nbytes=15), created_at=at, **_checked(session, values, values, fields)
    )
    session.add(site)
    session.flush()
    work.directory.add(SiteKey(site_key=site.key, account_id=session.account_id, site_id=site.site_id))
    work.directory.flush()
    return site


def change_site(session: AccountSession, site_id: str, fields: Mapping[str, Any]) -> Site:
    """Changes the given fields of a site. Raises NotFound, InvalidInput."""
    site = get_site(session, site_id)
    kept = {"country": site.country, "sure_from": site.sure_from, "likely_from": site.likely_from}
    whole = {**kept, **fields}
    for name, value in _checked(session, fields, whole, fields).items():
        setattr(site, name, value)
    session.flush()
    return site


def get_site(session: AccountSession, site_id: str) -> Site:
    """The site of this id. Raises NotFound."""
    site = session.get(Site, (session.account_id, site_id)) if is_id(site_id) else None
    if site is None:
        raise NotFound("there is no such site")
    return site


def list_sites(session: AccountSession, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[Site]:
    """Up to `limit` sites, newest first, after a place."""
    statement = newest_first(select(Site), Site.created_at, Site.site_id, after=after, limit=limit)
    return session.scalars(statement).all()


def _checked(
    session: AccountSession, fields: Mapping[str, Any], whole: Mapping[str, Any], sent: Collection[str]
) -> dict[str, Any]:
    """The fields in the form they are kept in; all that is wrong with them is told at once, under what was sent.

    `whole`: the site as it would be.
    """
    country = str(whole["country"]).upper()
    checks: dict[str, Callable[[Any], Any]] = {
        "domains": lambda v: _each(v, "domains", require_host),
        "numbers": lambda v: _own_numbers(session, v, country if is_country(country) else None),
        "time_zone": _time_zone,
        "country": lambda _: _code(country, "country", is_country, "a country of ISO 3166-1 is allowed, such as US"),
        "currency": lambda v: _code(
            v.upper(), "currency", is_currency, "a currency of ISO 4217 is allowed, such as USD"
        ),
        "exclude_networks": lambda v: _each(v, "exclude_networks", require_network),
        "sure_from": lambda v: _threshold("sure_from", v, whole, sent),
        "likely_from": lambda v: _threshold("likely_from", v, whole, sent),
    }
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in fields.items():
        try:
            values[name] = checks[name](value) if name in checks else value
        except InvalidInput as error:
            problems.update(error.fields)
    if problems:
        raise InvalidInput(problems)
    return values


def _each(values: Sequence[str], field: str, check: Callable[[str, str], str]) -> list[str]:
    """Every value checked under its own place in the field, without repeats, in the order given."""
    return list(dict.fromkeys(check(value, f"{field}.{index}") for index, value in enumerate(values)))


def _own_numbers(session: AccountSession, values: Sequence[str], country: str | None) -> list[str]:
    """The business's own numbers in E.164; none of them may be a number that we show in their place."""
    numbers = _each(values, "numbers", lambda value, field: require_e164(value, field, country))
    ours = numbers_in_use(session, numbers)
    if ours:
        taken = ", ".join(sorted(ours))
        raise InvalidInput({"numbers": f"{taken} is a tracking number; the business's own numbers are allowed"})
    return numbers


def _threshold(name: str, value: float, whole: Mapping[str, Any], sent: Collection[str]) -> float:
    """A likelihood from which a match gets its word; a likely match may not be surer than a sure one."""
    if not 0 <= value <= 1:
        raise InvalidInput({name: f"{shown(value)} is no likelihood; 0 to 1 is allowed"})
    if whole["likely_from"] > whole["sure_from"]:
        # One complaint, about what was sent; where both were, about the lower one.
        if name == "likely_from" and name in sent:
            raise InvalidInput({name: f"{value:g} is above sure_from; 0 to {whole['sure_from']:g} is allowed"})
        if name == "sure_from" and "likely_from" not in sent:
            raise InvalidInput({name: f"{value:g} is below likely_from; {whole['likely_from']:g} to 1 is allowed"})
    return value


def _time_zone(value: str) -> str:
    if not is_time_zone(value):
        allowed = "a zone of the IANA database is allowed, such as America/New_York"
        raise InvalidInput({"time_zone": f"{shown(value)} is no time zone; {allowed}"})
    return value


def _code(value: str, field: str, known: Callable[[object], bool], allowed: str) -> str:
    if not known(value):
        raise InvalidInput({field: f"{shown(value)} is not known; {allowed}"})
    return value
