"""What a page sends: read, checked, and held to the site's own domains."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.client_address import Address, client_address, is_in, region_of
from app.engine_room import EngineRoom
from app.http_errors import invalid_fields
from app.settings import Network
from app.snippet.check_report import host_of
from app.snippet.request import PageRequest
from app.visitor_agent import Agent, read_agent
from attribution.arrive import Browser
from attribution.rules.landing import is_own_host
from core.errors import InvalidInput, NotAllowed, RingtraceError
from core.ids import is_id
from store.sites import Site

MAX_BYTES = 16 * 1024
M = TypeVar("M", bound="PageMessage")


class Unreadable(RingtraceError):
    """The body is no JSON."""

    code = "unreadable"


class TooLarge(RingtraceError):
    """The body is larger than a page of ours sends."""

    code = "too_large"


class ForeignPage(NotAllowed):
    """A page that is on none of the site's domains; `host` is the one that is not, where it names one."""

    def __init__(self, site: Site, host: str | None) -> None:
        super().__init__("this page is not on one of the site's domains")
        self.site = site
        self.host = host


def _at_most(characters: int) -> BeforeValidator:
    """Cuts a text: pages have long titles and longer addresses, and the script does not count."""
    return BeforeValidator(lambda value: value[:characters] if isinstance(value, str) else value)


MOST_AGE_MS = 86_400_000
# Stopwatches jump when a device sleeps or its clock is set: an age outside of a day is brought into it.
AgeMs = Annotated[
    float,
    BeforeValidator(lambda value: min(max(value, 0), MOST_AGE_MS) if type(value) in {int, float} else value),
    Field(ge=0, le=MOST_AGE_MS),
]
PageAddress = Annotated[str, _at_most(8000)]


class PageMessage(BaseModel):
    """What every message of a page holds. Fields this version does not know are let pass: pages keep old scripts."""

    model_config = ConfigDict(extra="ignore")
    site: str = Field(max_length=100)
    # Whatever is no id of ours means a new visitor, never an error: pages keep strange things.
    visitor: Annotated[str | None, BeforeValidator(lambda v: v if isinstance(v, str) and len(v) <= 200 else None)] = (
        None
    )


class SwapMessage(PageMessage):
    """`POST /v1/swap`."""

    url: PageAddress
    referrer: PageAddress | None = None
    title: Annotated[str | None, _at_most(2000)] = None
    numbers: list[str] = Field(default_factory=list, max_length=500)
    consent: Literal["full", "source", "none"] | None = None
    # Whether the page asked before and was told nothing.
    again: Annotated[bool, BeforeValidator(lambda value: value is True)] = False


class PageEvent(BaseModel):
    """One event of a page; `age_ms` is how long ago it happened when it was sent."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    url: PageAddress | None = None
    number: Annotated[str | None, _at_most(60)] = None
    age_ms: AgeMs = 0
    phone: Annotated[str | None, _at_most(60)] = None
    email: Annotated[str | None, _at_most(400)] = None


class EventsMessage(PageMessage):
    """`POST /v1/events`."""

    visit: Annotated[str | None, BeforeValidator(lambda v: v if is_id(v) else None)] = None
    events: list[PageEvent] = Field(max_length=200)


def read_message(request: PageRequest, model: type[M]) -> M:
    """The request's body as `model`. Raises TooLarge, Unreadable or InvalidInput."""
    raw = request.read(MAX_BYTES)
    if raw is None:
        raise TooLarge(f"at most {MAX_BYTES} bytes are allowed")
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable("the body is no JSON") from None
    if not isinstance(body, dict):
        raise InvalidInput({"body": "a JSON object is allowed"})
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidInput(invalid_fields(error)) from None


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, as far as the request itself tells."""

    address: Address | None
    agent: Agent
    browser: Browser


def read_asker(request: PageRequest, room: EngineRoom) -> Asker:
    """The browser behind the request."""
    user_agent = request.headers.get("User-Agent", "")
    agent = read_agent(user_agent)
    address = client_address(request, room.settings)
    region = region_of(request, room.settings, address)
    return Asker(
        address=address,
        agent=agent,
        browser=Browser(
            device=agent.device, region=region, user_agent=user_agent or None, origin=room.origins.of(address)
        ),
    )


def check_origin(request: PageRequest, site: Site, url: str | None) -> str | None:
    """Holds the asker to the site's own domains, by `Origin` and by the page's address; returns the origin to allow.

    Raises ForeignPage for any other page. Where neither is given (a report that names no page, sent by no browser)
    there is nothing to hold it to but its signed visitor id.
    """
    check_pages(site, request.origin, () if url is None else (url,))
    return request.origin


def check_pages(site: Site, origin: str | None, urls: Iterable[str]) -> None:
    """Holds an origin and addresses of pages to the site's own domains. Raises ForeignPage."""
    for part in (*(() if origin is None else (origin,)), *urls):
        if not _is_own(part, site.domains):
            raise ForeignPage(site, host_of(part))


def _is_own(address: str, domains: list[str]) -> bool:
    host = host_of(address)
    return host is not None and is_own_host(host, domains)


def is_staff(site: Site, address: Address | None) -> bool:
    """Whether the visit comes from one of the site's excluded networks (the business's own office)."""
    return is_in(address, _networks(tuple(site.exclude_networks)))


@lru_cache(maxsize=1000)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
