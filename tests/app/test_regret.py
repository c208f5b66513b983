"""How far from the best possible answers: what is drawn, what is measured, what is written."""

import json
import math
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from app.demo.simulate import write
from app.demo.simulator import Answer as BestAnswer
from app.demo.simulator import sample, simulate
from app.regret import LEAST_CALLS, Recorded, Simulation, drawn, main, of_recorded, of_simulation
from app.regret_figures import Figures, Judgements, best_judged, figures, late, right_when_sure
from app.regret_table import BEGIN, END, HEAD, between_markers, cells
from core.errors import RingtraceError
from reports.backtest.facts import Answer
from reports.backtest.outcome import Judged, judge

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
NUMBER = "+12125550142"


def judged(
    call: str, truth: str | None, likelihoods: dict[str, float], *, naive: str | None = None, hours: int = 0
) -> tuple[Judged, Judged]:
    """Our answer to a call, and the naive rule's, against the truth."""
    best = max(likelihoods, key=lambda visitor: likelihoods[visitor], default=None)
    answer = Answer(
        call=call,
        at=START + timedelta(hours=hours),
        day="2026-03-02",
        number=NUMBER,
        source="google_ads",
        visitor=best,
        likelihood=likelihoods[best] if best else 0.0,
        none=1.0 - sum(likelihoods.values()),
        candidates=len(likelihoods),
        naive=naive,
    )
    return judge(answer, truth, likelihoods.items()), judge(answer, truth, (), naive=True)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_one_seed_draws_the_same_businesses_and_another_others() -> None:
    one, again, other = ([*drawn(3, seed)] for seed in (11, 11, 12))
    assert one == again
    assert one != other
    assert len({each.kind for each in one}) == 3, "kinds take turns"
    for each in one:
        business = sample(each.kind, each.seed)
        assert business.exact
        assert len(simulate(business, each.seed).truth) >= LEAST_CALLS


def test_businesses_that_are_not_to_be_found_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.regret.LEAST_CALLS", 10**9)
    monkeypatch.setattr("app.regret._TRIES", 2)
    with pytest.raises(RingtraceError, match="found only 0 of 1"):
        list(islice(drawn(1, 3), 1))


def test_regret_is_what_the_best_answer_would_have_lost_less() -> None:
    pairs = [
        judged("c1", "v1", {"v1": 0.5, "v2": 0.3}, naive="v2"),
        judged("c2", None, {"v1": 0.6}, naive="v1"),
        judged("c3", "v3", {"v3": 0.95}, naive="v3"),
    ]
    ours, naive = (tuple(pair[i] for pair in pairs) for i in (0, 1))
    best = best_judged(
        ours,
        {
            "c1": BestAnswer(number=NUMBER, likelihoods={"v1": 0.8, "v2": 0.1}, none=0.1),
            "c2": BestAnswer(number=NUMBER, likelihoods={"v1": 0.2}, none=0.8),
            "c3": BestAnswer(number=NUMBER, likelihoods={"v3": 1.0}, none=0.0),
        },
    )
    found = figures(Judgements(ours=ours, naive=naive, best=best, untaught=ours[:1], untaught_best=best[:1]))
    mine = -(math.log(0.5) + math.log(0.4) + math.log(0.95)) / 3
    least = -(math.log(0.8) + math.log(0.8)) / 3
    assert found.loss == pytest.approx(mine)
    assert found.best_loss == pytest.approx(least)
    assert found.regret == pytest.approx(mine - least)
    assert found.untaught_regret == pytest.approx(math.log(0.8 / 0.5))
    assert (found.calls, found.top_1, found.best_top_1, found.naive_top_1) == (1, 1.0, 1.0, 0.5)
    assert found.naive_loss == pytest.approx(-2 * math.log(1e-4) / 3), "its certain mistakes cost 9.2 nats each"
    assert (found.none_auc, found.best_none_auc) == (1.0, 1.0)
    assert found.right_when_sure == 1.0
    assert found.calibration == pytest.approx((0.5 + 0.6 + 0.05) / 3)


def test_answers_to_another_number_are_not_compared() -> None:
    ours = (judged("c1", "v1", {"v1": 0.5})[0],)
    with pytest.raises(ValueError, match="rang"):
        best_judged(ours, {"c1": BestAnswer(number="+12125550143", likelihoods={}, none=1.0)})


def test_sure_ones_are_counted_from_nine_in_ten_on() -> None:
    sure = [
        judged("c1", "v1", {"v1": 0.9})[0],
        judged("c2", None, {"v1": 0.97})[0],
        judged("c3", "v2", {"v1": 0.89, "v2": 0.1})[0],
        judged("c4", None, {})[0],
    ]
    assert right_when_sure(sure) == 0.5
    assert right_when_sure(sure[2:]) is None


