"""`/api/openapi.json`: the OpenAPI 3.1 document of the REST API, true to the code."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify
from flask_openapi3.openapi import OpenAPI

from app.api.base import ErrorAnswer
from app.api.idempotency import HEADER

_REF = "#/components/schemas/"
_REASONS = {
    "400": "The body is not readable as JSON.",
    "401": "No valid API token.",
    "404": "There is no such thing in this account.",
    "409": "Conflicts with what is there.",
    "413": "The body is too large.",
    "422": "A field, limit or cursor is wrong; `fields` says which.",
    "429": "Too many calls with this token; `Retry-After` says when to go on.",
    "503": "The database does not answer at the moment.",
}
_ALWAYS = ("401", "422", "429", "503")
_WITH_BODY = ("400", "409", "413")
_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A repeat with the same key gets the first answer; with another body it is 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def register(app: OpenAPI) -> None:
    """Serves the document; it is made when first asked for, when all endpoints are there."""
    blueprint = Blueprint("api_document", __name__)

    @cache
    def made() -> dict[str, Any]:
        return document(app)

    @blueprint.get("/api/openapi.json")
    def openapi_document() -> Response:
        return jsonify(made())

    app.register_blueprint(blueprint)


def document(app: OpenAPI) -> dict[str, Any]:
    """The document: the library's, with our one form of errors in the place of its own."""
    spec: dict[str, Any] = app.api_doc
    schemas = spec["components"]["schemas"]
    for name in [n for n in schemas if n.startswith("ValidationErrorModel")]:
        del schemas[name]
    error = ErrorAnswer.model_json_schema(mode="serialization", ref_template=_REF + "{model}")
    schemas.update(error.pop("$defs"))
    schemas["ErrorAnswer"] = error
    for schema in schemas.values():
        schema.pop("$defs", None)
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                _document_errors(path, method, operation)
                if method == "post":
                    operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
                for parameter in operation.get("parameters", []):
                    _without_null(parameter["schema"])
    return spec


def _without_null(schema: dict[str, Any]) -> None:
    """A parameter is left out, never null: None stands for "not given" inside only."""
    if schema.get("default", ...) is None:
        del schema["default"]
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if len(options) == 1:
        del schema["anyOf"]
        schema.update({**options[0], **schema})


def _document_errors(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = list(_ALWAYS)
    if method in {"post", "put", "patch"}:
        statuses += _WITH_BODY
    if method == "delete":
        statuses.append("409")
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    # An id of another account, or of nothing, is 404 in the path and among the filters of a query.
    if names - {"limit", "cursor"} or path.endswith("/twilio"):
        statuses.append("404")
    responses = operation["responses"]
    responses.pop("422", None)
    for status in statuses:
        responses.setdefault(status, _error(status))
    operation["responses"] = dict(sorted(responses.items()))


def _error(status: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _REASONS[status],
        "content": {"application/json": {"schema": {"$ref": f"{_REF}ErrorAnswer"}}},
    }
    if status in {"429", "503"}:
        answer["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return answer
