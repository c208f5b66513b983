"""The front of the path of visitors: `POST /v1/swap` and `/v1/events` are answered before Flask's dispatch.

Flask's own work is as dear as all of ours on this path (`ringtrace bench swap` measures both). What these two need of
the web is small: a body, a few headers, an answer in JSON. Everything else goes on to Flask.
"""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.http_errors import STATUS, by_field
from app.mount import Wsgi
from app.snippet.answers import Header, PageAnswer, error_answer
from app.snippet.checks import note_host
from app.snippet.desk import Desk
from app.snippet.events import events
from app.snippet.page import ForeignPage, TooLarge, Unreadable
from app.snippet.request import PageRequest
from app.snippet.swap import swap
from app.visitor_agent import read_agent
from app.web.headers import HSTS
from core.errors import RingtraceError

log = logging.getLogger("ringtrace.http")

PATHS: dict[str, Callable[[Desk, PageRequest], PageAnswer]] = {"/v1/swap": swap, "/v1/events": events}
_STATUS = {**STATUS, Unreadable: 400, TooLarge: 413, ForeignPage: 403}
_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def in_front(app: Wsgi, desk: Desk) -> Wsgi:
    """`app`, with the two paths of pages answered in front of it."""
    always: tuple[Header, ...] = (("X-Content-Type-Options", "nosniff"),)
    if desk.room.settings.https:
        always += (("Strict-Transport-Security", HSTS),)

    def front(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] not in PATHS:
            return app(environ, start_response)
        told = answer_page(desk, PageRequest(environ))
        length = ("Content-Length", str(len(told.body)))
        start_response(_LINES[told.status], [*told.headers, length, *always])
        return (told.body,)

    return front


def answer_page(desk: Desk, request: PageRequest) -> PageAnswer:
    """The answer to a request on one of PATHS, whatever happens: never an exception."""
    try:
        return PATHS[request.path](desk, request)
    except ForeignPage as error:
        _note_refusal(desk, request, error)
        return error_answer(403, error.message, code=error.code)
    except RingtraceError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return error_answer(status, error.message, code=_code(error), fields=by_field(error.fields))
    except HTTPException as error:
        return error_answer(error.code or 400, error.description or error.name)
    except (OperationalError, PoolTimeout) as error:
        log.error("database not available: %s", type(error).__name__)
        return error_answer(503, "the database does not answer; try again shortly", headers=(("Retry-After", "5"),))
    except Exception:
        log.exception("unexpected error at POST %s", request.path)
        return error_answer(500, "something went wrong on our side; it was logged")


def _code(error: RingtraceError) -> str | None:
    # Their status says it all.
    return None if isinstance(error, Unreadable | TooLarge) else error.code


def _note_refusal(desk: Desk, request: PageRequest, error: ForeignPage) -> None:
    room = desk.room
    if not read_agent(request.headers.get("User-Agent", "")).bot:
        note_host(room, error.site, "refused", error.host, room.now())
