"""However many slow requests there are, a call finds a thread."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.bulkhead import with_places


def asked(app: Any, path: str) -> tuple[str, dict[str, str], bytes]:
    told: list[Any] = []
    body = b"".join(
        app({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, lambda status, headers: told.extend((status, headers)))
    )
    return told[0], dict(told[1]), body


def test_calls_are_answered_while_everything_else_is_stuck() -> None:
    stuck, go_on = threading.Semaphore(0), threading.Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/api/v1/slow":
            stuck.release()
            go_on.wait(30)
        start_response("200 OK", [])
        return [b"done"]

    app = with_places(slow, 3)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(asked, app, "/api/v1/slow") for _ in range(3)]
        for _ in range(3):
            assert stuck.acquire(timeout=30)
        for path in ("/webhooks/twilio/voice", "/v1/swap", "/fallback/12125550100.xml", "/health", "/s/key.js"):
            assert asked(app, path)[0] == "200 OK"
        status, headers, body = asked(app, "/api/v1/calls")
        assert status == "503 Service Unavailable"
        assert headers["Retry-After"] == "1"
        assert headers["Content-Length"] == str(len(body))
        assert b'"unavailable"' in body
        go_on.set()
        assert [one.result()[0] for one in waiting] == ["200 OK"] * 3
    assert asked(app, "/api/v1/calls")[0] == "200 OK"


def test_a_failure_gives_its_place_back() -> None:
    def failing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise ValueError

    app = with_places(failing, 1)
    for _ in range(3):
        try:
            asked(app, "/calls")
        except ValueError:
            continue
        raise AssertionError("the failure was swallowed")
