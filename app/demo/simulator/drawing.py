"""Wide random draws of every fact of a business; a kind starts from these and leans them its way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from app.demo.simulator.area_codes import PEOPLE
from app.demo.simulator.business import (
    Browsing,
    Business,
    Calendar,
    Calling,
    Forms,
    Page,
    Phones,
    Profile,
    Regions,
    Repeats,
    Source,
    Spam,
    Staff,
)
from app.demo.simulator.delays import Delay, Delays, Shape

Rng = np.random.Generator
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix")
_WORDS = (
    (("/", 1), ("/services", 0), ("/about", 0), ("/pricing", 2), ("/contact", 3), ("/reviews", 0)),
    (("/", 1), ("/inicio", 0), ("/servicios", 0), ("/precios", 2), ("/contacto", 3), ("/preguntas", 0)),
    (("/", 1), ("/products", 0), ("/products/detail", 0), ("/rates", 2), ("/get-in-touch", 3), ("/blog", 0)),
    (("/index.html", 1), ("/team", 0), ("/leistungen", 0), ("/preise", 2), ("/kontakt", 3), ("/faq", 0)),
    (("/", 1), ("/menu", 0), ("/plans-and-quotes", 2), ("/reach-us", 3), ("/locations", 0), ("/a/b/landing-7", 0)),
)


def between(rng: Rng, low: float, high: float) -> float:
    """Uniform."""
    return float(rng.uniform(low, high))


def around(rng: Rng, middle: float, spread: float, low: float = 0.0, high: float = math.inf) -> float:
    """Log-normal with this median and spread of the logarithm, cut to the bounds."""
    return float(np.clip(middle * rng.lognormal(0.0, spread), low, high))


def chance(rng: Rng, often: float) -> bool:
    """True with this chance."""
    return bool(rng.random() < often)


def delays(rng: Rng, scales: Sequence[float], weights: Sequence[float], *, tail: bool = False) -> Delays:
    """A mixture near these scales (seconds); the weights vary by a Dirichlet draw around those given.

    Shapes are drawn too; with ``tail`` the longest scale is a power law.
    """
    shares = rng.dirichlet(np.asarray(weights, dtype=float) / np.sum(weights) * 6.0 + 0.2)
    parts = []
    for place, (scale, share) in enumerate(zip(scales, shares, strict=True)):
        shape: Shape = ("exponential", "lomax", "loglogistic")[int(rng.choice(3, p=[0.5, 0.2, 0.3]))]
        if tail and place == len(scales) - 1:
            shape = "lomax"
        power = between(rng, 1.3, 2.6)
        parts.append(Delay(shape=shape, weight=float(share), scale=around(rng, scale, 0.35), power=power))
    return tuple(parts)


def profile(rng: Rng, style: str) -> Profile:
    """An hour-of-week profile, mean 1: ``office``, ``extended``, ``evening``, ``night`` or ``always``."""
    opens, closes, weekend, floor = {
        "office": (between(rng, 7.5, 9.5), between(rng, 16.5, 18.5), between(rng, 0.02, 0.3), between(rng, 0.02, 0.1)),
        "extended": (between(rng, 6, 8), between(rng, 19, 21), between(rng, 0.5, 1.1), between(rng, 0.03, 0.15)),
        "evening": (between(rng, 10, 15), between(rng, 22, 23.5), between(rng, 0.8, 1.6), between(rng, 0.05, 0.2)),
        "night": (between(rng, 18, 21), between(rng, 28, 31), between(rng, 0.8, 1.8), between(rng, 0.1, 0.3)),
        "always": (between(rng, 6, 8), between(rng, 20, 22), between(rng, 0.8, 1.1), between(rng, 0.5, 0.9)),
    }[style]
    hour = np.arange(168)
    of_day = hour % 24 + 0.5
    late = np.where(of_day < closes - 24, of_day + 24, of_day)
    level = floor + 1.0 / (1.0 + np.exp(-2.0 * (late - opens))) / (1.0 + np.exp(2.0 * (late - closes)))
    level = level * np.where(hour >= 120, weekend, 1.0) * rng.lognormal(0.0, 0.12, 7)[hour // 24]
    return tuple((level / level.mean()).tolist())


def numbers_for(rng: Rng, daily: float, ratio: float | None = None) -> int:
    """How many numbers a source has: one per 5 to 60 daily visitors, or about this ``ratio``."""
    return max(1, math.ceil(daily / (around(rng, ratio or 18.0, 0.5, 5.0, 60.0))))


def sources(
    rng: Rng, daily: float, presets: Sequence[str], *, mobile: float, saved: float, ratio: float | None = None
) -> tuple[Source, ...]:
    """Pools of these presets that share ``daily`` new visitors and ``saved`` calls a day, and one source without."""
    saved = around(rng, saved, 0.6)
    share = rng.dirichlet(np.full(len(presets), 1.3)) if len(presets) > 1 else np.ones(1)
    made = [
        Source(
            preset=preset,
            numbers=numbers_for(rng, daily * part, ratio),
            daily=daily * float(part),
            calling=around(rng, 1.0, 0.35),
            mobile=float(np.clip(mobile + rng.normal(0, 0.1), 0.03, 0.97)),
            saved=saved * float(part),
        )
        for preset, part in zip(presets, share, strict=True)
    ]
    if chance(rng, 0.4) and "referral" not in presets:
        made.append(Source(preset="referral", numbers=0, daily=daily * 0.1, calling=1.0, mobile=mobile, saved=0.0))
    return tuple(made)


def regions(rng: Rng, *, local: float, states: int = 6) -> Regions:
    """Regions: ``local`` share of visitors in the home state, the others in a few states and anywhere."""
    home = int(rng.choice(len(PEOPLE), p=PEOPLE))
    weights = PEOPLE * between(rng, 0.05, 0.5)
    for state in rng.choice(len(PEOPLE), states, replace=False, p=PEOPLE):
        weights[state] += float(rng.gamma(1.0)) / states
    weights = weights / weights.sum() * (1.0 - local)
    weights[home] += local
    mixed = between(rng, 0.0, 0.6)
    elsewhere = (1.0 - mixed) * PEOPLE + mixed * weights / weights.sum()
    elsewhere = elsewhere / elsewhere.sum()
    return Regions(
        home=home,
        visitors=tuple((weights / weights.sum()).tolist()),
        elsewhere=tuple(elsewhere.tolist()),
        local_mobile=between(rng, 0.35, 0.85),
        local_desktop=between(rng, 0.5, 0.95),
        unknown=between(rng, 0.0, 0.15),
        saved_home=between(rng, 0.0, 0.95),
        spam_home=between(rng, 0.0, 0.7),
    )


def spam(rng: Rng, total: int, *, daily: float, dialers: int = 2, bursts: float = 0.0) -> Spam:
    """Spam over ``total`` numbers, some of them dirtier than others."""
    dirt = rng.lognormal(0.0, between(rng, 0.3, 1.4), total)
    return Spam(
        daily=daily,
        dirt=tuple((dirt / dirt.sum()).tolist()),
        dialers=dialers,
        dialer_daily=around(rng, 0.15, 0.6),
        bursts=bursts,
        burst_reach=between(rng, 0.3, 0.9),
        burst_spread_s=around(rng, 240.0, 0.5),
        rotating=0.0,
    )


def business(kind: str, rng: Rng, origin: tuple[Source, ...], **facts: object) -> Business:
    """A middling business with these sources; any other fact may be given in place of its draw."""
    total = sum(source.numbers for source in origin)
    share = between(rng, 0.02, 0.1)
    repeats = delays(rng, (6 * MINUTE, 3 * HOUR, 4 * DAY), (2, 2, 2))
    made: dict[str, object] = {
        "calendar": calendar(rng, "office"),
        "rushes": (),
        "pages": pages(rng),
        "browsing": browsing(rng),
        "calling": calling(rng, share=share),
        "forms": Forms(
            rate=around(rng, 0.008, 0.7), own=between(rng, 0.4, 0.85), another=between(rng, 0.02, 0.15), email=0.9
        ),
        "regions": regions(rng, local=between(rng, 0.2, 0.85)),
        "phones": Phones(
            withheld=between(rng, 0.0, 0.08),
            withheld_saved=between(rng, 0.0, 0.1),
            withheld_spam=between(rng, 0.0, 0.3),
            switchboards=0,
            behind=0.0,
            switchboard_saved=0.0,
        ),
        "repeats": Repeats(
            visitors=between(rng, 0.05, 0.3),
            visitor_delays=repeats,
            saved=between(rng, 0.05, 0.3),
            saved_delays=delays(rng, (10 * MINUTE, 5 * HOUR, 6 * DAY), (1, 2, 3)),
        ),
        "spam": spam(rng, total, daily=around(rng, 0.5, 0.6)),
        "staff": Staff(
            share=between(rng, 0.0, 0.3),
            delay_h=around(rng, 12.0, 0.8),
            mistakes=between(rng, 0.01, 0.08),
            doubtful=chance(rng, 0.5),
        ),
        "drift": None,
        "untracked_daily": between(rng, 0.0, 0.2),
    }
    domain = f"{kind.replace('_', '-')}-{int(rng.integers(1000)):03d}.example"
    return Business(kind=kind, domain=domain, sources=origin, **{**made, **facts})  # type: ignore[arg-type]


def calendar(rng: Rng, style: str, days: tuple[int, int] = (21, 60), arrivals: str = "extended") -> Calendar:
    """Dates between 2023 and 2025, a zone, and profiles; visitors and callers keep hours of the ``style``."""
    coming, going = profile(rng, arrivals), np.array(profile(rng, style))
    start = date(2023, 1, 2) + timedelta(days=int(rng.integers(0, 1000)))
    return Calendar(
        time_zone=str(rng.choice(_ZONES)),
        start=start.isoformat(),
        days=int(rng.integers(days[0], days[1] + 1)),
        arrivals=coming,
        calls=tuple((going / np.average(going, weights=coming)).tolist()),
        saved=profile(rng, style),
        spam=profile(rng, "office" if chance(rng, 0.5) else "always"),
    )


def pages(rng: Rng) -> tuple[Page, ...]:
    """Five or six pages in one of several wordings; contact and price pages are nearer to a call."""
    made = []
    for path, sort in _WORDS[int(rng.integers(len(_WORDS)))]:
        near = (0.8, 1.0, 1.4, 2.2)[sort] if sort != 1 else 0.9
        made.append(
            Page(
                path=path,
                weight=around(rng, (0.8, 2.5, 1.0, 0.8)[sort], 0.4),
                calling=around(rng, near, 0.3),
                clicking=around(rng, near, 0.3),
                forms=around(rng, (0.5, 0.5, 1.2, 4.0)[sort], 0.4),
            )
        )
    return tuple(made)


def browsing(rng: Rng, heartbeat: float | None = None) -> Browsing:
    """How visitors move, with heartbeats every 15, 30 or 60 seconds or none."""
    return Browsing(
        pages=around(rng, 2.0, 0.3, 1.1, 5.0),
        dwell=delays(rng, (12.0, 80.0), (1, 1)),
        returns=between(rng, 0.05, 0.6),
        return_gap=delays(rng, (5 * HOUR, 4 * DAY), (1, 2)),
        return_direct=between(rng, 0.3, 0.95),
        heartbeat_s=float(rng.choice([15.0, 30.0, 30.0, 60.0, 0.0])) if heartbeat is None else heartbeat,
        idle_beats=chance(rng, 0.5),
        leaving_open=between(rng, 0.02, 0.2),
        left_open_s=around(rng, 400.0, 0.5),
        bots=between(rng, 0.0, 0.04),
    )


def calling(rng: Rng, *, share: float, waits: Delays | None = None, clicks: float = 1.0) -> Calling:
    """How visitors come to call; ``clicks`` scales how often phones are used to click the number."""
    seen = chance(rng, 0.25)
    return Calling(
        share=share * (0.4 if seen else 1.0),
        clock="seen" if seen else "page",
        delays=waits or delays(rng, (70.0, 15 * MINUTE, 6 * HOUR, 4 * DAY), (4, 2, 2, 1), tail=chance(rng, 0.4)),
        per_page=between(rng, 0.95, 1.35),
        per_visit=between(rng, 0.8, 1.8),
        mobile=between(rng, 0.7, 2.0),
        home=between(rng, 0.8, 2.5),
        after_form=between(rng, 0.4, 3.0),
        after_call=between(rng, 0.0, 0.3),
        click_mobile=min(0.5, around(rng, 0.02 * clicks, 0.5)),
        click_desktop=min(0.2, around(rng, 0.002 * clicks, 0.5)),
        click_calls=between(rng, 0.4, 0.9),
        click_delay=delays(rng, (5.0, 25.0), (3, 1)),
    )
