"""What more or fewer numbers would change, as the backtest tells it."""

from pathlib import Path
from typing import Any

import pytest

from reports.backtest.facts import Answer
from reports.backtest.page import render
from reports.backtest.run import play
from reports.backtest.summary import summarise, with_what_if
from reports.backtest.what_if import Answered, answers, curves, questions, replay, tallied
from reports.rules.pool_curve import NoCurve, PoolCurve, Tally
from tests.reports.backtest.test_run import history
from tests.reports.backtest.traces import START, Told, agents, setting


def answer(source: str, likelihood: float, none: float) -> Answer:
    return Answer("c", START, "2026-03-02", "+12125550101", source, "v", likelihood, none, 3, None)


def test_answers_are_tallied_by_source_and_only_a_visitor_is_a_sure_match() -> None:
    found = tallied(
        [answer("email", 0.9, 0.1), answer("email", 0.02, 0.98), answer("direct", 0.89, 0.1), answer("email", 0.6, 0.3)]
    )
    assert {source: tally.calls for source, tally in found.items()} == {"email": 3, "direct": 1}
    assert found["email"].likelihood == pytest.approx((0.9 + 0.98 + 0.6) / 3)
    assert (found["email"].sure, found["direct"].sure) == (pytest.approx(1 / 3), 0.0)


def test_one_size_for_two_factors_counts_once() -> None:
    tally = Tally()
    for day in range(9):
        tally.add(f"2026-03-0{day + 1}", 0.8, sure=False)
    one = Answered(source="email", numbers=1, calls=9, expected_accuracy=0.8, tally=tally)
    two = Answered(source="email", numbers=2, calls=9, expected_accuracy=0.8, tally=tally)
    few = Answered(source="direct", numbers=1, calls=0, expected_accuracy=None, tally=Tally())
    found = curves({"email": 1, "direct": 1}, [[one, few], [one, few], [two, few]])
    assert isinstance(found["direct"], NoCurve)
    email = found["email"]
    assert isinstance(email, PoolCurve)
    assert [p.numbers for p in email.points] == [1, 2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    of = setting(tmp_path_factory.mktemp("trace") / "trace", history(days=8), learning=False)
    site, heard = answers(of, agents)
    played = play(of, Told(), agents=agents)
    replays = [replay(question, agents) for question in questions(of, played.site, played.model)]
    assert site == played.site
    summary = summarise(of, played, heard, [], truth=None, assignments=0)
    return {"plain": summary, "found": with_what_if(summary, replays)}


def test_each_size_has_a_range_that_holds_its_accuracy_where_there_are_calls_enough(told: dict[str, Any]) -> None:
    ads, mail = told["found"]["sources"]
    for source in (ads, mail):
        assert source["what_if"] == told["found"]["what_if"][source["source"]]
        for one in source["what_if"]:
            assert one["low"] <= one["expected_accuracy"] + 1e-9
            assert one["expected_accuracy"] <= one["high"] + 1e-9
            assert 0.0 <= one["sure_low"] <= one["sure"] <= one["sure_high"] <= 1.0
    assert ads["knee"] is None or ads["knee"] in range(1, 7)


def test_the_present_size_is_answered_as_the_backtest_itself_did(told: dict[str, Any]) -> None:
    for source in told["found"]["sources"]:
        (now,) = [one for one in source["what_if"] if one["numbers"] == source["numbers"]]
        assert now["expected_accuracy"] == pytest.approx(source["expected_accuracy"])
        assert now["calls"] == source["calls"]


def test_the_page_shows_the_ranges(told: dict[str, Any]) -> None:
    assert "whisker" not in render(told["plain"]).split("</style>")[1]
    page = render(told["found"]).split("</style>")[1]
    assert page.count('class="whisker"') == sum(len(s["what_if"]) for s in told["found"]["sources"])
    assert "to be expected)" in page


def test_without_calls_enough_the_page_says_so(tmp_path: Path) -> None:
    of = setting(tmp_path / "trace", history(days=1), learning=False)
    _, heard = answers(of, agents)
    played = play(of, Told(), agents=agents)
    replays = [replay(question, agents) for question in questions(of, played.site, played.model)]
    found = with_what_if(summarise(of, played, heard, [], truth=None, assignments=0), replays)
    (mail,) = [s for s in found["sources"] if s["source"] == "email"]
    assert {one["low"] for one in mail["what_if"]} == {None}
    assert mail["knee"] is None
    assert "too few calls" in render(found)
