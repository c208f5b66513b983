"""The addresses, referrers and browsers a site would see. Plain tables and templates.

``{c}`` becomes a campaign's word, ``{k}`` a click's id.
"""

from __future__ import annotations

import numpy as np

# By preset: (query, referrer) pairs, one picked at random per visit.
_LANDINGS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "google_ads": (
        ("utm_source=google&utm_medium=cpc&utm_campaign={c}&gclid=Cj0KCQ{k}", "https://www.google.com/"),
        ("utm_source=google&utm_medium=cpc&utm_campaign={c}&utm_term=near+me&gclid=EAIaIQ{k}", ""),
        ("gclid=CjwKC{k}&gad_source=1", "https://www.google.com/"),
    ),
    "bing_ads": (
        ("utm_source=bing&utm_medium=cpc&utm_campaign={c}&msclkid={k}", "https://www.bing.com/"),
        ("msclkid={k}", "https://www.bing.com/"),
    ),
    "facebook_ads": (
        ("utm_source=facebook&utm_medium=paid_social&utm_campaign={c}&fbclid=IwAR{k}", "https://m.facebook.com/"),
        ("utm_source=facebook&utm_medium=paid_social&utm_campaign={c}&fbclid=IwY2{k}", None),
    ),
    "paid_social": (
        ("utm_source=tiktok&utm_medium=paid_social&utm_campaign={c}&ttclid=E.C.P.{k}", "https://www.tiktok.com/"),
        ("utm_source=linkedin&utm_medium=paid_social&utm_campaign={c}", "https://www.linkedin.com/"),
    ),
    "paid_other": (("utm_source=taboola&utm_medium=cpc&utm_campaign={c}", None),),
    "email": (
        ("utm_source=newsletter&utm_medium=email&utm_campaign={c}", ""),
        ("utm_source=mailing&utm_medium=email&utm_campaign={c}&utm_content=button", None),
    ),
    "sms": (("utm_source=reminder&utm_medium=sms&utm_campaign={c}", ""),),
    "affiliate": (("utm_source=partner&utm_medium=affiliate&utm_campaign={c}", "https://www.savingsguide.example/"),),
    "display": (("utm_source=gdn&utm_medium=display&utm_campaign={c}", None),),
    "google_organic": (("", "https://www.google.com/"),),
    "bing": (("", "https://www.bing.com/"),),
    "organic_search": (("", "https://duckduckgo.com/"), ("", "https://search.brave.com/")),
    "facebook": (("", "https://www.facebook.com/"), ("", "https://m.facebook.com/")),
    "social": (("", "https://www.instagram.com/"), ("", "https://t.co/x{k}"), ("", "https://www.linkedin.com/")),
    "video": (("", "https://www.youtube.com/"),),
    "ai_assistant": (("", "https://chatgpt.com/"), ("", "https://www.perplexity.ai/")),
    "referral": (("", "https://www.chamberlist.example/members"), ("", "https://blog.townpaper.example/best-of")),
    "direct": (("", ""), ("", None)),
}
PRESETS_DRAWN: tuple[str, ...] = tuple(_LANDINGS)
"""The presets a business of the simulator may have as a source."""
_RULES = {
    "google_ads": "gclid present, or utm_source=google with utm_medium=cpc",
    "bing_ads": "msclkid present, or utm_source=bing with utm_medium=cpc",
    "facebook_ads": "fbclid with a paid medium",
    "email": "utm_medium=email",
    "direct": "no source known",
}
_CAMPAIGNS = ("brand", "spring_offer", "services_search", "competitors", "emergency", "remarketing", "fall_2", "local")
_PHONES = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Mobile "
    "Safari/537.36",
)
_DESKTOPS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
    "Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
)
_BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
)


def rule_of(preset: str) -> str:
    """A pool's rule in words."""
    return _RULES.get(preset, f"visits that read as {preset}")


def landing(preset: str, address: str, rng: np.random.Generator) -> tuple[str, str | None]:
    """Address and referrer of a visit's first page that comes through a source; ``address`` is without a query."""
    ways = _LANDINGS[preset]
    query, referrer = ways[int(rng.integers(len(ways)))]
    words = {"c": _CAMPAIGNS[int(rng.integers(len(_CAMPAIGNS)))], "k": f"{int(rng.integers(2**48)):012x}"}
    return (f"{address}?{query.format(**words)}" if query else address), referrer and referrer.format(**words)


def browser(*, mobile: bool, bot: bool, rng: np.random.Generator) -> str:
    """A user agent."""
    choice = _BOTS if bot else _PHONES if mobile else _DESKTOPS
    return choice[int(rng.integers(len(choice)))]


__all__ = ["PRESETS_DRAWN", "browser", "landing", "rule_of"]
