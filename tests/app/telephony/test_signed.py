"""Who may speak to the webhooks: only what a token of the account signed, over the address the provider calls."""

import random
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from twilio.request_validator import RequestValidator

from store.sites import ProviderCredential
from tests.app.telephony.builders import DAY, Desk
from tests.support.office import Office, fresh_numbers
from tests.support.serving import Served, served


def _refused(answer: Any) -> None:
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "forbidden"


def _sign(token: str, url: str, fields: dict[str, str]) -> str:
    return str(RequestValidator(token).compute_signature(url, fields))


def _fields(desk: Desk, **more: str) -> dict[str, str]:
    return {"CallSid": "CA1", "AccountSid": "AC" + "0" * 32, "From": "+12125550199", "To": desk.number, **more}


def _post(desk: Desk, signature: str | bytes | None, path: str = "/webhooks/twilio/voice", **more: str) -> Any:
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    return desk.office.http.post(desk.office.url + path, data=_fields(desk, **more), headers=headers, timeout=30)


@pytest.mark.parametrize("kind", ["voice", "status"])
def test_a_missing_or_malformed_signature_is_refused(lite_desk: Desk, kind: str) -> None:
    for odd in (None, "", "x", "é" * 28, "é".encode() * 14, b"\xff\xfe" * 14, "A" * 28, "A" * 27 + "=", "A" * 4000):
        odd = odd.encode("latin-1") if isinstance(odd, str) else odd
        _refused(_post(lite_desk, odd, f"/webhooks/twilio/{kind}"))
    assert lite_desk.calls() == []


def test_a_thousand_mutated_signatures_are_refused_and_do_not_keep_a_genuine_call_out(lite_desk: Desk) -> None:
    url = f"{lite_desk.office.url}/webhooks/twilio/voice"
    genuine = _sign(lite_desk.office.provider_token, url, _fields(lite_desk))
    rng = random.Random(6)
    for _ in range(1000):
        where = rng.randrange(len(genuine))
        other = rng.choice([c for c in "ABCxyz019+/=!~" if c != genuine[where]])
        _refused(_post(lite_desk, rng.choice([genuine[:where], genuine[:where] + other + genuine[where + 1 :]])))
    assert _post(lite_desk, genuine).text == lite_desk.dials()


def test_another_address_another_token_or_another_form_is_refused(
    lite_server: Served, lite_desk: Desk, sqlite_url: str
) -> None:
    office, fields = lite_desk.office, _fields(lite_desk)
    url = f"{office.url}/webhooks/twilio/voice"
    stranger = Office.open(lite_server.url, sqlite_url)
    for signature in (
        _sign(office.provider_token, f"{office.url}/webhooks/twilio/status", fields),
        _sign(office.provider_token, url.replace("http:", "https:"), fields),
        _sign(office.provider_token, url.replace("127.0.0.1", "example.com"), fields),
        _sign(office.provider_token, url + "?a=1", fields),
        _sign(stranger.provider_token, url, fields),
        _sign(office.token, url, fields),
        _sign("", url, fields),
        _sign(office.provider_token, url, {**fields, "To": "+12125550111"}),
        _sign(office.provider_token, url, {**fields, "Extra": "1"}),
    ):
        _refused(_post(lite_desk, signature))
    assert lite_desk.calls() == []


