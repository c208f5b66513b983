"""Kinds of business that differ in their callers: nobody's calls, and what a caller id and a region tell."""

from __future__ import annotations

from dataclasses import replace

from app.demo.simulator import drawing as draw
from app.demo.simulator.business import Business, Phones, Repeats
from app.demo.simulator.drawing import DAY, HOUR, MINUTE, Rng, around, between, delays


def spam_heavy(rng: Rng) -> Business:
    """Half of the calls are spam, on some numbers nearly all."""
    origin = draw.sources(rng, around(rng, 60, 0.4, 30, 110), ("google_ads", "bing_ads"), mobile=0.6, saved=0.8)
    made = draw.business("spam_heavy", rng, origin)
    total = len(made.spam.dirt)
    heavy = draw.spam(rng, total, daily=between(rng, 3, 9), dialers=int(rng.integers(4, 20)))
    return replace(made, spam=heavy)


def robocalls(rng: Rng) -> Business:
    """Bursts over many numbers within minutes, each under one caller id."""
    origin = draw.sources(rng, around(rng, 80, 0.4, 40, 150), ("google_ads", "facebook_ads"), mobile=0.6, saved=0.6)
    made = draw.business("robocalls", rng, origin)
    heavy = draw.spam(rng, len(made.spam.dirt), daily=between(rng, 0.3, 2), bursts=between(rng, 2, 6))
    return replace(made, spam=heavy)


def rotating_robocalls(rng: Rng) -> Business:
    """Bursts whose caller ids change with every call."""
    made = robocalls(rng)
    spam = replace(made.spam, rotating=between(rng, 0.6, 1.0))
    return replace(made, kind="rotating_robocalls", spam=spam)


def wholesale(rng: Rng) -> Business:
    """Sells to companies: desktops in the day, shared lines, people who come back."""
    presets = ("google_ads", "paid_social", "google_organic")
    origin = draw.sources(rng, around(rng, 55, 0.4, 25, 100), presets, mobile=0.2, saved=1.0, ratio=14)
    made = draw.business(
        "wholesale", rng, origin,
        phones=Phones(
            withheld=between(rng, 0.0, 0.1), withheld_saved=between(rng, 0.0, 0.1), withheld_spam=0.1,
            switchboards=int(rng.integers(5, 60)), behind=between(rng, 0.2, 0.6),
            switchboard_saved=between(rng, 0.2, 1.5),
        ),
        calendar=draw.calendar(rng, "office", arrivals="office"),
    )  # fmt: skip
    waits = delays(rng, (4 * MINUTE, 2 * HOUR, 3 * DAY), (2, 2, 2), tail=True)
    return replace(
        made,
        calling=draw.calling(rng, share=between(rng, 0.04, 0.1), waits=waits, clicks=0.2),
        browsing=replace(made.browsing, returns=between(rng, 0.7, 1.6), return_direct=between(rng, 0.6, 0.95)),
    )


def withheld(rng: Rng) -> Business:
    """Callers who rather stay unknown."""
    origin = draw.sources(rng, around(rng, 55, 0.4, 25, 100), ("google_ads", "google_organic"), mobile=0.7, saved=1.2)
    made = draw.business("withheld", rng, origin, calendar=draw.calendar(rng, "evening", arrivals="evening"))
    phones = replace(made.phones, withheld=between(rng, 0.2, 0.6), withheld_saved=between(rng, 0.1, 0.5))
    return replace(made, phones=phones)


def printed_number(rng: Rng) -> Business:
    """The numbers stand on vans and in phones: most calls have no visit, and people call again and again."""
    origin = draw.sources(rng, around(rng, 45, 0.4, 20, 90), ("google_ads", "google_organic"), mobile=0.6, saved=9.0)
    made = draw.business("printed_number", rng, origin)
    waits = delays(rng, (5 * MINUTE, 8 * HOUR, 14 * DAY), (3, 1, 3), tail=True)
    again = delays(rng, (10 * MINUTE, 1 * DAY, 8 * DAY), (1, 2, 4), tail=True)
    return replace(
        made,
        calling=draw.calling(rng, share=between(rng, 0.05, 0.12), waits=waits),
        repeats=Repeats(
            visitors=between(rng, 0.2, 0.5), visitor_delays=again, saved=between(rng, 0.3, 0.5), saved_delays=again
        ),
    )  # fmt: skip


def franchise(rng: Rng) -> Business:
    """Branches in several states: the region tells much."""
    presets = ("google_ads", "google_organic", "facebook_ads", "bing_ads")
    origin = draw.sources(rng, around(rng, 110, 0.4, 60, 180), presets, mobile=0.6, saved=1.0, ratio=25)
    where = draw.regions(rng, local=between(rng, 0.05, 0.2), states=8)
    where = replace(where, local_mobile=between(rng, 0.8, 0.95), local_desktop=between(rng, 0.85, 0.97), unknown=0.02)
    return draw.business(
        "franchise", rng, origin, regions=where, calling=draw.calling(rng, share=between(rng, 0.02, 0.06))
    )


def mobile_gateway(rng: Rng) -> Business:
    """Addresses tell where the carrier is, not the caller."""
    origin = draw.sources(rng, around(rng, 80, 0.4, 40, 140), ("google_ads", "facebook_ads"), mobile=0.92, saved=0.7)
    where = draw.regions(rng, local=between(rng, 0.0, 0.2), states=3)
    where = replace(where, local_mobile=between(rng, 0.02, 0.2), saved_home=between(rng, 0.6, 0.95))
    return draw.business(
        "mobile_gateway",
        rng,
        origin,
        regions=where,
        calling=draw.calling(rng, share=between(rng, 0.03, 0.07), clicks=2.0),
    )


def two_screens(rng: Rng) -> Business:
    """Looks things up at the desk, calls with the phone in the pocket: no clicks, few local area codes."""
    presets = ("google_ads", "google_organic", "ai_assistant")
    origin = draw.sources(rng, around(rng, 65, 0.4, 30, 110), presets, mobile=0.12, saved=0.8)
    where = replace(draw.regions(rng, local=between(rng, 0.3, 0.7)), local_desktop=between(rng, 0.3, 0.6))
    waits = delays(rng, (100.0, 25 * MINUTE, 1 * DAY), (4, 2, 1))
    calling = replace(draw.calling(rng, share=between(rng, 0.04, 0.1), waits=waits, clicks=0.1), clock="seen")
    made = draw.business("two_screens", rng, origin, regions=where)
    calling = replace(calling, share=calling.share * 0.35)
    return replace(made, calling=calling, browsing=draw.browsing(rng, float(rng.choice([15.0, 30.0, 60.0]))))
