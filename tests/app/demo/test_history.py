from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo.business import SOURCES, TIME_ZONE, is_live_caller
from app.demo.facts import Called, Decided, Ended, Noted, Opened, Reported
from app.demo.history import FULL_DAYS, history
from core.time import day_start, local_day

END = datetime(2026, 5, 6, 18, 30, tzinfo=UTC)
FACTS = history(end=END, time_zone=TIME_ZONE)


def test_the_same_seed_and_end_give_the_same_history():
    assert history(end=END, time_zone=TIME_ZONE) == FACTS
    assert history(end=END, time_zone=TIME_ZONE, seed=7) != FACTS


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3 * 365 * 24 * 60), st.integers(0, 10**6))
def test_a_history_is_in_order_whole_and_over_by_its_end(minutes: int, seed: int):
    end = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    facts = history(end=end, time_zone=TIME_ZONE, seed=seed, volume=0.3)
    times = [f.at for f in facts]
    assert times == sorted(times)
    first_day = local_day(end, TIME_ZONE) - timedelta(days=FULL_DAYS)
    assert all(day_start(first_day, TIME_ZONE) <= at <= end for at in times)
    begun, ended, seen = [], [], set()
    for fact in facts:
        match fact:
            case Opened():
                seen.add(fact.person.key)
            case Reported():
                assert fact.person.key in seen, "a page reports before it was opened"
                assert all(news.at <= fact.at for news in fact.news)
            case Called():
                assert fact.by is None or fact.by.key in seen
                begun.append(fact.call)
            case Ended():
                assert fact.call in begun
                ended.append(fact.call)
            case Noted() | Decided():
                assert fact.call in ended, "staff write down what is over"
    assert begun == list(range(len(begun)))
    assert sorted(ended) == begun, "a call is ringing for ever"


def test_it_is_a_believable_week():
    days = Counter(local_day(f.at, TIME_ZONE) for f in FACTS if isinstance(f, Opened))
    calls = [f for f in FACTS if isinstance(f, Called)]
    assert len(days) == FULL_DAYS + 1
    sunday = next(day for day in days if day.weekday() == 6)
    assert days[sunday] < max(days.values())
    assert 30 <= len(calls) <= 100
    assert any(c.caller is None for c in calls)
    assert any(c.by is None for c in calls)
    assert any(f.spam for f in FACTS if isinstance(f, Noted))
    assert any(isinstance(f, Decided) for f in FACTS)


def test_callers_are_never_numbers_of_the_business_nor_of_the_live_demo():
    ours = {n for source in SOURCES for n in source.numbers}
    callers = {f.caller for f in FACTS if isinstance(f, Called) and f.caller}
    assert not callers & ours
    assert not any(is_live_caller(caller) for caller in callers)


@pytest.mark.parametrize(
    ("number", "live"),
    [
        ("+19145550180", True),
        ("+12125550199", True),
        ("+19145550179", False),
        ("+19145550100", False),
        ("+13105550180", False),
        ("+1914555018٣", False),
        ("+191455501800", False),
        ("", False),
    ],
)
def test_which_numbers_the_live_demo_calls_from(number: str, live: bool):
    assert is_live_caller(number) is live
