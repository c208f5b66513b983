"""Texts over HTTP: once each, matched, told to who listens; hostile words and senders of every kind."""

import math
import uuid
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.telephony.twilio import TwilioProvider
from store.messages import Message
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.telephony.builders import AT, Desk
from tests.core.test_phone import WITHHELD
from tests.support.office import Office, fresh_numbers
from tests.support.serving import Served

CALLER = "+12125550199"
HOSTILE = '<script>alert(1)</script>\n=HYPERLINK("x")\' OR 1=1 -- \u202e \U0001f4a5'


def write(office: Office, number: str, body: str = "Do you do boilers?", **fields: str) -> tuple[str, Any]:
    """A text comes in; returns (MessageSid, response)."""
    sid = fields.pop("MessageSid", f"SM{uuid.uuid4().hex}")
    params = {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": "AC" + "0" * 32,
        "From": CALLER,
        "To": number,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "ApiVersion": "2010-04-01",
        **fields,
    }
    return sid, office.webhook("sms", params)


def texts(office: Office, query: str = "") -> Any:
    return office.api("GET", f"/messages{query}", expect=200)["items"]


def test_a_text_is_kept_once_with_who_may_have_sent_it(office: Office) -> None:
    site = office.site()
    source = office.source(site)
    swapped = office.swap(site).json()
    number = source["pool"][0]
    sid, answer = write(office, number, HOSTILE)
    assert (answer.status_code, "<Response" in answer.text, "<Message" in answer.text) == (200, True, False)
    assert answer.headers["Content-Type"].startswith("text/xml")
    for _ in range(2):
        write(office, number, HOSTILE, MessageSid=sid)
    write(office, number, HOSTILE, MessageSid=sid, SmsStatus="received")
    (text,) = texts(office)
    assert (text["provider_message_id"], text["from"], text["to"], text["body"]) == (sid, CALLER, number, HOSTILE)
    assert (text["source"], text["site"], text["sender"], text["media"]) == ("google_ads", site["id"], None, 0)
    assert text["at"].endswith("Z")
    match, (candidate,) = text["match"], text["candidates"]
    assert (match["visit"], match["visitor"], match["by"]) == (swapped["visit"], swapped["visitor"], "model")
    assert (candidate["visit"], candidate["visitor"], candidate["rank"], candidate["source"]) == (
        swapped["visit"],
        swapped["visitor"],
        1,
        "google_ads",
    )
    assert match["likelihood"] == candidate["likelihood"]
    assert math.fsum([candidate["likelihood"], text["none"]]) == pytest.approx(1, abs=1e-12)
    stated = math.log2(candidate["likelihood"] / text["none"])
    assert math.fsum(row["weight"] for row in candidate["evidence"]) == pytest.approx(stated, abs=1e-9)
    assert office.api("GET", f"/messages/{text['id']}", expect=200) == text


def test_who_listens_is_told_what_the_api_answers(desk: Desk) -> None:
    with desk.work() as (_, session):
        session.add(
            WebhookEndpoint(
                endpoint_id="e" * 32,
                url="https://example.com/hook",
                events=["message.received"],
                secret=desk.room.secrets.seal("whsec_" + "A" * 32),
                told=0,
                created_at=AT,
            )
        )
    sid, _ = write(desk.office, desk.number)
    write(desk.office, desk.number, MessageSid=sid)
    (text,) = texts(desk.office)
    with desk.work() as (_, session):
        (told,) = session.scalars(select(WebhookDelivery)).all()
        assert (told.event, told.subject) == ("message.received", text["id"])
        assert '"type":"message.received"' in told.payload
        assert f'"id":"{text["id"]}"' in told.payload


@pytest.mark.parametrize("spelling", [s for s in WITHHELD if ":" not in s])
def test_withheld_senders_are_nobody_in_particular(lite_desk: Desk, spelling: str) -> None:
    write(lite_desk.office, lite_desk.number, From=spelling)
    (text,) = texts(lite_desk.office)
    assert (text["from"], text["sender"]) == (None, None)
    assert texts(lite_desk.office, "?caller=withheld") == [text]


@pytest.mark.parametrize("sender", ["72345", "123456", "ACME", "Ihre Bank", "sip:ann@example.com"])
def test_short_codes_and_names_are_kept_as_they_are_and_are_no_telephone(lite_desk: Desk, sender: str) -> None:
    write(lite_desk.office, lite_desk.number, From=sender)
    (text,) = texts(lite_desk.office)
    assert (text["from"], text["sender"]) == (None, sender)


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ({"SmsSid": "SM1"}, "SM1"),
        ({"SmsMessageSid": "SM1"}, "SM1"),
        ({"MessageSid": " ", "SmsSid": "SM2"}, "SM2"),
        ({"MessageSid": "M" * 200, "SmsSid": "SM3"}, "SM3"),
        ({"MessageSid": "SM\x004"}, None),
        ({}, None),
    ],
)
def test_the_id_has_three_names(ids: dict[str, str], found: str | None) -> None:
    assert TwilioProvider().parse_text(MultiDict(ids)).text_id == found


