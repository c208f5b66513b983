"""The site that the benchmark of the swap path opens pages of: nineteen pools, and what its pages send."""

import json
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.accounts.create import create_account
from app.accounts.sites import create_site
from app.engine_room import EngineRoom
from core.ids import new_secret
from numberpool.numbers import add_number
from numberpool.sources import create_source

OWN = "+12125550100"
SIZES = (500, 400, 300, 250, 200, 150, 150, 100, 100, 100, 100, 80, 80, 60, 60, 50, 50, 50, 50)
"""Numbers of the pools, the greatest first."""
RETURNING = 0.7
"""Share of page views by visitors who were there before."""
LANDINGS: tuple[tuple[str, str, str | None], ...] = (
    (
        "google_ads",
        "gclid=CjwKCAiA{n}abcdefghijklmnopqrstuvwxyz&utm_source=google&utm_medium=cpc&utm_campaign=spring",
        None,
    ),
    ("bing_ads", "msclkid=a{n}b2c3d4e5f6&utm_source=bing&utm_medium=cpc&utm_campaign=spring", None),
    ("facebook_ads", "utm_source=facebook&utm_medium=paid_social&utm_campaign=lookalike-{n}", None),
    ("paid_social", "ttclid=E.C.P.{n}&utm_source=tiktok&utm_medium=paid", None),
    ("paid_other", "utm_source=partner{n}&utm_medium=cpc", None),
    ("email", "utm_source=newsletter&utm_medium=email&utm_campaign=week-{n}", None),
    ("sms", "utm_source=attentive&utm_medium=sms&utm_campaign=week-{n}", None),
    ("affiliate", "utm_source=blog{n}&utm_medium=affiliate", None),
    ("display", "dclid=CO{n}&utm_source=dv360&utm_medium=display", None),
    ("google_organic", "", "https://www.google.com/"),
    ("bing", "", "https://www.bing.com/"),
    ("organic_search", "", "https://duckduckgo.com/"),
    ("facebook", "fbclid=IwAR{n}", "https://m.facebook.com/"),
    ("social", "", "https://www.reddit.com/"),
    ("video", "", "https://www.youtube.com/"),
    ("ai_assistant", "", "https://chatgpt.com/"),
    ("referral", "", "https://blog{n}.example.net/a-long-story"),
    ("direct", "", None),
)
"""Sources by preset, with the query and the referrer that lead to them."""
_PLACES = ("/", "/services/roof-repair", "/contact", "/pricing", "/blog/how-to-choose-a-roofer-in-ten-steps")


@dataclass(frozen=True, kw_only=True)
class World:
    """The site's key, and which presets have which sizes."""

    key: str


def make(room: EngineRoom, at: datetime) -> World:
    """Writes the account, its site, sources and numbers."""
    with room.database.write() as work:
        made = create_account(work, room.secrets, name="Bench", owner="bench@example.com", password=new_secret(), at=at)
        session = work.account(made.account_id)
        fields = {"name": "Bench", "domains": ["example.com"], "numbers": [OWN], "time_zone": "America/New_York"}
        site = create_site(work, session, {**fields, "country": "US"}, at)
        number = 2_120_000_000
        own: dict[str, Any] = {"rule": {"all": [{"field": "landing_path", "op": "starts_with", "value": "/campaign"}]}}
        wanted: list[dict[str, Any]] = [own, *({"preset": preset} for preset, _, _ in LANDINGS)]
        for reach, size in zip(wanted, SIZES, strict=True):
            source = create_source(
                session,
                {
                    "site": site.site_id,
                    "name": reach.get("preset", "campaign"),
                    "kind": "online",
                    "destination": "+12125559000",
                    **reach,
                },
                at,
            )
            for _ in range(size):
                number += 1
                add_number(session, number=f"+1{number}", source=source.source_id, provider="manual", at=at)
        return World(key=site.key)


def bodies(world: World, visitors: list[tuple[str, int]], count: int, seed: int) -> list[str]:
    """What pages send: RETURNING of them by `visitors` (signed id and which landing led them here), the others new."""
    rng = random.Random(seed)  # noqa: S311
    found = []
    for n in range(count):
        if visitors and rng.random() < RETURNING:
            visitor, _ = rng.choice(visitors)
            found.append(body(world, visitor, rng.choice(_PLACES), "", "https://example.com/"))
        else:
            place = rng.randrange(len(SIZES))
            found.append(first(world, place, seed * count + n))
    return found


def first(world: World, place: int, n: int) -> str:
    """The first page of somebody nobody knows, who comes from the source of this place."""
    if place == 0:
        return body(world, None, "/campaign/roof", "", None)
    _, query, referrer = LANDINGS[place - 1]
    return body(world, None, "/services/roof-repair", query.format(n=n), referrer and referrer.format(n=n % 50))


def body(world: World, visitor: str | None, path: str, query: str, referrer: str | None) -> str:
    """One message."""
    return json.dumps(
        {
            "site": world.key,
            "visitor": visitor,
            "url": f"https://example.com{path}" + (f"?{query}" if query else ""),
            "referrer": referrer or "",
            "title": "Roof repair in New York – Bench & Sons, since 1954, at your service day and night",
            "numbers": [OWN],
            "consent": "full",
        }
    )
