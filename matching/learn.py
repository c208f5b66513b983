"""Learns an account's likelihood model from what the database holds: replays it, fits, and checks on held-out calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select

from core.time import format_time, parse_time
from matching.replay import replay
from matching.rules.learner import HALF_LIFE, LEAST_CALLS, Learner
from matching.rules.lessons import Lessons, together
from matching.rules.model import LikelihoodModel, prior
from matching.rules.spread import shipped_spread
from store.calls import Call
from store.sessions import AccountSession
from store.sites import Site

WINDOW_DAYS = 120
"""How far back calls are learnt from; older ones would count an eighth and less."""
HELD_OUT = 0.2
"""Share of the calls, the latest, that the checked fit does not see."""


@dataclass(frozen=True, kw_only=True)
class Refit:
    """A fitted model (figures in ``model.training``), whether it may be used, and why or why not in a clause."""

    model: LikelihoodModel
    better: bool
    reason: str


def refit(
    session: AccountSession,
    *,
    current: LikelihoodModel,
    at: datetime,
    version: str,
    days: int,
    progress: Callable[[float], None] | None = None,
) -> Refit | None:
    """The model that explains the account's calls up to `at`, starting from the one in use; None for too few calls.

    `days`: how long before a call a holder of its number may have been seen. `progress` hears the share done (0 to
    1). A fit without the last fifth of the calls decides whether the model is used: it must foresee those calls
    better than the shipped prior, and no worse than the model in use where that has not seen them either. Reads only.
    """
    since = at - timedelta(days=WINDOW_DAYS + days)
    learn_from = at - timedelta(days=WINDOW_DAYS)
    times = _call_times(session, learn_from, at)
    if len(times) < LEAST_CALLS:
        return None
    cut = times[int(len(times) * (1.0 - HELD_OUT))]
    tell = progress or (lambda share: None)
    early: list[Lessons] = []
    held: list[Lessons] = []
    whole: list[Lessons] = []
    sites = session.scalars(select(Site).order_by(Site.site_id)).all()
    for place, site in enumerate(sites):
        learner = _play(
            session,
            site,
            model=current,
            since=since,
            learn_from=learn_from,
            cut=cut,
            at=at,
            days=days,
            early=early,
            tell=partial(_part, tell, place, len(sites)),
        )
        held.append(learner.held_out(at.timestamp()))
        whole.append(learner.lessons(at.timestamp()))
    return _fitted(early, held, whole, cut=cut, current=current, version=version, tell=tell)


def _part(tell: Callable[[float], None], place: int, sites: int, share: float) -> None:
    tell(0.8 * (place + share) / sites)


def _call_times(session: AccountSession, since: datetime, until: datetime) -> Sequence[datetime]:
    return session.scalars(
        select(Call.started_at).where(Call.started_at >= since, Call.started_at < until).order_by(Call.started_at)
    ).all()


def _play(
    session: AccountSession,
    site: Site,
    *,
    model: LikelihoodModel,
    since: datetime,
    learn_from: datetime,
    cut: datetime,
    at: datetime,
    days: int,
    early: list[Lessons],
    tell: Callable[[float], None],
) -> Learner:
    """Replays one site; `early` gets its lessons as they stood at `cut`."""
    begun = session.scalar(select(func.min(Call.started_at)).where(Call.site_id == site.site_id)) or at
    start = max(since, min(begun, site.created_at) - timedelta(days=1))
    learner = Learner(
        time_zone=site.time_zone, start=start.timestamp(), model=model, nightly=False, days=days, half_life=HALF_LIFE
    )
    waiting = True
    for done, (moment, _, _, step) in enumerate(replay(session, site.site_id, since=since, until=at), start=1):
        if waiting and moment >= cut.timestamp():
            early.append(_at_cut(learner, cut))
            waiting = False
        learner.tick(moment)
        step(learner)
        if done % 5000 == 0:
            tell((moment - since.timestamp()) / max((at - since).total_seconds(), 1.0))
    if waiting:
        early.append(_at_cut(learner, cut))
    learner.tick(at.timestamp())
    learner.night(at.timestamp())
    return learner


def _at_cut(learner: Learner, cut: datetime) -> Lessons:
    learner.tick(cut.timestamp())
    learner.night(cut.timestamp())
    learner.hold_out(cut.timestamp())
    return learner.lessons(cut.timestamp())


def _fitted(
    early: Sequence[Lessons],
    held: Sequence[Lessons],
    whole: Sequence[Lessons],
    *,
    cut: datetime,
    current: LikelihoodModel,
    version: str,
    tell: Callable[[float], None],
) -> Refit:
    from matching.rules.fit import fit, log_likelihood

    shipped, spread = prior(), shipped_spread()
    checked, _ = fit(
        together(early),
        prior=shipped,
        spread=spread,
        start=shipped,
        version=version,
        rounds=12,
        progress=lambda share: tell(0.8 + 0.1 * share),
    )
    check = together(held)
    calls = max(len(check.calls), 1)
    before, plain, after = (-log_likelihood(check, model) / calls for model in (current, shipped, checked))
    model, _ = fit(
        together(whole),
        prior=shipped,
        spread=spread,
        start=checked,
        version=version,
        rounds=8,
        progress=lambda share: tell(0.9 + 0.1 * share),
    )
    # The model in use was mostly fitted to these very calls, a night ago: then it is no measure of a fit that was not.
    rival = before if _unseen(current, cut) else plain
    better, reason = _verdict(len(check.calls), rival=rival, plain=plain, after=after)
    return Refit(
        model=replace(model, training=_figures(whole, check, before=before, plain=plain, after=after)),
        better=better,
        reason=reason,
    )


def _unseen(model: LikelihoodModel, cut: datetime) -> bool:
    """Whether a model was fitted before the moment from which calls are held out."""
    until = model.training.get("to")
    return not isinstance(until, str) or parse_time(until) <= cut


def _verdict(calls: int, *, rival: float, plain: float, after: float) -> tuple[bool, str]:
    figures = f"{after:.3f} against {min(rival, plain):.3f} nats per call on {calls} held-out calls"
    if after > plain:
        return False, f"without them it foresees the held-out calls worse than the shipped prior ({figures})"
    if after > rival:
        return False, f"it foresees the held-out calls worse than the model in use ({figures})"
    return True, f"it foresees calls it was not fitted to ({figures})"


def _figures(whole: Sequence[Lessons], check: Lessons, *, before: float, plain: float, after: float) -> dict[str, Any]:
    lessons = together(whole)
    times = [call.at for call in lessons.calls]
    return {
        "from": format_time(datetime.fromtimestamp(min(times), UTC)),
        "to": format_time(datetime.fromtimestamp(lessons.now, UTC)),
        "calls": len(lessons.calls),
        "overrides": len(lessons.decisions),
        "half_life_days": lessons.half_life,
        "held_out": {
            "calls": len(check.calls),
            "before": round(before, 4),
            "shipped": round(plain, 4),
            "after": round(after, 4),
        },
    }