def test_late_is_from_the_moment_on() -> None:
    hours = [judged(f"c{h}", None, {}, hours=h)[0] for h in range(4)]
    assert [j.answer.call for j in late(hours, START + timedelta(hours=2))] == ["c2", "c3"]


def test_nothing_to_measure_is_a_dash() -> None:
    nothing = figures(Judgements(ours=(), naive=(), untaught=()))
    row = cells("none", nothing)
    assert len(row) == len(HEAD)
    assert set(row[2:]) == {"–"}


def test_all_calls_count_alike_in_the_pool() -> None:
    one = Judgements(ours=(judged("c1", "v1", {"v1": 0.5})[0],), naive=(), untaught=())
    two = Judgements(ours=tuple(judged(f"c{n}", "v1", {"v1": 0.9})[0] for n in range(3)), naive=(), untaught=())
    assert figures(Judgements.pooled([one, two])).loss == pytest.approx(-(math.log(0.5) + 3 * math.log(0.9)) / 4)


def test_a_business_is_played_learning_and_not_over_the_same_calls() -> None:
    simulated = simulate(sample("tiny", 3), 3)
    found = of_simulation(Simulation(kind="tiny", seed=3))
    calls = [j.answer.call for j in found.untaught]
    assert 0 < len(found.ours) < len(calls) <= len(simulated.truth)
    assert [j.answer.call for j in found.untaught_best] == calls
    for late_ones in (found.ours, found.naive, found.best):
        assert [j.answer.call for j in late_ones] == calls[-len(found.ours) :]
    assert all(j.truth == simulated.truth[j.answer.call] for j in found.untaught)
    assert all(j.answer.number == b.answer.number for j, b in zip(found.ours, found.best, strict=True))
    figure = figures(found)
    assert all(getattr(figure, f.name) is not None for f in fields(Figures) if f.name != "right_when_sure")
    assert figure.best_loss is not None
    assert figure.naive_loss is not None
    assert figure.best_loss < figure.naive_loss


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    write(simulate(sample("tiny", 3), 3), folder)
    return Recorded(trace=folder / "trace.ndjson.gz", truth=folder / "truth.ndjson")


def test_of_a_trace_nobody_knows_the_best_answer(recorded: Recorded) -> None:
    figure = figures(of_recorded(recorded))
    assert figure.loss is not None
    assert figure.untaught_loss is not None
    assert (figure.best_loss, figure.regret, figure.untaught_regret, figure.best_top_1) == (None, None, None, None)


def test_the_command_writes_its_table_between_the_markers(recorded: Recorded, tmp_path: Path) -> None:
    document = tmp_path / "matching.md"
    document.write_text(f"# Before\n\n{BEGIN}\nold figures\n{END}\n\nafter\n", "utf-8")
    done = run(
        *("--businesses", 0, "--seed", 5, "--trace", recorded.trace, "--truth", recorded.truth, "--write", document)
    )
    assert done.exit_code == 0, done.output
    text = document.read_text("utf-8")
    assert text.startswith(f"# Before\n\n{BEGIN}\n`python -m app.regret --businesses 0 --seed 5`:\n\n| business |")
    assert text.endswith(f" |\n{END}\n\nafter\n")
    assert "old figures" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| trace.ndjson.gz |")]
    assert row.count("|") == len(HEAD) + 1


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


def test_a_document_without_a_place_for_the_table_is_refused_at_once(tmp_path: Path) -> None:
    document = tmp_path / "matching.md"
    document.write_text("no markers", "utf-8")
    done = run("--businesses", 1, "--write", document)
    assert done.exit_code == 1
    assert BEGIN in done.output
    assert document.read_text("utf-8") == "no markers"


def test_a_broken_trace_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.ndjson").write_text(json.dumps({"type": "call"}) + "\n", "utf-8")
    (tmp_path / "truth.ndjson").write_text("", "utf-8")
    done = run("--businesses", 0, "--trace", tmp_path / "bad.ndjson", "--truth", tmp_path / "truth.ndjson")
    assert done.exit_code == 1
    assert "bad.ndjson, line 1" in done.output


@given(before=st.text(), old=st.text(), new=st.text(), after=st.text())
def test_only_what_stands_between_the_markers_changes(before: str, old: str, new: str, after: str) -> None:
    pieces = [piece.replace("<", "") for piece in (before, old, new, after)]
    before, old, new, after = pieces
    once = between_markers(f"{before}{BEGIN}{old}{END}{after}", new)
    assert once == f"{before}{BEGIN}\n{new}\n{END}{after}"
    assert between_markers(once, new) == once
