"""`/numbers`: the tracking numbers, what each costs and how it fares, and why each is what it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from app.accounts import numbers as owned
from app.accounts.names import user_names
from app.engine_room import engine_room
from app.provisioning.fallback import follow_source
from app.provisioning.keep import plan_release
from app.provisioning.purchase import quarantine
from app.web import words
from app.web.asking import changing, looking, now, person, say
from app.web.number_rows import STATES, Place, change_row, fits, in_order, number_row, sentences
from app.web.places import places
from core.errors import Conflict, InvalidInput
from core.phone import for_country
from numberpool import numbers as pool
from numberpool.guard import calls_without_views, reasons_to_keep
from numberpool.in_use import ACTIVE, QUARANTINED, RELEASED, RESTING
from numberpool.provisioning import DOUBTFUL, purchases
from numberpool.states import By, changes_of
from store.calls import Call
from store.sessions import AccountSession
from store.sites import TrackingNumber

LATELY = timedelta(days=30)
MOST_ROWS = 300
"""Numbers in the table before the reader asks for all."""
MOST_CHANGES = 100


def by_staff() -> By:
    """Whoever is signed in."""
    return By(kind="staff", user_id=person().user_id)


def numbers() -> str:
    """The table."""
    wanted_source, wanted_status = request.args.get("source", ""), request.args.get("status", "")
    with looking() as (_, session):
        known = places(session)
        rows = in_order(pool.all_numbers(session), known)
        calls = _calls_lately(session)
        waiting = [row for row in rows if row.status == QUARANTINED]
        strays = calls_without_views(
            session, [row.number for row in waiting], min((row.status_since for row in waiting), default=now())
        )
        unclear = [p.number for p in purchases(session, limit=50) if p.status == DOUBTFUL]
    place = Place.of(known, now())
    fitting = [row for row in rows if fits(row, known, wanted_source, wanted_status)]
    everything = "all" in request.args or len(fitting) <= MOST_ROWS
    return render_template(
        "numbers.html",
        here="numbers",
        sentences=sentences(rows),
        rows=[number_row(r, known, place, calls, strays) for r in (fitting if everything else fitting[:MOST_ROWS])],
        hidden=0 if everything else len(fitting) - MOST_ROWS,
        any=bool(rows),
        unclear=[for_country(number, place.country) for number in unclear],
        choices=known.choices(None),
        states={name: told[0] for name, told in STATES.items()},
        source=wanted_source,
        status=wanted_status,
    )


def number(e164: str) -> str:
    """One number: what it is, what can be done with it, and its history."""
    wanted = pool.number_in_path(e164)
    with looking() as (work, session):
        known = places(session)
        row, source = pool.get_number(session, wanted)
        calls = _calls_lately(session)
        strays = calls_without_views(session, [wanted], row.status_since) if row.status == QUARANTINED else {}
        changes = changes_of(session, wanted, limit=MOST_CHANGES)
        people = user_names(work.directory, {c.user_id for c in changes if c.user_id})
        against = tuple(reasons_to_keep(session, wanted, now()).values()) if row.provider_sid else ()
    place = Place.of(known, now())
    return render_template(
        "number.html",
        here="numbers",
        row=number_row(row, known, place, calls, strays),
        number=row,
        source=source,
        can_give_back=row.provider_sid is not None and row.status != RELEASED,
        against=against,
        rest_days=engine_room().settings.rest_days,
        quarantine_days=engine_room().settings.quarantine_days,
        changes=[change_row(c, known, people, place) for c in changes],
        choices=[s for s in known.sources.values() if not s.deleted],
        states={name: told[0] for name, told in STATES.items()},
    )


def change() -> Response:
    """Sets status, source or whether it is printed, with a reason (`number` names it)."""
    wanted = pool.number_in_path(request.form.get("number", ""))
    form = request.form
    fields: dict[str, Any] = {name: form[name] for name in ("status", "source") if form.get(name)}
    if "printed" in form:
        fields["printed"] = form["printed"] == "yes"
    if fields.get("status", ACTIVE) not in STATES:
        raise InvalidInput({"status": "is no status of a number"})
    try:
        with changing() as (work, session):
            before, _ = pool.get_number(session, wanted)
            undo = [("number", wanted), ("status", before.status), ("source", before.source_id)]
            if "printed" in fields:
                undo = [("number", wanted), ("printed", "yes" if before.printed else "no")]
            heard = _heard(session, before) if fields.get("status") == ACTIVE else 0
            until = quarantine(now(), engine_room().settings.quarantine_days)[1]
            row = owned.change_number(
                work,
                session,
                wanted,
                fields,
                now(),
                by=by_staff(),
                reason=form.get("reason"),
                quarantined_until=until,
            )
            follow_source(engine_room().settings, session, row.source_id)
            said = _said(row, fields, heard)
    except (Conflict, InvalidInput) as error:
        say(f"That was not done: {error.message}.", alarm=True)
        return _to(wanted)
    say(said, undo={"url": url_for("web.change_number"), "fields": undo})
    return _to(wanted)


def give_back() -> Response:
    """Plans to give a number back to its provider after a rest; `force` overrules what speaks against it."""
    wanted = pool.number_in_path(request.form.get("number", ""))
    days = engine_room().settings.rest_days
    try:
        with changing() as (_, session):
            force = request.form.get("force") == "yes"
            plan_release(session, wanted, by=by_staff(), at=now(), rest_days=days, force=force)
    except Conflict as error:
        say(f"That was not done: {error.message}.", alarm=True)
        return _to(wanted)
    undo = {"url": url_for("web.change_number"), "fields": [("number", wanted), ("status", RESTING)]}
    say(f"It rests for {words.counted(days, 'day')} and is given back to the provider after that.", undo=undo)
    return _to(wanted)


def _said(row: TrackingNumber, fields: Mapping[str, Any], heard: int) -> str:
    if "printed" in fields:
        return "It is marked as printed." if row.printed else "It is not marked as printed any more."
    said = f"It is {STATES[row.status][0]} now." if row.status != RESTING else "It rests now."
    if heard:
        said += f" {words.counted(heard, 'call')} without views came in its quarantine: some callers may be others'."
    return said


def _heard(session: AccountSession, row: TrackingNumber) -> int:
    if row.status != QUARANTINED:
        return 0
    return len(calls_without_views(session, [row.number], row.status_since).get(row.number, ()))


def _calls_lately(session: AccountSession) -> dict[str, tuple[int, datetime]]:
    """How often each number was called in the last 30 days, and when last."""
    statement = (
        select(Call.number, func.count(), func.max(Call.started_at))
        .where(Call.started_at >= now() - LATELY)
        .group_by(Call.number)
    )
    return {found: (count, last) for found, count, last in session.execute(statement)}


def _to(wanted: str) -> Response:
    return redirect(url_for("web.number", e164=wanted), code=303)


def add_routes(web: Blueprint) -> None:
    """The pages and what can be done on them."""
    web.add_url_rule("/numbers", view_func=numbers)
    web.add_url_rule("/numbers/<e164>", view_func=number)
    web.add_url_rule("/numbers/change", "change_number", view_func=change, methods=["POST"])
    web.add_url_rule("/numbers/give-back", view_func=give_back, methods=["POST"])
