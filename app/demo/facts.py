"""What happens at a business, as plain values: the lines of a history, each with its time (aware UTC)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Person:
    """A visitor's browser: a key of its own, device, region (ISO 3166-2) and user agent."""

    key: int
    device: str
    region: str
    user_agent: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A page opened. `path` begins with a slash and holds the query."""

    at: datetime
    person: Person
    path: str
    referrer: str


@dataclass(frozen=True, kw_only=True)
class PageNews:
    """An event after the landing: `pageview`, `heartbeat`, `tel_click`, `form` (with phone and e-mail) or `leave`."""

    at: datetime
    type: str
    path: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A page reported at `at` what happened on it until then."""

    at: datetime
    person: Person
    news: tuple[PageNews, ...]


@dataclass(frozen=True, kw_only=True)
class Called:
    """A call came in on the number that `by` was last shown, or (nobody from the site) on number `slot` of `source`.

    `caller` is E.164, None for a withheld one.
    """

    at: datetime
    call: int
    by: Person | None
    source: str
    slot: int
    caller: str | None
    caller_name: str | None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The call ended after `seconds`, as one of the final statuses."""

    at: datetime
    call: int
    status: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Staff wrote something down about a call: tags, its value in cents, a note, or that it was spam."""

    at: datetime
    call: int
    tags: tuple[str, ...] = ()
    cents: int | None = None
    note: str | None = None
    spam: bool = False


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Staff said who called: the visitor of the call's `by`, or nobody from the site where there was none."""

    at: datetime
    call: int
    reason: str


Fact = Opened | Reported | Called | Ended | Noted | Decided
