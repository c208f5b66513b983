"""When a page view goes on with a visit, and when it begins another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.rules.landing import Landing, read_landing
from attribution.rules.visits import VISIT_TIMEOUT, continues

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def view(query: str = "", referrer: str | None = None) -> Landing:
    return read_landing(f"https://acme.example/{query}", referrer, own_hosts=["acme.example"])


def goes_on(landing: Landing, *, key: str | None, silence: timedelta = timedelta(minutes=5)) -> bool:
    return continues(last_seen_at=AT - silence, campaign_key=key, landing=landing, at=AT)


@pytest.mark.parametrize(
    "referrer",
    [None, "", "https://acme.example/", "https://www.google.com/", "https://blog.example/", "https://www.paypal.com/"],
)
@pytest.mark.parametrize("key", [None, "abc"])
def test_views_without_tags_go_on(referrer: str | None, key: str | None) -> None:
    assert goes_on(view(referrer=referrer), key=key)


def test_thirty_minutes_of_silence_end_a_visit() -> None:
    assert goes_on(view(), key=None, silence=VISIT_TIMEOUT - timedelta(seconds=1))
    assert not goes_on(view(), key=None, silence=VISIT_TIMEOUT)
    assert not goes_on(view(), key=None, silence=timedelta(days=1))


def test_the_same_tags_go_on_in_any_order_and_other_tags_do_not() -> None:
    key = view("?utm_source=crm&utm_medium=email").campaign_key
    assert goes_on(view("?utm_medium=email&utm_source=crm"), key=key)
    assert not goes_on(view("?utm_source=crm&utm_medium=sms"), key=key)
    assert not goes_on(view("?utm_source=crm&utm_medium=email&utm_campaign=may"), key=key)


@pytest.mark.parametrize("name", ["gclid", "gbraid", "wbraid", "msclkid", "fbclid", "ttclid", "li_fat_id"])
def test_another_click_id_begins_another_visit(name: str) -> None:
    key = view(f"?{name}=one").campaign_key
    assert goes_on(view(f"?{name}=one&page=2"), key=key)
    assert not goes_on(view(f"?{name}=two"), key=key)
    assert not goes_on(view(f"?{name}=one"), key=None)


@given(seconds=st.integers(0, 86_400), late=st.integers(0, 3_600))
def test_silence_alone_decides_between_equal_tags_and_late_events_belong(seconds: int, late: int) -> None:
    assert goes_on(view(), key=None, silence=timedelta(seconds=seconds)) is (seconds < 1800)
    assert goes_on(view(), key=None, silence=-timedelta(seconds=late))
