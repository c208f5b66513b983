"""Where numbers are bought: what the pool asks of a provider, and what a provider may answer, in nobody's dialect.

What can be expected to happen is a value, never an exception: the number was sold meanwhile, the account may not buy
there, nobody knows whether the purchase went through. `app` implements the protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["local", "toll_free", "mobile"]
KINDS: tuple[Kind, ...] = ("local", "toll_free", "mobile")

# North American Numbering Plan: the area codes of numbers whose calls the called party pays.
_NANP_TOLL_FREE = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888")


def kind_of(number: str) -> Kind:
    """Which kind a number (E.164) is, as far as the number itself tells: toll-free in North America, else local."""
    return "toll_free" if number.startswith(_NANP_TOLL_FREE) else "local"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for. `country` is ISO 3166-1 alpha-2; `near` a number (E.164); the rest as the provider spells it.

    `contains` is a pattern of digits and `*` for any digit.
    """

    country: str
    kind: Kind = "local"
    area_code: str | None = None
    contains: str | None = None
    near: str | None = None
    region: str | None = None
    locality: str | None = None
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A number (E.164) that can be bought, where it is at home, and what it can do."""

    number: str
    kind: Kind
    country: str
    region: str | None
    locality: str | None
    voice: bool
    sms: bool
    mms: bool


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What numbers of a country cost this account a month, in minor units of `currency`, by kind."""

    country: str
    currency: str
    monthly: Mapping[Kind, int]


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """Where a number's calls, their ends and its texts are told; empty where nothing is set."""

    voice_url: str = ""
    voice_fallback_url: str = ""
    status_callback: str = ""
    sms_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A number that the provider keeps for us. `token` is the name it is kept under.

    `elsewhere` names what takes its calls in spite of the webhooks (an application, a trunk); empty for nothing.
    """

    sid: str
    number: str
    token: str
    webhooks: Webhooks = field(default_factory=Webhooks)
    elsewhere: str = ""


@dataclass(frozen=True, kw_only=True)
class Bought:
    """The number is ours now."""

    held: Held


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Somebody else was quicker, or the number is not sold any more."""

    reason: str
    code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The provider said no; nothing was done. `reason` is for people, `code` the provider's own."""

    reason: str
    code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Doubtful:
    """No answer, or none that can be understood: it may have been done, or not."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Released:
    """The provider has the number back. `gone`: it had it already."""

    gone: bool = False


Failed = Refused | Doubtful


class NumberProvider(Protocol):
    """A provider of numbers, with the credentials of one account. None of these methods raises for what it is told."""

    @property
    def name(self) -> str:
        """The provider's name, as numbers keep it."""

    def search(self, wanted: Wanted) -> Sequence[Offer] | Failed:
        """Numbers that can be bought."""

    def prices(self, country: str) -> Prices | Failed:
        """What numbers of this country cost a month."""

    def buy(self, number: str, *, token: str, webhooks: Webhooks) -> Bought | Taken | Refused | Doubtful:
        """Buys this number (E.164), its webhooks set, under the name `token`. Not idempotent: ask `find_by_token`."""

    def find_by_token(self, token: str) -> Held | Failed | None:
        """The number that was bought under this name, or None where there is none."""

    def configure(self, sid: str, *, webhooks: Webhooks) -> Held | Failed:
        """Points a number's webhooks, whatever they were before."""

    def list_numbers(self) -> Sequence[Held] | Failed:
        """All numbers that the provider keeps for this account."""

    def release(self, sid: str) -> Released | Failed:
        """Gives a number back. Again is no error."""
