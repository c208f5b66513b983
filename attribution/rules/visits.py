"""Where one visit ends and the next begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from attribution.rules.landing import Landing

VISIT_TIMEOUT = timedelta(minutes=30)
"""Silence that ends a visit."""


def continues(*, last_seen_at: datetime, campaign_key: str | None, landing: Landing, at: datetime) -> bool:
    """Whether a page view at ``at`` belongs to the visit last seen at ``last_seen_at`` (both aware, UTC).

    30 minutes of silence end a visit, and so does a landing with other tags than the visit's ``campaign_key`` (None:
    the visit began without tags). Own pages, direct returns and referrals without tags go on with it. An event that
    arrives late, dated before the last one, belongs to the visit unless its tags differ.
    """
    if at - last_seen_at >= VISIT_TIMEOUT:
        return False
    return landing.campaign_key is None or landing.campaign_key == campaign_key
