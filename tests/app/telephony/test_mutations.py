"""Signed requests with one byte changed: refused, every one, and nothing is kept of them.

Some thousand in the suite; more with RINGTRACE_MUTATIONS=100000 (docs/telephony.md).
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

import pytest
from flask import Flask
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from tests.app.telephony.builders import Desk
from tests.support.serving import Served

MUTATIONS = int(os.environ.get("RINGTRACE_MUTATIONS", "2000"))
QUERY = "site=7&note=a%2Bb%20c"
FORM_TYPE = "application/x-www-form-urlencoded"


class Signed(NamedTuple):
    """What a signature covers, and the signature."""

    kind: str
    query: bytes
    body: bytes
    signature: bytes


def send(app: Flask, request: Signed) -> int:
    """Hands the bytes to the application as a server would; the status of its answer."""
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/webhooks/twilio/{request.kind}",
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": FORM_TYPE,
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_X_TWILIO_SIGNATURE": request.signature.decode("latin-1"),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    answer = app.wsgi_app(environ, lambda line, *_: status.append(line))
    try:
        for _ in answer:
            pass
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return int(status[0].split(" ")[0])


def says(request: Signed) -> tuple[object, ...]:
    """What a request says once it is decoded: two that say the same are the same request in other letters."""
    pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return request.query, sorted(pairs), request.signature


def requests_of(desk: Desk) -> list[Signed]:
    """A call, its end, and a text as Twilio sends them, signed."""
    places = {
        f"{who}{what}": value
        for who in ("From", "To", "Caller", "Called")
        for what, value in (("City", "NEW YORK"), ("State", "NY"), ("Zip", "10001"), ("Country", "US"))
    }
    call = {
        "CallSid": "CA" + "4" * 32,
        "AccountSid": "AC" + "0" * 32,
        "From": "+12125550199",
        "To": desk.number,
        "Caller": "+12125550199",
        "Called": desk.number,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
        "CallerName": "Ada & Söhne",
        "StirVerstat": "TN-Validation-Passed-A",
        **places,
    }
    text = {"MessageSid": "SM1", "From": "+12125550199", "To": desk.number, "Body": "Hi! 100 % = 💥", "NumMedia": "0"}
    forms = [
        ("voice", call),
        ("status", {**call, "CallStatus": "completed", "CallDuration": "42"}),
        ("sms", {**text, **places}),
    ]
    validator, found = RequestValidator(desk.office.provider_token), []
    for kind, form in forms:
        url = f"{desk.office.url}/webhooks/twilio/{kind}?{QUERY}"
        signed = validator.compute_signature(url, MultiDict(form))
        found.append(Signed(kind, QUERY.encode(), urlencode(form).encode(), signed.encode()))
    return found


def mutated(text: bytes, rng: random.Random) -> bytes:
    """One byte replaced, left out, put in, or doubled; the bytes that borders are made of come often."""
    where = rng.randrange(len(text))
    byte = rng.choice(b"=&%+;\x00 ") if rng.random() < 0.3 else rng.randrange(256)
    how = rng.randrange(4)
    if how == 0:
        return text[:where] + bytes([byte]) + text[where + 1 :]
    if how == 1:
        return text[:where] + text[where + 1 :]
    if how == 2:
        return text[:where] + bytes([byte]) + text[where:]
    return text[:where] + text[where : where + 1] + text[where:]


def mutants(genuine: list[Signed], count: int, rng: random.Random) -> Iterator[Signed]:
    """So many requests that say something else than the one that was signed."""
    made = 0
    while made < count:
        request = rng.choice(genuine)
        part = rng.choices(("body", "query", "signature"), (8, 1, 1))[0]
        other = request._replace(**{part: mutated(getattr(request, part), rng)})
        if says(other) != says(request):
            made += 1
            yield other


def test_a_request_with_one_byte_changed_is_refused(
    lite_server: Served, lite_desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    genuine, answers = requests_of(lite_desk), Counter[int]()
    accepted: list[Signed] = []
    with caplog.at_level("CRITICAL"):
        for request in mutants(genuine, MUTATIONS, random.Random(2026)):
            status = send(lite_server.app, request)
            answers[status] += 1
            if status != 403:
                accepted.append(request)
    print(f"{MUTATIONS} mutations: {dict(answers)}")
    assert accepted == []
    assert answers == {403: MUTATIONS}
    assert (lite_desk.calls(), lite_desk.events()) == ([], [])
    assert [send(lite_server.app, request) for request in genuine] == [200, 204, 200]
    assert len(lite_desk.events()) == len(genuine)


def test_a_border_between_name_and_value_that_is_taken_away_or_put_in_is_refused(
    lite_server: Served, lite_desk: Desk
) -> None:
    """The one-byte changes that Twilio's signature cannot see, all of them."""
    validator, seen = RequestValidator(lite_desk.office.provider_token), 0
    for request in requests_of(lite_desk):
        url = f"{lite_desk.office.url}/webhooks/twilio/{request.kind}?{QUERY}"
        for where in range(len(request.body)):
            others = [request.body[:where] + request.body[where + 1 :]]
            others += [request.body[:where] + border + request.body[where:] for border in (b"&", b"=")]
            for body in others:
                other = request._replace(body=body)
                form = MultiDict(parse_qsl(body.decode(), keep_blank_values=True))
                if says(other) != says(request) and validator.validate(url, form, request.signature.decode()):
                    seen += 1
                    assert send(lite_server.app, other) == 403, body
    assert seen > 70
    assert (lite_desk.calls(), lite_desk.events()) == ([], [])
