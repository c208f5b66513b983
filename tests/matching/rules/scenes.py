"""Small builders of facts for the tests of matching's rules, and a model whose numbers are known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from matching.rules.background import Background
from matching.rules.curves import HOURS, Decay
from matching.rules.facts import CallFacts, CandidateFacts, EarlierCall
from matching.rules.features import CLICKS, DELAY, DELAYS, FEATURES, FORMS, LINGERS, PageWords
from matching.rules.model import LikelihoodModel
from matching.rules.phones import PhoneParams
from matching.rules.rank import Ranking, rank
from matching.rules.spread import Spread

AT = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
"""A Tuesday afternoon."""

PHONE = "+12125550123"
DAY = 86_400.0

_HEIGHTS = (-10.5, -10.7, -11, -12, -14, -16.5, -18, -19, -20.5, -21.5, -22.5, -24, -25.5, -27, -28.5, -30)
"""log2 calls per second at the knots of the delay: one visitor in five calls, most of them within minutes."""
_MORE = {
    "linger_0": -0.3, "linger_1": -0.2, "linger_2.5": -0.1,
    "click_2": 8.0, "click_8": 7.0, "click_20": 5.0, "click_60": 2.0, "click_240": 0.5, "click_3600": 0.4,
    "click_86400": 0.2, "click_604800": 0.1,
    "form_60": 0.5, "form_3600": 0.4, "form_86400": 0.3, "form_604800": 0.2,
    "left_page": -0.5, "superseded": -3.0, "home_page": -0.2, "contact_page": 0.6, "pricing_page": 0.4,
    "page_views": 0.3, "visits": 0.2, "device_phone": 0.5, "device_tablet": 0.3,
}  # fmt: skip


@cache
def textbook() -> LikelihoodModel:
    """A model made by hand: interest only falls, every weight says something, nobody's own hours differ."""
    weights = dict(zip(FEATURES, _HEIGHTS, strict=False)) | _MORE
    assert len(_HEIGHTS) == len(DELAY.seconds)
    by_day = [1.0 if 8 <= hour < 18 else -1.0 for hour in range(24)]
    return LikelihoodModel(
        version="textbook",
        weights=tuple(weights.get(name, 0.0) for name in FEATURES),
        hours=(*by_day, *(h - 0.5 for h in by_day), *(h - 1.0 for h in by_day)),
        sources={},
        pages=PageWords(contact=("contact", "kontakt", "call"), pricing=("pric",)),
        background=Background(
            calls_per_day={"pool": 0.3, "offline": 0.5, "other": 0.4},
            hours=tuple(0.5 if 6 <= hour % 24 < 20 else -1.0 for hour in range(HOURS)),
            burst=1e-4,
            sources={},
            numbers={},
        ),
        phones=PhoneParams(
            rho=0.95,
            unseen=1e-5,
            elsewhere=0.02,
            form=0.95,
            decision=0.97,
            withheld_visitor=0.05,
            withheld_nobody=0.08,
            redial_visitor=Decay(scales=(1800.0, 864_000.0), heights=(7e-5, 6e-7), floor=2e-8),
            redial_nobody=Decay(scales=(1800.0, 864_000.0), heights=(5e-5, 3e-7), floor=2e-8),
            other_number=0.4,
            same_region=0.8,
            same_region_phone=0.6,
            moved_near=0.3,
            local=0.6,
            regions={"US-NY": 0.06, "US-CA": 0.12},
            other_region=0.02,
        ),
    )


def flat(model: LikelihoodModel) -> LikelihoodModel:
    """The model with one hour like another, and none of the businesses' own."""
    even = (0.0,) * HOURS
    return replace(model, hours=even, background=replace(model.background, hours=even))


def quiet() -> LikelihoodModel:
    """A flat textbook business with few calls: about one visitor in three rings, and nobody twice a day."""
    even = flat(textbook())
    weights = np.asarray(even.weights)
    weights[DELAYS] -= 1.5
    return replace(
        even,
        weights=tuple(float(weight) for weight in weights),
        background=replace(even.background, calls_per_day={"pool": 0.5, "other": 0.5}),
    )


def loose(level: float = 1.5, step: float = 0.4) -> Spread:
    """A spread that hardly holds a fit back: curves may move as a whole by ``level`` and bend by ``step`` a knot."""
    width = len(FEATURES)
    covariance = np.zeros((width + 1, width + 1))
    for curve, size in ((DELAYS, level), (LINGERS, 0.3), (CLICKS, 0.5), (FORMS, 0.3)):
        knots = np.arange(curve.stop - curve.start)
        covariance[curve, curve] = size**2 + step**2 * np.minimum.outer(knots, knots)
    marks = np.arange(FORMS.stop, width)
    covariance[marks, marks] = 0.5**2
    covariance[width, width] = level**2
    return Spread(
        weights=np.asarray(np.linalg.cholesky(covariance + 1e-9 * np.eye(width + 1)), dtype=np.float64),
        sources=0.5,
        hours=100.0,
        background_source=10.0,
        background_number=20.0,
        background_hours=100.0,
        burst=2.0,
        withheld=10.0,
        regions=10.0,
        local=10.0,
        redial=3.0,
        rho=20.0,
        other_number=8.0,
    )


def call(at: datetime = AT, **known: Any) -> CallFacts:
    facts: dict[str, Any] = {"caller": PHONE, "local_hour_of_week": 34} | known
    return CallFacts(at=at, **facts)


def candidate(visitor: str, seconds: float, *, at: datetime = AT, **known: Any) -> CandidateFacts:
    return CandidateFacts(
        visitor=visitor,
        visit=f"visit-{visitor}",
        source="ads",
        last_seen_at=at - timedelta(seconds=seconds),
        seconds_since_seen=seconds,
        **known,
    )


def likelihoods(ranking: Ranking) -> dict[str | None, float]:
    return {None: ranking.none} | {ranked.visitor: ranked.likelihood for ranked in ranking.candidates}


def earlier(ranking: Ranking, at: datetime, **known: Any) -> EarlierCall:
    """What is kept of a ranked call for the next time the phone rings."""
    return EarlierCall(at=at, races={ranked.visitor: ranked.race for ranked in ranking.candidates}, **known)


def clear_first_call(at: datetime) -> EarlierCall:
    """A call that visitor ``a`` very probably made, ``b`` having been there as well."""
    here = [
        candidate("a", 5.0, at=at, page_open=True, tel_click_seconds=4.0),
        candidate("b", 3_000.0, at=at),
    ]
    return earlier(rank(textbook(), replace(call(), at=at), here), at)
