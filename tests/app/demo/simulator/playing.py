"""Small businesses, and the plainest allocation of numbers, for the simulator's tests."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from app.demo.simulator import Business, Simulated, sample, simulate
from attribution.rules.landing import Landing, read_landing
from attribution.rules.settle import settle_visit
from attribution.rules.sources import SourceRule


def small(kind: str, seed: int, days: int = 10) -> Business:
    """A business of a kind cut to so many days, a change half-way among them."""
    business = sample(kind, seed)
    drift = business.drift and replace(business.drift, day=days / 2)
    return replace(business, calendar=replace(business.calendar, days=days), drift=drift)


@lru_cache(maxsize=64)
def played(kind: str, seed: int, days: int = 10) -> Simulated:
    return simulate(small(kind, seed, days), seed)


def landings(simulated: Simulated) -> Iterator[tuple[dict, Landing, SourceRule | None, SourceRule | None]]:
    """Every page view with its landing, the source its visitor then has, and the one whose number is shown."""
    pools = [pool["pool"] for pool in simulated.site["pools"]]
    every = [source.preset for source in simulated.business.sources]
    sources = [
        SourceRule(id=name, slug=name, kind="online", preset=name, rule=None, position=place, catch_all=False)
        for place, name in enumerate(every)
    ]
    known: dict[str, SourceRule | None] = {}
    for line in simulated.lines:
        if line["type"] == "pageview":
            landing = read_landing(line["url"], line["referrer"], own_hosts=[simulated.site["domain"]])
            settled = settle_visit(landing, known.get(line["visitor"]), sources, pools)
            known[line["visitor"]] = settled.known
            shown = settled.source if settled.source and settled.source.id in pools else None
            yield line, landing, settled.known, shown


@lru_cache(maxsize=64)
def allocated(kind: str, seed: int, days: int = 10) -> tuple[tuple[str, str, str, str], ...]:
    """Who was shown which number when, if every new visitor gets the number of the pool rested longest."""
    simulated = played(kind, seed, days)
    rested = {pool["pool"]: list(pool["numbers"]) for pool in simulated.site["pools"]}
    given: dict[tuple[str, str], str] = {}
    last: dict[str, str] = {}
    lines = []
    for line, _, _, shown in landings(simulated):
        if shown is None or "bot" in line["user_agent"]:
            continue
        visitor = line["visitor"]
        if (visitor, shown.id) not in given:
            number = rested[shown.id].pop(0)
            rested[shown.id].append(number)
            given[visitor, shown.id] = number
        if last.get(visitor) != given[visitor, shown.id]:
            last[visitor] = given[visitor, shown.id]
            lines.append((line["at"], visitor, last[visitor], shown.id))
    return tuple(lines)
