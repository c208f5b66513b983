"""Watches every request: gives it an id, counts it, and writes a line about it."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, g, request

from app.logs import request_id
from app.metrics import request_answered
from app.mount import Wsgi
from app.snippet.front import PATHS

HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_ACCOUNT, _RULE = "ringtrace.account", "ringtrace.rule"
UNKNOWN = "none"
"""The route of a request that fits none."""
QUIET = ("/static/", "/bootstrap/", "/health", "/metrics", *PATHS)
"""No line for these: files, whoever looks whether we live, and the path of visitors, which is taken often."""
log = logging.getLogger("ringtrace.access")


def watched(app: Wsgi, tell_seconds: Callable[[], float] = time.perf_counter) -> Wsgi:
    """`app`, watched from outside. An id that comes with the request is kept where it looks like one."""

    def watch(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        own = given if _ID.fullmatch(given) else secrets.token_hex(8)
        statuses = ["500"]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            statuses[0] = status[:3]
            return start_response(status, [*headers, (HEADER, own)], *more)

        path, begin, token = environ.get("PATH_INFO", ""), tell_seconds(), request_id.set(own)
        try:
            return app(environ, start)
        finally:
            _note(environ, path, int(statuses[0]), tell_seconds() - begin)
            request_id.reset(token)

    return watch


def _note(environ: dict[str, Any], path: str, status: int, seconds: float) -> None:
    method, route = environ["REQUEST_METHOD"], _route(environ)
    request_answered(route, method, status, seconds)
    level = logging.DEBUG if path.startswith(QUIET) else logging.INFO
    if log.isEnabledFor(level):
        account = environ.get(_ACCOUNT)
        facts = {
            "method": method[:10],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000),
            "account": account,
        }
        log.log(level, "%s %s %s %s ms account %s", *list(facts.values())[:4], account or "-", extra=facts)


def _route(environ: dict[str, Any]) -> str:
    """The rule that fitted; never the path, which may hold a number."""
    path = environ.get("PATH_INFO")
    return str(environ.get(_RULE) or (path if path in PATHS else UNKNOWN))


def _keep_facts(response: Response) -> Response:
    """What is not known outside of Flask any more: the rule, and whose account it was about."""
    person = g.get("person")
    request.environ[_ACCOUNT] = g.get("account_id") or (person.account_id if person else None)
    request.environ[_RULE] = request.url_rule.rule if request.url_rule else None
    return response


def register(app: Flask) -> None:
    """Has the application tell which of its rules fitted a request, and whose account it was about."""
    app.after_request(_keep_facts)
