"""Alarms of a small business, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from core.ids import new_id
from reports.alarms import Changes, clear_alarm, keep, look, open_alarms, past_alarms, raise_alarm
from reports.rules.alarms import NUMBER_WITHOUT_VIEWS, SWAPS_STOPPED, UNDER_TARGET
from store.alarms import Alarm
from store.sessions import Database
from store.sites import TrackingNumber
from tests.reports.builders import rang, visits_on
from tests.support.rows import Business

AT = datetime(2026, 4, 15, 15, tzinfo=UTC)
"""A Wednesday."""
FIRST, SECOND, PRINTED = "+12125560001", "+12125560002", "+12125560003"


@pytest.fixture
def business(database: Database) -> Iterator[Business]:
    with database.write() as work:
        yield Business.open(work)


def looked(business: Business, at: datetime = AT) -> Changes:
    return keep(business.session, look(business.session, at), at)


def kinds(alarms: tuple[Alarm, ...]) -> list[tuple[str, str]]:
    return [(alarm.kind, alarm.subject) for alarm in alarms]


def test_a_source_under_its_target_opens_once_and_closes_once(business: Business) -> None:
    ads = business.source("google_ads", [FIRST])
    (visitor,) = visits_on(business, ads, AT - timedelta(days=8), 1)
    for hour in range(10):
        rang(business, ads, FIRST, AT - timedelta(days=1, hours=hour), [(visitor, 0.7)])
    opened = looked(business)
    assert kinds(opened.opened) == [(UNDER_TARGET, ads.source_id)]
    [alarm] = opened.opened
    assert alarm.facts == {
        "source": "google_ads",
        "source_name": "google_ads",
        "calls": 10,
        "mean_likelihood": pytest.approx(0.7),
        "target": 0.9,
    }
    later = AT + timedelta(minutes=10)
    assert looked(business, later) == Changes()
    assert (alarm.opened_at, alarm.last_seen_at, alarm.closed_at) == (AT, later, None)
    for minute in range(40):
        rang(business, ads, FIRST, AT + timedelta(minutes=minute), [(visitor, 0.97)])
    end = AT + timedelta(hours=2)
    assert kinds(looked(business, end).closed) == [(UNDER_TARGET, ads.source_id)]
    assert alarm.closed_at == end
    assert looked(business, end + timedelta(minutes=10)) == Changes()


def test_spam_and_old_calls_are_no_reason(business: Business) -> None:
    ads = business.source("google_ads", [FIRST])
    (visitor,) = visits_on(business, ads, AT - timedelta(days=20), 1)
    for hour in range(12):
        rang(business, ads, FIRST, AT - timedelta(days=1, hours=hour), [(visitor, 0.6)], spam=True)
        rang(business, ads, FIRST, AT - timedelta(days=8, hours=hour), [(visitor, 0.6)])
    assert looked(business) == Changes()


def test_a_number_that_is_called_and_never_shown(business: Business) -> None:
    ads = business.source("google_ads", [FIRST, SECOND])
    board = business.source("board", [PRINTED], kind="offline", preset=None)
    (visitor,) = visits_on(business, ads, AT - timedelta(days=3), 1)
    for hour in range(3):
        at = AT - timedelta(days=2, hours=hour)
        rang(business, ads, FIRST, at, [])
        rang(business, ads, SECOND, at, [(visitor, 0.1)])
        rang(business, board, PRINTED, at, [])
    opened = looked(business)
    assert kinds(opened.opened) == [(NUMBER_WITHOUT_VIEWS, FIRST)]
    assert opened.opened[0].facts["calls"] == 3
    business.session.get_one(TrackingNumber, (business.session.account_id, FIRST)).status = "released"
    business.session.flush()
    assert kinds(looked(business, AT + timedelta(hours=1)).closed) == [(NUMBER_WITHOUT_VIEWS, FIRST)]


def test_swaps_that_stop_and_come_back(business: Business) -> None:
    ads = business.source("google_ads", [FIRST])
    for week in range(5):
        for i in range(12 if week else 1):
            visits_on(business, ads, AT - timedelta(weeks=week, minutes=170 - 10 * i), 1)
    # Twelve from 12:10 to 14:00 in each week before; this week only the first.
    [alarm] = looked(business).opened
    assert (alarm.kind, alarm.subject) == (SWAPS_STOPPED, business.site.site_id)
    assert alarm.facts["last_swap_at"] == "2026-04-15T12:10:00.000Z"
    visits_on(business, ads, AT + timedelta(minutes=9), 1)
    assert kinds(looked(business, AT + timedelta(minutes=10)).closed) == [(SWAPS_STOPPED, business.site.site_id)]


def test_a_night_or_a_weekend_is_no_alarm(business: Business) -> None:
    ads = business.source("google_ads", [FIRST])
    for week in range(5):
        for i in range(12):
            visits_on(business, ads, AT - timedelta(weeks=week, minutes=170 - 10 * i), 1)
    assert looked(business, AT + timedelta(hours=14)) == Changes(), "it never is busy then"
    quiet = Business(business.session, business.site)
    assert looked(quiet, AT - timedelta(weeks=4, days=2)) == Changes(), "too young to know"


def test_other_kinds_have_room(business: Business) -> None:
    session = business.session
    first = raise_alarm(session, "number_missing_at_provider", FIRST, site_id=None, facts={"text": "gone"}, at=AT)
    again = raise_alarm(session, "number_missing_at_provider", FIRST, site_id=None, facts={}, at=AT + timedelta(days=1))
    assert first is not None
    assert again is None
    assert first.last_seen_at == AT + timedelta(days=1)
    assert looked(business, AT + timedelta(days=2)) == Changes(), "a look ends only what it looks for"
    assert clear_alarm(session, "number_missing_at_provider", FIRST, at=AT + timedelta(days=2)) is first
    assert clear_alarm(session, "number_missing_at_provider", FIRST, at=AT) is None
    assert (list(open_alarms(session)), list(past_alarms(session, 5))) == ([], [first])


def test_the_database_refuses_a_second_open_alarm(business: Business) -> None:
    raise_alarm(business.session, "x", "y", site_id=None, facts={}, at=AT)
    twin = Alarm(alarm_id=new_id(AT), kind="x", subject="y", facts={}, opened_at=AT, last_seen_at=AT)
    twins = business.session.begin_nested()
    business.session.add(twin)
    with pytest.raises(IntegrityError):
        business.session.flush()
    twins.rollback()
