"""Serves below a path: PUBLIC_BASE_URL may hold one, and proxies differ in whether they pass it on."""

from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def below(app: Wsgi, prefix: str, is_route: Callable[[str], bool]) -> Wsgi:
    """`app`, reached with and without `prefix` (such as `/calls`); the links it makes always begin with it.

    Behind a proxy that takes the prefix away, a path may still begin with the same word. `is_route` decides then: the
    prefix goes unless only the whole path is a route.
    """

    def mounted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == prefix or path.startswith(f"{prefix}/"):
            rest = path[len(prefix) :] or "/"
            if is_route(rest) or not is_route(path):
                environ["PATH_INFO"] = rest
        environ["SCRIPT_NAME"] = prefix
        return app(environ, start_response)

    return mounted
