"""Likelihood models as training would leave them, and accounts for it to learn from."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.ids import new_id
from matching.rules.model import LikelihoodModel, prior
from store.directory import SiteKey
from store.sessions import Database
from tests.support.rows import START, Business

FIGURES: dict[str, Any] = {
    "from": "2026-01-05T00:00:00Z",
    "to": "2026-03-02T14:00:00Z",
    "calls": 812,
    "overrides": 31,
    "held_out": {"calls": 120, "before": 0.4731, "after": 0.4158},
}


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A refit."""

    model: LikelihoodModel
    better: bool = True
    reason: str = "it is less surprised by held-out calls"


def fitted(version: str = "2026-03-02", by: float = 1.0, *, better: bool = True, **figures: Any) -> Fitted:
    """The shipped model with its first weight moved by so much (log2)."""
    shipped = prior()
    weights = (shipped.weights[0] + by, *shipped.weights[1:])
    model = replace(shipped, version=version, weights=weights, training={**FIGURES, **figures})
    return Fitted(model=model, better=better)


def account_with_site(database: Database, at: datetime = START, time_zone: str = "America/New_York") -> str:
    """An account with one site, in the directory too; its id."""
    with database.write() as work:
        business = Business.open(work, at, time_zone=time_zone)
        account_id, site_id = business.session.account_id, business.site.site_id
        work.directory.add(SiteKey(site_key=new_id(at), account_id=account_id, site_id=site_id))
    return account_id
