"""Tags, value, spam and notes of a call, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from core.errors import InvalidInput, NotFound
from core.ids import new_id
from matching.annotate import CallValue, add_note, annotate
from reports.calls import call_detail
from store.sessions import Database
from tests.reports.builders import CALLED, rang
from tests.support.rows import START, Business

NUMBER = "+12125560001"
LATER = CALLED + timedelta(hours=1)


def test_what_is_given_is_set_and_the_rest_stays(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        session = business.session
        call_id = rang(business, business.source("google_ads", [NUMBER]), NUMBER, tags=["old"]).call_id

        def state() -> tuple[Any, ...]:
            found = call_detail(session, call_id)
            assert found is not None
            value = found.call.value
            money = (value.amount_minor, value.currency) if value else None
            return list(found.call.tags), money, found.call.spam, found.call.updated_at

        annotate(session, call_id=call_id, at=LATER)
        assert state() == (["old"], None, False, CALLED)
        annotate(session, call_id=call_id, at=LATER, tags=["b", " a ", "b", "old"])
        assert state() == (["b", "a", "old"], None, False, LATER)
        annotate(session, call_id=call_id, at=LATER, value=CallValue(amount_minor=48_000, currency="EUR"))
        assert state() == (["b", "a", "old"], (48_000, "EUR"), False, LATER)
        annotate(session, call_id=call_id, at=LATER, spam=True, tags=[])
        assert state() == ([], (48_000, "EUR"), True, LATER)
        annotate(session, call_id=call_id, at=LATER, value=None, spam=False)
        assert state() == ([], None, False, LATER)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 61]}, "tags"),
        ({"tags": [str(i) for i in range(51)]}, "tags"),
        ({"value": CallValue(amount_minor=-1, currency="USD")}, "value.amount_minor"),
        ({"value": CallValue(amount_minor=10**15 + 1, currency="USD")}, "value.amount_minor"),
        ({"value": CallValue(amount_minor=1, currency="usd")}, "value.currency"),
    ],
)
def test_what_is_not_allowed_changes_nothing(database: Database, given: dict[str, Any], field: str) -> None:
    with database.write() as work:
        business = Business.open(work)
        call_id = rang(business, business.source("google_ads", [NUMBER]), NUMBER, tags=["old"]).call_id
        with pytest.raises(InvalidInput) as error:
            annotate(business.session, call_id=call_id, at=LATER, **given)
        assert list(error.value.fields) == [field]
        found = call_detail(business.session, call_id)
        assert found is not None
        assert (found.call.tags, found.call.value) == (("old",), None)


def test_a_note_says_who_wrote_it_and_moves_the_call(database: Database) -> None:
    user = new_id(START)
    with database.write() as work:
        business = Business.open(work)
        call_id = rang(business, business.source("google_ads", [NUMBER]), NUMBER).call_id
        note_id = add_note(business.session, call_id=call_id, user_id=user, text=" wants a quote\n", at=LATER)
        found = call_detail(business.session, call_id)
        with pytest.raises(InvalidInput):
            add_note(business.session, call_id=call_id, user_id=user, text="  ", at=LATER)
        with pytest.raises(InvalidInput):
            add_note(business.session, call_id=call_id, user_id=user, text="x" * 10_001, at=LATER)
    assert found is not None
    (note,) = found.notes
    assert (note.note_id, note.text, note.user_id, note.at) == (note_id, "wants a quote", user, LATER)
    assert found.call.updated_at == LATER


def test_calls_of_others_cannot_be_written_about(database: Database) -> None:
    with database.write() as work:
        business = Business.open(work)
        call_id = rang(business, business.source("google_ads", [NUMBER]), NUMBER).call_id
        stranger = Business.open(work).session
        for unknown in (call_id, "x"):
            with pytest.raises(NotFound):
                annotate(stranger, call_id=unknown, at=LATER, spam=True)
            with pytest.raises(NotFound):
                add_note(stranger, call_id=unknown, user_id=None, text="hello", at=LATER)