@pytest.mark.parametrize(("given", "media"), [("3", 3), ("", 0), ("-1", 0), ("many", 0), ("9" * 30, 0), ("٣", 0)])
def test_media_are_counted(given: str, media: int) -> None:
    assert TwilioProvider().parse_text(MultiDict({"NumMedia": given})).media == media


def test_what_cannot_be_kept_is_left_out_of_the_words_and_the_rest_kept(desk: Desk) -> None:
    write(desk.office, desk.number, "a\x00b\x07c" + "x" * 20_000)
    write(desk.office, desk.number, "")
    empty, long = texts(desk.office)
    assert empty["body"] == ""
    assert long["body"].startswith("abcxxx")
    assert len(long["body"]) == 10_000


def test_odd_texts_are_taken_and_keep_nothing(lite_desk: Desk) -> None:
    [elsewhere] = fresh_numbers(1)
    lite_desk.store_twilio("tw", "AC77", lite_desk.room.now())
    office = lite_desk.office
    for fields in (
        {"To": lite_desk.number, "Body": "no id"},
        {"MessageSid": "SM7", "AccountSid": "AC77", "To": elsewhere, "Body": "not ours"},
        {"MessageSid": "SM8", "AccountSid": "AC77", "Body": "to nobody"},
    ):
        assert office.webhook("sms", fields, token="tw").status_code == 200
    assert texts(office) == []


def test_a_text_that_cannot_be_scored_is_kept(lite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(session: Any, message: Message, **_: Any) -> None:
        message.none_likelihood, message.candidates = 0.5, [{"half": "done"}]
        session.flush()
        raise ArithmeticError("no model")

    monkeypatch.setattr("app.telephony.texts.match_text", broken)
    write(lite_desk.office, lite_desk.number)
    (text,) = texts(lite_desk.office)
    assert (text["body"], text["none"], text["candidates"], text["model"]) == ("Do you do boilers?", 1.0, [], None)


def test_a_text_without_a_valid_signature_is_refused(lite_desk: Desk) -> None:
    fields = {"MessageSid": "SM1", "From": CALLER, "To": lite_desk.number, "Body": "x"}
    assert lite_desk.office.webhook("sms", fields, token="guessed").status_code == 403
    assert texts(lite_desk.office) == []


def test_filters_and_pages(server: Served, desk: Desk) -> None:
    office, made = desk.office, list[str]()
    for minute, (sender, body) in enumerate(
        [(CALLER, "Boiler, please"), ("+13105550111", "100% urgent_now"), ("ACME", "Your code")]
    ):
        server.clock.frozen = AT.replace(minute=minute)
        made.append(write(office, desk.number, body, From=sender)[0])
    server.clock.frozen = None

    def found(query: str) -> list[int]:
        return [made.index(t["provider_message_id"]) for t in texts(office, query)]

    assert found("") == [2, 1, 0]
    for query, wanted in {
        "?q=boiler": [0],
        "?q=BOILER": [0],
        "?q=%25": [1],
        "?q=t_n": [1],
        "?q=acme": [2],
        "?q=310-555": [1],
        "?caller=%2B12125550199": [0],
        "?caller=withheld": [2],
        f"?number={desk.number.replace('+', '%2B')}": [2, 1, 0],
        "?number=%2B12125559999": [],
        "?source=google_ads": [2, 1, 0],
        f"?source={desk.source_id}&site={desk.site_id}": [2, 1, 0],
        "?source=nope": [],
        "?from=2026-05-04T13:01:00Z": [2, 1],
        "?to=2026-05-04T13:01:00Z": [0],
        "?from=2026-05-04&to=2026-05-05": [2, 1, 0],
        "?visitor=" + "0" * 32: [],
    }.items():
        assert found(query) == wanted, query
    first = office.api("GET", "/messages?limit=2", expect=200)
    second = office.api("GET", f"/messages?limit=2&cursor={first['next_cursor']}", expect=200)
    ids = [t["provider_message_id"] for t in (*first["items"], *second["items"])]
    assert (ids, second["next_cursor"]) == (made[::-1], None)
    for query in ("?caller=abc", "?number=abc", "?from=tuesday", "?limit=0", "?cursor=x", "?nonsense=1"):
        assert office.api("GET", f"/messages{query}").status_code == 422, query


def test_other_accounts_texts_are_not_there(server: Served, desk: Desk, database_url: str) -> None:
    write(desk.office, desk.number)
    (text,) = texts(desk.office)
    stranger = Office.open(server.url, database_url)
    assert texts(stranger) == []
    for wrong in (text["id"], "0" * 32, "x", "%00"):
        assert stranger.api("GET", f"/messages/{wrong}").status_code == 404
