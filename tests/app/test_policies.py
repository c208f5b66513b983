"""What the policies are worth: what is drawn, what is measured, what is written."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from app.demo.simulate import write
from app.demo.simulator import sample, simulate
from app.policies import CHOICE, IN_POOLS, REGIONS, drawn, main, of_recorded, several_regions
from app.policies_figures import FACTORS, PER_DAY, PLAIN, Outcome, Way, figures, gaps, interval, outcome
from app.policies_table import BEGIN, END, HEAD, MARKS, WAYS, cells, markdown
from app.regret import LEAST_CALLS, Recorded
from core.errors import RingtraceError
from numberpool.rules.allocation import POLICIES
from reports.backtest.facts import Answer
from reports.backtest.outcome import Judged, judge
from reports.backtest.trace import Trace

NUMBERS = ("+12125550101", "+12125550102", "+12125550103")


def judged(call: str, truth: str | None, likelihoods: dict[str, float]) -> Judged:
    """An answer to a call, against the truth."""
    best = max(likelihoods, key=lambda visitor: likelihoods[visitor], default=None)
    answer = Answer(
        call=call,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        day="2026-03-02",
        number=NUMBERS[0],
        source="google_ads",
        visitor=best,
        likelihood=likelihoods[best] if best else 0.0,
        none=1.0 - sum(likelihoods.values()),
        candidates=len(likelihoods),
        naive=None,
    )
    return judge(answer, truth, likelihoods.items())


def one(top_1: float, loss: float, apart: tuple[int, ...] = ()) -> Outcome:
    return Outcome(calls=10, top_1=top_1, loss=loss, apart=apart)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_one_seed_draws_the_same_businesses_of_several_regions() -> None:
    first, again = ([*drawn(3, 11)] for _ in range(2))
    assert first == again
    for each in first:
        business = sample(each.kind, each.seed)
        assert 1.0 / sum(share**2 for share in business.regions.visitors) >= REGIONS
        pools = [source for source in business.sources if source.numbers]
        assert sum(s.daily for s in pools if s.numbers >= CHOICE) >= IN_POOLS * sum(s.daily for s in pools)
        assert len(simulate(business, each.seed).truth) >= LEAST_CALLS


def test_a_local_trade_has_no_several_regions() -> None:
    found = {several_regions(sample(kind, seed)) for kind in ("local_trade", "franchise") for seed in range(5)}
    assert found == {True, False}
    assert not any(several_regions(sample("local_trade", seed)) for seed in range(20))


def test_businesses_that_are_not_to_be_found_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.policies.REGIONS", 1e9)
    monkeypatch.setattr("app.policies._TRIES", 2)
    with pytest.raises(RingtraceError, match="found only 0 of 1"):
        list(islice(drawn(1, 3), 1))


def test_evenness_is_told_by_days_of_twenty_visitors_a_number() -> None:
    a, b = NUMBERS[:2]
    even = [a, b] * PER_DAY
    assert gaps(even, 2) == [0]
    assert gaps([a] * 23 + [b] * 17 + even + [a] * 39, 2) == [6, 0], "the day that is not over does not count"
    assert gaps([a] * 40, 2) == [40], "one that nobody got counts"
    assert gaps(even, 1) == []


@given(st.integers(2, 6), st.integers(0, 400))
def test_who_takes_turns_is_even(size: int, visitors: int) -> None:
    assert gaps([f"n{i % size}" for i in range(visitors)], size) == [0] * (visitors // (PER_DAY * size))


def test_an_outcome_is_over_all_calls_and_top_1_over_those_by_visitors() -> None:
    calls = [judged("c1", "v1", {"v1": 0.5}), judged("c2", "v2", {"v1": 0.6, "v2": 0.25}), judged("c3", None, {})]
    found = outcome(calls, {"google_ads": [NUMBERS[0]] * 40}, {"google_ads": 2})
    assert found is not None
    assert (found.calls, found.top_1, found.apart) == (3, 0.5, (40,))
    assert found.loss == pytest.approx((0.6931 + 1.3863) / 3, abs=1e-4)
    assert outcome(calls[2:], {}, {}) is None


def test_a_difference_is_to_longest_rested_with_the_same_numbers() -> None:
    businesses: list[dict[Way, Outcome]] = [
        {("least_ambiguous", 1.0): one(0.82, 0.70, (3, 1)), (PLAIN, 1.0): one(0.80, 0.75), (PLAIN, 2.0): one(0.9, 0.5)},
        {("least_ambiguous", 1.0): one(0.62, 0.90, (5,)), (PLAIN, 1.0): one(0.61, 0.90), (PLAIN, 2.0): one(0.7, 0.7)},
    ]
    found = figures(businesses, ("least_ambiguous", 1.0))
    assert found.top_1 == pytest.approx(0.72)
    assert np.allclose(found.better or (), (0.015, 0.01, 0.02))
    assert np.allclose(found.loss_more or (), (-0.025, -0.05, 0.0))
    assert found.apart == (3.0, 5)
    plain = figures(businesses, (PLAIN, 2.0))
    assert (plain.better, plain.loss_more, plain.apart) == (None, None, None)
    assert cells((PLAIN, 2.0), plain) == ["double", PLAIN, "80.00 %", "–", "0.6000", "–", "–", "–"]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12))
def test_an_interval_holds_its_mean(differences: list[float]) -> None:
    mean, low, high = interval(differences)
    assert min(differences) - 1e-9 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= max(differences) + 1e-9


def test_all_ways_are_in_the_table() -> None:
    assert len(WAYS) == len(POLICIES) * len(FACTORS)
    text = markdown([("a business", dict.fromkeys(WAYS, one(0.5, 1.0, (2,))))], "about:")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(WAYS) + 2
    assert rows[0].count("|") == rows[1].count("|") == len(HEAD) + 1
    assert rows[-1].startswith("| a business | 10 | 50.0 % | +0.00 |")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    write(simulate(sample("tiny", 3), 3), folder)
    return Recorded(trace=folder / "trace.ndjson.gz", truth=folder / "truth.ndjson")


@pytest.fixture(scope="module")
def played(recorded: Recorded) -> dict[Way, Outcome]:
    return of_recorded(recorded, learning=False)


def test_a_business_is_played_in_all_ways_over_the_same_calls(recorded: Recorded, played: dict[Way, Outcome]) -> None:
    assert list(played) == list(WAYS)
    assert len({of.calls for of in played.values()}) == 1
    sizes = [len(pool.numbers) for pool in Trace(recorded.trace, skip_bad_lines=False).site.pools]
    if max(sizes) == 1:
        assert played["least_ambiguous", 1.0] == played[PLAIN, 1.0], "one number leaves no choice"
    for policy, factor in WAYS:
        if policy != "least_ambiguous":
            assert max(played[policy, factor].apart, default=0) <= 1
        assert max(played[policy, factor].apart, default=0) <= 6


def test_the_command_writes_its_tables_between_the_markers(recorded: Recorded, tmp_path: Path) -> None:
    document = tmp_path / "pools.md"
    document.write_text(f"# Before\n\n{BEGIN}\nold figures\n{END}\n\nafter\n", "utf-8")
    arguments = ("--businesses", 0, "--seed", 5, "--workers", 1, "--write", document)
    done = run(*arguments, "--trace", recorded.trace, "--truth", recorded.truth)
    assert done.exit_code == 0, done.output
    text = document.read_text("utf-8")
    assert text.startswith(f"# Before\n\n{BEGIN}\n`python -m app.policies --businesses 0 --seed 5`:\n\n| numbers |")
    assert text.endswith(f" |\n{END}\n\nafter\n")
    assert "old figures" not in text


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--businesses", 0), 2, "nothing to play"),
        (("--trace", "a.ndjson"), 2, "every --trace needs its --truth"),
        (("--seed", "often"), 2, "neither a number nor 'random'"),
        (("--businesses", 0, "--trace", "no.ndjson", "--truth", "no.truth"), 1, "no.truth"),
        (("--businesses", 1, "--write", "no.md"), 1, "no.md"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[object, ...], status: int, said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == status
    assert said in done.output


def test_a_document_without_a_place_for_the_tables_is_refused_at_once(tmp_path: Path) -> None:
    document = tmp_path / "pools.md"
    document.write_text("no markers", "utf-8")
    done = run("--businesses", 1, "--write", document)
    assert done.exit_code == 1
    assert all(mark in done.output for mark in MARKS)
    assert document.read_text("utf-8") == "no markers"


def test_calls_that_no_visitor_made_measure_nothing(recorded: Recorded, tmp_path: Path) -> None:
    truth = tmp_path / "nobody.ndjson"
    truth.write_text("", "utf-8")
    with pytest.raises(RingtraceError, match="none of the calls was made by a visitor"):
        of_recorded(Recorded(trace=recorded.trace, truth=truth), learning=False)
