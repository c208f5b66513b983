"""From facts to arrays: one row per candidate, one named column per piece of evidence.

Curves (how fast interest fades after leaving, after a click) are columns of their own: the column holds log2
of the curve, its weight is 1 until a fit says otherwise. A column of 0 says nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np

from matching.rules.curves import Decay, Floats, week
from matching.rules.facts import CallFacts, CandidateFacts

FEATURES: tuple[str, ...] = (
    "base_rate",
    "last_seen",
    "page_open",
    "tel_click",
    "contact_page",
    "pricing_page",
    "page_views",
    "visits",
    "device_phone",
    "device_tablet",
    "device_desktop",
    "form_filled",
    "hour_of_week",
)
"""The columns of X, in order. ``base_rate`` is the constant: a desktop-or-unknown visitor's first view, this
very second.
"""

_MOST_VIEWS = 16.0
_MOST_VISITS = 8.0
_read = attrgetter(
    "seconds_since_seen",
    "page_open",
    "tel_click_seconds",
    "last_page_path",
    "page_views",
    "visits",
    "device",
    "form_seconds",
)


@dataclass(frozen=True, kw_only=True)
class Basis:
    """The curves and lists that turn facts into columns.

    ``delay``: calls per second by seconds since last seen (its value at 0 is the base rate). ``click``: ratio
    by seconds since a tel: click, 1 in the end. ``form``: ratio by seconds since a form. ``hours``: calls by
    people who are not on the site, by hour of the week, mean 1. ``contact_words``, ``pricing_words``: words
    that mark such a page in its path.
    """

    delay: Decay
    click: Decay
    form: Decay
    weekday: tuple[float, ...]
    saturday: tuple[float, ...]
    sunday: tuple[float, ...]
    contact_words: tuple[str, ...]
    pricing_words: tuple[str, ...]

    def __post_init__(self) -> None:
        week(self.weekday, self.saturday, self.sunday)

    @cached_property
    def hours(self) -> Floats:
        """log2 of the 168 hourly factors (mean factor 1), Monday 00:00 first."""
        return np.asarray(np.log2(week(self.weekday, self.saturday, self.sunday)), dtype=np.float64)

    @cached_property
    def _pages(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return _words(self.contact_words), _words(self.pricing_words)

    def columns(self, call: CallFacts, candidates: Sequence[CandidateFacts]) -> Floats:
        """Return X, shape (candidates, FEATURES)."""
        columns = np.zeros((len(candidates), len(FEATURES)))
        if not candidates:
            return columns
        seen, opened, clicks, paths, views, visits, devices, forms = zip(*map(_read, candidates), strict=True)
        fading = self.delay.parts(seen)
        rate = fading.sum(axis=1) + self.delay.floor
        # The quickest scale is people on the page, whom no clock keeps from calling; the rest call when the world does.
        quick = fading[:, 0] if len(self.delay.scales) else np.zeros(len(candidates))
        by_hour = quick + (rate - quick) * 2.0 ** self.hours[call.local_hour_of_week]
        contact, pricing = self._page_kinds(paths)
        by_name: dict[str, Any] = {
            "base_rate": 1.0,
            "last_seen": np.log2(rate / self.delay.peak),
            "page_open": opened,
            "tel_click": np.log2(self.click.at(_since(clicks))),
            "contact_page": contact,
            "pricing_page": pricing,
            "page_views": np.log2(np.clip(np.asarray(views, dtype=np.float64), 1.0, _MOST_VIEWS)),
            "visits": np.log2(np.clip(np.asarray(visits, dtype=np.float64), 1.0, _MOST_VISITS)),
            "form_filled": np.log2(self.form.at(_since(forms))),
            "hour_of_week": np.log2(by_hour / rate),
        }
        for device in ("phone", "tablet", "desktop"):
            by_name[f"device_{device}"] = [known == device for known in devices]
        for column, name in enumerate(FEATURES):
            columns[:, column] = by_name[name]
        return columns

    def _page_kinds(self, paths: Sequence[str | None]) -> tuple[list[bool], list[bool]]:
        """Say which last pages were contact and which pricing pages; each distinct path is looked at once."""
        contact, pricing = self._pages
        kinds = {
            path: (bool(contact.search(path)), bool(pricing.search(path))) if path else (False, False)
            for path in set(paths)
        }
        return [kinds[path][0] for path in paths], [kinds[path][1] and not kinds[path][0] for path in paths]

    def as_json(self) -> dict[str, Any]:
        """Return the plain values a model file holds."""
        return {
            "delay": self.delay.as_json(),
            "click": self.click.as_json(),
            "form": self.form.as_json(),
            "hours": {
                "weekday": list(self.weekday),
                "saturday": list(self.saturday),
                "sunday": list(self.sunday),
            },
            "pages": {"contact": list(self.contact_words), "pricing": list(self.pricing_words)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Basis":
        """Read what ``as_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        hours, pages = data["hours"], data["pages"]
        return cls(
            delay=Decay.from_json(data["delay"]),
            click=Decay.from_json(data["click"]),
            form=Decay.from_json(data["form"]),
            weekday=tuple(float(hour) for hour in hours["weekday"]),
            saturday=tuple(float(hour) for hour in hours["saturday"]),
            sunday=tuple(float(hour) for hour in hours["sunday"]),
            contact_words=tuple(str(word) for word in pages["contact"]),
            pricing_words=tuple(str(word) for word in pages["pricing"]),
        )


def _since(seconds: Sequence[float | None]) -> Floats:
    """Never happened is infinitely long ago."""
    return np.asarray([np.inf if second is None else second for second in seconds], dtype=np.float64)


def _words(words: Sequence[str]) -> re.Pattern[str]:
    """Match any of the words at the start of a part of a path (``/contact-us``, ``/en/about_contact``)."""
    if not words:
        return re.compile(r"(?!)")
    return re.compile(r"(?:^|[/_.-])(?:" + "|".join(map(re.escape, words)) + ")", re.IGNORECASE)
