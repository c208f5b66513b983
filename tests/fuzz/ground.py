"""The ground that inputs fall on: a server with two accounts, one of which has one of everything."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from app.provisioning.shop import MAKER
from store.directory import SignIn
from store.messages import Message
from store.provider_events import CallRecording, ProviderEvent
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.web.staff import Staff
from tests.fuzz.words import PLAIN
from tests.support.office import Office
from tests.support.serving import free_port, served
from tests.support.trading import maker

MANY = str(10**9)
CALLER = "+12125557777"
_APP = Path(__file__).resolve().parents[2] / "app"
_ASKED = re.compile(r"""request\.(?:form|args|values)(?:\.get|\.getlist)?\s*[\(\[]\s*["'](\w+)["']""")
_FORM_NAMES = re.compile(r"""<(?:input|select|textarea|button)[^>]*\sname="(\w+)\"""")
_TWILIO_NAMES = re.compile(r"""\bform\.get(?:list)?\(\s*"([A-Z]\w+)\"""")


@dataclass
class Ground:
    """A server, and what inputs need to get anywhere on it."""

    app: Flask
    base: str
    rules: list[Rule]
    document: dict[str, Any]
    ids: dict[str, list[str]]
    names: list[str]
    twilio_names: list[str]
    api_token: str
    provider_token: str
    cookies: str
    form_token: str
    _restore: Callable[[], None]

    def restore(self) -> None:
        """Signs the member of staff in again, with the same cookie: an input may have signed them out."""
        self._restore()


@contextmanager
def ground(database_url: str, folder: Path) -> Iterator[Ground]:
    """Lays it down in a migrated database. Limits of how often are out of the way; nobody outside is reached."""
    limits = {
        f"RINGTRACE_{name}": MANY
        for name in ("API_CALLS_PER_MINUTE", "NEW_VISITORS_PER_MINUTE", "NEW_VISITORS_PER_MINUTE_AND_NETWORK")
    }
    with served(database_url, RINGTRACE_INSTANCE_DIR=str(folder), RINGTRACE_DEMO="on", **limits) as server:
        nobody = f"http://127.0.0.1:{free_port()}"
        server.app.extensions[MAKER] = maker(nobody, nobody)
        ours, theirs = (Office.open(server.url, database_url) for _ in range(2))
        ids = _things(ours, server.app)
        for kind, values in _things(theirs, server.app).items():
            ids[kind] += values
        staff = Staff.of(ours)
        form_token = staff.token("/accuracy")
        cookies = "; ".join(f"{c.name}={c.value}" for c in staff.http.cookies)
        yield Ground(
            app=server.app,
            base=server.url,
            rules=sorted(server.app.url_map.iter_rules(), key=lambda r: (r.rule, sorted(r.methods or ()))),
            document=ours.http.get(f"{server.url}/api/openapi.json", timeout=30).json(),
            ids=ids,
            names=_asked_names(),
            twilio_names=_twilio_names(),
            api_token=ours.token,
            provider_token=ours.provider_token,
            cookies=cookies,
            form_token=form_token,
            _restore=_keeper(server.app, ours),
        )


def _things(office: Office, app: Flask) -> dict[str, list[str]]:
    """One of everything: site, source, numbers, a visitor with a visit, calls of known and withheld callers."""
    site = office.site()
    source = office.source(site, "google_ads", numbers=3)
    swapped = office.swap(site).json()
    office.events(site, swapped, {"type": "tel_click", "number": source["pool"][0], "age_ms": 0})
    sids = [office.ring(source["pool"][0], caller)[0] for caller in (CALLER, "anonymous")]
    calls = [office.call_of(sid)["id"] for sid in sids]
    office.api("POST", f"/calls/{calls[0]}/notes", {"text": "a note"}, expect=201)
    office.api("PATCH", f"/calls/{calls[0]}", {"tags": ["a", "b"]}, expect=200)
    office.webhook("sms", {"MessageSid": "SM" + sids[0][2:], "To": source["pool"][0], "From": CALLER, "Body": "Hi"})
    recorded = {"RecordingSid": "RE" + sids[0][2:], "RecordingStatus": "completed", "CallSid": sids[0]}
    office.webhook("recording", {**recorded, "RecordingUrl": "https://api.twilio.com/x", "RecordingDuration": "3"})
    hook = {"url": "https://example.com/hook", "events": ["call.started", "call.match_changed"]}
    office.api("POST", "/webhooks", hook, expect=201)
    office.api("PUT", f"/calls/{calls[0]}/match", {"visit": None}, expect=200)
    cursors = [office.api("GET", path, params={"limit": "1"}, expect=200)["next_cursor"] for path in ("/calls",)]
    return {
        "site": [site["id"], site["key"]],
        "source": [source["id"], source["slug"]],
        "number": source["pool"],
        "visit": [swapped["visit"]],
        "visitor": [swapped["visitor"], swapped["visitor"].partition(".")[0]],
        "call": calls,
        "CallSid": sids,
        "ParentCallSid": sids,
        "key": [site["key"]],
        "account": [office.account_id],
        "user": [office.user_id],
        "cursor": [c for c in cursors if c],
        **_rows(office.account_id, app),
    }


def _rows(account_id: str, app: Flask) -> dict[str, list[str]]:
    """The ids of what came of that, by the names that paths have for them."""
    keys = {
        "message": Message.message_id,
        "recording": CallRecording.recording_id,
        "event": ProviderEvent.event_id,
        "endpoint": WebhookEndpoint.endpoint_id,
        "delivery": WebhookDelivery.delivery_id,
    }
    with app.extensions["ringtrace"].database.read() as work:
        session = work.account(account_id)
        found = {name: list(session.scalars(select(key).limit(5))) for name, key in keys.items()}
    assert all(found.values()), found
    return found


def _keeper(app: Flask, office: Office) -> Callable[[], None]:
    """What puts the sign-in row back as it is now."""
    database = app.extensions["ringtrace"].database
    with database.read() as work:
        row = work.directory.query(SignIn).filter_by(user_id=office.user_id).one()
        kept = {c.name: getattr(row, c.name) for c in SignIn.__table__.columns}

    def restore() -> None:
        with database.write() as work:
            work.directory.merge(SignIn(**kept))

    return restore


def _asked_names() -> list[str]:
    """Every name that code reads from a form or a query and every name in a form of a page, and some known ones."""
    found = set(PLAIN)
    for path in _APP.rglob("*.py"):
        found |= set(_ASKED.findall(path.read_text()))
    for path in _APP.rglob("*.html"):
        found |= set(_FORM_NAMES.findall(path.read_text()))
    return sorted(found)


def _twilio_names() -> list[str]:
    found = {"CallSid", "ParentCallSid", "AccountSid", "From", "To", "CallStatus", "Direction", "CallDuration"}
    for path in (_APP / "telephony").glob("*.py"):
        found |= set(_TWILIO_NAMES.findall(path.read_text()))
    return sorted(found)


def host_of(base: str) -> str:
    """The host and port of a server's address."""
    return urlsplit(base).netloc
