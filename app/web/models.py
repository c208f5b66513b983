"""`/model`: which likelihood model scores the calls, what came before it, one click back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.names import user_names
from app.due import next_due
from app.engine_room import engine_room
from app.job_runs import TRAIN, Place, place_of, recent_runs
from app.train import figures_in_words, held_out
from app.web import words
from app.web.asking import changing, looking, noted, now, person, say
from core.errors import Conflict, NotFound
from matching.models import InUse, Switch, in_use, previous, step_back, switches, use, versions
from matching.rules.model import prior
from matching.rules.moves import weight_moves
from store.models import JobRun, ModelUse, ModelVersion
from store.sessions import AccountSession

MOST_SWITCHES = 20
MOST_RUNS = 10
MOST_MOVES = 16
MADE_BY = {"nightly": "nightly training", "command": "ringtrace train"}


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version as the table shows it; `model_id` is empty for the shipped one. Log-losses in nats per call."""

    model_id: str
    version: str
    made: str
    made_full: str
    made_by: str
    learnt: str
    held: tuple[int, float, float] | None
    better: bool | None
    reason: str
    used: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A switch or a run: when (short and in full), what, by whom or with which end."""

    when: str
    full: str
    what: str
    who: str = ""
    why: str = ""
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Moments in the account's own words: the zone of its first site."""

    at: datetime
    zone: str

    def when(self, moment: datetime) -> str:
        """Such as "today 03:31"."""
        return words.when(moment, self.at, self.zone)

    def full(self, moment: datetime) -> str:
        """With its zone."""
        return words.full(moment, self.zone)


def model() -> str:
    """The page."""
    at = now()
    with looking() as (work, session):
        place, scoring, before = place_of(session), in_use(session), previous(session)
        kept, uses = versions(session), switches(session, MOST_SWITCHES)
        runs = recent_runs(session, TRAIN, MOST_RUNS)
        people = user_names(work.directory, {u.user_id for u in uses if u.user_id})
    clock = Clock(at=at, zone=place.time_zone if place else "UTC")
    rows = [*(_row(v, scoring, clock) for v in kept), _shipped(scoring)]
    names = {row.model_id: row.version for row in rows}
    failed = next(iter(runs), None)
    return render_template(
        "model.html",
        here="model",
        sentences=sentences(scoring, kept, clock),
        failure=failed if failed and failed.failed else None,
        next_training=_next(place, clock),
        back=before,
        in_use=scoring,
        rows=rows,
        moves=weight_moves(prior(), scoring.model)[:MOST_MOVES],
        switches=[_switch(u, names, people, clock) for u in uses],
        runs=[_run(r, clock) for r in runs],
        zone=clock.zone,
    )


def use_version() -> Response:
    """Puts the version `model` to use; without a value the shipped one."""
    wanted = request.form.get("model", "")
    return _switched(lambda session: use(session, wanted or None, at=now(), user_id=person().user_id, reason=None))


def back() -> Response:
    """Returns to the version that scored before."""
    return _switched(lambda session: step_back(session, at=now(), user_id=person().user_id))


def _switched(switch: Callable[[AccountSession], Switch]) -> Response:
    try:
        with changing() as (_, session):
            done = switch(session)
            if done.changed:
                noted(session, "model.use", done.version, before=done.before)
    except (NotFound, Conflict) as error:
        say(f"That was not done: {error.message}.", alarm=True)
        return _home()
    if done.changed:
        undo = {"url": url_for("web.use_version"), "fields": [("model", done.before_id or "")]}
        say(f"{_titled(done.version)} scores calls from now on, no longer {done.before}.", undo=undo)
    else:
        say(f"{_titled(done.version)} scores calls already.")
    return _home()


def _home() -> Response:
    return redirect(url_for("web.model"), code=303)


def _titled(version: str) -> str:
    return "The shipped model" if version == prior().version else f"Version {version}"


def sentences(scoring: InUse, kept: Sequence[ModelVersion], clock: Clock) -> list[str]:
    """What the page says before it shows anything."""
    since = f" since {clock.when(scoring.since)}" if scoring.since else ""
    if scoring.model_id is None:
        learnt = "It knows businesses in general." if kept else "Nothing was learnt from this account's calls yet."
        return [f"The shipped model scores calls{since}.", learnt]
    if not scoring.readable:
        return [
            "The version in use was made by another release of Ringtrace and cannot be read.",
            "The shipped model scores calls until the next training.",
        ]
    return [f"Version {scoring.model.version} scores calls{since}.", *figures_in_words(scoring.model.training)]


def _next(place: Place | None, clock: Clock) -> str:
    time_of_day = engine_room().settings.train_at
    if time_of_day is None:
        return "Nightly training is switched off."
    if place is None:
        return "Training begins with the first site."
    due = next_due(clock.at, time_of_day, clock.zone)
    day = "today" if words.day(due, clock.at, clock.zone) == "today" else "tomorrow"
    return f"The next training is due {day} at {words.clock(due, clock.zone)}."


def _row(version: ModelVersion, scoring: InUse, clock: Clock) -> VersionRow:
    figures = version.figures
    return VersionRow(
        model_id=version.model_id,
        version=version.version,
        made=clock.when(version.made_at),
        made_full=clock.full(version.made_at),
        made_by=MADE_BY.get(version.made_by, version.made_by),
        learnt=" and ".join(_counted(figures, name) for name in ("calls", "overrides") if name in figures),
        held=held_out(figures),
        better=version.better,
        reason=version.reason,
        used=version.model_id == scoring.model_id,
    )


def _counted(figures: Mapping[str, object], name: str) -> str:
    count = figures[name]
    return words.counted(int(count), name.removesuffix("s")) if isinstance(count, int | float) else ""


def _shipped(scoring: InUse) -> VersionRow:
    return VersionRow(
        model_id="",
        version=prior().version,
        made="with this release",
        made_full="",
        made_by="shipped",
        learnt="businesses in general",
        held=None,
        better=None,
        reason="where every account begins",
        used=scoring.model_id is None,
    )


def _switch(row: ModelUse, names: Mapping[str, str], people: Mapping[str, str], clock: Clock) -> Line:
    version = names.get(row.model_id or "", "an older version")
    return Line(
        when=clock.when(row.at),
        full=clock.full(row.at),
        what=f"{_titled(version)} was put to use" if version in names.values() else "An older version was put to use",
        who=people.get(row.user_id, "staff") if row.user_id else "training",
        why=row.reason,
    )


def _run(row: JobRun, clock: Clock) -> Line:
    took = f"took {words.span(row.ended_at - row.started_at)}" if row.ended_at else ""
    return Line(
        when=clock.when(row.due_at),
        full=clock.full(row.due_at),
        what="is running" if row.ended_at is None else row.outcome or "",
        who=took,
        failed=row.failed,
    )


def add_routes(web: Blueprint) -> None:
    """The page and what can be done on it."""
    web.add_url_rule("/model", view_func=model)
    web.add_url_rule("/model/use", view_func=use_version, methods=["POST"])
    web.add_url_rule("/model/back", view_func=back, methods=["POST"])