def test_forms_in_the_wrong_shape_are_refused(lite_desk: Desk) -> None:
    url = f"{lite_desk.office.url}/webhooks/twilio/voice"
    signed = {"X-Twilio-Signature": _sign(lite_desk.office.provider_token, url, _fields(lite_desk))}
    for body, kind in (
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=%ff&To=%00", "application/x-www-form-urlencoded"),
        (b'{"To": "+12125550100"}', "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"--x\r\nbroken", "multipart/form-data"),
        (b"To=x", "text/plain; charset=no-such-thing"),
    ):
        answer = lite_desk.office.http.post(url, data=body, headers={**signed, "Content-Type": kind}, timeout=30)
        _refused(answer)


def test_nobody_to_ask_is_refused(lite_desk: Desk) -> None:
    [number] = fresh_numbers(1)
    for params in ({}, {"To": number}, {"AccountSid": "AC5"}, {"CallSid": "\x00", "AccountSid": "\x00", "To": "\x00"}):
        _refused(lite_desk.office.webhook("voice", params))
        _refused(lite_desk.office.webhook("status", params))


def test_only_posts_are_taken(lite_desk: Desk) -> None:
    for kind in ("voice", "status"):
        answer = lite_desk.office.http.get(f"{lite_desk.office.url}/webhooks/twilio/{kind}", timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert lite_desk.office.webhook("nothing", {"To": lite_desk.number}).status_code == 404


def test_a_form_that_is_too_large_is_413(lite_desk: Desk) -> None:
    # Only the head of the request is sent: the answer must not wait for the rest.
    parts = urlsplit(lite_desk.office.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as wire:
        wire.sendall(
            b"POST /webhooks/twilio/voice HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1200000\r\n\r\n"
        )
        assert wire.recv(100).split(b" ")[1] == b"413"


@pytest.mark.parametrize(
    "query", ["a=1&b=2", "a=%2B1+2%20", "b=2&a=1&a=1", "x=%C3%A9&y=%c3%a9", "q=a/b?c", "bodySHA256=abc", "=&&"]
)
def test_the_query_is_signed_byte_by_byte(lite_desk: Desk, query: str) -> None:
    path = f"/webhooks/twilio/voice?{query}"
    token, fields = lite_desk.office.provider_token, _fields(lite_desk)
    genuine = _sign(token, lite_desk.office.url + path, fields)
    # A plain client: others tidy the query up before they send it.
    wire = HTTPConnection(urlsplit(lite_desk.office.url).netloc, timeout=30)
    wire.request(
        "POST",
        path,
        urlencode(fields),
        {"X-Twilio-Signature": genuine, "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert wire.getresponse().read().decode() == lite_desk.dials()
    wire.close()
    _refused(_post(lite_desk, genuine, path + "&more=1"))
    _refused(_post(lite_desk, genuine))


@pytest.mark.parametrize(
    ("base", "signed_over"),
    [
        ("https://calls.example.com", "https://calls.example.com"),
        ("https://calls.example.com", "https://calls.example.com:443"),
        ("https://calls.example.com:8443", "https://calls.example.com:8443"),
        ("https://calls.example.com:8443", "https://calls.example.com"),
        ("http://calls.example.com:80", "http://calls.example.com"),
        ("https://example.com/tools/ring/", "https://example.com/tools/ring"),
        ("https://example.com:8443/webhooks", "https://example.com/webhooks"),
    ],
)
def test_signatures_are_made_over_the_public_address(sqlite_url: str, base: str, signed_over: str) -> None:
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL=base) as server:
        desk = Desk.open(server, Office.open(server.url, sqlite_url))
        token, path = desk.office.provider_token, "/webhooks/twilio/voice"
        signature = _sign(token, signed_over + path, _fields(desk))
        dials = desk.dials(base=base.rstrip("/"))
        assert _post(desk, signature, path).text == dials
        below = urlsplit(base).path.rstrip("/")
        assert _post(desk, signature, below + path).text == dials, "a proxy may pass the path on"
        _refused(_post(desk, _sign(token, server.url + path, _fields(desk)), path))


def test_twilios_tokens_sign_while_they_are_current_and_for_a_day_after(server: Served, desk: Desk) -> None:
    office, sid, now = desk.office, "AC" + "0" * 32, server.clock()
    desk.store_twilio("second", sid, now, previous="first", until=now + DAY)
    for token in ("first", "second"):
        assert office.webhook("voice", _fields(desk), token=token).text == desk.dials()
    _refused(office.webhook("voice", _fields(desk), token="third"))
    server.clock.forward(hours=23, minutes=59)
    assert office.webhook("voice", _fields(desk), token="first").text == desk.dials()
    server.clock.forward(minutes=1)
    _refused(office.webhook("voice", _fields(desk), token="first"))
    assert office.webhook("voice", _fields(desk), token="second").text == desk.dials()


def test_the_accounts_own_token_ends_a_day_after_twilios_was_first_stored(server: Served, desk: Desk) -> None:
    office = desk.office
    server.clock.forward(days=400)
    assert office.webhook("voice", _fields(desk)).text == desk.dials(), "without Twilio's it never ends"
    desk.store_twilio("twilios", "AC1", server.clock())
    server.clock.forward(hours=23, minutes=59)
    for token in (None, "twilios"):
        assert office.webhook("voice", _fields(desk), token=token).text == desk.dials()
    server.clock.forward(minutes=1)
    _refused(office.webhook("voice", _fields(desk)))
    assert office.webhook("voice", _fields(desk), token="twilios").text == desk.dials()


def test_rotating_twilios_token_does_not_bring_the_accounts_own_back(server: Served, desk: Desk) -> None:
    desk.store_twilio("first", "AC1", server.clock())
    server.clock.forward(days=5)
    desk.store_twilio("second", "AC1", server.clock(), previous="first", until=server.clock() + DAY)
    _refused(desk.office.webhook("voice", _fields(desk)))
    assert desk.office.webhook("voice", _fields(desk), token="first").text == desk.dials()


def test_a_token_that_cannot_be_opened_signs_nothing(lite_desk: Desk) -> None:
    with lite_desk.work() as (_, session):
        row = session.get_one(ProviderCredential, (session.account_id, "manual"))
        row.token = b"sealed with a key that was lost"
    _refused(lite_desk.office.webhook("voice", _fields(lite_desk)))


def test_accounts_that_share_an_account_sid_are_told_apart_by_the_call_and_the_number(
    server: Served, desk: Desk, database_url: str
) -> None:
    other = Desk.open(server, Office.open(server.url, database_url))
    sid, now = "AC" + "5" * 32, server.clock()
    desk.store_twilio("tok-a", sid, now - 2 * DAY)
    other.store_twilio("tok-b", sid, now - 2 * DAY)
    for mine, token in ((desk, "tok-a"), (other, "tok-b")):
        call = _fields(mine, CallSid=f"CA-{token}", AccountSid=sid)
        assert mine.office.webhook("voice", call, token=token).text == mine.dials()
        assert [c.provider_call_id for c in mine.calls()] == [f"CA-{token}"]
    _refused(desk.office.webhook("voice", _fields(desk, CallSid="CA-x", AccountSid=sid), token="tok-b"))
    # A call that is the other's stays the other's, whatever number the report names.
    _refused(desk.office.webhook("status", _fields(desk, CallSid="CA-tok-b", CallStatus="failed"), token="tok-a"))
    [nobodys] = fresh_numbers(1)
    for token in ("tok-a", "tok-b"):
        answer = desk.office.webhook("voice", {"AccountSid": sid, "To": nobodys, "CallSid": "CA-n"}, token=token)
        assert (answer.status_code, "<Hangup />" in answer.text) == (200, True)
    _refused(desk.office.webhook("voice", {"AccountSid": sid, "To": nobodys}, token="tok-c"))


def test_the_session_of_a_browser_is_neither_needed_nor_believed(lite_desk: Desk) -> None:
    answer = requests.post(
        f"{lite_desk.office.url}/webhooks/twilio/voice",
        data=_fields(lite_desk),
        headers={"Authorization": f"Bearer {lite_desk.office.token}"},
        timeout=30,
    )
    _refused(answer)


def test_a_token_is_rotated_without_a_gap(server: Served, desk: Desk) -> None:
    """The next one signs before anybody promotes it, the old one for a day after."""
    office, sid = desk.office, "AC" + "b" * 32

    def connects(*tokens: str) -> list[bool]:
        answers = [office.webhook("voice", _fields(desk), token=token) for token in tokens]
        assert {answer.status_code for answer in answers} <= {200, 403}
        return [answer.status_code == 200 for answer in answers]

    credentials = {"account_sid": sid, "auth_token": "old"}
    office.api("PUT", "/providers/twilio", credentials, expect=200)
    assert connects("old", "new", "strange") == [True, False, False]
    office.api("PUT", "/providers/twilio", {**credentials, "next_auth_token": "new"}, expect=200)
    assert connects("old", "new", "strange") == [True, True, False]
    server.clock.forward(days=9)
    assert connects("old", "new", "strange") == [True, True, False], "until Twilio promotes it, however long"
    office.api("PUT", "/providers/twilio", {**credentials, "auth_token": "new"}, expect=200)
    assert connects("old", "new") == [True, True]
    server.clock.forward(hours=24)
    assert connects("old", "new") == [False, True]
    office.api("PUT", "/providers/twilio", {**credentials, "auth_token": "new", "next_auth_token": "x"}, expect=200)
    office.api("PUT", "/providers/twilio", {**credentials, "auth_token": "new", "next_auth_token": None}, expect=200)
    assert connects("x", "new") == [False, True], "called off"
