"""Requests in shapes that no provider sends: refused, whatever they are, and never a failure of ours."""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.request_validator import RequestValidator

from tests.app.telephony.builders import Desk
from tests.support.office import Office
from tests.support.serving import Served

KINDS = ("voice", "status", "recording", "sms")
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def _part(name: str, value: str, more: str = "") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'.encode()


def _bodies(number: str) -> list[tuple[bytes, str]]:
    to = f"To=%2B{number[1:]}&CallSid=CA1".encode()
    return [
        (b"", FORM),
        (b"", ""),
        (to, "application/json"),
        (b'{"To": "%s", "CallSid": "CA1"}' % number.encode(), "application/json"),
        (b'"\xff\xfe"', "application/json; charset=utf-16"),
        (to, "text/plain"),
        (to, "application/x-www-form-urlencoded; charset=no-such-thing"),
        (to, "application/x-www-form-urlencoded; charset=utf-16"),
        (to, "APPLICATION/x-www-form-urlencoded;;;=;charset"),
        (to.decode().encode("utf-16"), FORM),
        (to + b"&%=%&%zz=%u0041&=&&;=", FORM),
        (to + b"&\xff\xfe=%ff%fe%00&%00=\x00", FORM),
        (to + b"&" + b"a=1&" * 100_000, FORM),
        (b"=" * 400_000, FORM),
        (to + b"&Body=" + b"%f0%9f%92%a5" * 30_000, FORM),
        (b"x" * 1_000_000, FORM),
        (to + b"&Body=" + b"x" * 700_000, FORM),
        (_part("To", number) + b"--x--\r\n", MULTIPART),
        (_part("To", number) + _part("f", "x" * 300_000, '; filename="a.bin"') + b"--x--\r\n", MULTIPART),
        (b"".join(_part(f"n{i}", "v") for i in range(2_000)) + b"--x--\r\n", MULTIPART),
        (_part("To", number, '; filename="To"') + b"--x--\r\n", MULTIPART),
        (_part("To", "x" * 600_000) + b"--x--\r\n", MULTIPART),
        (_part("To", number), MULTIPART),
        (b"--x\r\n" * 20_000, MULTIPART),
        (b"--x\r\nbroken", "multipart/form-data"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=" + "x" * 300),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_in_the_wrong_shape_are_refused(lite_desk: Desk, kind: str) -> None:
    url = f"{lite_desk.office.url}/webhooks/twilio/{kind}"
    signed = RequestValidator(lite_desk.office.provider_token).compute_signature(url, {})
    for body, content_type in _bodies(lite_desk.number):
        headers = {"X-Twilio-Signature": signed, "Content-Type": content_type}
        answer = lite_desk.office.http.post(url, data=body, headers=headers, timeout=30)
        assert answer.status_code in {403, 413}, (body[:60], content_type, answer.status_code)
        assert answer.json()["error"]["code"] in {"forbidden", "too_large"}
    assert (lite_desk.calls(), lite_desk.events()) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_every_webhook_holds_to_the_same_rules(
    lite_server: Served, lite_desk: Desk, sqlite_url: str, kind: str
) -> None:
    office, number = lite_desk.office, lite_desk.number
    stranger = Office.open(lite_server.url, sqlite_url)
    fields = {"CallSid": "CA1", "To": number, "MessageSid": "SM1", "RecordingSid": "RE1"}
    url = f"{office.url}/webhooks/twilio/{kind}"
    signs = RequestValidator(office.provider_token).compute_signature
    other_kind = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    for signature in (
        None,
        "",
        "garbage",
        "é".encode() * 14,
        signs(f"{office.url}/webhooks/twilio/{other_kind}", fields),
        signs(url.replace("127.0.0.1", "example.com"), fields),
        signs(url + ":port", fields),
        signs(url, {**fields, "To": "+12125550111"}),
        RequestValidator(stranger.provider_token).compute_signature(url, fields),
    ):
        headers: dict[str, Any] = {} if signature is None else {"X-Twilio-Signature": signature}
        answer = office.http.post(url, data=fields, headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), signature
    assert office.http.get(url, timeout=30).status_code == 405
    assert lite_desk.events() == []
    genuine = office.webhook(kind, fields)
    assert genuine.status_code == (200 if kind in {"voice", "sms"} else 204)
    if kind == "sms":
        assert genuine.text == '<?xml version="1.0" encoding="UTF-8"?><Response/>'
        assert genuine.headers["Content-Type"].startswith("text/xml")


def test_a_hundred_refused_requests_are_refused_and_not_counted_against_the_provider(lite_desk: Desk) -> None:
    """The provider's address is one for all its customers: whoever forges requests must not shut the genuine out."""
    statuses = {lite_desk.office.webhook("voice", {"To": lite_desk.number}, token="x").status_code for _ in range(100)}
    assert statuses == {403}
    assert lite_desk.office.ring(lite_desk.number)[1].text == lite_desk.dials()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nTo=x\r\n0\r\n\r\n",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: abc\r\n\r\nTo=x",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: -1\r\n\r\nTo=x",
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n",
        b"Content-Type: \xff\xfe\r\nContent-Length: 4\r\n\r\nTo=x",
        b"X-Twilio-Signature: a\r\nX-Twilio-Signature: b\r\nContent-Length: 4\r\n\r\nTo=x",
    ],
)
def test_heads_in_the_wrong_shape_are_no_failure_of_ours(lite_desk: Desk, head: bytes) -> None:
    parts = urlsplit(lite_desk.office.url)
    for kind in KINDS:
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as wire:
            wire.sendall(
                b"POST /webhooks/twilio/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % kind.encode() + head
            )
            status = wire.recv(100).split(b" ")[1]
        assert status in {b"400", b"403", b"411", b"413"}, (kind, status)
