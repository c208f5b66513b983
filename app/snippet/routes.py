"""The addresses of the script; the two endpoints it speaks to are in front of Flask (`app.snippet.front`)."""

from flask import Blueprint, Flask, Response, current_app, request
from flask_wtf.csrf import CSRFProtect

from app.engine_room import engine_room
from app.http_errors import error_response
from app.snippet.check_report import host_of
from app.snippet.check_script import check_script
from app.snippet.checks import note_host
from app.snippet.desk import desk_of
from app.snippet.front import answer_page
from app.snippet.request import PageRequest
from app.snippet.script import gzipped, script_for
from app.visitor_agent import read_agent
from core.errors import InvalidInput

bp = Blueprint("snippet", __name__)
SCRIPT_SECONDS = 300
CHECK_SECONDS = 86_400


@bp.get("/s/<key>.js")
def script(key: str) -> Response:
    """The script of a site, small and cacheable; a change of the site's numbers reaches pages within minutes."""
    room = engine_room()
    try:
        set_up = desk_of(current_app).set_ups.find(key)
    except InvalidInput:
        return error_response(404, "there is no site with this key")
    site, targets = set_up.site, sorted(set_up.targets)
    body, etag = script_for(key, room.settings.public_base_url, tuple(targets), site.consent_default)
    if not read_agent(request.headers.get("User-Agent", "")).bot:
        note_host(room, site, "loaded", host_of(request.headers.get("Referer")), room.now())
    return _script(body, etag, SCRIPT_SECONDS)


@bp.get("/s/check.js")
def check() -> Response:
    """The script that looks at a page for its owner; a page loads it where a swap's answer asks for that."""
    body, etag = check_script()
    return _script(body, etag, CHECK_SECONDS)


def _script(body: bytes, etag: str, seconds: int) -> Response:
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(gzipped(body) if packed else body, mimetype="text/javascript")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
        etag += "-gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(etag)
    response.make_conditional(request)
    return response


@bp.post("/v1/swap")
@bp.post("/v1/events")
def page() -> Response:
    """What pages post: answered in front of Flask, and by the same function here, where it is served without."""
    told = answer_page(desk_of(current_app), PageRequest(request.environ))
    return Response(told.body, status=told.status, headers=list(told.headers))


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Puts the routes into the application. They carry no session, so they need no CSRF token."""
    app.register_blueprint(bp)
    csrf.exempt(bp)
