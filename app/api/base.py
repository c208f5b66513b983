"""What every endpoint of the REST API shares: blueprints behind a token, models of bodies, answers and errors."""

import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote_from_bytes

from flask import Request, Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.api.auth import require_readable_body, require_readable_list, require_token
from app.api.idempotency import answer_again, keep_answer
from app.forms import BoundedForm
from core.text import storable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PREFIX = "/api/v1"


class ApiRequest(Request):
    """A request whose JSON is the body that `require_readable_body` read, whatever its Content-Type says."""

    form_data_parser_class = BoundedForm

    def __init__(self, environ: "WSGIEnvironment", populate_request: bool = True, shallow: bool = False) -> None:
        super().__init__(environ, populate_request, shallow)
        if not self.query_string.isascii():
            # Bytes that should have been percent-encoded: Werkzeug fails where they are not UTF-8.
            self.query_string = quote_from_bytes(self.query_string, safe=string.punctuation).encode()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body of an API call as read once, else what Flask reads."""
        if "api_body" in g:
            return g.api_body
        return super().get_json(force=force, silent=silent, cache=cache)


def _storable(value: str) -> str:
    if not storable(value):
        raise ValueError("control characters are not allowed")
    return value


def text(limit: int) -> Any:
    """The type of a text that both databases can store: trimmed, 1 to `limit` characters."""
    return Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limit), AfterValidator(_storable)
    ]


Text = Annotated[str, AfterValidator(_storable)]
"""A text of any length that both databases can store."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
"""What people call a thing."""
Phone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60),
    Field(description="A phone number; E.164 is understood anywhere."),
]
"""A phone number as people write it; the use case brings it into E.164 or says that it is none."""
Reference = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_storable)]
"""The id (or slug) of something of this account."""


class Body(BaseModel):
    """The body of a request: no unknown field, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Only the fields that were sent (a PATCH changes nothing else)."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Answer(BaseModel):
    """The body of an answer; what it declares is what the OpenAPI document says."""

    def json_ready(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class ErrorDetail(BaseModel):
    """What went wrong: a stable code, a sentence for people, and the fields at fault."""

    code: str
    message: str
    fields: dict[str, str]


class ErrorAnswer(Answer):
    """The one form of every error."""

    error: ErrorDetail


class ById(BaseModel):
    """A path that ends in an id."""

    id: str = Field(description="An id, or a slug where the resource has one.")


def _unless_empty(check: Callable[[], Response | None]) -> Callable[[], Response | None]:
    """The check where there is a body; without one it counts as an empty object."""

    def look() -> Response | None:
        if request.get_data(cache=True):
            return check()
        g.api_body = {}
        return None

    return look


def _operation_id(*, name: str, path: str, method: str) -> str:
    return name


def api_blueprint(name: str, *, takes_lists: bool = False, body_optional: bool = False) -> APIBlueprint:
    """A blueprint under /api/v1 whose every endpoint needs a token and a readable body.

    `name` is the resource (`sites`); functions must have names that are unique in the API, because they are the
    operation ids of the document. Answers of errors are documented for all operations in `app.api.openapi`.
    `takes_lists`: a body may also be a JSON list. `body_optional`: its POSTs need no body, an empty one is `{}`.
    """
    blueprint = APIBlueprint(
        f"api_{name}",
        f"app.api.{name}",
        url_prefix=PREFIX,
        abp_tags=[Tag(name=name)],
        abp_security=[{"token": []}],
        operation_id_callback=_operation_id,
    )
    blueprint.before_request(require_token)
    readable = require_readable_list if takes_lists else require_readable_body
    blueprint.before_request(_unless_empty(readable) if body_optional else readable)
    blueprint.before_request(answer_again)
    blueprint.after_request(keep_answer)
    return blueprint
