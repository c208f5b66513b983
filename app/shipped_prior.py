"""Makes the shipped prior: ``python -m app.shipped_prior [--per-kind N] [--seed FIRST] [--out matching]``.

Simulates businesses of every kind, plays them with the truth at hand, and writes `prior.json` and `spread.json`. The
same arguments give the same bytes on one kind of machine.
"""

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import click

from app.demo.simulate import write
from app.demo.simulator import KINDS, sample, simulate
from app.visitor_agent import read_agent
from matching.rules.facts import StaffDecision
from matching.rules.learner import Learner
from matching.rules.lessons import Lessons
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranking
from matching.rules.shipped import make, reasoned, wide
from matching.rules.spread import Spread
from reports.backtest.facts import Answer, Assigned
from reports.backtest.play import Player
from reports.backtest.site import Pools
from reports.backtest.trace import Trace

VERSION = "prior-2"
PER_KIND = 2
FIRST_SEED = 101


class _Deaf:
    """Nobody listens."""

    def assigned(self, told: Assigned) -> None:
        """A number is shown."""

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """A call is answered."""


def lessons_of(kind: str, seed: int) -> Lessons:
    """What one simulated business teaches, with the truth of every call as staff's word."""
    simulated = simulate(sample(kind, seed), seed)
    with tempfile.TemporaryDirectory() as folder:
        write(simulated, Path(folder))
        trace = Trace(Path(folder) / "trace.ndjson.gz")
        site = trace.site
        learner = Learner(
            time_zone=site.time_zone, start=site.start.timestamp(), model=reasoned(), nightly=False, half_life=1e6
        )
        player = Player(site, Pools(site, "longest_rested"), learner, agents=read_agent, ears=_Deaf())
        for line in trace:
            player.play(line)
        player.finish()
        learner.tick(site.end.timestamp())
        learner.night(site.end.timestamp())
    lessons = learner.lessons(site.end.timestamp())
    truth = {call.call: StaffDecision(visitor=simulated.truth[call.call]) for call in lessons.calls}
    return replace(lessons, decisions=truth)


def shipped(per_kind: int, first_seed: int, progress: bool = True) -> tuple[LikelihoodModel, Spread]:
    """The prior and its spread from so many businesses of every kind."""
    asked = [(kind, seed) for seed in range(first_seed, first_seed + per_kind) for kind in KINDS]
    businesses: list[Lessons] = []
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as workers,
        click.progressbar(length=len(asked), label="Simulating", hidden=not progress) as bar,
    ):
        for lessons in workers.map(lessons_of, *zip(*asked, strict=True)):
            if lessons.calls:
                businesses.append(lessons)
            bar.update(1)
    model, spread = make(businesses, start=reasoned(), spread=wide(), version=VERSION)
    training = {
        "source": f"{len(businesses)} simulated businesses of {len(KINDS)} kinds, each with its truth",
        "calls": sum(len(lessons.calls) for lessons in businesses),
        "first_seed": first_seed,
        "per_kind": per_kind,
    }
    return replace(model, training=training), spread


@click.command()
@click.option("--per-kind", default=PER_KIND, show_default=True, help="Businesses of each kind.")
@click.option("--seed", default=FIRST_SEED, show_default=True, help="The first seed.")
@click.option("--out", default="matching", show_default=True, type=click.Path(path_type=Path), help="Where to write.")
def main(per_kind: int, seed: int, out: Path) -> None:
    """Make the shipped prior from simulated businesses."""
    model, spread = shipped(per_kind, seed)
    model.save(out / "prior.json")
    (out / "spread.json").write_text(json.dumps(spread.as_json(), indent=1) + "\n", encoding="utf-8")


__all__: Sequence[str] = ["lessons_of", "main", "shipped"]

if __name__ == "__main__":
    main()
