"""Every kind's traces have the form a backtest reads, and land in the pools they mean."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from app.demo.simulator import KINDS, sample, simulate
from core.regions import region_of_number
from tests.app.demo.simulator.playing import landings, played, small

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TEXT, MAYBE, WHOLE = str, (str, type(None)), int
FIELDS = {
    "pageview": {"visitor": TEXT, "url": TEXT, "referrer": MAYBE, "user_agent": TEXT, "ip_region": MAYBE},
    "heartbeat": {"visitor": TEXT},
    "tel_click": {"visitor": TEXT},
    "form": {"visitor": TEXT, "phone": MAYBE, "email": MAYBE},
    "call": {"id": TEXT, "from": MAYBE, "duration_s": WHOLE, "dials": dict},
    "override": {"call": TEXT, "visitor": MAYBE},
}


def valid(number: str) -> bool:
    parsed = phonenumbers.parse(number)
    us = phonenumbers.region_code_for_number(parsed) == "US"
    return us and phonenumbers.is_valid_number(parsed) and phonenumbers.format_number(parsed, 0) == number


def check_site(site: dict) -> None:
    assert set(site) == {"type", "domain", "time_zone", "start", "end", "pools", "fallback_number"}
    start, end = (datetime.fromisoformat(site[name]) for name in ("start", "end"))
    zone = ZoneInfo(site["time_zone"])
    assert start.astimezone(zone).hour == end.astimezone(zone).hour == 0
    assert start < end
    numbers = [number for pool in site["pools"] for number in pool["numbers"]] + [site["fallback_number"]]
    assert len(set(numbers)) == len(numbers)
    assert all(valid(number) for number in numbers)
    assert len({pool["pool"] for pool in site["pools"]}) == len(site["pools"]) > 0
    assert all(len(pool["numbers"]) == pool["count"] > 0 and pool["rule"] for pool in site["pools"])


def check_dials(dials: dict, site: dict, seen: set[str]) -> None:
    if "visitor" in dials:
        assert set(dials) == {"visitor"}
        assert dials["visitor"] in seen
    elif "number" in dials:
        assert set(dials) == {"number"}
        numbers = {number for pool in site["pools"] for number in pool["numbers"]}
        assert dials["number"] in numbers | {site["fallback_number"]}
    else:
        assert set(dials) in ({"pool", "slot"}, {"pool", "slot", "key"})
        assert dials["slot"] == "random"
        assert dials["pool"] in {pool["pool"] for pool in site["pools"]}


def check_line(line: dict, site: dict, seen: set[str], calls: set[str]) -> None:
    fields = FIELDS[line["type"]]
    assert set(line) == {"type", "at", *fields}
    assert ISO.fullmatch(line["at"])
    assert all(isinstance(line[name], sort) for name, sort in fields.items())
    if line["type"] == "pageview":
        seen.add(line["visitor"])
        assert line["url"].startswith(f"https://{site['domain']}/")
        assert line["ip_region"] is None or re.fullmatch(r"US-[A-Z]{2}", line["ip_region"])
    elif line["type"] == "call":
        assert line["id"] not in calls
        calls.add(line["id"])
        assert line["from"] is None or valid(line["from"])
        assert line["duration_s"] > -1
        check_dials(line["dials"], site, seen)
    elif line["type"] == "override":
        assert line["call"] in calls
        assert line["visitor"] is None or line["visitor"] in seen
    else:
        assert line["visitor"] in seen
        assert line.get("phone") is None or valid(line["phone"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_writes_a_valid_trace_in_time_order_that_holds_its_truth(kind: str):
    simulated = played(kind, 5)
    check_site(dict(simulated.site))
    seen: set[str] = set()
    calls: set[str] = set()
    for line in simulated.lines:
        check_line(dict(line), dict(simulated.site), seen, calls)
    moments = [line["at"] for line in simulated.lines]
    assert moments == sorted(moments)
    assert simulated.site["start"] <= moments[0]
    assert moments[-1] < simulated.site["end"]
    assert set(simulated.truth) == calls
    assert set(simulated.truth.values()) - {None} <= seen
    dialled = {line["id"]: line["dials"].get("visitor") for line in simulated.lines if line["type"] == "call"}
    assert dialled == dict(simulated.truth)


@pytest.mark.parametrize("kind", KINDS)
def test_every_landing_reads_as_the_source_that_was_meant(kind: str):
    simulated = played(kind, 5)
    views = simulated.insight.people.views
    meant = {}
    for visitor, at, nth, source in zip(views.visitor, views.at, views.nth, views.source, strict=True):
        preset = simulated.business.sources[source].preset if nth == 0 and source >= 0 else "direct"
        meant[simulated.insight.visitor_ids[visitor], int(at)] = preset
    own: dict[str, str] = {}
    count = 0
    for line, landing, known, shown in landings(simulated):
        at = round(datetime.fromisoformat(line["at"]).timestamp() * 1000)
        preset = meant[line["visitor"], at]
        assert landing.preset == preset, line
        if preset != "direct" or line["visitor"] not in own:
            own[line["visitor"]] = preset
        assert known is not None
        assert known.id == own[line["visitor"]]
        pooled = {pool["pool"] for pool in simulated.site["pools"]}
        assert (shown.id if shown else None) == (known.id if known.id in pooled else None)
        count += 1
    assert count == len(views.at) > 0


def test_the_same_seed_gives_the_same_history_and_another_one_another():
    first, second = (simulate(small("many_pools", 3), 8) for _ in range(2))
    other = simulate(small("many_pools", 3), 9)
    assert (first.site, first.lines, first.truth) == (second.site, second.lines, second.truth)
    assert first.site == other.site
    assert first.lines != other.lines


def test_two_samples_of_a_kind_differ_and_one_seed_gives_one_business():
    for kind in KINDS:
        assert sample(kind, 1) == sample(kind, 1)
        assert sample(kind, 1) != sample(kind, 2)
    with pytest.raises(KeyError):
        sample("no_such_kind", 1)


def test_businesses_vary_in_length_zone_numbers_and_heartbeats():
    drawn = [sample(kind, seed) for kind in KINDS for seed in range(8)]
    assert {21 <= business.calendar.days <= 60 for business in drawn} == {True}
    assert {business.browsing.heartbeat_s for business in drawn} == {0.0, 15.0, 30.0, 60.0}
    assert len({business.calendar.time_zone for business in drawn}) > 3
    ratios = [source.daily / source.numbers for business in drawn for source in business.sources if source.numbers > 1]
    assert min(ratios) < 8
    assert max(ratios) > 40


def test_telephones_are_of_the_state_their_area_code_says():
    from app.demo.simulator.area_codes import CODES, STATES

    for state, codes in zip(STATES, CODES, strict=True):
        assert {region_of_number(f"+1{code}9347771") for code in codes} == {state}


def test_local_midnight_holds_across_the_change_of_the_clocks():
    from dataclasses import replace

    business = small("tiny", 2)
    business = replace(business, calendar=replace(business.calendar, time_zone="America/New_York", start="2024-03-05"))
    site = simulate(business, 1).site
    start, end = (datetime.fromisoformat(site[name]) for name in ("start", "end"))
    assert start == datetime(2024, 3, 5, 5, tzinfo=UTC)
    assert end - start == timedelta(days=10, hours=-1)
