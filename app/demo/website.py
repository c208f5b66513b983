"""The demo's website under /demo/ and its telephone. Registered only where RINGTRACE_DEMO is on."""

from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, jsonify, render_template
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select

from app.demo.business import LIVE_AREA_CODES, OWN_NUMBER
from app.demo.establish import demo_account, demo_site
from app.demo.pages import PAGES, Page, arrivals
from app.demo.telephone import Refused, answered, dial, hang_up
from app.engine_room import KEY, EngineRoom, engine_room
from app.http_errors import from_ringtrace
from core.errors import RingtraceError
from core.phone import national
from store.sites import TrackingSource

bp = Blueprint("demo", __name__, template_folder="templates", static_folder="static", static_url_path="/static")


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Puts the demo into the application where the settings want it; elsewhere /demo/ is not there."""
    if not app.extensions[KEY].settings.demo:
        return
    csrf.exempt(bp)  # no session is used; the telephone takes only JSON from its own pages
    app.register_blueprint(bp, url_prefix="/demo")


def _show(page: Page) -> Response:
    """A page of the business, with the snippet, and below it the demo's controls."""
    room = engine_room()
    with room.database.read() as work:
        account = demo_account(work.directory)
        session = work.account(account) if account else None
        site = demo_site(session) if session else None
        if session is None or site is None:
            abort(404, "there is no demo business here; `ringtrace demo` makes one")
        sources = session.scalars(select(TrackingSource).where(TrackingSource.site_id == site.site_id))
        names = {source.slug: source.name for source in sources}
    html = render_template(
        f"demo/{page.template}.html",
        page=page,
        pages=PAGES,
        arrivals=arrivals(),
        base=room.settings.public_base_url,
        key=site.key,
        own=OWN_NUMBER,
        phone=national(OWN_NUMBER),
        names=names,
        areas=LIVE_AREA_CODES,
    )
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _policy(room)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _policy(room: EngineRoom) -> str:
    parts = urlsplit(room.settings.public_base_url)
    ours = f"'self' {parts.scheme}://{parts.netloc}"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {ours}",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src {ours}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


@bp.post("/call")
def call() -> Response:
    """Rings a number of the demo: `{"number", "caller"}` → `{"call", "rings"}`, 201."""
    answer = jsonify(dial(engine_room()))
    answer.status_code = 201
    return answer


@bp.post("/answer")
def answer() -> Response:
    """Somebody took the call: `{"call"}`, 204."""
    answered(engine_room())
    return Response(status=204)


@bp.post("/hang-up")
def end() -> Response:
    """The caller hangs up: `{"call"}`, 204."""
    hang_up(engine_room())
    return Response(status=204)


@bp.errorhandler(RingtraceError)
def _refused(error: RingtraceError) -> Response:
    """In the one error form, for the script that asked."""
    response = from_ringtrace(error)
    if isinstance(error, Refused):
        response.status_code = error.status
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
    return response


for _page in PAGES:
    bp.add_url_rule(_page.path, endpoint=_page.template, view_func=_show, defaults={"page": _page})
