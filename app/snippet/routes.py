"""The addresses of the snippet: its script, and the two endpoints it speaks to."""

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFProtect

from app.engine_room import engine_room
from app.http_errors import error_response
from app.snippet.events import events
from app.snippet.page import TooLarge, Unreadable, find_site
from app.snippet.script import script_for
from app.snippet.swap import swap
from attribution.arrive import load_sources
from core.errors import InvalidInput

bp = Blueprint("snippet", __name__)
SCRIPT_SECONDS = 300


@bp.get("/s/<key>.js")
def script(key: str) -> Response:
    """The script of a site, small and cacheable; a change of the site's numbers reaches pages within minutes."""
    room = engine_room()
    with room.database.read() as work:
        try:
            site = find_site(work, key)
        except InvalidInput:
            return error_response(404, "there is no site with this key")
        sources = load_sources(work.account(site.account_id), site.site_id)
    targets = sorted({*site.numbers, *(t for t in sources.targets.values() if t)})
    body, etag = script_for(key, room.settings.public_base_url, tuple(targets), site.consent_default)
    response = Response(body, mimetype="text/javascript")
    response.headers["Cache-Control"] = f"public, max-age={SCRIPT_SECONDS}"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(etag)
    response.make_conditional(request)
    return response


@bp.post("/v1/swap")
def post_swap() -> Response:
    """A page opens."""
    return swap(engine_room())


@bp.post("/v1/events")
def post_events() -> Response:
    """A page reports."""
    return events(engine_room())


@bp.errorhandler(Unreadable)
def _unreadable(error: Unreadable) -> Response:
    return error_response(400, error.message)


@bp.errorhandler(TooLarge)
def _too_large(error: TooLarge) -> Response:
    return error_response(413, error.message)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Puts the routes into the application. They carry no session, so they need no CSRF token."""
    app.register_blueprint(bp)
    csrf.exempt(bp)
