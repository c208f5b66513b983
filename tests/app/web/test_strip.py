"""The strip around a call, drawn from plain values, and on the page."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.evidence import MEANS, NAMES, odds, waterfall
from app.web.strip import LANES, Person, strip
from matching.rules.evidence import _NAMES, ROWS
from reports.around import AFTER, BEFORE, Around, Deed, Stay
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff

AT = datetime(2026, 11, 21, 19, 2, tzinfo=UTC)
ZONE = "America/New_York"
minutes = st.integers(-200, 12)


def person(name: str) -> Person:
    return Person(visitor_id=name, visit_id=f"visit of {name}", name=f"visitor {name}", percent="50 %")


def stay(name: str, begin: int, last: int, *deeds: tuple[str, int]) -> Stay:
    """A stay told in minutes from the call."""
    return Stay(
        visit_id=f"{name}{begin}",
        visitor_id=name,
        started_at=AT + timedelta(minutes=begin),
        last_seen_at=AT + timedelta(minutes=last),
        deeds=tuple(Deed(type=kind, at=AT + timedelta(minutes=when)) for kind, when in deeds),
    )


def found(*stays: Stay, before: timedelta = BEFORE[0]) -> Around:
    return Around(start=AT - before, end=AT + AFTER, stays=stays)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), minutes, st.integers(0, 60)), max_size=8),
    st.sampled_from(BEFORE),
    st.sampled_from(["UTC", ZONE, "Asia/Kathmandu"]),
)
def test_everything_lies_in_the_picture(stays: list[tuple[str, int, int]], before: timedelta, zone: str) -> None:
    told = [stay(name, begin, begin + long, ("pageview", begin)) for name, begin, long in stays]
    drawn = strip(found(*told, before=before), [person("a"), person("b")], of=2, called_at=AT, time_zone=zone)
    assert drawn is not None
    assert sum(len(lane.bars) for lane in drawn.lanes) == sum(len(lane.rows) for lane in drawn.lanes) == len(told)
    for lane in drawn.lanes:
        assert all(bar.x >= 0 and bar.width >= 0.5 and bar.x + bar.width <= 100.01 for bar in lane.bars)
        assert all(0 <= mark.x <= 100 for mark in lane.marks)
    assert 0 < drawn.call_x < 100
    places = [x for x, _ in drawn.labels]
    assert places == sorted(places)
    assert len(places) <= 5
    assert len({label for _, label in drawn.labels}) == len(places)
    assert all(0 < x < drawn.call_x - 24 for x in places)


def test_where_things_lie() -> None:
    drawn = strip(
        found(stay("a", -65, 0, ("pageview", -65), ("tel_click", 0)), stay("a", -200, -120)),
        [person("a")],
        of=1,
        called_at=AT,
        time_zone=ZONE,
    )
    assert drawn is not None
    (lane,) = drawn.lanes
    assert drawn.call_x == 92.31  # 120 of 130 minutes
    assert (lane.bars[0].x, lane.bars[0].width) == (42.31, 50.0)
    assert (lane.bars[1].x, lane.bars[1].width) == (0, 0.5)
    assert [(mark.kind, mark.x) for mark in lane.marks] == [("pageview", 42.31), ("tel_click", 92.31)]
    assert (lane.rows[0].begun, lane.rows[0].last, lane.rows[0].pages, lane.rows[0].clicks) == (
        "12:57",
        "14:02",
        1,
        "14:02:00",
    )
    assert (drawn.call_clock, [label for _, label in drawn.labels]) == ("14:02", ["12:30", "13:00", "13:30"])


@pytest.mark.parametrize(
    ("stays", "people", "of", "said"),
    [
        ([("a", -5, -1)], "a", 1, "The one possible visitor was {}, also when it rang."),
        ([("a", -9, -5)], "a", 1, "The one possible visitor was {}, but not when it rang."),
        ([], "a", 1, "The one possible visitor was not {}."),
        ([("a", 3, 5)], "ab", 2, "None of the 2 possible visitors was {}."),
        ([("a", -9, 5), ("b", -9, -8)], "ab", 2, "2 of the 2 possible visitors were {}; 1 of them when it rang."),
        ([("b", -9, -8)], "abc", 9, "1 of the 3 likeliest visitors was {}; nobody when it rang."),
    ],
)
def test_the_sentence_says_who_was_there(stays: list[tuple[str, int, int]], people: str, of: int, said: str) -> None:
    told = found(*(stay(*one) for one in stays))
    drawn = strip(told, [person(name) for name in people], of=of, called_at=AT, time_zone=ZONE)
    assert drawn is not None
    assert drawn.sentence == said.format("on the site in the 2 h before the call")
    assert drawn.more == of - len(people)


def test_without_candidates_there_is_no_strip() -> None:
    assert strip(found(), [], of=0, called_at=AT, time_zone=ZONE) is None


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_page_draws_it_and_says_the_same_in_a_table(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.5, *[0.04] * 10])
    page = staff.get(f"/calls/{call_id}").text
    assert page.count('<svg class="lane"') == LANES
    assert "and 3 more" in page
    lanes = re.findall(r'<a class="lane-name" href="([^"]+)".*?aria-label="([^"]+)"', page, re.S)
    assert len(lanes) == LANES
    assert re.fullmatch(
        r"visitor \w{4}, 50\s%: \d\d:\d\d to \d\d:\d\d, 3 page views. Show their visit", unescape(lanes[0][1])
    )
    told = words(page)
    assert "7 of the 8 likeliest visitors were on the site in the 2 h before the call; 1 of them when it rang." in told
    assert "Visitor Likelihood From Last seen Page views Clicked the number Forms" in told
    assert "not on the site in this time" in told
    assert "3 less likely visitors left out" in told
    for href, _ in lanes:
        assert staff.get(unescape(href)).status_code == 200


def test_a_call_of_nobody_has_no_strip(scene: Scene, staff: Staff) -> None:
    assert "Around the call" not in staff.get(f"/calls/{scene.call('google_ads', [])}").text


def test_every_reason_has_a_name_and_a_meaning() -> None:
    names = {_NAMES.get(row, row) for row in ROWS} | {"spam", "late_news"}
    assert names <= set(NAMES)
    assert set(NAMES) == set(MEANS)


def test_reasons_come_by_weight_after_the_base_rate() -> None:
    rows = [("tel_click", 2.0), ("base_rate", 0.5), ("page", -3.0), ("device", 0.1)]
    fall = waterfall([{"name": name, "value": "", "weight": weight} for name, weight in rows])
    assert fall is not None
    assert [row.name for row in fall.rows] == ["to begin with", "last page", "clicked the number", "device"]
    assert fall.total.weight == "−0.4"


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (0.0, "as likely as nobody from the site"),
        (1.0, "2.0 to 1 that it was them"),
        (-1.0, "2.0 to 1 that it was nobody from the site"),
        (10.0, "1,024 to 1 that it was them"),
        (400.0, "more than 1,000,000 to 1 that it was them"),
    ],
)
def test_a_sum_of_weights_is_said_as_odds(weight: float, said: str) -> None:
    assert odds(weight) == said
