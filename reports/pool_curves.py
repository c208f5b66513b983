"""How many numbers each source of a site should have: the last weeks played again with other pool sizes, and kept.

Three steps, so that no transaction is open while the replays take their time: `read_history` reads, `curves_from`
computes, `keep_curves` writes; `make_curves` does all three. Reports read what was kept with `curves_of`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Select, select

from matching.models import model_in_use
from matching.rules.model import LikelihoodModel
from reports.history import MOST_VISITS, History, read_history
from reports.replay import replay_with, some_telephones
from reports.rules.pool_curve import CurvePoint, NoCurve, PoolCurve, Tally, pool_curve, sizes_to_play
from reports.rules.resizing import for_sizes
from store.sessions import AccountSession
from store.sites import Site
from store.sizing import SourceCurve

FACTORS: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""How many times the present numbers are played."""
DAYS = 60
"""For how long after their last sign of life somebody is a candidate, where nobody says otherwise."""
_DRAWS: tuple[tuple[int, int], ...] = ((15_000, 3), (50_000, 2))
"""Up to so many visits so many draws of who called; one for more: big sites have many calls to even it out."""

Curves = Mapping[str, PoolCurve | NoCurve]
"""By source id a curve, or why there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCurve:
    """What is known of a source's numbers, from which time, and since when."""

    made_at: datetime
    from_at: datetime
    to_at: datetime
    model_version: str
    curve: PoolCurve | NoCurve


def make_curves(
    session: AccountSession, site: Site, at: datetime, *, days: int = DAYS, most_visits: int = MOST_VISITS
) -> Curves:
    """Works out the curves of `site` as of `at` with the model in use, keeps and returns them. Flushes.

    `days`: for how long after their last sign of life a visitor is a candidate.
    """
    history, model = read_history(session, site, at, most_visits=most_visits), model_in_use(session)
    curves = curves_from(history, model=model, days=days, sure_from=site.sure_from)
    keep_curves(session, site, curves, history, at=at, model=model)
    return curves


def draws_for(visits: int) -> int:
    """How often the callers are drawn."""
    return next((draws for most, draws in _DRAWS if visits <= most), 1)


def curves_from(
    history: History,
    *,
    model: LikelihoodModel,
    days: int,
    sure_from: float,
    factors: tuple[float, ...] = FACTORS,
    draws: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Curves:
    """The curves of a history's sources, by plain computation: no database, no clock.

    `sure_from`: from which likelihood on a match is sure. All pools change together: a source's callers are told apart
    on that source's numbers alone. Raises Stopped soon after `should_stop` says so.
    """
    present = {source: len(pool.numbers) for source, pool in history.pools.items()}
    sizes = {source: sizes_to_play(numbers, factors) for source, numbers in present.items()}
    asked = list(dict.fromkeys(tuple((s, of[place]) for s, of in sizes.items()) for place in range(len(factors))))
    played: dict[str, dict[int, list[Tally]]] = {source: {} for source in present}
    telephones = some_telephones(history)
    for draw in range(draws or draws_for(history.visits)):
        seen: set[tuple[str, int]] = set()
        for each in asked if present else ():
            replayed = replay_with(
                history,
                dict(each),
                model=for_sizes(model, present, dict(each)),
                days=days,
                sure_from=sure_from,
                draw=draw,
                telephones=telephones,
                should_stop=should_stop,
            )
            # Small pools have one size for several factors; it counts once a draw.
            for source, size in set(each) - seen:
                played[source].setdefault(size, []).append(replayed.tallies[source])
            seen |= set(each)
    calls = history.calls_by_source()
    return {
        source: pool_curve(tallies, present=present[source], expected_calls=calls[source])
        for source, tallies in played.items()
    }


def keep_curves(
    session: AccountSession, site: Site, curves: Curves, history: History, *, at: datetime, model: LikelihoodModel
) -> None:
    """Keeps these curves in the place of the site's earlier ones. Flushes."""
    before = {row.source_id: row for row in session.scalars(_kept(site))}
    for source_id, row in before.items():
        if source_id not in curves:
            session.delete(row)
    for source_id, curve in curves.items():
        row = before.get(source_id) or SourceCurve(source_id=source_id, site_id=site.site_id)
        row.made_at, row.from_at, row.to_at = at, history.counted_from, history.end
        row.model_version, row.numbers = model.version, len(history.pools[source_id].numbers)
        row.calls, row.expected_calls, row.confidence, row.points, row.reason = 0, 0.0, 0.0, [], None
        if isinstance(curve, PoolCurve):
            row.calls, row.expected_calls, row.confidence = curve.calls, curve.expected_calls, curve.confidence
            row.points = [asdict(point) for point in curve.points]
        else:
            row.reason = curve.reason
        session.add(row)
    session.flush()


def _kept(site: Site) -> Select[SourceCurve]:
    return select(SourceCurve).where(SourceCurve.site_id == site.site_id)


def kept_curves(session: AccountSession, site: Site) -> dict[str, KeptCurve]:
    """By source id what was last worked out. One query."""
    return {
        row.source_id: KeptCurve(
            made_at=row.made_at,
            from_at=row.from_at,
            to_at=row.to_at,
            model_version=row.model_version,
            curve=_read(row),
        )
        for row in session.scalars(_kept(site))
    }


def curves_of(session: AccountSession, site: Site) -> dict[str, PoolCurve]:
    """By source id the latest curve, for the sources that have one. One query."""
    return {
        source_id: kept.curve
        for source_id, kept in kept_curves(session, site).items()
        if isinstance(kept.curve, PoolCurve)
    }


def _read(row: SourceCurve) -> PoolCurve | NoCurve:
    if not row.points:
        return NoCurve(reason=row.reason or "none was made yet")
    return PoolCurve(
        present=row.numbers,
        calls=row.calls,
        expected_calls=row.expected_calls,
        confidence=row.confidence,
        points=tuple(CurvePoint(**point) for point in row.points),
    )
