"""`ringtrace backtest`: a trace in, four files out, and further replays that say what other pool sizes would change."""

import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.visitor_agent import read_agent
from core.errors import InvalidInput, RingtraceError
from reports.backtest.charts import percent
from reports.backtest.lines import TraceSite
from reports.backtest.page import render
from reports.backtest.record import REPORT, SUMMARY, Record, write_whole
from reports.backtest.run import Played, Setting, play
from reports.backtest.summary import summarise, with_what_if
from reports.backtest.trace import read_truth
from reports.backtest.what_if import Answered, Question, questions, replay

WORKERS = 2
WHAT_IF_SECONDS = 300.0
MOST_NUMBERS = 100_000


class BacktestError(RingtraceError):
    """The run could not be done; the message says what to do."""

    code = "backtest"


class OutOfTime(Exception):
    """A replay took longer than it may."""


@dataclass(frozen=True)
class Deadline:
    """A moment of the machine's monotonic clock that replays hold themselves to; it is the same in every process."""

    at: float

    def __call__(self, site: TraceSite, reached: datetime) -> None:
        """Raises OutOfTime once the moment is over."""
        if time.monotonic() > self.at:
            raise OutOfTime


def pool_size(text: str) -> tuple[str, int]:
    """`POOL=N` read. Raises click.BadParameter, as wrong usage does."""
    pool, _, count = text.partition("=")
    if pool and count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= MOST_NUMBERS:
        return pool, int(count[:9])
    raise click.BadParameter(f"{text!r} is no POOL=N, such as google_ads=8, with N from 1 to {MOST_NUMBERS}")


def backtest(setting: Setting, out: Path, *, truth: Path | None, what_if: bool) -> dict[str, Any]:
    """Runs it, writes the files into `out` and returns the summary.

    `summary.json` and `report.html` are written before the replays of `what_if` and again after them. Raises
    RingtraceError for everything that is expected to fail, click.BadParameter for a pool the trace does not have.
    """
    try:
        known = read_truth(truth) if truth is not None else None
        with _Progress() as progress, Record(out) as record:
            played = play(setting, record, agents=read_agent, step=progress)
        decided = known if known is not None else played.decisions
        pairs = list(record.judged(decided))
        whence = "file" if known is not None else ("overrides" if pairs else None)
        summary = summarise(setting, played, record.answers, pairs, truth=whence, assignments=record.assignments)
        _write(out, summary)
        if what_if and any(a.number is not None for a in record.answers):
            replays = _replays(setting, played)
            if replays:
                summary = with_what_if(summary, replays)
                _write(out, summary)
    except InvalidInput as error:
        raise click.BadParameter(error.fields.get("numbers", error.message), param_hint="--numbers") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BacktestError(f"{where}{error.strerror or error}") from None
    return summary


def _write(out: Path, summary: dict[str, Any]) -> None:
    write_whole(out / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    write_whole(out / REPORT, render(summary))


def _replays(setting: Setting, played: Played) -> Sequence[Sequence[Answered]]:
    """The replays that ended in time; those that did not are left out, and said on stderr."""
    asked = questions(setting, played.site, played.model)
    deadline = Deadline(time.monotonic() + WHAT_IF_SECONDS)
    found: list[list[Answered]] = []
    # Fresh processes: copies of one that runs NumPy's threads may wait for each other for ever.
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: list[Future[list[Answered]]] = [pool.submit(_replay, question, deadline) for question in asked]
        with click.progressbar(
            as_completed(running), length=len(running), label="other pool sizes", file=sys.stderr, hidden=_quiet()
        ) as bar:
            for done in bar:
                try:
                    found.append(done.result())
                except OutOfTime:
                    click.echo(
                        f"other pool sizes: a replay took over {WHAT_IF_SECONDS:.0f} s and is left out", err=True
                    )
    return found


def _replay(question: Question, deadline: Deadline) -> list[Answered]:
    return replay(question, read_agent, deadline)


def _quiet() -> bool:
    """Whether nobody watches: then nothing is drawn."""
    return not sys.stderr.isatty()


class _Progress:
    """A bar on stderr over the time the trace covers, where somebody watches."""

    _PARTS = 1000

    def __init__(self) -> None:
        self._bar = click.progressbar(length=self._PARTS, label="trace", file=sys.stderr, hidden=_quiet())
        self._done = 0

    def __call__(self, site: TraceSite, at: datetime) -> None:
        share = (at - site.start) / (site.end - site.start)
        done = int(self._PARTS * min(max(share, 0.0), 1.0))
        if done > self._done:
            self._bar.update(done - self._done)
            self._done = done

    def __enter__(self) -> "_Progress":
        self._bar.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)


def told(summary: dict[str, Any], out: Path) -> str:
    """What a person reads on the screen: a few lines."""
    truth = summary["truth"]
    lines = [
        f"{summary['calls']} calls, {summary['visitors']} visitors; "
        f"expected accuracy {percent(summary['expected_accuracy'])}"
    ]
    if truth and truth["calls"]:
        lines.append(
            f"top-1 {percent(truth['top_1'])}, log-loss {truth['log_loss']:.3f}, Brier {truth['brier']:.3f} "
            f"over {truth['calls']} calls with known callers ({truth['from']})"
        )
    return "\n".join([*lines, f"see {out / REPORT}"])
