"""What happened on a site, one value each, as a replay of its history goes through them. Times are epoch seconds."""

from typing import NamedTuple

from matching.rules.facts import NumberKind


class Arrived(NamedTuple):
    """A visit begins; `ordinal` counts the visitor's visits."""

    at: float
    visitor: str
    source: str | None
    device: str
    region: str | None
    ordinal: int


class Viewed(NamedTuple):
    """A page view."""

    at: float
    visitor: str
    path: str | None


class Alive(NamedTuple):
    """Some other life sign."""

    at: float
    visitor: str


class Left(NamedTuple):
    """The page was closed."""

    at: float
    visitor: str


class Clicked(NamedTuple):
    """A `tel:` click on a tracking number."""

    at: float
    visitor: str


class Filled(NamedTuple):
    """A form, with a phone (E.164) or none."""

    at: float
    visitor: str
    phone: str | None


class Rang(NamedTuple):
    """A call to `number` of `source`."""

    at: float
    call: str
    number: str
    caller: str | None
    source: str
    kind: NumberKind


class Decided(NamedTuple):
    """Staff said who made a call (None: nobody from the site)."""

    at: float
    call: str
    visitor: str | None


class Undecided(NamedTuple):
    """Staff took that back."""

    at: float
    call: str


Happening = Arrived | Viewed | Alive | Left | Clicked | Filled | Rang | Decided | Undecided
