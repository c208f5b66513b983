"""Pages that asked again after an outage: a new visitor who was told nothing comes back as another new visitor.

The script asks again with the next use of the page, half a minute later at the earliest, and says so. What was kept of
the first question is then the same page view, and would be a visitor who never was.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from attribution.arrive import MAX_URL, Browser
from core.text import clean
from store.sessions import Database
from store.sites import Site
from store.visits import Visit, VisitEvent, Visitor

WITHIN = timedelta(minutes=15)
MOST = 1_000


def asked_again(database: Database, site: Site, browser: Browser, url: str, *, at: datetime, taken: set[str]) -> bool:
    """Whether a page of this browser, unknown at `at`, has come as a new visitor on the same page since.

    `taken`: visitors who were recognised so already; each takes the place of one question.
    """
    if browser.origin is None:
        return False
    with database.read() as work:
        found = work.account(site.account_id).scalars(
            select(Visitor.visitor_id)
            .join(Visit, (Visit.visitor_id == Visitor.visitor_id) & (Visit.ordinal == 1))
            .join(VisitEvent, (VisitEvent.visit_id == Visit.visit_id) & (VisitEvent.type == "pageview"))
            .where(
                Visitor.site_id == site.site_id,
                # Ids begin with their time: this looks at those minutes only.
                Visitor.visitor_id > f"{int(at.timestamp() * 1000) + 1:012x}",
                Visitor.visitor_id < f"{int((at + WITHIN).timestamp() * 1000):012x}",
                Visitor.origin == browser.origin,
                Visitor.device == browser.device,
                Visit.landing_url == (clean(url, MAX_URL) or ""),
                VisitEvent.at == Visit.started_at,
                VisitEvent.data.is_not(None),
            )
            .order_by(Visitor.visitor_id)
            .limit(MOST)
        )
        again = next((visitor_id for visitor_id in found if visitor_id not in taken), None)
    if again is None:
        return False
    if len(taken) >= MOST:
        taken.clear()
    taken.add(again)
    return True
