"""The kinds of business. A kind is a distribution: every ``sample`` of it is another business.

To add a kind, write a function in ``kinds_trades`` or ``kinds_callers`` that takes a generator and returns a
``Business`` (most start from ``drawing.business`` and hand in the facts that make the kind), and enter it at the end of
``_KINDS``: the place in the table is part of a sample's seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.demo.simulator import kinds_callers as callers
from app.demo.simulator import kinds_trades as trades
from app.demo.simulator.business import Business
from app.demo.simulator.drawing import Rng

_KINDS: dict[str, Callable[[Rng], Business]] = {
    "local_trade": trades.local_trade,
    "law_firm": trades.law_firm,
    "clinic": trades.clinic,
    "television": trades.television,
    "newsletter": trades.newsletter,
    "shop": trades.shop,
    "spam_heavy": callers.spam_heavy,
    "robocalls": callers.robocalls,
    "rotating_robocalls": callers.rotating_robocalls,
    "wholesale": callers.wholesale,
    "withheld": callers.withheld,
    "printed_number": callers.printed_number,
    "franchise": callers.franchise,
    "mobile_gateway": callers.mobile_gateway,
    "form_heavy": trades.form_heavy,
    "silent_pages": trades.silent_pages,
    "night_service": trades.night_service,
    "tiny": trades.tiny,
    "call_center": trades.call_center,
    "two_screens": callers.two_screens,
    "changing": trades.changing,
    "many_pools": trades.many_pools,
}
KINDS: tuple[str, ...] = tuple(_KINDS)
"""The names of all kinds."""


def sample(kind: str, rng_seed: int) -> Business:
    """One business of a kind; the same seed gives the same one. ``KeyError`` for an unknown kind."""
    return _KINDS[kind](np.random.default_rng([rng_seed, KINDS.index(kind)]))


__all__ = ["KINDS", "sample"]
