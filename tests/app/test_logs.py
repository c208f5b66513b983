"""The log holds no number, token or password, whatever happens, and no line that somebody else wrote."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from app.logs import formatter, redacted, request_id
from app.watch import HEADER
from tests.app.web.staff import Staff
from tests.support.office import DESTINATION, OWN, PASSWORD, Office
from tests.support.serving import Served, served

CALLER = "+12125557777"
TWILIO = "0123456789abcdef" * 2
WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def logging_into(form: str, level: int = logging.DEBUG) -> Iterator[io.StringIO]:
    """Collects what a process would write."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(stream), root.level
    handler.setFormatter(formatter(form))
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def written(form: str, message: str, *args: object, exc: BaseException | None = None) -> str:
    with logging_into(form) as stream:
        logging.getLogger("ringtrace.test").error(message, *args, exc_info=exc)
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        CALLER,
        "12125557777",
        "(212) 555-7777",
        "212-555-7777",
        "212.555.7777",
        "212 555 7777",
        "555-7777",
        "+1 (212) 555-7777",
        "%2B12125557777",
        "+44 20 7946 0123",
        "020 7946 0123",
        "{'From': '+12125557777'}",
        "tel:+12125557777;ext=5",
        "rt_aB3dEfGhIjKlMnOpQrStUvWxYz0123456789",
        "Authorization: Bearer abcdefgh12345678",
        f"auth_token={TWILIO}",
        TWILIO,
        "postgresql+psycopg://user:hunter22@db/x",
        WEBHOOK,
        'password: "hunter22"',
        "aB3dEfGhIjKlMnOpQrStUvWxYz0123456789aB3dEfGhI",
    ],
)
def test_what_must_not_be_in_a_log_is_taken_out(text: str) -> None:
    secrets = {"2125557777", "7946", "hunter22", TWILIO, WEBHOOK, "abcdefgh12345678", "aB3dEfGhI", "5557777"}
    for form in ("text", "json"):
        for line in (
            written(form, text),
            written(form, "it was %s", text),
            written(form, "failed", exc=ValueError(text)),
        ):
            squeezed = re.sub(r"[\s().\-]", "", line)
            assert not [s for s in secrets if s in squeezed or s in line], line


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 07:00:12,345",
        "2026-11-22T07:00:12Z",
        "account 01a2021e559c7a9e92183602518b9e1a: 12 visits",
        "10.0.0.12:8000",
        "192.168.100.200",
        "GET /calls/<call_id> 200 12 ms account -",
        "took 123456 ms, 1048576 bytes",
        'File "/srv/ringtrace/app/watch.py", line 212, in watch',
        "RINGTRACE_SECRET_KEY is not set",
        "version 2026-11-22.3 is used",
    ],
)
def test_what_is_needed_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text(max_size=200), st.sampled_from(["text", "json"]))
def test_no_text_begins_a_line_of_its_own(text: str, form: str) -> None:
    lines = written(form, "said %s", text).splitlines()
    assert len(lines) == 1
    assert lines[0].isprintable()
    followed = written(form, "failed", exc=ValueError(f"x\r\n2026-11-22 ERROR all is well\n{text}")).splitlines()
    assert all(line.startswith("    | ") for line in followed[1:])
    assert form == "text" or len(followed) == 1


