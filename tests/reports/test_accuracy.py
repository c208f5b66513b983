"""The accuracy report over rows of a small business, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.errors import InvalidInput, NotFound
from core.ids import new_id
from reports.accuracy import AccuracyReport, SourceAccuracy, accuracy_report
from reports.period import Period, period_asked_for, site_asked_for
from store.sessions import Database
from store.sites import Site, TrackingNumber
from store.sizing import SourceCurve
from tests.reports.builders import holds, rang, staff_said, visit, visits_on
from tests.support.rows import Business

ZONE = "America/New_York"
NOON = datetime(2026, 3, 20, 16, tzinfo=UTC)
"""Noon in New York, in daylight saving time (which began on March 8)."""
TEN_DAYS = Period(start=datetime(2026, 3, 10, 4, tzinfo=UTC), end=datetime(2026, 3, 20, 4, tzinfo=UTC), time_zone=ZONE)
FIRST, SECOND = "+12125560001", "+12125560002"


def source_of(report: AccuracyReport, slug: str) -> SourceAccuracy:
    (found,) = [s for s in report.sources if s.slug == slug]
    return found


def test_visitors_are_counted_once_a_day_for_the_source_their_visit_keeps(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST], position=1)
        email = business.source("email", [SECOND], position=2)
        day = TEN_DAYS.start + timedelta(hours=12)
        first, *_ = visits_on(business, ads, day, 3)
        visit(business, first, day + timedelta(hours=3))  # a second visit of the same day
        visit(business, first, day + timedelta(days=1))  # and one of the next
        visits_on(business, email, day, 1)
        visits_on(business, ads, TEN_DAYS.start - timedelta(minutes=1), 5)  # the evening before
        visits_on(business, ads, TEN_DAYS.end, 5)  # `to` is exclusive
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    found = source_of(report, "google_ads")
    assert found.average_daily_visitors == pytest.approx(0.4)
    assert found.busiest_day_visitors == 3
    assert source_of(report, "email").average_daily_visitors == pytest.approx(0.1)
    assert [s.slug for s in report.sources] == ["google_ads", "email"]
    assert (report.as_of, report.visitors_per_number) == (NOON, 20)


def test_a_period_cut_inside_a_day_counts_only_what_is_inside(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST])
        for hours in (1, 9, 10, 21, 22):
            visits_on(business, ads, TEN_DAYS.start + timedelta(hours=hours), 1)
        cut = Period(
            start=TEN_DAYS.start + timedelta(hours=9), end=TEN_DAYS.start + timedelta(hours=22), time_zone=ZONE
        )
        report = accuracy_report(business.session, business.site, cut, NOON)
    assert source_of(report, "google_ads").busiest_day_visitors == 3


def test_numbers_are_those_active_now_and_the_ratio_is_the_sites(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work, visitors_per_number=2)
        ads = business.source("google_ads", [FIRST, SECOND])
        resting = business.source("email", ["+12125560003"])
        radio = business.source("radio", ["+12125560004"], kind="offline", preset=None)
        business.source("bing", [])
        for number in business.session.scalars(
            select(TrackingNumber).where(TrackingNumber.source_id == resting.source_id)
        ):
            number.status = "resting"
        for day in range(10):
            visits_on(business, ads, TEN_DAYS.start + timedelta(days=day, hours=6), 6)
        business.session.flush()
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    ads_now = source_of(report, "google_ads")
    assert (ads_now.numbers, ads_now.recommended_numbers, ads_now.verdict) == (2, 3, "more")
    assert (source_of(report, "email").numbers, source_of(report, "email").verdict) == (0, "more")
    assert [n.status for n in source_of(report, "email").numbers_detail] == ["resting"]
    assert (source_of(report, "radio").recommended_numbers, source_of(report, "radio").verdict) == (1, "right")
    assert radio.kind == source_of(report, "radio").kind == "offline"
    assert source_of(report, "bing").verdict == "more"


def test_calls_by_source_and_number_without_spam(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST, SECOND])
        at = TEN_DAYS.start + timedelta(days=2)
        one, other = visits_on(business, ads, at - timedelta(hours=1), 2)
        holds(business, one, ads, FIRST, at - timedelta(hours=1))
        holds(business, other, ads, FIRST, TEN_DAYS.start - timedelta(days=30))
        rang(business, ads, FIRST, at, [(one, 0.95)])
        doubtful = rang(business, ads, FIRST, at, [(one, 0.6), (other, 0.3)])
        staff_said(doubtful, other, 0.3)
        rang(business, ads, SECOND, at, [(one, 0.2)])  # nobody is likelier
        rang(business, ads, SECOND, at, [(one, 0.99)], spam=True)
        rang(business, ads, SECOND, TEN_DAYS.end, [(one, 0.99)])
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    figures = source_of(report, "google_ads").figures
    assert (figures.calls, figures.matches, figures.overridden, figures.agreed) == (3, 2, 1, 0)
    assert figures.mean_likelihood == pytest.approx((0.95 + 0.6) / 2)
    assert figures.share_above_target == pytest.approx(0.5)
    first, second = source_of(report, "google_ads").numbers_detail
    assert (first.number, first.visitors, first.figures.calls) == (FIRST, 1, 2)
    assert (second.number, second.visitors, second.figures.calls) == (SECOND, 0, 1)
    assert second.figures.mean_likelihood is None
    assert (report.calibration.bins[6].confirmed, report.calibration.bins[6].right) == (1, 0)
    assert report.calibration.nobody.matches == 1


def test_figures_by_source_and_number_and_what_they_cost(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST, SECOND], position=1)
        board = business.source("board", ["+12125560003"], kind="offline", preset=None, position=2)
        row = business.session.get_one(TrackingNumber, (business.session.account_id, FIRST))
        row.monthly_price_minor, row.price_currency = 115, "USD"
        for day in range(10):
            at = TEN_DAYS.start + timedelta(days=day, hours=15)
            for i, visitor in enumerate(visits_on(business, ads, at, 30 if day == 9 else 2)):
                holds(business, visitor, ads, FIRST, at + timedelta(seconds=i))
        called = TEN_DAYS.start + timedelta(days=2, hours=15)
        (caller,) = visits_on(business, ads, called - timedelta(days=20), 1)
        rang(business, ads, FIRST, called, [(caller, 0.95)])
        rang(business, ads, FIRST, called, [(caller, 0.2)])  # nobody, with 0.8
        rang(business, board, "+12125560003", called, [])
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    found = source_of(report, "google_ads")
    assert (found.daily.total, found.daily.mean, found.daily.ninetieth) == (48, 4.8, 2)
    assert (found.daily.busiest_day, found.daily.busiest_hour, found.unused) == (30, 30, 1)
    assert found.achieved.likelihood == pytest.approx((0.95 + 0.8) / 2)
    assert found.achieved.sure == pytest.approx(0.5)
    assert ([m.amount_minor for m in found.prices.sums], found.prices.unknown) == ([115], 1)
    first, second = found.numbers_detail
    assert (first.visitors, first.daily.busiest_hour, first.unused) == (48, 30, False)
    assert (second.visitors, second.unused, second.price) == (0, True, None)
    assert first.price is not None
    assert (found.curve, found.expected) == (None, None)
    assert found.no_curve
    assert found.recommendation.change == -1
    assert found.recommendation.cost is not None
    assert found.recommendation.cost.amount_minor == -115
    # Three in the afternoon in New York; ten days hold two Wednesdays and two Thursdays.
    assert found.visitors_by_hour[2 * 24 + 15] == pytest.approx(2.0)
    assert found.visitors_by_hour[3 * 24 + 15] == pytest.approx((2 + 30) / 2)
    assert found.calls_by_hour[3 * 24 + 15] == pytest.approx(2 / 2)
    printed = source_of(report, "board")
    assert (printed.unused, printed.recommendation.change) == (0, 0), "nobody is given a number that is printed"


def test_the_curve_says_what_the_present_numbers_lead_to(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST])
        for day in range(10):
            visits_on(business, ads, TEN_DAYS.start + timedelta(days=day, hours=15), 40)
        shares = {"low": 0.7, "high": 0.95, "sure_low": 0.6, "sure_high": 0.9}
        business.session.add(
            SourceCurve(
                source_id=ads.source_id,
                site_id=business.site.site_id,
                made_at=NOON,
                from_at=TEN_DAYS.start,
                to_at=TEN_DAYS.end,
                model_version="test",
                numbers=1,
                calls=40,
                expected_calls=40.0,
                confidence=0.9,
                points=[
                    {"numbers": 1, "likelihood": 0.8, "sure": 0.7, **shares},
                    {"numbers": 2, "likelihood": 0.9, "sure": 0.8, **shares},
                ],
            )
        )
        business.session.flush()
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    found = source_of(report, "google_ads")
    assert found.expected is not None
    assert (found.expected.numbers, found.expected.likelihood) == (1, 0.8)
    assert found.recommendation.change == 1
    assert found.recommendation.then is not None
    assert found.recommendation.then.sure == 0.8
    assert found.recommendation.cost is None, "no price is known"


def test_staff_agree_with_the_visitor_whichever_visit_they_point_at(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        ads = business.source("google_ads", [FIRST])
        at = TEN_DAYS.start + timedelta(days=2)
        (one,) = visits_on(business, ads, at - timedelta(hours=1), 1)
        older = visit(business, one, at - timedelta(days=1))
        call = rang(business, ads, FIRST, at, [(one, 0.85)])
        staff_said(call, one, 0.85)
        call.matched_visit_id = older.visit_id
        nobody = rang(business, ads, FIRST, at, [])
        staff_said(nobody, None, 1.0)
        business.session.flush()
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    assert (report.calibration.bins[8].confirmed, report.calibration.bins[8].right) == (1, 1)
    assert (report.calibration.nobody.confirmed, report.calibration.nobody.right) == (1, 1)


def test_a_deleted_source_is_there_only_for_its_history(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        gone = business.source("google_ads", [], deleted_at=NOON)
        business.source("google_ads", [FIRST])
        business.source("email", [], deleted_at=NOON)
        visits_on(business, gone, TEN_DAYS.start + timedelta(hours=8), 1)
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    assert [(s.slug, s.deleted) for s in report.sources] == [("google_ads", False), ("google_ads", True)]
    assert report.sources[1].verdict == "right"


def test_another_site_of_the_account_does_not_count(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        business.source("google_ads", [FIRST])
        second = Business.open(work)
        other = second.source("google_ads", [SECOND])
        day = TEN_DAYS.start + timedelta(hours=8)
        (visitor,) = visits_on(second, other, day, 1)
        rang(second, other, SECOND, day + timedelta(hours=1), [(visitor, 0.9)])
        report = accuracy_report(business.session, business.site, TEN_DAYS, NOON)
    assert source_of(report, "google_ads").figures.calls == 0
    assert source_of(report, "google_ads").average_daily_visitors == 0


def test_the_default_period_is_thirty_full_local_days() -> None:
    period = period_asked_for(None, None, ZONE, NOON)
    assert period.end == datetime(2026, 3, 20, 4, tzinfo=UTC)
    assert period.start == datetime(2026, 2, 18, 5, tzinfo=UTC)  # an hour of the clock was skipped between
    assert period.days == 30


def test_dates_are_local_midnights_and_to_is_exclusive() -> None:
    period = period_asked_for("2026-03-10", "2026-03-20", ZONE, NOON)
    assert (period.start, period.end, period.days) == (TEN_DAYS.start, TEN_DAYS.end, 10)


def test_from_alone_reaches_to_last_midnight_or_now() -> None:
    assert period_asked_for("2026-03-15", None, ZONE, NOON).end == TEN_DAYS.end
    today = period_asked_for("2026-03-20", None, ZONE, NOON)
    assert (today.start, today.end) == (TEN_DAYS.end, NOON)


def test_to_alone_begins_thirty_days_before() -> None:
    assert period_asked_for(None, "2026-03-20", ZONE, NOON).days == 30


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2026-03-20", "2026-03-20", "to"),
        ("2026-03-21", None, "from"),
        ("yesterday", None, "from"),
        (None, "2026-02-30", "to"),
        (None, "1970-01-05", "to"),
        ("2026-03-10T00:00:00", None, "from"),
    ],
)
def test_a_period_that_is_none_names_the_field(start: str | None, end: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        period_asked_for(start, end, ZONE, NOON)
    assert list(error.value.fields) == [field]


def test_the_site_may_be_left_out_only_where_there_is_one(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        session = business.session
        assert site_asked_for(session, None) is business.site
        assert site_asked_for(session, business.site.site_id) is business.site
        foreign = Business.open(work)
        for unknown in (foreign.site.site_id, "no id", ""):
            with pytest.raises(NotFound):
                site_asked_for(session, unknown)
        session.add(_second_site(business))
        session.flush()
        with pytest.raises(InvalidInput):
            site_asked_for(session, None)


def _second_site(business: Business) -> Site:
    columns = {c.key: getattr(business.site, c.key) for c in Site.__mapper__.column_attrs}
    return Site(**{**columns, "site_id": new_id(NOON), "key": new_id(NOON)})
