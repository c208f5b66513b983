"""From facts to arrays: one row per candidate, named columns, the same for scoring and for learning.

Curves (how interest fades after the last life sign, after a click, after a form) are broken lines over knots: each knot
is a column. A column of 0 says nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np

from matching.rules.curves import Floats, Knots
from matching.rules.facts import CandidateFacts

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
DELAY = Knots(
    seconds=(0, 10, 30, 90, 300, 1200, HOUR, 4 * HOUR, 12 * HOUR, *(days * DAY for days in (1, 2, 4, 8, 16, 32, 60))),
    offset=8.0,
)
"""Seconds since the last life sign."""
LINGER: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 2.5), (2.5, 5.0))
"""Stretches of lingering (see ``lingering``), each a column of its own that rises along it."""
CLICK = Knots(seconds=(2, 8, 20, 60, 240, HOUR, DAY, 7 * DAY), offset=2.0)
"""Seconds since the last tel: click."""
FORM = Knots(seconds=(MINUTE, HOUR, DAY, 7 * DAY), offset=10.0)
"""Seconds since the last form."""

MARKS: tuple[str, ...] = (
    "left_page",
    "superseded",
    "home_page",
    "contact_page",
    "pricing_page",
    "page_views",
    "visits",
    "device_phone",
    "device_tablet",
)
FEATURES: tuple[str, ...] = (
    *(f"delay_{seconds:g}" for seconds in DELAY.seconds),
    *(f"linger_{low:g}" for low, _ in LINGER),
    *(f"click_{seconds:g}" for seconds in CLICK.seconds),
    *(f"form_{seconds:g}" for seconds in FORM.seconds),
    *MARKS,
)
"""The columns of X, in order. The delay's knots are log2 calls per second, all others log2 ratios."""
_ENDS = np.cumsum([len(DELAY.seconds), len(LINGER), len(CLICK.seconds), len(FORM.seconds)])
DELAYS, LINGERS, CLICKS, FORMS = (slice(int(a), int(b)) for a, b in pairwise([0, *_ENDS]))
_MARK = {name: int(_ENDS[-1]) + place for place, name in enumerate(MARKS)}

GROUPS: tuple[tuple[str, slice | int], ...] = (
    ("page_age", LINGERS),
    ("tel_click", CLICKS),
    ("form_filled", FORMS),
    *((name, _MARK[name]) for name in MARKS),
)
"""Evidence rows and their columns; ``base_rate`` and ``last_seen`` share the delay's."""

VIEWS = np.asarray([0.0, 1.0, 1.8, 2.6, 3.5])
"""log2 of the page views a bucket stands for: 1, 2, 3-4, 5-8, more."""
VISITS = np.asarray([0.0, 1.0, 1.8, 2.8])
"""log2 of the visits a bucket stands for: 1, 2, 3-4, more."""
_VIEW_EDGES, _VISIT_EDGES = np.asarray([2, 3, 5, 9]), np.asarray([2, 3, 5])

OTHER_PAGE, HOME, CONTACT, PRICING = range(4)
DEVICES: tuple[str | None, ...] = ("desktop", "phone", "tablet", "other")
_DEVICE = {name: place for place, name in enumerate(DEVICES)} | {None: 3}

_read = attrgetter(
    "seconds_since_seen",
    "seconds_since_view",
    "tel_click_seconds",
    "form_seconds",
    "left",
    "shown",
    "last_page_path",
    "page_views",
    "visits",
    "device",
)


def views_bucket(views: int) -> int:
    """Which of VIEWS so many page views are."""
    return 0 if views < 2 else 1 if views < 3 else 2 if views < 5 else 3 if views < 9 else 4


def visits_bucket(visits: int) -> int:
    """Which of VISITS so many visits are."""
    return 0 if visits < 2 else 1 if visits < 3 else 2 if visits < 5 else 3


def device_place(device: str | None) -> int:
    """Which of DEVICES this is."""
    return _DEVICE.get(device, 3)


