"""Keeps threads free for calls: people and programs may take most of them, never all.

Whatever makes a request slow (a large report, a database that was halted in the middle of an answer) holds a thread of
the server. Webhooks, pages of visitors and the fallback files always find one.
"""

import threading
from collections.abc import Iterable
from typing import Any

from app.http_errors import error_content
from app.mount import Wsgi
from app.snippet.answers import answer

FREE = ("/webhooks/", "/v1/", "/s/", "/fallback/", "/health", "/metrics")
"""Paths that need no place."""


def with_places(app: Wsgi, places: int) -> Wsgi:
    """`app`, of whose other paths at most `places` requests are answered at a time; what is more gets 503 at once."""
    free = threading.BoundedSemaphore(places)
    told = answer(error_content(503, "too many requests are being answered at this moment; try again shortly"))
    headers = [*told.headers, ("Retry-After", "1"), ("Content-Length", str(len(told.body)))]

    def placed(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(FREE):
            return app(environ, start_response)
        if not free.acquire(blocking=False):
            start_response("503 Service Unavailable", headers)
            return (told.body,)
        try:
            return app(environ, start_response)
        finally:
            # What is streamed afterwards comes from files, and waits for nobody but the reader.
            free.release()

    return placed
