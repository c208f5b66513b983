"""Twilio's fields and TwiML."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.telephony.base import Dial, Tell
from app.telephony.progress import STATUSES
from app.telephony.twilio import TwilioProvider
from core.phone import e164
from core.text import storable
from tests.app.telephony.builders import dials

provider = TwilioProvider()
NAMES = ["CallSid", "ParentCallSid", "AccountSid", "From", "To", "CallStatus", "CallerName", "CallDuration"]


def test_a_call_as_twilio_tells_of_it() -> None:
    call = provider.parse_call(
        MultiDict(
            {
                "CallSid": "CA1",
                "AccountSid": "AC1",
                "From": "+12125550199",
                "To": "+12125550142",
                "CallStatus": "ringing",
                "CallerName": " ACME\x00 INC ",
            }
        )
    )
    assert (call.call_id, call.account_sid, call.parent_call_id) == ("CA1", "AC1", None)
    assert (call.caller, call.number, call.status, call.caller_name) == (
        "+12125550199",
        "+12125550142",
        "ringing",
        "ACME INC",
    )


def test_of_a_repeated_field_the_first_counts() -> None:
    call = provider.parse_call(MultiDict([("To", "+12125550142"), ("To", "+12125550143")]))
    assert call.number == "+12125550142"


def test_a_plus_that_was_decoded_as_a_space_is_still_a_number() -> None:
    assert provider.parse_call(MultiDict({"To": " 12125550142"})).number == "+12125550142"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("42", 42), (" 42 ", 42), ("0", 0), ("", None), ("-1", None), ("4.5", None), ("٤", None), ("9" * 40, None)],
)
def test_a_duration_is_whole_seconds_or_unknown(text: str, seconds: int | None) -> None:
    assert provider.parse_status(MultiDict({"CallDuration": text})).duration_seconds == seconds


@given(st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), st.text(max_size=300)), max_size=12))
def test_any_fields_are_read_into_what_can_be_kept(pairs: list[tuple[str, str]]) -> None:
    report = provider.parse_status(MultiDict(pairs))
    call = report.call
    for text, limit in [
        (call.call_id, 128),
        (call.parent_call_id, 128),
        (call.account_sid, 64),
        (call.caller_name, 200),
    ]:
        assert text is None or (0 < len(text) <= limit and storable(text))
    for number in (call.number, call.caller):
        assert number is None or e164(number) == number
    assert call.status is None or call.status in STATUSES
    assert report.duration_seconds is None or 0 <= report.duration_seconds < 10**7


def test_a_dial_is_the_same_bytes_every_time() -> None:
    answers = {provider.answer(Dial(destination="+12125559000")) for _ in range(5)}
    [answer] = answers
    assert answer.body == dials("+12125559000")
    assert answer.content_type == "text/xml"


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"], max_codepoint=0xFFFD), max_size=50))
def test_a_sentence_cannot_become_twiml(sentence: str) -> None:
    root = ElementTree.fromstring(provider.answer(Tell(sentence=sentence)).body)
    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert (root.findtext("Say") or "") == sentence
