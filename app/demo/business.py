"""Brightwater Plumbing & Heating: who they are, what they advertise, which numbers they have. Plain values.

All numbers are from the ranges kept for fiction (555-01xx), so none of them rings anywhere.
"""

from dataclasses import dataclass

OWNER_EMAIL = "demo@example.com"
ACCOUNT = "Brightwater Plumbing & Heating"
OWN_NUMBER = "+19145550100"
TIME_ZONE = "America/New_York"


@dataclass(frozen=True, kw_only=True)
class DemoSource:
    """A tracking source of the demo and its numbers (E.164). `preset` is None for an offline one."""

    name: str
    preset: str | None
    numbers: tuple[str, ...]
    catch_all: bool = False


BILLBOARD = "route-9-billboard"
SOURCES: tuple[DemoSource, ...] = (
    DemoSource(name="Google Ads", preset="google_ads", numbers=("+19145550110", "+19145550111")),
    DemoSource(name="Facebook Ads", preset="facebook_ads", numbers=("+19145550112",)),
    DemoSource(name="Newsletter", preset="email", numbers=("+19145550113", "+19145550114")),
    DemoSource(name="Google search", preset="google_organic", numbers=("+19145550116",)),
    DemoSource(name="Direct", preset="direct", numbers=("+19145550118",), catch_all=True),
    DemoSource(name="Route 9 billboard", preset=None, numbers=("+19145550119",)),
)

LIVE_AREA_CODES = ("914", "845", "212", "646", "917", "718", "347", "516")
"""Where callers of the demo website's telephone are at home."""
_LIVE_FROM, _LIVE_TO = 180, 199


def is_live_caller(number: str) -> bool:
    """Whether a number is one that the demo website's telephone may call from: fiction, and not the history's."""
    area, line = number[2:5], number[5:]
    return (
        len(number) == 12
        and number.isascii()
        and number.startswith("+1")
        and area in LIVE_AREA_CODES
        and line.isdigit()
        and line.startswith("5550")
        and _LIVE_FROM <= int(line[4:]) <= _LIVE_TO
    )
