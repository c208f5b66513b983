"""How close the answers come to the best possible ones: ``python -m app.regret``.

Draws businesses of the simulator, plays each through the backtest, once learning and once with the shipped prior alone,
and holds both against the truth and against the best possible answer, which knows the true intensities and, like us,
only what the site saw before the call. Everybody's seeds are drawn anew (``--seed random``), so nothing can be fitted
to them. Traces of one's own (``--trace``, ``--truth``) get the figures that need no best answer.
"""

import multiprocessing
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
import numpy as np

from app.demo.simulate import write
from app.demo.simulator import KINDS, best_answer, sample, simulate
from app.regret_figures import Judgements, best_judged, figures, late
from app.regret_table import BEGIN, END, between_markers, markdown, text
from app.visitor_agent import read_agent
from core.errors import RingtraceError
from reports.backtest.facts import Assigned
from reports.backtest.outcome import Judged
from reports.backtest.record import Record
from reports.backtest.run import Setting, play
from reports.backtest.trace import read_truth

WORKERS = 2
LEAST_CALLS = 150
"""Businesses with fewer calls say little about anything."""
_TRIES = 100
"""Drawings per business asked for until it is given up; about half of them do."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A business of the simulator, by what draws it."""

    kind: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trace with its truth."""

    trace: Path
    truth: Path


def drawn(count: int, seed: int) -> Iterator[Simulation]:
    """So many businesses with at least LEAST_CALLS calls, of kinds whose best answer is exact; kinds take turns.

    Raises RingtraceError where so many cannot be found.
    """
    rng = np.random.default_rng(seed)
    kinds: list[str] = []
    found = 0
    for _ in range(_TRIES * max(count, 1)):
        if found == count:
            return
        kinds = kinds or [str(kind) for kind in rng.permutation(KINDS)]
        one = Simulation(kind=kinds.pop(), seed=int(rng.integers(1, 2**31)))
        business = sample(one.kind, one.seed)
        if business.exact and len(simulate(business, one.seed).truth) >= LEAST_CALLS:
            found += 1
            yield one
    raise RingtraceError(f"found only {found} of {count} businesses with {LEAST_CALLS} calls; ask for fewer")


def of_simulation(one: Simulation) -> Judgements:
    """Plays a simulated business and judges all answers to its calls."""
    simulated = simulate(sample(one.kind, one.seed), one.seed)
    with tempfile.TemporaryDirectory(prefix="ringtrace-regret-") as folder:
        write(simulated, Path(folder))
        there = Recorded(trace=Path(folder) / "trace.ndjson.gz", truth=Path(folder) / "truth.ndjson")
        learnt, untaught, since, assigned = _played(there, Path(folder))
    ours = late([pair[0] for pair in learnt], since)
    plain = tuple(pair[0] for pair in untaught)
    best = best_answer(simulated, assigned)
    return Judgements(
        ours=ours,
        naive=late([pair[1] for pair in learnt], since),
        best=best_judged(ours, best),
        untaught=plain,
        untaught_best=best_judged(plain, best),
    )


def of_recorded(one: Recorded) -> Judgements:
    """Plays a trace and judges our answers; nobody knows the best ones. Raises as the backtest does."""
    with tempfile.TemporaryDirectory(prefix="ringtrace-regret-") as folder:
        learnt, untaught, since, _ = _played(one, Path(folder))
    return Judgements(
        ours=late([pair[0] for pair in learnt], since),
        naive=late([pair[1] for pair in learnt], since),
        untaught=tuple(pair[0] for pair in untaught),
    )


class _Ears(Record):
    """A record that also keeps who was shown what."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.shown: list[tuple[datetime, str, str | None, str | None]] = []

    def assigned(self, told: Assigned) -> None:
        """Kept, and written."""
        self.shown.append((told.at, told.visitor, told.number, told.pool))
        super().assigned(told)


_Pairs = list[tuple[Judged, Judged]]
_Shown = list[tuple[datetime, str, str | None, str | None]]


