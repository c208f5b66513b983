"""Kinds of business that differ in their visitors: how they come, how they browse, when they call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.demo.simulator import drawing as draw
from app.demo.simulator.business import Business, Drift, Forms, Rush
from app.demo.simulator.drawing import DAY, HOUR, MINUTE, Rng, around, between, chance, delays


def local_trade(rng: Rng) -> Business:
    """A plumber, a locksmith: phones, clicks, quick calls."""
    origin = draw.sources(rng, around(rng, 70, 0.4, 30, 140), ("google_ads", "google_organic"), mobile=0.8, saved=0.8)
    waits = delays(rng, (60.0, 8 * MINUTE, 4 * HOUR), (6, 2, 1))
    return draw.business(
        "local_trade", rng, origin,
        calling=draw.calling(rng, share=between(rng, 0.03, 0.07), waits=waits, clicks=4.0),
        calendar=draw.calendar(rng, "extended"),
        regions=draw.regions(rng, local=between(rng, 0.7, 0.97)),
    )  # fmt: skip


def law_firm(rng: Rng) -> Business:
    """Long thought before the call, many visits, forms."""
    presets = ("google_ads", "google_organic", "referral")
    origin = draw.sources(rng, around(rng, 60, 0.4, 25, 120), presets, mobile=0.5, saved=1.0, ratio=22)
    waits = delays(rng, (3 * MINUTE, 3 * HOUR, 2 * DAY, 9 * DAY), (1, 2, 4, 3), tail=True)
    made = draw.business(
        "law_firm", rng, origin,
        calling=draw.calling(rng, share=between(rng, 0.05, 0.12), waits=waits, clicks=0.5),
        forms=Forms(rate=between(rng, 0.015, 0.04), own=between(rng, 0.6, 0.9), another=0.05, email=0.95),
    )  # fmt: skip
    return replace(made, browsing=replace(made.browsing, returns=between(rng, 0.4, 1.0)))


def clinic(rng: Rng) -> Business:
    """Office hours rule the calls; patients call again."""
    origin = draw.sources(
        rng, around(rng, 80, 0.4, 30, 150), ("google_ads", "google_organic", "bing_ads"), mobile=0.65, saved=2.5
    )
    made = draw.business("clinic", rng, origin, calendar=draw.calendar(rng, "office", arrivals="evening"))
    waits = delays(rng, (2 * MINUTE, 2 * HOUR, 14 * HOUR, 3 * DAY), (2, 2, 2, 1))
    return replace(
        made,
        calling=draw.calling(rng, share=between(rng, 0.06, 0.14), waits=waits),
        repeats=replace(made.repeats, visitors=between(rng, 0.2, 0.45), saved=between(rng, 0.2, 0.45)),
    )


def television(rng: Rng) -> Business:
    """Spots send hundreds to the site within minutes, without a source."""
    origin = draw.sources(rng, around(rng, 35, 0.4, 15, 70), ("direct", "google_organic"), mobile=0.6, saved=1.2)
    origin = (replace(origin[0], numbers=int(rng.integers(6, 26))), *origin[1:])
    spot = Rush(
        source=0, weekly=between(rng, 2, 7), hours=tuple(d * 24 + h for d in range(7) for h in range(17, 23)),
        visitors=around(rng, 160, 0.4, 60, 350), spread=0.4, arrive=delays(rng, (100.0, 6 * MINUTE), (3, 1)),
    )  # fmt: skip
    waits = delays(rng, (90.0, 15 * MINUTE, 1 * DAY), (3, 2, 1))
    return draw.business(
        "television", rng, origin, rushes=(spot,),
        calling=draw.calling(rng, share=between(rng, 0.02, 0.05), waits=waits),
        calendar=draw.calendar(rng, "extended", (21, 40), arrivals="evening"),
        regions=draw.regions(rng, local=between(rng, 0.1, 0.5), states=10),
    )  # fmt: skip


def newsletter(rng: Rng) -> Business:
    """A weekly mailing to people who know the business and come back."""
    origin = draw.sources(rng, around(rng, 25, 0.4, 10, 50), ("email", "google_organic"), mobile=0.45, saved=0.8)
    origin = (replace(origin[0], numbers=int(rng.integers(4, 16))), *origin[1:])
    hour = int(rng.integers(0, 5)) * 24 + int(rng.integers(7, 18))
    mailing = Rush(
        source=0, weekly=1.0, hours=(hour,), visitors=around(rng, 260, 0.4, 100, 500), spread=0.25,
        arrive=delays(rng, (25 * MINUTE, 5 * HOUR, 1 * DAY), (2, 3, 1)),
    )  # fmt: skip
    return draw.business(
        "newsletter", rng, origin, rushes=(mailing,),
        calling=draw.calling(rng, share=between(rng, 0.03, 0.08)),
        calendar=draw.calendar(rng, "office", (35, 60)),
    )  # fmt: skip


def shop(rng: Rng) -> Business:
    """An online shop: many pages and visits, few calls, visitors from everywhere."""
    presets = ("google_ads", "facebook_ads", "google_organic", "email", "affiliate")
    origin = draw.sources(rng, around(rng, 200, 0.3, 110, 300), presets, mobile=0.6, saved=1.0, ratio=28)
    made = draw.business(
        "shop", rng, origin,
        calling=draw.calling(rng, share=between(rng, 0.006, 0.016), clicks=0.4),
        calendar=draw.calendar(rng, "extended", (21, 42), arrivals="evening"),
        regions=draw.regions(rng, local=between(rng, 0.02, 0.15), states=12),
    )  # fmt: skip
    return replace(made, browsing=replace(made.browsing, pages=between(rng, 2.5, 4.5), heartbeat_s=60.0))


def form_heavy(rng: Rng) -> Business:
    """Quotes by form; many who call left their phone before."""
    origin = draw.sources(
        rng, around(rng, 70, 0.4, 30, 120), ("google_ads", "facebook_ads", "sms"), mobile=0.5, saved=0.6
    )
    made = draw.business(
        "form_heavy", rng, origin,
        forms=Forms(
            rate=between(rng, 0.06, 0.16), own=between(rng, 0.5, 0.9), another=between(rng, 0.03, 0.1), email=1.0
        ),
    )  # fmt: skip
    waits = delays(rng, (2 * MINUTE, 3 * HOUR, 3 * DAY), (1, 2, 2))
    calling = replace(draw.calling(rng, share=between(rng, 0.03, 0.06), waits=waits), after_form=between(rng, 2.0, 5.0))
    return replace(made, calling=calling)


def silent_pages(rng: Rng) -> Business:
    """No heartbeats and no forms, and few clicks: little to go by."""
    origin = draw.sources(rng, around(rng, 60, 0.4, 30, 110), ("google_ads", "display"), mobile=0.4, saved=0.8)
    made = draw.business("silent_pages", rng, origin, forms=Forms(rate=0.0, own=0.0, another=0.0, email=0.0))
    calling = draw.calling(rng, share=between(rng, 0.04, 0.1), clicks=0.05)
    return replace(made, browsing=replace(made.browsing, heartbeat_s=0.0), calling=replace(calling, clock="page"))


def night_service(rng: Rng) -> Business:
    """Round the clock, busiest at night."""
    origin = draw.sources(rng, around(rng, 55, 0.4, 25, 100), ("google_ads", "google_organic"), mobile=0.85, saved=0.8)
    style = "night" if chance(rng, 0.6) else "always"
    return draw.business(
        "night_service", rng, origin,
        calendar=draw.calendar(rng, style, arrivals=style),
        calling=draw.calling(rng, share=between(rng, 0.04, 0.1), clicks=2.5),
    )  # fmt: skip


def tiny(rng: Rng) -> Business:
    """Five calls a week."""
    origin = draw.sources(rng, around(rng, 8, 0.4, 3, 15), ("google_organic",), mobile=0.6, saved=0.15, ratio=6)
    made = draw.business("tiny", rng, origin, calendar=draw.calendar(rng, "office", (42, 60)))
    calling = draw.calling(rng, share=between(rng, 0.02, 0.07))
    return replace(made, spam=replace(made.spam, daily=between(rng, 0.02, 0.15), dialers=1), calling=calling)


def call_center(rng: Rng) -> Business:
    """Busy: dozens of calls a day, pools on the small side."""
    presets = ("google_ads", "bing_ads", "facebook_ads", "google_organic")
    origin = draw.sources(rng, around(rng, 260, 0.2, 180, 350), presets, mobile=0.6, saved=4.0, ratio=30)
    made = draw.business(
        "call_center", rng, origin,
        calendar=draw.calendar(rng, "extended", (21, 28)),
        calling=draw.calling(rng, share=between(rng, 0.05, 0.09)),
    )  # fmt: skip
    return replace(made, browsing=replace(made.browsing, pages=between(rng, 1.4, 2.2), heartbeat_s=60.0))


def changing(rng: Rng) -> Business:
    """Half-way through everything changes: rates, delays, what nobody's calls come to."""
    origin = draw.sources(
        rng, around(rng, 70, 0.4, 30, 120), ("google_ads", "email", "google_organic"), mobile=0.6, saved=1.5
    )
    made = draw.business("changing", rng, origin, calendar=draw.calendar(rng, "office", (40, 60)))
    scales = (2 * MINUTE, 1 * HOUR, 3 * DAY)
    drift = Drift(
        day=made.calendar.days * between(rng, 0.4, 0.6), arrivals=around(rng, 1.0, 0.5, 0.4, 2.0),
        share=around(rng, 1.0, 0.6, 0.35, 3.0),
        saved=around(rng, 1.0, 1.0, 0.2, 5.0), spam=around(rng, 1.0, 1.0, 0.2, 6.0),
        delays=delays(rng, scales, rng.dirichlet(np.ones(3)).tolist()),
    )  # fmt: skip
    calling = draw.calling(rng, share=between(rng, 0.03, 0.1))
    return replace(made, drift=drift, calling=replace(calling, clock="page"))


def many_pools(rng: Rng) -> Business:
    """Six to nine sources of very different size and behaviour."""
    presets = (
        "google_ads",
        "bing_ads",
        "facebook_ads",
        "email",
        "google_organic",
        "bing",
        "social",
        "video",
        "referral",
    )
    chosen = tuple(rng.choice(presets, int(rng.integers(6, 10)), replace=False).tolist())
    origin = draw.sources(rng, around(rng, 130, 0.3, 70, 200), chosen, mobile=0.55, saved=1.5)
    origin = tuple(
        replace(source, calling=around(rng, 1.0, 0.8, 0.2, 4.0), mobile=between(rng, 0.1, 0.9)) for source in origin
    )
    return draw.business("many_pools", rng, origin)
