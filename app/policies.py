"""What the policies of allocation are worth: ``python -m app.policies``.

Draws businesses of the simulator whose visitors come from several regions and plays each by every policy with half, the
same and double the numbers: the same visitors and callers, who only share numbers in other ways. All plays are answered
by the shipped model, so that nothing but the pools differs, or (``--learning``) as live, by what was learnt before each
call; then the calls after the first third of the time count. Businesses are drawn anew (``--seed random``), so nothing
can be fitted to them. Traces of one's own (``--trace``, ``--truth``) are played in the same way.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from app.demo.simulate import write
from app.demo.simulator import KINDS, sample, simulate
from app.demo.simulator.business import Business
from app.policies_figures import Outcome, Way, outcome
from app.policies_table import MARKS, WAYS, markdown, text
from app.regret import LEAST_CALLS, Recorded, Seed, Simulation, check_markers
from app.regret_figures import late
from app.regret_table import between_markers
from app.visitor_agent import read_agent
from core.errors import RingtraceError
from matching.rules.rank import Ranking
from reports.backtest.facts import Answer, Assigned
from reports.backtest.outcome import Judged, judge
from reports.backtest.run import Setting, play
from reports.backtest.trace import Trace, read_truth

REGIONS = 3.0
"""Least number of regions of a business's visitors, counted as 1 ÷ Σ share² (Simpson 1949)."""
CHOICE = 4
IN_POOLS = 0.5
"""Least share of its new visitors who come to pools of CHOICE numbers or more: in others there is little to choose."""
_TRIES = 200

Job = Simulation | Recorded


@dataclass(frozen=True, kw_only=True)
class Plays:
    """What is to be played of one business."""

    job: Job
    learning: bool


class _Ears:
    """Judges the answers at once, and keeps which number each visitor of a pool got, in order."""

    def __init__(self, truth: Mapping[str, str | None]) -> None:
        self.judged: list[Judged] = []
        self.shown: dict[str, dict[str, str]] = {}
        self._truth = truth

    def assigned(self, told: Assigned) -> None:
        """Kept, once for each visitor of a pool: who goes to and fro between two is no newcomer the second time."""
        self.shown.setdefault(told.pool, {}).setdefault(told.visitor, told.number)

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """Judged where a number of a pool rang and it is known who called."""
        if told.number is not None and told.call in self._truth:
            candidates = [(c.visitor, c.likelihood) for c in ranking.candidates]
            self.judged.append(judge(told, self._truth[told.call], candidates))


def several_regions(business: Business) -> bool:
    """Whether visitors come from several regions, to pools that have a choice."""
    shares = np.asarray(business.regions.visitors)
    daily = sum(source.daily for source in business.sources if source.numbers)
    chosen = sum(source.daily for source in business.sources if source.numbers >= CHOICE)
    return 1.0 / float((shares**2).sum()) >= REGIONS and chosen >= IN_POOLS * daily


