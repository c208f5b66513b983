"""A landing as it is kept when nobody needs to know the person any more: what says which campaign it was, no more."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from attribution.rules.query import read_tags, split_address

REMOVED = "removed"
"""Stands where a click id stood: that there was one says which network it was, its value says whose click."""


def forget_person(url: str, referrer: str | None) -> tuple[str, str | None]:
    """Address and referrer without what identifies somebody: values of click ids, foreign parameters, paths of others.

    Reading what is left gives the same source, medium, campaign, channel and preset.
    """
    address = split_address(url)
    tags = read_tags(address.query, address.fragment)
    kept = {f"utm_{field}": value for field, value in tags.utm.items()} | dict(tags.more)
    kept |= forget_click_ids({**tags.click_ids, **tags.marks})
    scheme = f"{address.scheme}:" if address.scheme else ""
    where = f"{scheme}//{address.host}" if address.host else ""
    query = urlencode(kept, quote_via=quote)
    return f"{where}{address.path}" + (f"?{query}" if query else ""), _host_alone(referrer)


def forget_click_ids(click_ids: Mapping[str, str]) -> dict[str, str]:
    """Which click ids there were, without their values."""
    return dict.fromkeys(click_ids, REMOVED)


def _host_alone(referrer: str | None) -> str | None:
    if not referrer:
        return referrer
    address = split_address(referrer)
    return f"{address.scheme or 'https'}://{address.host}/" if address.host else None
