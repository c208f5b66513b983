"""Whole backtests with the learner: no peeking, the same again, files whole or not at all, a page that is safe."""

import json
import random
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.backtest.page import render
from reports.backtest.record import Record
from reports.backtest.run import Played, play
from reports.backtest.summary import summarise, with_what_if
from reports.backtest.trace import TraceError
from reports.backtest.what_if import questions, replay
from tests.reports.backtest.traces import ADS, MAIL, agents, call, event, override, setting, site, view


def history(days: int = 12, seed: int = 1) -> list[dict[str, Any]]:
    """Visitors who look around, some of whom call a little later; some calls by nobody; staff decide a few."""
    dice, lines, truth = random.Random(seed), [], {}
    for day in range(days):
        for i in range(25):
            at, visitor = day * 86400 + 30000 + dice.random() * 40000, f"v{day}-{i}"
            lines.append(view(at, visitor, (ADS if i % 3 else MAIL + "&x=") + f"k{day}x{i}", ip_region="US-NJ"))
            lines.append(view(at + 20, visitor, "https://shop.example/contact"))
            lines.append(event("heartbeat", at + 50, visitor))
            if i % 4 == 0:
                name, phone = f"c{day}-{i}", f"+1201555{dice.randrange(1000, 9999)}"
                lines.append(event("tel_click", at + 60, visitor))
                lines.append(call(at + 60 + dice.random() * 300, name, {"visitor": visitor}, **{"from": phone}))
                truth[name] = visitor
                if i % 8 == 0:
                    lines.append(override(at + 90000, name, visitor))
        at = day * 86400 + 50000 + dice.random() * 1000
        lines.append(call(at, f"n{day}", {"pool": "email", "slot": "random"}, **{"from": None}))
        truth[f"n{day}"] = None
    return [site(), *sorted(lines, key=lambda line: line["at"])]


def run(folder: Path, lines: list[dict[str, Any]], **more: Any) -> tuple[Played, Record]:
    folder.mkdir(exist_ok=True)
    with Record(folder) as record:
        played = play(setting(folder / "trace", lines, **more), record, agents=agents)
    return played, record


def matches(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "matches.ndjson").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Played, Record]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, *run(folder, history())


def test_every_call_has_a_line_whose_probabilities_sum_to_one(whole: tuple[Path, Played, Record]):
    found = matches(whole[0])
    assert [m["call"] for m in found] == [line["id"] for line in history() if line["type"] == "call"]
    for match in found:
        assert match.keys() == {"call", "number", "candidates", "none"}
        assert sum(c["likelihood"] for c in match["candidates"]) + match["none"] == pytest.approx(1.0, abs=1e-9)
    assert whole[1].refits, "nights passed and there was something to learn"


def test_the_same_trace_gives_the_same_bytes(whole: tuple[Path, Played, Record], tmp_path: Path):
    played, record = run(tmp_path, history())
    for name in ("assignments.ndjson", "matches.ndjson"):
        assert (tmp_path / name).read_bytes() == (whole[0] / name).read_bytes()
    told = [
        json.dumps(summarise(setting(f / "trace", history()), p, r.answers, [], truth=None, assignments=r.assignments))
        for f, p, r in ((tmp_path, played, record), whole)
    ]
    assert told[0] == told[1]


