"""What is known about one visitor and one visit, on both databases."""

from datetime import timedelta

from core.ids import new_id
from reports.visitors import visit_detail, visitor_detail
from store.sessions import Database
from tests.reports.builders import CALLED, event, holds, rang, staff_said, visit
from tests.support.rows import START, Business

FIRST, SECOND = "+12125560001", "+12125560002"


def test_a_visitor_with_numbers_calls_and_visits_newest_first(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads, email = business.source("google_ads", [FIRST]), business.source("email", [SECOND])
        visitor, other = business.visitor(START, ads), business.visitor(START, email)
        second = visit(business, visitor, START + timedelta(hours=1), email)
        holds(business, visitor, ads, FIRST, START, START + timedelta(hours=1))
        holds(business, visitor, email, SECOND, START + timedelta(hours=1))
        own = rang(business, ads, FIRST, CALLED, [(visitor, 0.8), (other, 0.1)])
        passed = rang(business, ads, FIRST, CALLED + timedelta(hours=1), [(other, 0.9), (visitor, 0.05)])
        given = rang(business, email, SECOND, CALLED + timedelta(hours=2), [(other, 0.9)])
        staff_said(given, visitor, 0.0)
        rang(business, email, SECOND, CALLED + timedelta(hours=3), [(other, 0.9)])
        business.session.flush()
        found = visitor_detail(business.session, visitor.visitor_id)
    assert found is not None
    assert [(n.number, n.source, n.end) for n in found.numbers] == [
        (SECOND, "email", None),
        (FIRST, "google_ads", START + timedelta(hours=1)),
    ]
    assert [(c.call_id, c.number, c.likelihood, c.credited) for c in found.calls] == [
        (given.call_id, SECOND, 0.0, True),
        (passed.call_id, FIRST, 0.05, False),
        (own.call_id, FIRST, 0.8, True),
    ]
    assert [(v.visit_id, v.source) for v in found.visits] == [
        (second.visit_id, "email"),
        (visitor.visit_id, "google_ads"),
    ]
    assert (found.first_seen_at, found.device, found.region) == (START, "desktop", None)


def test_a_visit_with_its_events_as_they_happened(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST])
        visitor = business.visitor(
            START, ads, referrer="https://www.google.com/", utm={"source": "google"}, click_ids={"gclid": "Cj0"}
        )
        event(business, visitor, "tel_click", START + timedelta(seconds=9), number=FIRST)
        event(business, visitor, "pageview", START)
        found = visit_detail(business.session, visitor.visit_id or "")
    assert found is not None
    assert [(e.type, e.number) for e in found.events] == [("pageview", None), ("tel_click", FIRST)]
    assert (found.source, found.visitor_id, found.referrer) == (
        "google_ads",
        visitor.visitor_id,
        "https://www.google.com/",
    )
    assert (found.utm, found.click_ids) == ({"source": "google"}, {"gclid": "Cj0"})


def test_a_visit_without_a_source_is_still_a_visit(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        visitor = business.visitor(START)
        found = visit_detail(business.session, visitor.visit_id or "")
    assert found is not None
    assert (found.source, found.events) == (None, ())


def test_those_of_another_account_are_not_there(database: Database) -> None:
    with database.write() as work:
        visitor = Business.open(work).visitor(START)
        stranger = Business.open(work).session
        for unknown in (visitor.visitor_id, visitor.visit_id or "", new_id(START), "x", "\x00", ""):
            assert visitor_detail(stranger, unknown) is None
            assert visit_detail(stranger, unknown) is None
