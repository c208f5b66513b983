"""`/events`: what the telephone provider told us, what became of it, and a button to process it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.paging import make_cursor, read_cursor
from app.engine_room import engine_room
from app.telephony.intake import DONE, FAILED, Processed, retry, retry_failed
from app.telephony.told import fields_from_stored
from app.web import words
from app.web.asking import looking, now, person, say
from app.web.places import places
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from reports.events import KINDS, STATES, EventFilter, EventRow, count_unfinished, list_events

PAGE = 50
VIAS: Final = ("webhook", "spool", "sweep")
STATE_WORDS: Mapping[str, str] = {"": "in any state", "waiting": "waiting", "done": "processed", "failed": "failed"}
KIND_WORDS: Mapping[str, str] = {
    "": "events of any kind",
    "voice": "calls that came in",
    "status": "reports of calls",
    "recording": "recordings",
    "sms": "texts",
    "sweep": "calls on the provider's list",
}
TITLES: Mapping[str, str] = {
    "voice": "A call came in",
    "status": "Report of a call",
    "recording": "Recording",
    "sms": "Text",
    "sweep": "Call on the provider's list",
}
VIA_WORDS: Mapping[str, str] = {
    "": "told in any way",
    "webhook": "told by webhook",
    "spool": "kept in a file while the database was away",
    "sweep": "found on the provider's list",
}
_STATUS_NAMES = ("CallStatus", "RecordingStatus", "SmsStatus", "MessageStatus")
_ALLOWED = {"state": STATES, "kind": KINDS, "via": VIAS}


@dataclass(frozen=True, kw_only=True)
class EventView:
    """An event as the page shows it: `status` in the provider's word, `fields` as they came."""

    event: EventRow
    title: str
    via: str
    status: str
    fields: tuple[tuple[str, str], ...]


def events() -> str:
    """The page. Raises InvalidInput for filters and cursors that are none."""
    given = {name: text for name in (*_ALLOWED, "q") if (text := request.args.get(name, "").strip()[:200])}
    for name, allowed in _ALLOWED.items():
        if given.get(name) not in {None, *allowed}:
            raise InvalidInput({name: f"{', '.join(allowed)} is allowed"})
    older = request.args.get("older")
    before = read_cursor(older) if older else None
    with looking() as (_, session):
        sites = list(places(session).sites.values())
        asked = EventFilter(
            state=given.get("state"),
            kind=given.get("kind"),
            via=given.get("via"),
            text=given.get("q"),
            country=sites[0].country if sites else None,
        )
        found = list_events(session, asked, PAGE + 1, before)
        unfinished = count_unfinished(session)
    page = found[:PAGE]
    more = make_cursor((page[-1].received_at, page[-1].event_id)) if len(found) > PAGE else None
    return render_template(
        "events.html",
        here="events",
        rows=[_view(event) for event in page],
        given=given,
        paged=before is not None,
        more=more,
        unfinished=unfinished,
        state_words=STATE_WORDS,
        kind_words=KIND_WORDS,
        via_words=VIA_WORDS,
        zone=sites[0].time_zone if sites else "UTC",
        country=sites[0].country if sites else "US",
        at=now(),
    )


def event_again(event_id: str) -> Response:
    """Processes one event again. Raises NotFound where this account has no such event."""
    done = retry(engine_room(), person().account_id, event_id, at=now()) if is_id(event_id) else None
    if done is None:
        raise NotFound("there is no such event")
    text, alarm = _said(done)
    say(text, alarm=alarm)
    return _back()


def failed_events_again() -> Response:
    """Processes all that failed again."""
    found, done = retry_failed(engine_room(), person().account_id, at=now())
    if not found:
        say("Nothing has failed.")
    else:
        rest = f", {found - done:,} not yet: they are tried again by themselves" if done < found else ""
        say(f"Of {words.counted(found, 'failed event')} {done:,} went through{rest}.", alarm=done < found)
    return _back()


def _said(done: Processed) -> tuple[str, bool]:
    if done.state == DONE:
        return "The event was processed again.", False
    still = "It failed again" if done.state == FAILED else "It still waits"
    return f"{still}: {done.problem}", done.state == FAILED


def _view(event: EventRow) -> EventView:
    fields = fields_from_stored(event.fields)
    told = dict(reversed(fields))
    return EventView(
        event=event,
        title=TITLES.get(event.kind, event.kind),
        via=VIA_WORDS.get(event.via, event.via),
        status=next((told[name] for name in _STATUS_NAMES if told.get(name)), ""),
        fields=fields,
    )


def _back() -> Response:
    """To the list as it was filtered."""
    given: dict[str, Any] = {
        name: request.form[name][:200] for name in (*_ALLOWED, "q", "older") if request.form.get(name)
    }
    return redirect(url_for("web.events", **given), code=303)


def add_routes(web: Blueprint) -> None:
    """The page and its two buttons."""
    web.add_url_rule("/events", view_func=events)
    web.add_url_rule("/events/again", view_func=failed_events_again, methods=["POST"])
    web.add_url_rule("/events/<event_id>/again", view_func=event_again, methods=["POST"])
