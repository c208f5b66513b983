"""Visits, sources, numbers and telephones of a played trace: as live traffic has them."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.rules.landing import read_landing
from core.errors import InvalidInput
from core.phone import e164
from reports.backtest.landings import Landings
from reports.backtest.site import Pools, resized
from reports.backtest.trace import Trace
from tests.reports.backtest.traces import (
    ADS,
    BOT,
    MAIL,
    Told,
    call,
    event,
    numbers,
    override,
    played,
    site,
    view,
    write,
)

MINUTE, DAY = 60.0, 86_400.0
ADS_1, ADS_2, ADS_3 = numbers(101, 3)
MAIL_1, MAIL_2 = numbers(111, 2)


def given_out(told: Told) -> list[tuple[str, str]]:
    return [(a.visitor, a.number) for a in told.assignments]


def test_the_longest_rested_number_is_given_and_kept_on_every_return(tmp_path: Path):
    lines = [view(i, f"v{i}", ADS + f"click{i}") for i in range(5)] + [
        view(40 * MINUTE, "v1", ADS + "another"),
        view(3 * DAY, "v1"),
        view(20 * DAY, "v1", ADS + "third"),
    ]
    told, player = played(tmp_path, [site(), *lines])
    assert given_out(told) == [("v0", ADS_1), ("v1", ADS_2), ("v2", ADS_3), ("v3", ADS_1), ("v4", ADS_2)]
    assert (player.counts.visits, player.counts.visitors) == (8, 5)


def test_people_of_two_regions_share_a_number_by_the_default_policy(tmp_path: Path):
    came = [("US-NY", ADS_1), ("US-CA", ADS_2), ("US-TX", ADS_3), ("US-TX", ADS_1), ("US-NY", ADS_2)]
    lines = [view(i, f"v{i}", ADS + f"click{i}", ip_region=region) for i, (region, _) in enumerate(came)]
    told, _ = played(tmp_path, [site(), *lines], policy="least_ambiguous")
    assert given_out(told) == [(f"v{i}", number) for i, (_, number) in enumerate(came)]
    more = [view(9, "v9", ADS + "click9", ip_region="US-TX"), view(DAY, "v0", ADS + "again", ip_region="US-TX")]
    told, _ = played(tmp_path, [site(), *lines, *more], policy="least_ambiguous")
    assert given_out(told)[5:] == [("v9", ADS_2)], "the one of Texas who came to it was none, and returns keep theirs"


def test_a_number_that_was_called_is_not_given_for_some_minutes(tmp_path: Path):
    called = call(1, "c", {"number": ADS_1})
    soon = [view(2, "v", ADS + "a"), view(3, "w", ADS + "b"), view(DAY, "x", ADS + "c")]
    told, _ = played(tmp_path, [site(), called, *soon], policy="least_ambiguous")
    assert given_out(told) == [("v", ADS_2), ("w", ADS_3), ("x", ADS_1)]
    told, _ = played(tmp_path, [site(), called, *soon])
    assert given_out(told) == [("v", ADS_1), ("w", ADS_2), ("x", ADS_3)]


def test_round_robin_gives_in_the_order_of_the_trace(tmp_path: Path):
    listed = [ADS_3, ADS_1, ADS_2]
    lines = [view(i, f"v{i}", ADS + f"click{i}") for i in range(4)]
    told, _ = played(tmp_path, [site(pools={"google_ads": listed}), *lines], policy="round_robin")
    assert [number for _, number in given_out(told)] == [*listed, ADS_3]


def test_another_source_shows_its_own_pool_and_a_return_the_old_number(tmp_path: Path):
    lines = [
        view(0, "v", ADS + "click1"),
        view(5 * MINUTE, "v", MAIL),
        view(6 * MINUTE, "v"),
        event("tel_click", 7 * MINUTE, "v"),
        view(2 * DAY, "v"),
        view(3 * DAY, "v", ADS + "click2"),
        call(3 * DAY + 5, "c", {"visitor": "v"}),
    ]
    told, player = played(tmp_path, [site(), *lines])
    assert given_out(told) == [("v", ADS_1), ("v", MAIL_1), ("v", ADS_1)]
    assert ("clicked", "v", MAIL_1) in told.log
    assert told.answers["c"].number == ADS_1
    assert player.counts.visits == 4
    assert [e[2] for e in told.log if e[0] == "arrived"] == ["google_ads", "email", "email", "google_ads"]


@pytest.mark.parametrize(
    ("gap", "url", "visits"),
    [
        (30 * MINUTE - 0.001, "https://shop.example/prices", 1),
        (30 * MINUTE, "https://shop.example/prices", 2),
        (10 * MINUTE, ADS + "click1", 1),
        (10 * MINUTE, ADS + "click2", 2),
        (10 * MINUTE, "https://shop.example/?amp;gclid=%63lick1&utm_medium=cpc&utm_source=google", 1),
        (10 * MINUTE, "https://shop.example/?colour=red#top", 1),
    ],
)
def test_silence_or_another_campaign_ends_a_visit(tmp_path: Path, gap: float, url: str, visits: int):
    told, player = played(tmp_path, [site(), view(0, "v", ADS + "click1"), view(gap, "v", url)])
    assert player.counts.visits == visits
    assert len(told.assignments) == 1


def test_signs_of_life_keep_a_visit_going(tmp_path: Path):
    beats = [event("heartbeat", 20 * MINUTE * i, "v") for i in (1, 2)]
    _, player = played(tmp_path, [site(), view(0, "v", ADS + "a"), *beats, view(60 * MINUTE, "v")])
    assert player.counts.visits == 1


def test_who_comes_through_no_source_sees_the_pages_own_number(tmp_path: Path):
    lines = [
        view(0, "v", referrer="https://www.bing.com/"),
        event("tel_click", 1, "v"),
        call(2, "c1", {"visitor": "v"}),
        call(3, "c2", {"visitor": "nobody"}),
        call(4, "c3", {"number": "+12125550100"}),
        call(5, "c4", {"number": "+12125559999"}),
        call(6, "c5", {"pool": "referral", "slot": "random"}),
        override(7, "c1", "v"),
    ]
    told, _ = played(tmp_path, [site(), *lines])
    assert given_out(told) == []
    assert [(a.number, a.none, a.candidates) for a in told.answers.values()] == [(None, 1.0, 0)] * 5
    assert [e for e in told.log if e[0] in ("clicked", "called", "decided")] == []
    assert ("alive", "v") in told.log


def test_a_visit_without_number_after_one_with_number_rings_no_pool(tmp_path: Path):
    lines = [
        view(0, "v", ADS + "a"),
        view(DAY, "v", "https://shop.example/?utm_source=x&utm_medium=referral"),
        call(DAY + 9, "c1", {"visitor": "v"}),
        view(2 * DAY, "v"),
        call(2 * DAY + 9, "c2", {"visitor": "v"}),
    ]
    told, _ = played(tmp_path, [site(), *lines])
    assert [a.number for a in told.answers.values()] == [None, ADS_1]
    assert len(told.assignments) == 1, "the same number as before is no news"


def test_bots_and_pages_of_other_sites_get_no_number(tmp_path: Path):
    lines = [
        view(0, "b", ADS + "a", user_agent=BOT),
        view(1, "f", "https://other.example/?gclid=abc123"),
        view(2, "f", "https://other.example/"),
        event("heartbeat", 3, "b"),
        view(4, "v", "https://www.shop.example/?gclid=abc123"),
    ]
    told, player = played(tmp_path, [site(), *lines])
    assert given_out(told) == [("v", ADS_1)]
    counts = player.counts
    assert (counts.bot_page_views, counts.foreign_pages, counts.unknown_visitors, counts.visitors) == (1, 2, 1, 1)


def test_what_names_nobody_changes_nothing_and_is_counted(tmp_path: Path):
    lines = [
        event("heartbeat", 0, "x"),
        event("tel_click", 1, "x"),
        event("form", 2, "x", phone="+12125556789", email=None),
        view(3, "v", ADS + "a"),
        call(4, "c", {"visitor": "v"}),
        override(5, "unknown", "v"),
        override(6, "c", "never"),
        view(7, "late", ADS + "b"),
        override(8, "c", "late"),
        override(9, "c", None),
        override(10, "c", "v"),
    ]
    told, player = played(tmp_path, [site(), *lines])
    assert (player.counts.unknown_visitors, player.counts.unknown_calls) == (5, 1)
    assert [e for e in told.log if e[0] == "decided"] == [("decided", "c", None), ("decided", "c", "v")]


def test_dials_ring_what_they_say(tmp_path: Path):
    slot = int(hashlib.md5(b"k7").hexdigest()[:8], 16) % 3
    own = int(hashlib.md5(b"c2").hexdigest()[:8], 16) % 2
    lines = [
        call(1, "c1", {"pool": "google_ads", "slot": "random", "key": "k7"}),
        call(2, "c2", {"pool": "email", "slot": "random"}),
        call(3, "c3", {"number": MAIL_2}),
    ]
    told, _ = played(tmp_path, [site(), *lines])
    assert [a.number for a in told.answers.values()] == [numbers(101, 3)[slot], numbers(111, 2)[own], MAIL_2]
    assert [a.source for a in told.answers.values()] == ["google_ads", "email", "email"]


def test_a_withheld_caller_is_nobody_in_particular(tmp_path: Path):
    told, _ = played(tmp_path, [site(), call(1, "c1", {"number": ADS_1}, **{"from": None})])
    assert [e[3] for e in told.log if e[0] == "called"] == [None]


def test_a_number_stays_with_its_visitor_however_long_they_are_away(tmp_path: Path):
    crowd = [view(DAY * d, f"w{d}", ADS + f"c{d}") for d in range(1, 120)]
    away = [view(0, "v", ADS + "a", ip_region="US-TX"), *crowd, view(120 * DAY, "v", ip_region=None)]
    told, player = played(tmp_path, [site(), *away, call(120 * DAY + 1, "c", {"visitor": "v"})])
    assert told.answers["c"].number == ADS_1
    assert [n for v, n in given_out(told) if v == "v"] == [ADS_1]
    assert told.log[-3:-1] == [("arrived", "v", "google_ads", "US-TX"), ("viewed", "v", "/")]
    assert len(player._visitors) < 80, "who was not seen for 60 days takes no room"


def test_the_holder_last_seen_is_the_naive_answer_for_sixty_days(tmp_path: Path):
    lines = [
        view(0, "v1", ADS + "a"),
        view(1, "v2", ADS + "b"),
        view(2, "v3", ADS + "c"),
        view(3, "v4", ADS + "d"),
        event("heartbeat", 4, "v1"),
        call(5, "c1", {"number": ADS_1}),
        call(6, "c2", {"number": MAIL_1}),
        call(60 * DAY + 3, "c3", {"number": ADS_1}),
        call(60 * DAY + 5, "c4", {"number": ADS_1}),
    ]
    told, _ = played(tmp_path, [site(), *lines])
    assert [a.naive for a in told.answers.values()] == ["v1", None, "v1", None]


def test_visitors_are_counted_once_a_local_day_and_source(tmp_path: Path):
    lines = [
        view(0, "v1", ADS + "a"),
        view(2 * 3600, "v1", ADS + "b"),
        view(3 * 3600, "v2", MAIL),
        view(23.9 * 3600, "v1"),
        view(24.1 * 3600, "v1", MAIL),
    ]
    _, player = played(tmp_path, [site(), *lines])
    assert player.counts.days_visitors == {"google_ads": 1, "email": 2}
    assert player.counts.visitors_by_day == {"2026-03-02": 2, "2026-03-03": 1}


def test_round_robin_gives_the_numbers_as_they_are_listed(tmp_path: Path):
    of = site(pools={"google_ads": [ADS_3, ADS_1]})
    lines = [view(i, f"v{i}", ADS + f"c{i}") for i in range(3)]
    assert [n for _, n in given_out(played(tmp_path, [of, *lines])[0])] == [ADS_1, ADS_3, ADS_1]
    listed, _ = played(tmp_path, [of, *lines], policy="round_robin")
    assert [n for _, n in given_out(listed)] == [ADS_3, ADS_1, ADS_3]


def test_other_pool_sizes(tmp_path: Path):
    trace = Trace(write(tmp_path / "t", [site()]))
    pools = resized(trace.site, {"google_ads": 12, "email": 1}).pools
    assert pools[1].numbers == (MAIL_1,)
    made = pools[0].numbers
    assert made[:3] == (ADS_1, ADS_2, ADS_3)
    assert len(set(made)) == 12
    assert not {MAIL_1, MAIL_2, "+12125550100"} & set(made)
    assert all(e164(n) == n for n in made)
    told, _ = played(
        tmp_path, [site(), *(view(i, f"v{i}", ADS + f"c{i}") for i in range(24))], sizes={"google_ads": 12}
    )
    assert sorted(n for _, n in given_out(told)) == sorted(2 * made)
    with pytest.raises(InvalidInput, match="no pool 'sms'; it has: google_ads, email"):
        resized(trace.site, {"sms": 2})


def test_a_pool_without_numbers_leaves_the_page_as_it_is(tmp_path: Path):
    told, _ = played(tmp_path, [site(pools={"google_ads": []}), view(0, "v", ADS + "a")])
    assert given_out(told) == []
    trace = Trace(write(tmp_path / "t", [site(pools={"google_ads": []})]))
    assert Pools(trace.site, "longest_rested").slot("google_ads", "k") is None
    assert len(resized(trace.site, {"google_ads": 2}).pools[0].numbers) == 2


_value = st.text("abcXYZ019_-", min_size=1, max_size=30) | st.text(min_size=0, max_size=8)
_query = st.lists(
    st.tuples(
        st.sampled_from(
            ["gclid", "GCLID", "fbclid", "msclkid", "dclid", "gbraid", "utm_source", "utm_medium", "x", "amp;gclid"]
        ),
        _value | st.sampled_from(["google", "cpc", "email", "undefined", "null", "__CLICKID__", "x"]),
    ),
    max_size=4,
)
_referrer = st.sampled_from([None, "", "https://www.google.com/", "https://shop.example/a", "https://l.facebook.com/"])


def _page(query: list[tuple[str, str]], end: str) -> str:
    return "https://shop.example/p" + ("?" if query else "") + "&".join(f"{k}={v}" for k, v in query) + end


@given(
    first=_query, second=_query, referrer=_referrer, end=st.sampled_from(["", "#top", "#gclid=abc", "&", "?gclid=b"])
)
def test_landings_are_read_as_live_traffic_reads_them(
    first: list[tuple[str, str]], second: list[tuple[str, str]], referrer: str | None, end: str
):
    """What decides source, visit and page is the same, and tags compare as campaign keys do."""
    landings = Landings("shop.example")
    pages: list[tuple[Any, Any]] = []
    for query in (first, second, [(k, v + "1") for k, v in first], list(reversed(first))):
        url = _page(query, end)
        page, live = landings.read(url, referrer), read_landing(url, referrer, own_hosts=["shop.example"])
        assert (page.landing.preset, page.landing.keeps, page.landing.landing_path, page.landing.channel) == (
            live.preset,
            live.keeps,
            live.landing_path,
            live.channel,
        )
        assert (page.tags is None) == (live.campaign_key is None)
        assert (page.landing.campaign_key is None) == (live.campaign_key is None)
        pages.append((page.tags, live.campaign_key))
    for tags, key in pages:
        for other_tags, other_key in pages:
            assert key == other_key or tags != other_tags