def _played(one: Recorded, folder: Path) -> tuple[_Pairs, _Pairs, datetime, _Shown]:
    """Ours and the naive rule's answers, learning and not; when a third was over; who was shown what (in both)."""
    truth = read_truth(one.truth)
    both: list[_Pairs] = []
    for learning in (True, False):
        setting = Setting(trace=one.trace, numbers={}, allocation="longest_rested", learning=learning)
        with _Ears(folder / "out") as ears:
            played = play(setting, ears, agents=read_agent)
        both.append(list(ears.judged(truth)))
    since = played.site.start + (played.site.end - played.site.start) / 3
    return both[0], both[1], since, ears.shown


Job = Simulation | Recorded


def judged(jobs: Sequence[Job]) -> Iterator[tuple[Job, Judgements]]:
    """The judgements of each, as they come in, from two processes. Raises what any of them raises."""
    # Fresh processes: copies of one that runs NumPy's threads may wait for each other for ever.
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_judged, job): job for job in jobs}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _judged(job: Job) -> Judgements:
    try:
        return of_simulation(job) if isinstance(job, Simulation) else of_recorded(job)
    except RingtraceError as error:
        # Errors with more to them than a message do not survive the way back to the other process.
        raise RingtraceError(error.message) from None


class Seed(click.ParamType[int]):
    """A seed on the command line: a number, or `random`, which draws one."""

    name = "seed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """A whole number, or the word `random`."""
        if isinstance(value, int):
            return value
        if value == "random":
            return secrets.randbits(31)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        self.fail(f"{value!r} is neither a number nor 'random'", param, ctx)


@click.command(name="regret")
@click.option("--businesses", type=click.IntRange(min=0), default=10, show_default=True, help="How many to draw.")
@click.option("--seed", type=Seed(), default="random", show_default=True, help="Draws them; the same, the same ones.")
@click.option("--trace", "traces", type=click.Path(path_type=Path), multiple=True, help="A trace of your own.")
@click.option("--truth", "truths", type=click.Path(path_type=Path), multiple=True, help="Who called in it, in order.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table of Markdown.")
@click.option("--write", "document", type=click.Path(path_type=Path), help="Put that table between a file's markers.")
def main(
    businesses: int,
    seed: int,
    traces: tuple[Path, ...],
    truths: tuple[Path, ...],
    as_markdown: bool,
    document: Path | None,
) -> None:
    """Measure how close the answers come to the best possible ones."""
    if len(traces) != len(truths):
        raise click.UsageError("every --trace needs its --truth")
    try:
        if document is not None:
            check_markers(document)
        jobs: list[Job] = [*drawn(businesses, seed)]
        jobs += [Recorded(trace=trace, truth=truth) for trace, truth in zip(traces, truths, strict=True)]
        if not jobs:
            raise click.UsageError("there is nothing to play")
        found = _all(jobs)
        _tell(jobs, found, seed, as_markdown=as_markdown, document=document)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except RingtraceError as error:
        raise click.ClickException(error.message) from None


def _all(jobs: Sequence[Job]) -> dict[Job, Judgements]:
    found: dict[Job, Judgements] = {}
    with click.progressbar(judged(jobs), length=len(jobs), label="businesses", file=sys.stderr) as bar:
        found.update(bar)
    return found


def check_markers(document: Path, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Before an hour of work: whether there is a place for its table. Raises RingtraceError or OSError."""
    try:
        between_markers(document.read_text("utf-8"), "", marks)
    except ValueError as error:
        raise RingtraceError(f"{document} {error}") from None


def _name(job: Job) -> str:
    return f"{job.kind} {job.seed}" if isinstance(job, Simulation) else job.trace.name


def _tell(
    jobs: Sequence[Job], found: dict[Job, Judgements], seed: int, *, as_markdown: bool, document: Path | None
) -> None:
    rows = [(_name(job), figures(found[job])) for job in jobs]
    simulated = [found[job] for job in jobs if isinstance(job, Simulation)]
    if len(simulated) > 1:
        rows.insert(len(simulated), ("all of them", figures(Judgements.pooled(simulated))))
    about = f"`python -m app.regret --businesses {len(simulated)} --seed {seed}`:"
    table = markdown(rows, about) if as_markdown or document else f"{about}\n\n{text(rows)}"
    if document is not None:
        document.write_text(between_markers(document.read_text("utf-8"), table), "utf-8")
    click.echo(table)


if __name__ == "__main__":
    main()