@given(st.text(max_size=300))
def test_taking_out_ends_and_is_done_once(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


def test_a_json_line_says_what_a_machine_asks(lite_server: Served) -> None:
    with logging_into("json", logging.INFO) as stream:
        answer = requests.get(f"{lite_server.url}/api/v1/calls?q={CALLER}", headers={HEADER: "abc-1"}, timeout=30)
    [line] = [json.loads(x) for x in stream.getvalue().splitlines() if '"ringtrace.access"' in x]
    assert answer.headers[HEADER] == "abc-1"
    assert (line["request"], line["level"], line["route"], line["status"]) == ("abc-1", "INFO", "/api/v1/calls", 401)
    assert line["account"] is None
    assert isinstance(line["ms"], int)


def test_every_answer_has_an_id_and_a_strange_one_is_not_taken_over(lite_office: Office) -> None:
    site = lite_office.site()
    answers = [
        requests.get(f"{lite_office.url}{path}", headers={HEADER: given}, timeout=30)
        for path in ("/health", "/nothing", "/sign-in", "/webhooks/twilio/voice")
        for given in ("a b", "x" * 65, "<script>", "")
    ] + [lite_office.swap(site)]
    ids = [answer.headers[HEADER] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{16}", found) for found in ids)
    assert request_id.get() is None


def test_no_line_for_files_health_and_visitors_and_one_for_the_rest(
    lite_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, staff = lite_office.site(), Staff.of(lite_office)
    monkeypatch.setattr(logging.getLogger("werkzeug"), "disabled", True)
    with logging_into("text", logging.INFO) as stream:
        lite_office.swap(site)
        requests.get(f"{lite_office.url}/health", timeout=30)
        staff.get("/static/app.css")
        staff.get("/calls?q=secret+words")
        staff.get("/nothing/here")
    lines = [x for x in stream.getvalue().splitlines() if "ringtrace.access" in x]
    assert [x.split("] ")[1].split(" ")[:3] for x in lines] == [["GET", "/calls", "200"], ["GET", "none", "404"]]
    assert lite_office.account_id in lines[0]
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_whole_day_leaves_no_number_and_no_token_in_the_log(
    sqlite_url: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The development server of the tests writes paths of its own; the production server writes none.
    monkeypatch.setattr(logging.getLogger("werkzeug"), "disabled", True)
    with logging_into(form) as stream, served(sqlite_url) as server:
        office = Office.open(server.url, sqlite_url)
        site = office.site()
        source = office.source(site, "google_ads", numbers=1)
        number = source["pool"][0]
        swapped = office.swap(site).json()
        office.events(site, swapped, {"type": "form", "phone": CALLER, "email": "a@example.com"})
        sid, _ = office.ring(number, CALLER)
        office.ring(number, CALLER, sid="x" * 300)
        office.webhook("voice", {"To": number, "From": CALLER}, token="wrong")
        office.api("GET", f"/calls/{office.call_of(sid)['id']}", expect=200)
        office.api("GET", "/calls", params={"q": CALLER, "caller": CALLER})
        office.api("GET", f"/numbers/{number}", expect=200)
        office.api("PUT", "/providers/twilio", {"account_sid": "AC" + "0" * 32, "auth_token": TWILIO}, expect=200)
        staff = Staff(server.url, office.email)
        staff.enter("wrong password")
        staff.enter()
        staff.get(f"/calls?q={CALLER}")
        staff.get(f"/calls\r\n{CALLER}")
        room = server.app.extensions["ringtrace"]

        def fail(*_: object) -> None:
            raise RuntimeError(f"{CALLER} {office.token} {office.provider_token} {TWILIO} {PASSWORD}\r\nFAKE LINE")

        monkeypatch.setattr(type(room.database), "read", fail)
        assert staff.get("/calls").status_code == 500
        assert office.api("GET", "/calls").status_code == 500
        secrets = [CALLER, number, OWN, DESTINATION, office.token, office.provider_token, TWILIO]
        secrets += [value for cookie in staff.http.cookies if (value := cookie.value)]
    log = stream.getvalue()
    assert "RuntimeError" in log, "the failures are in it"
    assert not [s for s in secrets if s in log or s.removeprefix("+") in log]
    assert not [line for line in log.splitlines() if line.startswith("FAKE")]
    if form == "json":
        assert all(json.loads(line)["level"] for line in log.splitlines())


def test_a_process_writes_to_standard_error_once(capsys: pytest.CaptureFixture[str]) -> None:
    from app.logs import set_up_logs

    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        set_up_logs("INFO", "text")
        set_up_logs("INFO", "json")
        logging.getLogger("ringtrace.x").info("hello %s", CALLER)
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert json.loads(told[0])["message"] == "hello [phone]"
    assert sys.stderr is not None
