"""`create_app`: the Flask application of one process."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app import clock
from app.api.register import register as register_api_room
from app.bulkhead import with_places
from app.demo.website import register as register_demo
from app.engine_room import KEY, EngineRoom, engine_room
from app.forms import MOST_BYTES, MOST_PARTS
from app.http_errors import on_validation_error, register_errors
from app.logs import set_up_logs
from app.metrics_page import register as register_metrics
from app.mount import below
from app.provisioning.fallback import register as register_fallback
from app.settings import Settings, SettingsError
from app.snippet.desk import open_desk
from app.snippet.front import in_front
from app.snippet.routes import register as register_snippet
from app.telephony.webhooks import register as register_telephony
from app.threads import PLACES
from app.visitor_agent import read_agent
from app.watch import register as register_watch
from app.watch import watched
from app.web.register import register as register_web
from attribution.rules.landing import read_landing
from core.phone import national
from matching.rules.model import prior

MAX_BODY = 1024 * 1024


def create_app(
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    now: Callable[[], datetime] = clock.now,
) -> Flask:
    """The application, ready to serve. Raises SettingsError where it may not (no SECRET_KEY)."""
    settings = settings or Settings.from_env(environ if environ is not None else os.environ)
    if not settings.secret_key:
        raise SettingsError(["RINGTRACE_SECRET_KEY is not set; at least 16 random characters are needed"])
    set_up_logs(settings.log_level, settings.log_format)
    app = OpenAPI(
        "app",
        info=Info(title="Ringtrace", version="1"),
        doc_ui=False,
        validation_error_callback=on_validation_error,
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        template_folder="web/templates",
        static_folder="web/static",
        static_url_path="/static",
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        MAX_FORM_PARTS=MOST_PARTS,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        SESSION_COOKIE_NAME="__Host-ringtrace-form" if settings.https else "ringtrace-form",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.extensions[KEY] = EngineRoom.of(settings, now)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    csrf = CSRFProtect(app)
    register_errors(app)
    _register_rooms(app, csrf)
    app.add_url_rule("/health", view_func=health)
    register_metrics(app)
    register_watch(app)
    app.wsgi_app = in_front(app.wsgi_app, open_desk(app, app.extensions[KEY]))  # type: ignore
    app.wsgi_app = with_places(app.wsgi_app, PLACES)  # type: ignore
    if prefix := urlsplit(settings.public_base_url).path:
        app.wsgi_app = below(app.wsgi_app, prefix, partial(_is_route, app))  # type: ignore
    app.wsgi_app = watched(app.wsgi_app)  # type: ignore
    return app


def _is_route(app: Flask, path: str) -> bool:
    """Whether some method of this path is a route of ours."""
    with suppress(HTTPException):
        return bool(app.url_map.bind("").allowed_methods(path))
    return False


def _register_rooms(app: OpenAPI, csrf: CSRFProtect) -> None:
    """Each way in, with its own module."""
    register_api_room(app, csrf)
    register_web(app, csrf)
    register_snippet(app, csrf)
    register_telephony(app, csrf)
    register_fallback(app)
    register_demo(app, csrf)


def warm_up() -> None:
    """Loads what the first visitor and the first call would otherwise wait seconds for."""
    read_agent("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1")
    read_landing("https://example.com/", None, own_hosts=())
    national("+12125550100")
    prior()


def _ask(room: EngineRoom) -> None:
    with room.database.read() as work:
        work.directory.scalar(select(1))


def health() -> tuple[Response, int]:
    """200 while the database answers, 503 while it does not."""
    room = engine_room()
    try:
        room.outage.patience(lambda: _ask(room), reads=True)
    except SQLAlchemyError:
        return jsonify({"status": "unavailable", "database": "down"}), 503
    return jsonify({"status": "ok", "database": "up"}), 200
