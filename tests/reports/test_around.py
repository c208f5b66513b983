"""Who was on the site around a call, on both databases."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reports.around import AFTER, BEFORE, around, window
from store.sessions import Database
from tests.reports.builders import CALLED, event, visit
from tests.reports.test_calls import counted
from tests.support.rows import START, Business

HOUR = timedelta(hours=1)


@given(st.lists(st.integers(-100, 90 * 86_400), max_size=5))
def test_the_window_is_the_smallest_in_which_somebody_was_there(ages: list[int]) -> None:
    start, end = window(CALLED, [CALLED - timedelta(seconds=age) for age in ages])
    assert end == CALLED + AFTER
    before = CALLED - start
    assert before in BEFORE
    newest = min((age for age in ages if age >= 0), default=0)
    assert timedelta(seconds=newest) <= before or before == BEFORE[-1]
    assert all(timedelta(seconds=newest) > shorter for shorter in BEFORE if shorter < before)


def test_stays_in_the_window_with_what_was_done_in_them(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        source = business.source("google_ads", ["+12125560001"])
        one = business.visitor(CALLED - 3 * HOUR, source, last_seen_at=CALLED - HOUR)
        gone = business.visitor(CALLED - 5 * HOUR, source, last_seen_at=CALLED - 4 * HOUR)
        later = visit(business, one, CALLED + timedelta(minutes=5))
        visit(business, one, CALLED + HOUR)
        stranger = business.visitor(CALLED, source)
        event(business, one, "pageview", CALLED - 3 * HOUR)
        event(business, one, "pageview", CALLED - HOUR - timedelta(minutes=9))
        event(business, one, "heartbeat", CALLED - HOUR - timedelta(minutes=8))
        event(business, one, "tel_click", CALLED - HOUR, number="+12125560001")
        account = business.session.account_id
        asked = [one.visitor_id, gone.visitor_id]
        first = one.visit_id
    with database.read() as work:
        session = work.account(account)
        with counted(database) as sent:
            found = around(session, asked, start=CALLED - 2 * HOUR, end=CALLED + AFTER)
        assert len(sent) == 1
        assert around(session, [], start=START, end=CALLED).stays == ()
        assert around(work.account(stranger.visitor_id), asked, start=START, end=CALLED).stays == ()
    assert [stay.visit_id for stay in found.stays] == [first, later.visit_id]
    assert {stay.visitor_id for stay in found.stays} == {one.visitor_id}
    assert [(deed.type, deed.at) for deed in found.stays[0].deeds] == [
        ("pageview", CALLED - HOUR - timedelta(minutes=9)),
        ("tel_click", CALLED - HOUR),
    ]
    assert found.stays[0].started_at == CALLED - 3 * HOUR
    assert found.stays[1].deeds == ()
