"""A visitor arrives: which visit this is, what it keeps of the last one, and what is written down about it."""

from datetime import timedelta

import pytest

from attribution.arrive import Arrival, Browser, load_sources
from attribution.rules.reference import RULES_VERSION
from store.sessions import Database
from store.sites import TrackingSource
from store.visits import Visit
from tests.support.pages import open_page
from tests.support.rows import START, Business

BROWSER = Browser(device="phone", region=None, user_agent="Mozilla/5.0")
AD = "https://example.com/?gclid=Cj0abc"
PLAIN = "https://example.com/contact"


class Walk:
    """One visitor who opens pages, a minute after minute or later."""

    def __init__(self, business: Business) -> None:
        self.business = business
        self.visitor_id: str | None = None
        self.at = START

    def open(self, url: str, referrer: str | None = None, *, after: timedelta = timedelta(minutes=1)) -> Arrival:
        session, site = self.business.session, self.business.site
        self.at += after
        arrival = open_page(session, site, self.visitor_id, url, referrer, browser=BROWSER, at=self.at)
        self.visitor_id = arrival.visitor.visitor_id
        return arrival

    def row(self, arrival: Arrival) -> Visit:
        """The visit as it was written down."""
        session = self.business.session
        return session.get_one(Visit, (session.account_id, arrival.visit.visit_id))


def business_with_sources(database: Database) -> tuple[Business, dict[str, TrackingSource]]:
    with database.write() as work:
        business = Business.open(work)
        made = {
            preset: business.source(preset, [f"+1212556{9000 + i}"], position=i)
            for i, preset in enumerate(("google_ads", "email", "google_organic", "referral", "direct"))
        }
    return business, made


@pytest.fixture
def acme(database: Database) -> tuple[Database, str, str]:
    business, _ = business_with_sources(database)
    return database, business.session.account_id, business.site.site_id


def walk_in(work: object, account_id: str, site_id: str) -> Walk:
    from store.sites import Site

    session = work.account(account_id)  # type: ignore[attr-defined]
    site = session.get(Site, (account_id, site_id))
    return Walk(Business(session, site))


def slug(walk: Walk, arrival: Arrival) -> str | None:
    sources = load_sources(walk.business.session, walk.business.site.site_id)
    return sources.slug(arrival.visit.source_id)


def test_a_visit_says_how_it_was_read_and_by_which_rules(acme: tuple[Database, str, str]) -> None:
    database, account_id, site_id = acme
    with database.write() as work:
        walk = walk_in(work, account_id, site_id)
        url = "https://example.com/?utm_source=crm&utm_medium=email&utm_campaign=may&gclid=Cj0abc"
        visit = walk.row(walk.open(url, "https://www.google.com/"))
    assert visit.rules_version == RULES_VERSION
    assert (visit.touch_source, visit.touch_medium, visit.touch_campaign) == ("crm", "email", "may")
    assert (visit.channel, visit.click_ids) == ("Email", {"gclid": "Cj0abc"})
    assert visit.utm == {"source": "crm", "medium": "email", "campaign": "may"}
    assert visit.campaign_key


@pytest.mark.parametrize(
    ("referrer", "after"),
    [
        (None, timedelta(days=3)),
        ("https://www.example.com/", timedelta(hours=2)),
        ("https://shop.example.com/cart", timedelta(hours=2)),
        ("https://www.paypal.com/checkoutnow", timedelta(minutes=45)),
        ("https://checkout.stripe.com/c/pay", timedelta(minutes=45)),
        ("https://secure5.arcot.com/acspage", timedelta(minutes=45)),
        ("https://accounts.google.com/", timedelta(minutes=45)),
        ("android-app://com.android.chrome/", timedelta(days=3)),
    ],
)
def test_a_new_visit_without_a_source_of_its_own_keeps_the_last_known_one(
    acme: tuple[Database, str, str], referrer: str | None, after: timedelta
) -> None:
    database, account_id, site_id = acme
    with database.write() as work:
        walk = walk_in(work, account_id, site_id)
        first = walk.open(AD)
        back = walk.open(PLAIN, referrer, after=after)
        assert back.visit.visit_id != first.visit.visit_id
        assert (back.kept, slug(walk, back), walk.row(back).channel) == (True, "google_ads", "Direct")


@pytest.mark.parametrize("referrer", ["https://www.example.com/", "https://www.paypal.com/", None])
def test_with_nothing_to_keep_it_is_direct(acme: tuple[Database, str, str], referrer: str | None) -> None:
    database, account_id, site_id = acme
    with database.write() as work:
        walk = walk_in(work, account_id, site_id)
        first = walk.open(PLAIN, referrer)
        assert (first.kept, slug(walk, first), walk.row(first).channel) == (False, "direct", "Direct")


def test_a_source_of_its_own_replaces_the_last_known_one(acme: tuple[Database, str, str]) -> None:
    database, account_id, site_id = acme
    with database.write() as work:
        walk = walk_in(work, account_id, site_id)
        walk.open(AD)
        search = walk.open(PLAIN, "https://www.google.com/", after=timedelta(hours=1))
        assert slug(walk, search) == "google_organic"
        back = walk.open(PLAIN, after=timedelta(days=1))
        assert (slug(walk, back), back.visitor.source_id) == ("google_organic", search.visit.source_id)


def test_thirty_minutes_of_silence_or_another_campaign_end_a_visit(acme: tuple[Database, str, str]) -> None:
    database, account_id, site_id = acme
    with database.write() as work:
        walk = walk_in(work, account_id, site_id)
        first = walk.open(AD)
        for referrer in ("https://example.com/", "https://www.paypal.com/", "https://www.google.com/", None):
            assert (
                walk.open(PLAIN, referrer, after=timedelta(minutes=29, seconds=59)).visit.visit_id
                == first.visit.visit_id
            )
        assert walk.open(AD).visit.visit_id == first.visit.visit_id
        other = walk.open("https://example.com/?gclid=another")
        assert other.visit.visit_id != first.visit.visit_id
        assert walk.row(other).ordinal == 2
        assert (
            walk.open(PLAIN, "https://example.com/", after=timedelta(minutes=30)).visit.visit_id != other.visit.visit_id
        )
