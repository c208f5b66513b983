"""The two paths of pages in front of Flask and inside it: one function, the same answers."""

import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from tests.support.office import BROWSER, OWN, Office
from tests.support.serving import Served

ORIGIN = "https://example.com"


def message(key: str, fields: dict[str, Any]) -> str:
    return json.dumps({"site": key, "visitor": None, "url": f"{ORIGIN}/", "numbers": [OWN], **fields})


@pytest.mark.parametrize(
    ("path", "fields", "origin", "status"),
    [
        ("/v1/swap", {}, ORIGIN, 200),
        ("/v1/swap", {"consent": "source"}, ORIGIN, 200),
        ("/v1/swap", {"consent": "none"}, ORIGIN, 200),
        ("/v1/swap", {"numbers": "none"}, ORIGIN, 422),
        ("/v1/swap", {"site": "nobody's"}, ORIGIN, 422),
        ("/v1/swap", {}, "https://example.org", 403),
        ("/v1/swap", {"title": "x" * 20_000}, ORIGIN, 413),
        ("/v1/events", {"events": [{"type": "heartbeat"}]}, ORIGIN, 202),
        ("/v1/events", {"events": [{"type": "Heart Beat"}]}, ORIGIN, 422),
    ],
)
def test_both_answer_alike(
    office: Office, server: Served, path: str, fields: dict[str, Any], origin: str, status: int
) -> None:
    site = office.site()
    office.source(site, "direct", numbers=1)
    app = server.app
    inside = Client(lambda environ, start_response: Flask.wsgi_app(app, environ, start_response))
    front = Client(app.wsgi_app)
    headers = {"Origin": origin, "User-Agent": BROWSER}
    answers = [
        client.post(path, data=message(site["key"], fields), content_type="text/plain", headers=headers)
        for client in (front, inside)
    ]
    assert [answer.status_code for answer in answers] == [status, status]
    first, second = (answer.get_json() if answer.data else {} for answer in answers)
    # Who is new is another each time, and a page is asked once to look at itself.
    own = {"visitor", "visit", "check"}
    assert {k: v for k, v in first.items() if k not in own} == {k: v for k, v in second.items() if k not in own}
    for name in ("Access-Control-Allow-Origin", "Vary", "Cache-Control", "X-Content-Type-Options"):
        assert answers[0].headers.get(name) == answers[1].headers.get(name)


def test_other_methods_are_flasks(server: Served) -> None:
    client = Client(server.app.wsgi_app)
    assert client.get("/v1/swap").status_code == 405
    assert client.post("/v1/nothing").status_code == 404
