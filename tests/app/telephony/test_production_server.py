"""The same door as `ringtrace serve` opens it: another server hands requests over in its own way."""

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from app.telephony.twilio import SIGNATURE, signature
from tests.app.telephony.builders import Desk
from tests.support.databases import sqlite_copy
from tests.support.office import Office
from tests.support.serving import Served, ServeProcess, served

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def sqlite_module_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return sqlite_copy(sqlite_template, tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")
def serving(sqlite_module_url: str) -> Iterator[Desk]:
    with served(sqlite_module_url) as beside:
        process = ServeProcess(sqlite_module_url)
        try:
            process.wait()
            office = Office.open(process.url, sqlite_module_url)
            yield Desk.open(Served(process.url, beside.app, beside.clock), office)
        finally:
            process.stop()


def _send(desk: Desk, path: str, body: str, headers: dict[str, str | bytes]) -> tuple[int, str]:
    wire = HTTPConnection(urlsplit(desk.office.url).netloc, timeout=30)
    try:
        # A server that refuses a body for its size may answer before it was sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.request("POST", path, body, {"Content-Type": FORM, **headers})  # type: ignore[dict-item]
        answer = wire.getresponse()
        return answer.status, answer.read().decode()
    finally:
        wire.close()


def test_a_call_is_connected_and_ends(serving: Desk) -> None:
    sid, answer = serving.office.ring(serving.number)
    assert (answer.status_code, answer.text) == (200, serving.dials())
    fields = {"CallSid": sid, "To": serving.number, "CallStatus": "completed", "CallDuration": "7"}
    assert serving.office.webhook("status", fields).status_code == 204
    assert [c.duration_seconds for c in serving.calls() if c.provider_call_id == sid] == [7]


@pytest.mark.parametrize("query", ["a=%2B1+2%20&b=1&a=1", "x=%C3%A9&y=%c3%a9", "q=a/b?c&&="])
def test_the_query_arrives_byte_by_byte(serving: Desk, query: str) -> None:
    path = f"/webhooks/twilio/voice?{query}"
    fields = {"CallSid": "CA-query", "To": serving.number, "CallerName": "Zoë 💥", "Empty": ""}
    signed = signature(serving.office.provider_token, serving.office.url + path, fields)
    assert _send(serving, path, urlencode(fields), {SIGNATURE: signed}) == (200, serving.dials())


@pytest.mark.parametrize("odd", ["", "x", b"\xff\xfe" * 14, "A" * 27 + "=", "A" * 4000])
def test_odd_signatures_are_refused(serving: Desk, odd: str | bytes) -> None:
    body = urlencode({"CallSid": "CA-odd", "To": serving.number})
    status, text = _send(serving, "/webhooks/twilio/voice", body, {SIGNATURE: odd})
    assert (status, '"forbidden"' in text) == (403, True)


def test_a_form_that_is_too_large_is_413(serving: Desk) -> None:
    status, _ = _send(serving, "/webhooks/twilio/voice", "To=" + "x" * 1_200_000, {})
    assert status == 413
