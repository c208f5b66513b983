"""Puts the staff pages into the application."""

import hashlib
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, g, url_for
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from app.web import (
    accuracy,
    actions,
    activity,
    alarms,
    buying,
    calibration,
    calls,
    charts,
    door,
    events,
    installation,
    messages,
    models,
    numbers,
    recordings,
    retention,
    webhooks,
    words,
)
from app.web.asking import require_person
from app.web.headers import register_headers
from app.web.icons import icon
from core.phone import for_country

_STATIC = Path(__file__).parent / "static"


def register(app: Flask, _csrf: CSRFProtect) -> None:
    """Pages, their headers and what templates may use. No page is exempt from CSRF protection."""
    Bootstrap5(app)
    web = Blueprint("web", __name__)
    web.before_request(require_person)
    for room in (
        door,
        calls,
        recordings,
        messages,
        actions,
        accuracy,
        calibration,
        charts,
        installation,
        models,
        numbers,
        buying,
        alarms,
        events,
        webhooks,
        activity,
        retention,
    ):
        room.add_routes(web)
    app.register_blueprint(web)
    app.context_processor(_about_the_asker)
    app.jinja_env.globals.update(icon=icon, asset=asset, words=words, phone=for_country)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    register_headers(app)


def _about_the_asker() -> dict[str, Any]:
    return {"person": g.get("person"), "account_name": g.get("account_name")}


_versions: dict[str, str] = {}


def asset(name: str) -> str:
    """The address of a static file of ours; it changes when the file does, so browsers may keep it."""
    if name not in _versions:
        _versions[name] = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]
    return url_for("static", filename=name, v=_versions[name])