def test_the_future_changes_nothing(whole: tuple[Path, Played, Record], tmp_path: Path):
    lines = history()
    run(tmp_path, lines[: len(lines) * 2 // 3])
    for name in ("assignments.ndjson", "matches.ndjson"):
        start = (tmp_path / name).read_bytes()
        assert start
        assert (whole[0] / name).read_bytes().startswith(start)


def test_who_dials_is_no_evidence(whole: tuple[Path, Played, Record], tmp_path: Path):
    rang = {m["call"]: m["number"] for m in matches(whole[0])}
    lines = [line | {"dials": {"number": rang[line["id"]]}} if line["type"] == "call" else line for line in history()]
    run(tmp_path, lines)
    assert (tmp_path / "matches.ndjson").read_bytes() == (whole[0] / "matches.ndjson").read_bytes()


def test_without_learning_the_model_stays(tmp_path: Path):
    played, _ = run(tmp_path, history(days=4), learning=False)
    assert played.refits == ()


def test_a_failed_run_leaves_earlier_results_alone(tmp_path: Path):
    run(tmp_path, history(days=2))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name != "trace"}
    with pytest.raises(TraceError):
        run(tmp_path, [*history(days=2), view(-5, "v")])
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name != "trace"} == before


def test_summary_and_page_with_truth_from_staff(whole: tuple[Path, Played, Record]):
    folder, played, record = whole
    pairs = list(record.judged(played.decisions))
    assert len(pairs) == len(played.decisions) > 5
    of = setting(folder / "trace", history())
    summary = summarise(of, played, record.answers, pairs, truth="overrides", assignments=record.assignments)
    assert summary["truth"]["from"] == "overrides"
    assert summary["truth"]["calls"] == len(played.decisions)
    assert 0.0 <= summary["truth"]["top_1"] <= 1.0
    ads, mail = summary["sources"]
    assert (ads["source"], ads["numbers"], mail["numbers"]) == ("google_ads", 3, 2)
    assert ads["average_daily_visitors"] == pytest.approx(12 * 16 / (30 + 1 / 24)), "the clocks went forward"
    assert ads["calls"] + mail["calls"] == summary["calls"]
    assert sum(d["visitors"] for d in summary["days"]) == summary["visits"]
    page = render(summary)
    assert page.count("<section>") == 5
    assert "Only calls that staff decided" in page


def test_other_pool_sizes_are_replayed_with_the_model_learnt(whole: tuple[Path, Played, Record]):
    folder, played, record = whole
    of = setting(folder / "trace", history())
    replays = [replay(question, agents) for question in questions(of, played.site, played.model)]
    summary = summarise(of, played, record.answers, [], truth=None, assignments=record.assignments)
    found = with_what_if(summary, replays)
    assert [w["numbers"] for w in found["what_if"]["google_ads"]] == [1, 3, 6]
    assert [w["numbers"] for w in found["sources"][1]["what_if"]] == [1, 2, 4]
    accuracy = [w["expected_accuracy"] for w in found["what_if"]["google_ads"]]
    assert accuracy[0] < accuracy[2], "fewer visitors per number are easier to tell apart"
    assert render(found).count("<svg") == 2


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href") or k.startswith("on")]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_nothing_of_a_trace_can_run_in_the_page(tmp_path: Path):
    bad = "<script>alert(1)</script>\"'>\ud800<img src=x onerror=alert(1)>"
    lines = [site(domain=bad), view(0, bad, bad), {"type": bad}, call(1, bad, {"number": "+12125550101"})]
    folder = tmp_path / "out"
    played, record = run(folder, lines, skip_bad_lines=True)
    assert played.bad_lines == 1
    pairs = list(record.judged({bad: bad}))
    of = setting(folder / "trace", lines)
    summary = summarise(of, played, record.answers, pairs, truth="file", assignments=record.assignments)
    page = render(summary)
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert not {"script", "img", "link", "iframe"} & parser.seen
    assert parser.addresses == []
    assert "&lt;script&gt;" in page


def test_a_trace_of_nothing_is_reported_all_the_same(tmp_path: Path):
    played, record = run(tmp_path, [site(pools={})])
    of = setting(tmp_path / "trace", [site(pools={})])
    summary = summarise(of, played, record.answers, [], truth=None, assignments=record.assignments)
    assert (summary["calls"], summary["expected_accuracy"], summary["sources"]) == (0, None, [])
    assert "nothing to match" in render(summary)
    assert (tmp_path / "matches.ndjson").read_bytes() == b""
