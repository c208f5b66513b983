"""How many numbers: works out every source's curve at night, and measures how far such curves hold.

``python -m app.pool_curves make --account ID`` is the nightly work, in a process of its own: it computes for minutes.
``python -m app.pool_curves coverage`` draws businesses of the simulator, predicts the second half of each from its
first, and tells how many outcomes lie in their intervals.
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import click
from sqlalchemy import select

from app import clock
from app.cli import Tidy
from app.database import closing_database
from app.demo.simulator import sample, simulate
from app.pool_coverage import Case, cases_of, cases_of_simulation
from app.pool_coverage_table import between_markers, markdown, text
from app.regret import Seed, Simulation, drawn
from app.settings import Settings
from app.training_process import be_nightly_child
from core.errors import NotFound, RingtraceError
from matching.models import model_in_use
from reports.backtest.what_if import FACTORS
from reports.history import read_history
from reports.pool_curves import DAYS, curves_from, keep_curves
from reports.replay import Stopped
from reports.rules.pool_curve import PoolCurve
from store.sessions import Database
from store.sites import Account, Site

MOST_LINES = 70_000
"""Lines of a drawn business's trace; busier ones would take an hour together and show nothing else."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a night's work came to: sources with a curve and without. `stopped`: it was ended on request, undone."""

    curves: int = 0
    without: int = 0
    stopped: bool = False

    def said(self) -> str:
        """The outcome in a sentence."""
        if self.stopped:
            return "stopped with the server"
        if not self.curves and not self.without:
            return "no source has numbers of its own"
        none = f"; {self.without} had too few calls for one" if self.without else ""
        return f"{self.curves} {'curve' if self.curves == 1 else 'curves'} of numbers against likelihood{none}"


def make_all(
    database: Database,
    account_id: str,
    at: datetime,
    should_stop: Callable[[], bool] = lambda: False,
    *,
    days: int = DAYS,
) -> Made:
    """Works out the curves of all sites of an account as of `at` (aware UTC) and keeps them.

    Transactions are short: a site's history is read in one, its curves are written in another, and in between, while
    they are computed, none is open. `days`: for how long after their last sign of life a visitor is a candidate. Raises
    NotFound where there is no such account.
    """
    with database.read() as work:
        session = work.account(account_id)
        if session.get(Account, account_id) is None:
            raise NotFound(f"there is no account {account_id}")
        sites = session.scalars(select(Site.site_id).order_by(Site.site_id)).all()
    curves = without = 0
    try:
        for site_id in sites:
            found = _make(database, account_id, site_id, at, should_stop, days)
            curves += sum(found)
            without += len(found) - sum(found)
    except Stopped:
        return Made(stopped=True)
    return Made(curves=curves, without=without)


def _make(
    database: Database, account_id: str, site_id: str, at: datetime, should_stop: Callable[[], bool], days: int
) -> list[bool]:
    """One site; by source whether there is a curve."""
    with database.read() as work:
        session = work.account(account_id)
        site = session.get_one(Site, (account_id, site_id))
        sure_from, model = site.sure_from, model_in_use(session)
        history = read_history(session, site, at)
    made = curves_from(history, model=model, days=days, sure_from=sure_from, should_stop=should_stop)
    with database.write() as work:
        session = work.account(account_id)
        keep_curves(session, session.get_one(Site, (account_id, site_id)), made, history, at=at, model=model)
    return [isinstance(curve, PoolCurve) for curve in made.values()]


@click.group(cls=Tidy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """How many numbers each source should have."""


@main.command()
@click.option("--account", "account_id", required=True, metavar="ID", help="The account whose sites are looked at.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--nightly", is_flag=True, hidden=True, help="Run by the server: gives way, and ends with it.")
def make(account_id: str, as_json: bool, nightly: bool) -> None:
    """Work out what more or fewer numbers would change, for every source of an account. Safe while serving."""
    if nightly:
        be_nightly_child()
    settings = Settings.from_env(os.environ)
    with closing_database(settings.database_url) as database:
        made = make_all(database, account_id, clock.now(), days=settings.candidate_days)
    told = {"account_id": account_id, "curves": made.curves, "without": made.without, "said": made.said()}
    click.echo(json.dumps(told) if as_json else f"{made.said()}.")


Job = Simulation | Path


@main.command()
@click.option("--businesses", type=click.IntRange(min=0), default=20, show_default=True, help="How many to draw.")
@click.option("--seed", type=Seed(), default="random", show_default=True, help="Draws them; the same, the same ones.")
@click.option("--trace", "traces", type=click.Path(path_type=Path), multiple=True, help="A trace of your own.")
@click.option("--factor", "factors", type=click.FloatRange(min=0.01, max=100.0), multiple=True, help="Numbers, times.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="How many at a time.")
@click.option("--each", is_flag=True, help="Print every prediction instead of a row for each business.")
@click.option("--write", "document", type=click.Path(path_type=Path), help="Put the table between a file's markers.")
def coverage(
    businesses: int,
    seed: int,
    traces: tuple[Path, ...],
    factors: tuple[float, ...],
    processes: int,
    each: bool,
    document: Path | None,
) -> None:
    """Predict second halves from first halves, and tell how many outcomes lie in their intervals."""
    try:
        if document is not None:
            _check(document)
        jobs: list[Job] = [*_drawn(businesses, seed), *traces]
        if not jobs:
            raise click.UsageError("there is nothing to play")
        found = _all(jobs, factors or FACTORS, processes)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    rows = [(_name(job, place - businesses), found[job]) for place, job in enumerate(jobs, start=1)]
    more = [f" --factor {factor:g}" for factor in factors] + [" --trace …"] * len(traces)
    about = f"`python -m app.pool_curves coverage --businesses {businesses} --seed {seed}{''.join(more)}`:"
    if document is not None:
        document.write_text(between_markers(document.read_text("utf-8"), markdown(rows, about)), "utf-8")
    click.echo(f"{about}\n\n{text(rows, each=each)}")


def _drawn(count: int, seed: int) -> Iterator[Simulation]:
    """So many businesses that are not too busy."""
    fitting = (one for one in drawn(3 * count, seed) if _lines(one) <= MOST_LINES)
    found = list(islice(fitting, count))
    if len(found) < count:
        raise RingtraceError(f"found only {len(found)} of {count} businesses with {MOST_LINES} lines at most")
    return iter(found)


def _lines(one: Simulation) -> int:
    return len(simulate(sample(one.kind, one.seed), one.seed).lines)


def _all(jobs: Sequence[Job], factors: Sequence[float], processes: int) -> dict[Job, tuple[Case, ...]]:
    """The predictions of each, from several processes, with a bar on stderr. Raises what any of them raises."""
    found: dict[Job, tuple[Case, ...]] = {}
    # Fresh processes: copies of one that runs NumPy's threads may wait for each other for ever.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_cases, job, tuple(factors)): job for job in jobs}
        try:
            with click.progressbar(
                as_completed(running), length=len(running), label="businesses", file=sys.stderr
            ) as bar:
                for done in bar:
                    found[running[done]] = done.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return found


def _cases(job: Job, factors: tuple[float, ...]) -> tuple[Case, ...]:
    try:
        if isinstance(job, Simulation):
            return cases_of_simulation(simulate(sample(job.kind, job.seed), job.seed), factors)
        return cases_of(job, factors)
    except RingtraceError as error:
        # Errors with more to them than a message do not survive the way back to the other process.
        raise RingtraceError(error.message) from None


def _name(job: Job, place: int) -> str:
    return f"{job.kind} {job.seed}" if isinstance(job, Simulation) else f"trace {place}"


def _check(document: Path) -> None:
    """Before much work: whether there is a place for its table."""
    try:
        between_markers(document.read_text("utf-8"), "")
    except ValueError as error:
        raise RingtraceError(f"{document} {error}") from None


if __name__ == "__main__":
    main()
