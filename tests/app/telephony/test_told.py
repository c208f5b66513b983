"""A webhook as plain values: what makes it this one, and that nothing of it is lost in a file or a database."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from app.telephony.told import KINDS, Told, fields_from_stored
from core.text import storable

AT = datetime(2026, 5, 4, 13, 0, 0, 123456, tzinfo=UTC)
ANY = st.text(st.characters(), max_size=12)
FIELDS = st.lists(
    st.tuples(ANY | st.sampled_from(["CallSid", "To", "%0000", "a%", "b\x00", "\udc80x", "%udc80"]), ANY), max_size=6
)


def told(*fields: tuple[str, str], kind: str = "status") -> Told:
    return Told(kind=kind, fields=fields, at=AT)  # type: ignore[arg-type]


@given(FIELDS, st.sampled_from(KINDS))
def test_nothing_is_lost_in_a_file(fields: list[tuple[str, str]], kind: str) -> None:
    event = told(*fields, kind=kind)
    line = json.dumps(event.as_json())
    assert Told.from_json(json.loads(line)) == event
    assert fields_from_stored(json.loads(json.dumps(event.stored_fields()))) == event.fields
    assert "\\u0000" not in line
    assert not any("\ud800" <= c <= "\udfff" for pair in event.stored_fields() for text in pair for c in text)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"provider": "twilio", "kind": "nothing", "fields": [], "at": AT.isoformat()},
        {"provider": 1, "kind": "voice", "fields": [], "at": AT.isoformat()},
        {"provider": "twilio", "kind": "voice", "fields": [], "at": "yesterday"},
        {"provider": "twilio", "kind": "voice", "fields": [["a"]], "at": AT.isoformat()},
        {"provider": "twilio", "kind": "voice", "fields": [["a", 1]], "at": AT.isoformat()},
        {"provider": "twilio", "kind": "voice", "fields": 7, "at": AT.isoformat()},
    ],
)
def test_what_is_no_webhook_is_a_value_error(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Told.from_json(value)


@given(FIELDS, st.randoms(use_true_random=False), st.sampled_from(KINDS))
def test_an_event_is_the_same_in_every_order_and_of_its_kind_only(
    fields: list[tuple[str, str]], rng: object, kind: str
) -> None:
    shuffled = list(fields)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told(*fields, kind=kind).key == told(*shuffled, kind=kind).key
    assert len({told(*fields, kind=k).key for k in KINDS}) == len(KINDS)


SIGNABLE = st.text(st.characters(codec="utf-8"), max_size=8)


@given(
    st.lists(st.tuples(SIGNABLE, SIGNABLE), max_size=5),
    st.lists(st.tuples(SIGNABLE, SIGNABLE), max_size=5) | st.none(),
    st.integers(0, 10),
)
def test_two_events_are_one_exactly_where_twilio_signs_them_alike(
    one: list[tuple[str, str]], other: list[tuple[str, str]] | None, where: int
) -> None:
    if other is None:  # the same text with a border moved
        other = [((name + value)[:where], (name + value)[where:]) for name, value in one]
    sign = RequestValidator("token").compute_signature
    signed_alike = sign("https://x/", MultiDict(one)) == sign("https://x/", MultiDict(other))
    assert (told(*one).key == told(*other).key) == signed_alike


def test_a_later_status_is_another_event() -> None:
    reports = [told(("CallSid", "CA1"), ("CallStatus", status)) for status in ("ringing", "in-progress", "completed")]
    assert len({report.key for report in reports}) == 3


def test_whose_event_it_is() -> None:
    call = told(("CallSid", "CA1"), ("To", " 12125550142"))
    assert (call.sid, call.number) == ("CA1", "+12125550142")
    assert told(("CallSid", "leg"), ("ParentCallSid", "CA1")).sid == "CA1"
    assert told(("RecordingSid", "RE1"), ("CallSid", "CA1"), kind="recording").sid == "CA1"
    assert told(("RecordingSid", "RE1"), kind="recording").sid == "RE1"
    assert told(("SmsSid", "SM2"), ("MessageSid", "SM1"), ("CallSid", "CA1"), kind="sms").sid == "SM1"
    assert told(("SmsSid", "SM2"), kind="sms").sid == "SM2"
    for odd in ("", " ", "C" * 129, "CA\x00", "\udc80"):
        assert told(("CallSid", odd)).sid is None


@given(FIELDS)
def test_what_is_kept_beside_the_fields_fits_its_columns(fields: list[tuple[str, str]]) -> None:
    event = told(*fields)
    assert event.sid is None or (storable(event.sid) and len(event.sid) <= 128)
    assert event.number is None or len(event.number) <= 16
    assert len(event.key) == 32
