"""A page's request, read straight from what the server passed on: a few headers and a body."""

from functools import cached_property
from typing import Any

from werkzeug.wsgi import get_input_stream

from app.client_address import Asked


class PageHeaders:
    """A request's headers by name."""

    __slots__ = ("_environ",)

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def get(self, key: str, default: str = "", /) -> str:
        """A header, or `default` where it was not sent."""
        found: str = self._environ.get(f"HTTP_{key.replace('-', '_').upper()}", default)
        return found


class PageRequest:
    """A POST of a page. `path` is one of the two that pages post to."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self.path: str = environ["PATH_INFO"]
        self.remote_addr: str | None = environ.get("REMOTE_ADDR")
        self.headers: Asked = PageHeaders(environ)

    @cached_property
    def origin(self) -> str | None:
        """The `Origin` header; None where there is none."""
        return self._environ.get("HTTP_ORIGIN")

    def read(self, most: int) -> bytes | None:
        """The body; None where it is longer than `most` bytes."""
        told = self._environ.get("CONTENT_LENGTH") or ""
        if told.isascii() and told.isdigit() and int(told) > most:
            return None
        body = get_input_stream(self._environ).read(most + 1)
        return body if len(body) <= most else None