def drawn(count: int, seed: int) -> Iterator[Simulation]:
    """So many businesses of several regions with at least LEAST_CALLS calls; kinds take turns.

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
        if several_regions(business) and len(simulate(business, one.seed).truth) >= LEAST_CALLS:
            found += 1
            yield one
    raise RingtraceError(f"found only {found} of {count} businesses of several regions; ask for fewer")


def of_simulation(one: Simulation, *, learning: bool) -> dict[Way, Outcome]:
    """Plays a simulated business in all ways."""
    with tempfile.TemporaryDirectory(prefix="ringtrace-policies-") as folder:
        write(simulate(sample(one.kind, one.seed), one.seed), Path(folder))
        there = Recorded(trace=Path(folder) / "trace.ndjson.gz", truth=Path(folder) / "truth.ndjson")
        return of_recorded(there, learning=learning)


def of_recorded(one: Recorded, *, learning: bool) -> dict[Way, Outcome]:
    """Plays a trace in all ways. Raises as the backtest does, and RingtraceError where nobody on the site called."""
    truth = read_truth(one.truth)
    pools = Trace(one.trace, skip_bad_lines=False).site.pools
    found = {}
    for policy, factor in WAYS:
        sizes = {p.pool: max(1, int(len(p.numbers) * factor)) for p in pools if p.numbers}
        ears = _Ears(truth)
        played = play(
            Setting(trace=one.trace, numbers=sizes, allocation=policy, learning=learning), ears, agents=read_agent
        )
        since = played.site.start + (played.site.end - played.site.start) / 3
        shown = {pool: list(given.values()) for pool, given in ears.shown.items()}
        of = outcome(late(ears.judged, since) if learning else ears.judged, shown, sizes)
        if of is None:
            raise RingtraceError(f"{one.trace.name}: none of the calls was made by a visitor")
        found[policy, factor] = of
    return found


def _played(plays: Plays) -> dict[Way, Outcome]:
    job = plays.job
    try:
        if isinstance(job, Simulation):
            return of_simulation(job, learning=plays.learning)
        return of_recorded(job, learning=plays.learning)
    except RingtraceError as error:
        # Errors with more to them than a message do not survive the way back to the other process.
        raise RingtraceError(error.message) from None


def played(jobs: Sequence[Job], *, learning: bool, workers: int) -> Iterator[tuple[Job, dict[Way, Outcome]]]:
    """What came of each, as they come in, from so many processes. Raises what any of them raises."""
    # Fresh processes: copies of one that runs NumPy's threads may wait for each other for ever.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_played, Plays(job=job, learning=learning)): job for job in jobs}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


@click.command(name="policies")
@click.option("--businesses", type=click.IntRange(min=0), default=10, show_default=True, help="How many to draw.")
@click.option("--seed", type=Seed(), default="random", show_default=True, help="Draws them; the same, the same ones.")
@click.option("--trace", "traces", type=click.Path(path_type=Path), multiple=True, help="A trace of your own.")
@click.option("--truth", "truths", type=click.Path(path_type=Path), multiple=True, help="Who called in it, in order.")
@click.option("--learning", is_flag=True, help="Answer as live, by what was learnt before each call; takes longer.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at a time.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print tables of Markdown.")
@click.option("--write", "document", type=click.Path(path_type=Path), help="Put those between a file's markers.")
def main(
    businesses: int,
    seed: int,
    traces: tuple[Path, ...],
    truths: tuple[Path, ...],
    learning: bool,
    workers: int,
    as_markdown: bool,
    document: Path | None,
) -> None:
    """Measure what the policies of allocation are worth, with half, the same and double the numbers."""
    if len(traces) != len(truths):
        raise click.UsageError("every --trace needs its --truth")
    try:
        if document is not None:
            check_markers(document, MARKS)
        jobs: list[Job] = [*drawn(businesses, seed)]
        jobs += [Recorded(trace=trace, truth=truth) for trace, truth in zip(traces, truths, strict=True)]
        if not jobs:
            raise click.UsageError("there is nothing to play")
        with click.progressbar(
            played(jobs, learning=learning, workers=workers), length=len(jobs), label="businesses", file=sys.stderr
        ) as bar:
            found = dict(bar)
        about = f"`python -m app.policies --businesses {businesses} --seed {seed}{' --learning' if learning else ''}`:"
        told = [(_name(job), found[job]) for job in jobs]
        table = markdown(told, about) if as_markdown or document else f"{about}\n\n{text(told)}"
        if document is not None:
            document.write_text(between_markers(document.read_text("utf-8"), table, MARKS), "utf-8")
        click.echo(table)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except RingtraceError as error:
        raise click.ClickException(error.message) from None


def _name(job: Job) -> str:
    return f"{job.kind} {job.seed}" if isinstance(job, Simulation) else job.trace.name


if __name__ == "__main__":
    main()
