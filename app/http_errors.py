"""Errors as HTTP, in one place: one JSON form for machines, one page for people."""

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from flask.globals import request_ctx
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, RingtraceError, shown

log = logging.getLogger("ringtrace.http")

STATUS: dict[type[RingtraceError], int] = {InvalidInput: 422, NotFound: 404, Conflict: 409, NotAllowed: 403}
CODES = {
    400: "unreadable",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported",
    416: "no_such_range",
    422: "invalid",
    429: "too_many",
    500: "internal",
    503: "unavailable",
}
MACHINE_PATHS = ("/api/", "/v1/", "/s/", "/webhooks/", "/health", "/metrics")


def error_content(
    status: int, message: str, *, code: str | None = None, fields: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The one error form: `{"error": {"code", "message", "fields"}}`."""
    return {"error": {"code": code or CODES.get(status, "error"), "message": message, "fields": dict(fields or {})}}


def error_response(
    status: int, message: str, *, code: str | None = None, fields: dict[str, str] | None = None
) -> Response:
    """An answer in that form."""
    response = jsonify(error_content(status, message, code=code, fields=fields))
    response.status_code = status
    return response


def invalid_fields(error: ValidationError) -> dict[str, str]:
    """A pydantic error as field → what was given and what is allowed."""
    fields: dict[str, str] = {}
    for e in error.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in e["loc"]) or "body"
        given = "" if e["type"] == "missing" else f" (given: {shown(e['input'])})"
        fields.setdefault(name, f"{e['msg']}{given}")
    return fields


def on_validation_error(error: ValidationError) -> Response:
    """What flask-openapi3 answers where path, query or body do not fit their model."""
    return from_ringtrace(InvalidInput(invalid_fields(error)))


def from_ringtrace(error: RingtraceError) -> Response:
    """An expected failure as HTTP."""
    status = STATUS.get(type(error), 400)
    return error_response(status, error.message, code=error.code, fields=by_field(error.fields))


def by_field(problems: Mapping[str, str]) -> dict[str, str]:
    """Problems by the field of the body they are in; where inside it (`domains.0`) stands before the text."""
    fields: dict[str, str] = {}
    for path, problem in problems.items():
        field, _, inside = path.partition(".")
        text = f"{inside}: {problem}" if inside else problem
        fields[field] = f"{fields[field]}; {text}" if field in fields else text
    return fields


def register_errors(app: Flask) -> None:
    """Every way a request can fail, answered in the form its asker understands."""

    @app.errorhandler(RingtraceError)
    def _expected(error: RingtraceError) -> Any:
        return _answer(STATUS.get(type(error), 400), error.message, from_ringtrace(error))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        status = error.code or 500
        if error.response is not None or status < 400:
            return error
        answer = error_response(status, error.description or error.name)
        for name, value in error.get_headers(request.environ):
            if name in {"Allow", "Content-Range", "Retry-After"}:
                answer.headers[name] = value
        return _answer(status, error.description or error.name, answer)

    @app.errorhandler(OperationalError)
    def _database(error: OperationalError) -> Any:
        log.error("database not available: %s", type(error.orig).__name__)
        return _answer(503, "the database does not answer; try again shortly", None, retry=5)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Any:
        log.exception("unexpected error at %s %s", request.method, request.path)
        return _answer(500, "something went wrong on our side; it was logged", None)


def _answer(status: int, message: str, response: Response | None, *, retry: int | None = None) -> Any:
    if request_ctx.url_adapter is None:  # its Host is none
        # Such a request reaches nothing of ours; a page could not even link to the style sheet.
        return response or error_response(status, message)
    if not request.path.startswith(MACHINE_PATHS):
        return render_template("error.html", status=status, message=message), status
    response = response or error_response(status, message)
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response
