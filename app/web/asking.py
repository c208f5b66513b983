"""Who asks for a page: the signed-in person before every view, and their account's session inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Response, abort, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.known_browsers import KEPT
from app.accounts.sign_in import ABSOLUTE, Person, person_of
from app.audit import note
from app.engine_room import engine_room
from core.text import storable
from store.sessions import AccountSession, Work
from store.sites import Account

OPEN = frozenset({"web.enter", "web.home"})
POLLED = frozenset({"web.live"})
"""What an open page asks by itself."""
FRAGMENT = "X-Ringtrace-Fragment"
"""Set by our script where it wants a piece of a page instead of the whole."""


def cookie_name() -> str:
    """The sign-in cookie; under https the browser itself holds it to this host."""
    return "__Host-ringtrace-staff" if engine_room().settings.https else "ringtrace-staff"


def secret() -> str | None:
    """The secret the browser brought."""
    return request.cookies.get(cookie_name())


def keep_secret(response: AnyResponse, value: str) -> None:
    """Gives the browser its secret."""
    response.set_cookie(
        cookie_name(),
        value,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=engine_room().settings.https,
    )


def known_cookie_name() -> str:
    """The cookie by which a browser is known that somebody signed in from before."""
    return "__Host-ringtrace-known" if engine_room().settings.https else "ringtrace-known"


def known_browser() -> str | None:
    """What the browser brought of earlier sign-ins."""
    return request.cookies.get(known_cookie_name())


def keep_known(response: AnyResponse, value: str) -> None:
    """Has the browser remember that somebody signed in from it; signing out leaves that."""
    response.set_cookie(
        known_cookie_name(),
        value,
        max_age=int(KEPT.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=engine_room().settings.https,
    )


def drop_secret(response: AnyResponse) -> None:
    """Takes it away."""
    response.delete_cookie(cookie_name(), path="/", httponly=True, samesite="Lax", secure=engine_room().settings.https)


def require_person() -> AnyResponse | None:
    """Before every page: sends whoever is not signed in to the door, and refuses what another site's page sends."""
    if request.method not in {"GET", "HEAD", "OPTIONS"} and not _from_us():
        abort(403, "this was sent by another website's page, so it was not done")
    if request.method == "POST" and not all(storable(v) for _, v in request.form.items(multi=True)):
        abort(400, "the form holds characters that cannot be kept")
    g.person = person_of(engine_room().database, secret(), now(), present=request.endpoint not in POLLED)
    if g.person is not None or request.endpoint in OPEN:
        return None
    if request.headers.get(FRAGMENT):
        return Response("sign in again", status=401)
    if request.method == "GET":
        return redirect(url_for("web.enter", next=request.full_path.rstrip("?")))
    return redirect(url_for("web.enter"))


def _from_us() -> bool:
    """Whether browser headers say that our own page sent this. CSRF tokens are checked besides."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    return origin is None or origin in {_origin(request.host_url), _origin(engine_room().settings.public_base_url)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def person() -> Person:
    """Who is signed in; only inside views behind `require_person`."""
    found: Person = g.person
    return found


def now() -> datetime:
    """This moment (aware UTC)."""
    return engine_room().now()


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of ours, else the call log. Nothing that could leave this server."""
    home = url_for("web.calls")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    # Browsers drop tabs and line ends inside a URL, and read a backslash as a slash.
    if "\\" in target or any(c.isspace() or not c.isprintable() for c in target):
        return home
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    return home if parts.scheme or parts.netloc else target


def say(text: str, *, undo: dict[str, Any] | None = None, alarm: bool = False) -> None:
    """Tells the reader what was done, on the next page they see; `undo` is the form that takes it back."""
    # Flask keeps any JSON value for the next page; only its type hint says text.
    flash(cast(str, {"text": text[:300], "undo": undo, "alarm": alarm}))


@contextmanager
def looking() -> Iterator[tuple[Work, AccountSession]]:
    """The person's account, to read, for a page; its name goes to the bar on top."""
    with engine_room().database.read() as work:
        session = work.account(person().account_id)
        account = session.get(Account, person().account_id)
        g.account_name = account.name if account else None
        yield work, session


@contextmanager
def changing() -> Iterator[tuple[Work, AccountSession]]:
    """The person's account, to change; committed when the block ends."""
    with engine_room().database.write() as work:
        yield work, work.account(person().account_id)


def noted(session: AccountSession, action: str, subject: str | None, **details: Any) -> None:
    """Writes into the audit log what this person does in this transaction (see `app.audit`)."""
    note(session, action, subject, by="person", user_id=person().user_id, at=now(), details=details)


def note_export(what: str, **details: Any) -> None:
    """Writes down that this person took data out as a file."""
    with changing() as (_, session):
        noted(session, f"export.{what}", None, **details)
