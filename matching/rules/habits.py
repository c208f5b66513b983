"""What live calls and recorded histories count alike: small rules over plain values, each with one home."""

from collections.abc import Iterable, Sequence

PAGE_OPEN = 90.0
"""Seconds. A page that gave a life sign this recently and did not say goodbye is open: heartbeats come every 30 s."""
MAX_CALLS = 50
"""Earlier calls that are looked at; a phone with more is known well enough from its latest."""
MAX_CANDIDATES = 50
"""Candidates of each that are looked at; the rest are far below all others."""
SHARED_FROM = 4
"""A phone that staff or forms gave to so many visitors is a switchboard or a dialler, not a person."""
FORM_PHONE = 0.95
"""How sure a phone left in a form is its sender's own."""
STAFF_PHONE = 0.95
"""How sure a phone is a visitor's own after staff said that they made its call."""


def claim(likelihoods: Iterable[float]) -> float:
    """How sure it is that a visitor's own phone is another: the best of their calls from other phones.

    Nothing below an even chance, and never surer than a form would be.
    """
    best = max(likelihoods, default=0.0)
    return min(best, FORM_PHONE) if best > 0.5 else 0.0


def region_share(region: str | None, regions: Sequence[str | None]) -> float | None:
    """The share of a number's holders who are in the caller's region, smoothed so that few prove little."""
    known = [r for r in regions if r is not None]
    if region is None or not known:
        return None
    return (known.count(region) + 1) / (len(known) + 20)
