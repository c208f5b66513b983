"""The demo's past is a trace like any other: it can be read, and a backtest plays it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.demo.business import BILLBOARD, TIME_ZONE
from app.demo.facts import Called, Ended, Opened, PageNews, Reported
from app.demo.history import FULL_DAYS, history
from app.demo.trace import NUMBERS, site_line, trace_lines
from app.visitor_agent import read_agent
from reports.backtest.facts import Answer, Assigned
from reports.backtest.lines import Call, Form, Heartbeat, PageView, TelClick
from reports.backtest.run import Setting, play
from reports.backtest.trace import Trace

END = datetime(2026, 5, 6, 18, 30, tzinfo=UTC)
BASE = "http://127.0.0.1:8000/demo"
FACTS = history(end=END, time_zone=TIME_ZONE)


def _write(path: Path) -> Path:
    first = site_line(base_url=BASE, time_zone=TIME_ZONE, start=END - timedelta(days=FULL_DAYS + 1), end=END)
    path.write_text("".join(json.dumps(line) + "\n" for line in (first, *trace_lines(FACTS, base_url=BASE))))
    return path


def test_every_fact_that_a_trace_has_a_word_for_is_in_it_once(tmp_path: Path):
    trace = Trace(_write(tmp_path / "trace"))
    lines = list(trace)
    assert trace.site.domain == "127.0.0.1"
    news = [one for fact in FACTS if isinstance(fact, Reported) for one in fact.news]
    opened = sum(isinstance(fact, Opened) for fact in FACTS)
    for kind, count in (
        (PageView, opened + _count(news, "pageview")),
        (Heartbeat, _count(news, "heartbeat")),
        (TelClick, _count(news, "tel_click")),
        (Form, _count(news, "form")),
        (Call, sum(isinstance(fact, Called) for fact in FACTS)),
    ):
        assert sum(isinstance(line, kind) for line in lines) == count > 0
    talked = sum(f.seconds for f in FACTS if isinstance(f, Ended) and f.status == "completed")
    assert sum(line.duration_s for line in lines if isinstance(line, Call)) == talked


def _count(news: list[PageNews], kind: str) -> int:
    return sum(one.type == kind for one in news)


class _Ears:
    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def assigned(self, told: Assigned) -> None:
        pass

    def answered(self, told: Answer, _ranking: object) -> None:
        self.answers.append(told)


def test_a_backtest_plays_it(tmp_path: Path):
    ears = _Ears()
    played = play(Setting(trace=_write(tmp_path / "trace"), numbers={}, learning=False), ears, agents=read_agent)
    assert (played.counts.foreign_pages, played.counts.bot_page_views, played.counts.unknown_visitors) == (0, 0, 0)
    silent = [a for a in ears.answers if a.number is None]
    on_the_billboard = [f for f in FACTS if isinstance(f, Called) and f.source == BILLBOARD]
    assert len(silent) == len(on_the_billboard) > 0, "a printed number is in no pool"
    assert {a.number for a in ears.answers} <= {None, *(n for numbers in NUMBERS.values() for n in numbers)}