@dataclass(frozen=True, kw_only=True)
class PageWords:
    """Words that mark a contact or a pricing page in its path."""

    contact: tuple[str, ...]
    pricing: tuple[str, ...]

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return _words(self.contact), _words(self.pricing)

    def kind(self, path: str | None) -> int:
        """OTHER_PAGE, HOME, CONTACT or PRICING."""
        if not path:
            return OTHER_PAGE
        contact, pricing = self._patterns
        if contact.search(path):
            return CONTACT
        if pricing.search(path):
            return PRICING
        return HOME if path == "/" else OTHER_PAGE

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        return {"contact": list(self.contact), "pricing": list(self.pricing)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PageWords":
        """Read what ``as_json`` wrote. Raises KeyError or TypeError for anything else."""
        return cls(
            contact=tuple(str(word) for word in data["contact"]), pricing=tuple(str(word) for word in data["pricing"])
        )


def _words(words: Sequence[str]) -> re.Pattern[str]:
    """Match any of the words at the start of a part of a path (``/contact-us``, ``/en/about_contact``)."""
    if not words:
        return re.compile(r"(?!)")
    return re.compile(r"(?:^|[/_.-])(?:" + "|".join(map(re.escape, words)) + ")", re.IGNORECASE)


def columns(candidates: Sequence[CandidateFacts], pages: PageWords) -> Floats:
    """Return X, shape (candidates, FEATURES)."""
    if not candidates:
        return np.zeros((0, len(FEATURES)))
    seen, ages, clicks, forms, left, shown, paths, views, visits, devices = zip(*map(_read, candidates), strict=True)
    kinds = {path: pages.kind(path) for path in set(paths)}
    return design(
        delay=np.asarray(seen, dtype=np.float64),
        age=_since(ages),
        click=_since(clicks),
        form=_since(forms),
        left=np.asarray(left, dtype=bool),
        superseded=~np.asarray(shown, dtype=bool),
        page=np.asarray([kinds[path] for path in paths]),
        views=np.searchsorted(_VIEW_EDGES, np.asarray(views), side="right"),
        visits=np.searchsorted(_VISIT_EDGES, np.asarray(visits), side="right"),
        device=np.asarray([_DEVICE.get(device, 3) for device in devices]),
    )


def design(
    *,
    delay: Floats,
    age: Floats,
    click: Floats,
    form: Floats,
    left: Any,
    superseded: Any,
    page: Any,
    views: Any,
    visits: Any,
    device: Any,
) -> Floats:
    """Return X from arrays of one length: seconds (NaN: never), flags, page kinds, buckets and places of DEVICES."""
    found = np.zeros((len(delay), len(FEATURES)))
    found[:, DELAYS] = DELAY.hats(delay)
    linger = lingering(delay, age)
    for column, (low, high) in enumerate(LINGER, start=LINGERS.start):
        found[:, column] = np.clip(linger, low, high) - low
    found[:, CLICKS] = CLICK.hats(click)
    found[:, FORMS] = FORM.hats(form)
    marks = {
        "left_page": left,
        "superseded": superseded,
        "home_page": page == HOME,
        "contact_page": page == CONTACT,
        "pricing_page": page == PRICING,
        "page_views": VIEWS[views],
        "visits": VISITS[visits],
        "device_phone": device == 1,
        "device_tablet": device == 2,
    }
    for name, column in _MARK.items():
        found[:, column] = marks[name]
    return found


def lingering(delay: Floats, age: Floats) -> Floats:
    """How much longer ago the last page view is than the last life sign, as log2 of their ratio (30 s added to both).

    0 where they are the same or the view is not known. A page that is left open gives life signs when nobody reads it.
    """
    later = np.log2((np.maximum(age, delay) + 30.0) / (delay + 30.0))
    return np.asarray(np.where(np.isnan(age), 0.0, later), dtype=np.float64)


def _since(seconds: Sequence[float | None]) -> Floats:
    return np.asarray([np.nan if second is None else second for second in seconds], dtype=np.float64)
