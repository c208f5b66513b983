"""Where a trace goes: the account's site of that domain, or one that is made from the trace's first line."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.accounts.numbers import add_number
from app.accounts.sites import create_site
from attribution.rules.landing import is_own_host
from attribution.rules.presets import PRESET_NAMES
from core.errors import Conflict, InvalidInput, shown
from core.phone import country_of, e164
from numberpool.sources import ONLINE, create_source
from reports.backtest.lines import TraceSite
from store.sessions import AccountSession, Work
from store.sites import Site

PROVIDER = "manual"
"""Numbers of a trace were brought along."""


def site_of(session: AccountSession, domain: str) -> Site | None:
    """The account's site with this domain, or with one it is a subdomain of; the oldest of several."""
    sites: Sequence[Site] = session.scalars(select(Site).order_by(Site.created_at, Site.site_id)).all()
    exact = (site for site in sites if domain.lower() in site.domains)
    return next(exact, None) or next((site for site in sites if is_own_host(domain.lower(), site.domains)), None)


def make_site(work: Work, session: AccountSession, trace: TraceSite) -> Site:
    """The site of a trace's first line with its sources and numbers, as old as its history.

    Calls are sent on to the number of the page itself. Raises InvalidInput for what is no domain or no telephone,
    Conflict where a number is in use; then the transaction is to be given up.
    """
    at = trace.start
    own = _telephone(trace.fallback_number, "fallback_number")
    fields = {
        "name": trace.domain,
        "domains": [trace.domain],
        "numbers": [own],
        "time_zone": trace.time_zone,
        "country": country_of(own) or "US",
    }
    site = create_site(work, session, fields, at)
    for pool in trace.pools:
        _make_source(work, session, site, pool.pool, pool.numbers, own, at)
    return site


def _make_source(
    work: Work, session: AccountSession, site: Site, preset: str, numbers: Sequence[str], own: str, at: datetime
) -> None:
    fields = {
        "site": site.site_id,
        "name": PRESET_NAMES[preset],
        "kind": ONLINE,
        "preset": preset,
        "destination": own,
    }
    source = create_source(session, fields, at)
    for index, number in enumerate(numbers):
        telephone = _telephone(number, f"pools.{preset}.numbers.{index}")
        try:
            add_number(work, session, number=telephone, source=source.source_id, provider=PROVIDER, at=at)
        except Conflict:
            raise Conflict(
                f"{telephone} of the pool {preset} is in use already; release it where it is used, or import into "
                "the account and site that have it"
            ) from None


def _telephone(number: str, field: str) -> str:
    """A number that can be one of a telephone. Raises InvalidInput."""
    if e164(number) != number:
        raise InvalidInput({field: f"{shown(number)} is no phone number; E.164 is allowed, such as +12125550142"})
    return number
