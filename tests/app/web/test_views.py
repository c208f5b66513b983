"""What pages are made of: the waterfall, the proof, the story of a visit, the filters."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.web.evidence import WIDTH, waterfall
from app.web.filters import asked_for, read_filters
from app.web.proof import ENOUGH, interval, proof_of
from app.web.visit_story import path_of, safe_link, story
from reports.calls import CallRow
from reports.rules.accuracy import CallOutcome, calibration
from reports.visitors import EventRow, VisitDetail
from store.sites import Site

AT = datetime(2026, 11, 21, 19, 2, tzinfo=UTC)
SITE = Site(domains=["example.com"], time_zone="America/New_York", country="US")


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=20))
def test_the_waterfalls_bars_join_and_stay_in_the_picture(weights: list[float]) -> None:
    fall = waterfall([{"name": "page", "value": "x", "weight": weight} for weight in weights])
    assert fall is not None
    for row in (*fall.rows, fall.total):
        assert row.x >= -0.01
        assert row.x + row.width <= WIDTH + 1.02
        assert row.width >= 1
    assert fall.total.favours == (sum(weights) >= 0) or abs(sum(weights)) < 1e-9
    assert 0 <= fall.zero <= WIDTH + 0.01


def test_no_evidence_is_no_waterfall() -> None:
    assert waterfall(None) is None
    assert waterfall([]) is None


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_narrows(pair: tuple[int, int]) -> None:
    right, of = pair
    low, high = interval(right, of)
    assert 0 <= low <= right / of <= high <= 1
    wide_low, wide_high = interval(right * 10, of * 10)
    assert wide_high - wide_low < high - low


def test_the_interval_is_wilsons() -> None:
    # Worked by hand for 8 of 10 at z = 1.645.
    low, high = interval(8, 10)
    assert low == pytest.approx(0.5409, abs=5e-4)
    assert high == pytest.approx(0.9315, abs=5e-4)


def _outcomes(count: int, right: int) -> list[CallOutcome]:
    return [
        CallOutcome(source="s", number="n", likelihood=0.95, none=0.05, decided=True, agreed=i < right)
        for i in range(count)
    ]


def test_too_few_decisions_prove_nothing() -> None:
    few = proof_of(calibration(_outcomes(ENOUGH - 1, 5)))
    assert (few.rows, few.total, few.decided) == ((), None, ENOUGH - 1)


def test_the_proof_holds_or_does_not() -> None:
    assert proof_of(calibration(_outcomes(100, 95))).rows[0].holds
    assert not proof_of(calibration(_outcomes(100, 60))).rows[0].holds


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "",
        None,
        "ftp://x/y",
        "http://",
        "https://[::1",
        "/a",
    ],
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    assert safe_link(url) is None


@pytest.mark.parametrize("url", ["http://example.com", "HTTPS://example.com/a?b#c"])
def test_web_addresses_become_links(url: str) -> None:
    assert safe_link(url) == url


def test_own_pages_are_told_by_their_path_and_others_whole() -> None:
    assert path_of("https://www.example.com/a?b=c", SITE) == "/a"
    assert path_of("https://shop.example.com", SITE) == "/"
    assert path_of("https://notexample.com/a", SITE) == "https://notexample.com/a"
    assert path_of("https://[::1", SITE) == "https://[::1"


def _event(**fields: object) -> EventRow:
    return EventRow(**{**dict.fromkeys(EventRow.__dataclass_fields__), **fields})  # type: ignore[arg-type]


def _call(at: datetime) -> CallRow:
    fields = dict.fromkeys(CallRow.__dataclass_fields__)
    return CallRow(**{**fields, "started_at": at, "duration_seconds": 252, "tags": ()})  # type: ignore[arg-type]


def test_a_story_is_told_in_order_with_its_silences_and_the_call_last_of_its_moment() -> None:
    start = AT - timedelta(minutes=30)
    events = (
        _event(type="pageview", at=start, url="https://example.com/", number=None),
        _event(type="heartbeat", at=start + timedelta(minutes=1), url=None, number=None),
        _event(type="tel_click", at=AT, url=None, number="+12125550142"),
        _event(type="pageview", at=AT + timedelta(minutes=1), url="javascript:alert(1)", number=None),
    )
    visit = VisitDetail(
        visit_id="v",
        visitor_id="w",
        site_id="s",
        source="google_ads",
        channel="Paid Search",
        device="phone",
        started_at=start,
        last_seen_at=AT,
        landing_url="https://example.com/",
        referrer=None,
        utm={},
        click_ids={},
        events=events,
    )
    told = story(visit, SITE, at=AT, icon="telephone-fill", said="called, 4:12")
    assert [m.text for m in told.moments] == ["landed on", "clicked (212) 555-0142", "called, 4:12", "read"]
    assert [m.silence for m in told.moments] == ["", "30 min of silence", "", ""]
    assert told.moments[-1].link is None
    assert told.moments[2].is_call


def test_days_are_the_sites_own() -> None:
    asked = asked_for(read_filters(MultiDict({"when": "yesterday"})), "America/New_York", AT)
    assert asked.start == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert asked.end == datetime(2026, 11, 21, 5, tzinfo=UTC)


def test_a_changed_filter_keeps_the_others_and_forgets_the_page() -> None:
    filters = read_filters(MultiDict([("q", " anna "), ("match", "sure"), ("older", "x"), ("junk", "y"), ("tag", "")]))
    assert filters.url_args(match=None, source="email") == {"q": "anna", "source": "email"}
    assert filters.older_args("z") == {"q": "anna", "match": "sure", "older": ["x", "z"]}
    assert filters.newer_args() == {"q": "anna", "match": "sure", "older": []}
