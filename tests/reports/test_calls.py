"""The call log's questions, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core.errors import InvalidInput
from core.ids import new_id
from reports.calls import OVERLAP, CallFilter, call_detail, changed_since, list_calls
from store.calls import CallNote
from store.engine import make_engine
from store.sessions import Database, Work
from tests.reports.builders import CALLED, rang, staff_said
from tests.support.rows import START, Business

FIRST, SECOND = "+12125560001", "+12125560002"


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def shop(database: Database) -> Iterator[tuple[Work, Business, Any, Any]]:
    """A business with two sources of one number each."""
    with database.write() as work:
        business = Business.open(work)
        yield work, business, business.source("google_ads", [FIRST]), business.source("email", [SECOND])


def ids(business: Business, limit: int = 50, before: tuple[datetime, str] | None = None, **asked: Any) -> list[str]:
    return [row.call_id for row in list_calls(business.session, CallFilter(**asked), limit, before)]


def test_newest_first_page_by_page_without_gap_or_repeat(database: Database) -> None:
    with shop(database) as (_, business, ads, _email):
        # Three of them at the very same moment, so only the id can tell their order.
        made = [rang(business, ads, FIRST, CALLED + timedelta(minutes=m)) for m in (0, 1, 1, 1, 2, 3)]
        expected = [c.call_id for c in sorted(made, key=lambda c: (c.started_at, c.call_id), reverse=True)]
        found: list[str] = []
        before = None
        while page := list_calls(business.session, CallFilter(), 2, before):
            found += [row.call_id for row in page]
            before = (page[-1].started_at, page[-1].call_id)
    assert found == expected


def test_what_a_row_tells(database: Database) -> None:
    with shop(database) as (_, business, ads, _email):
        visitor = business.visitor(START, ads, channel="Paid Search", touch_campaign="spring")
        rang(
            business,
            ads,
            FIRST,
            candidates=[(visitor, 0.75)],
            tags=["lead", "a tag"],
            caller_name="Anna Field",
            value_minor=48_000,
            value_currency="USD",
        )
        (row,) = list_calls(business.session, CallFilter(), 10)
    assert (row.source, row.source_name, row.number, row.tags) == ("google_ads", "google_ads", FIRST, ("lead", "a tag"))
    assert (row.channel, row.campaign, row.caller_name) == ("Paid Search", "spring", "Anna Field")
    assert row.value is not None
    assert (row.value.amount_minor, row.value.currency) == (48_000, "USD")
    assert row.match is not None
    assert (row.match.visit_id, row.match.visitor_id, row.match.by) == (visitor.visit_id, visitor.visitor_id, "model")
    assert (row.match.likelihood, row.none, row.match.user_id) == (0.75, 0.25, None)


def test_matches_by_whom(database: Database) -> None:
    with shop(database) as (_, business, ads, _email):
        visitor = business.visitor(START, ads)
        model = rang(business, ads, FIRST, CALLED, [(visitor, 0.9)]).call_id
        model_nobody = rang(business, ads, FIRST, CALLED + timedelta(1), [(visitor, 0.1)]).call_id
        staffed = rang(business, ads, FIRST, CALLED + timedelta(2), [(visitor, 0.4)])
        staff_said(staffed, visitor, 0.4)
        staff_nobody = rang(business, ads, FIRST, CALLED + timedelta(3), [(visitor, 0.8)])
        staff_said(staff_nobody, None, 0.2)
        business.session.flush()
        assert ids(business, match="model") == [model]
        assert ids(business, match="staff") == [staff_nobody.call_id, staffed.call_id]
        assert ids(business, match="none") == [staff_nobody.call_id, model_nobody]
        assert ids(business, visitor=visitor.visitor_id) == [staffed.call_id, model]
        # A call without any match has no likelihood.
        assert ids(business, min_likelihood=0.0) == [staff_nobody.call_id, staffed.call_id, model]
        assert ids(business, min_likelihood=0.4, max_likelihood=0.9) == [staffed.call_id, model]
        assert ids(business, max_likelihood=0.39) == [staff_nobody.call_id]
        rows = {row.call_id: row.match for row in list_calls(business.session, CallFilter(), 10)}
    assert rows[model_nobody] is None
    said = rows[staff_nobody.call_id]
    assert said is not None
    assert (said.visit_id, said.by, said.likelihood) == (None, "staff", 0.2)


def test_plain_filters(database: Database) -> None:
    with shop(database) as (_, business, ads, email):
        first = rang(business, ads, FIRST, CALLED, tags=["lead"]).call_id
        second = rang(
            business, email, SECOND, CALLED + timedelta(hours=1), from_number=None, status="no-answer", spam=True
        ).call_id
        both = [second, first]
        later = CALLED + timedelta(hours=1)
        assert ids(business, start=CALLED, end=later) == [first]
        assert ids(business, start=later) == [second]
        assert ids(business, source="email") == ids(business, source=email.source_id) == [second]
        assert ids(business, number=FIRST) == [first]
        assert ids(business, number=" 12125560001") == [first]  # a plus sign lost on the way
        assert ids(business, status="no-answer") == [second]
        assert ids(business, spam=True) == [second]
        assert ids(business, spam=False) == [first]
        assert ids(business, caller="withheld") == [second]
        assert ids(business, caller="+1 (212) 555-0199") == [first]
        assert ids(business, tag="lead") == [first]
        assert ids(business, site=business.site.site_id) == both
        unknown: list[dict[str, Any]] = [
            {"source": "bing"},
            {"source": "\x00"},
            {"site": "none"},
            {"site": new_id(CALLED)},
            {"tag": "lea"},
            {"tag": "\x00"},
            {"visitor": "x"},
            {"visitor": new_id(CALLED)},
        ]
        for nothing in unknown:
            assert ids(business, **nothing) == []


@pytest.mark.parametrize("field", ["number", "caller"])
def test_a_number_that_is_none_is_refused(sqlite_url: str, field: str) -> None:
    engine = make_engine(sqlite_url)
    given: dict[str, Any] = {field: "nobody"}
    with shop(Database(engine)) as (_, business, *_rest), pytest.raises(InvalidInput) as error:
        ids(business, **given)
    engine.dispose()
    assert list(error.value.fields) == [field]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(212) 555-0199", "number"),
        ("212.555.0199", "number"),
        ("+1 212 555", "number"),
        ("0212 555 0199", "number"),
        ("anna", "name"),
        ("FIELD", "name"),
        ("müller", "umlaut"),
        ("MÜLLER", "umlaut"),
        ("ask_for", "tag"),
        ("100%", "note"),
    ],
)
def test_search_finds_whatever_the_spelling(database: Database, text: str, wanted: str) -> None:
    with shop(database) as (_, business, ads, _email):
        other: dict[str, Any] = {"from_number": "+442079460018"}
        made = {
            "number": rang(business, ads, FIRST),
            "name": rang(business, ads, FIRST, caller_name="Anna Field", **other),
            "umlaut": rang(business, ads, FIRST, caller_name="Jens Müller", **other),
            "tag": rang(business, ads, FIRST, tags=["ask_for_quote"], **other),
            "note": rang(business, ads, FIRST, notes=["wants 100% of it"], **other),
        }
        assert ids(business, text=text) == [made[wanted].call_id]


@pytest.mark.parametrize("text", ["askXfor", "_", "%", "1000", "12", "\x00", "anna%field"])
def test_search_takes_wildcards_for_what_they_are(database: Database, text: str) -> None:
    with shop(database) as (_, business, ads, _email):
        rang(business, ads, FIRST, caller_name="Anna Field", tags=["ask for"], notes=["100 of it"])
        found = ids(business, text=text)
    assert len(found) == (1 if text == "\x00" else 0)  # nothing left to search for: no filter


def test_search_for_less_than_three_digits_is_no_phone_search(database: Database) -> None:
    with shop(database) as (_, business, ads, _email):
        rang(business, ads, FIRST)
        assert ids(business, text="99") == []
        assert len(ids(business, text="199")) == 1


def test_one_call_with_everything(database: Database) -> None:
    with shop(database) as (_, business, ads, email):
        near, far = business.visitor(START, ads), business.visitor(START, email)
        call = rang(business, ads, FIRST, CALLED, [(far, 0.2), (near, 0.7)], notes=["first"], unexplained=[far])
        user = new_id(CALLED)
        business.session.add(
            CallNote(
                note_id=new_id(CALLED),
                call_id=call.call_id,
                at=CALLED + timedelta(minutes=1),
                user_id=user,
                text="second",
            )
        )
        business.session.flush()
        detail = call_detail(business.session, call.call_id)
    assert detail is not None
    assert [(c.visitor_id, c.likelihood, c.rank, c.source) for c in detail.candidates] == [
        (near.visitor_id, 0.7, 1, "google_ads"),
        (far.visitor_id, 0.2, 2, "email"),
    ]
    assert detail.candidates[0].evidence == [
        {"name": "base_rate", "value": "a visitor this very second", "weight": 1.5}
    ]
    assert detail.candidates[1].evidence is None
    assert [n.text for n in detail.notes] == ["first", "second"]
    assert [(d.by, d.visit_id, d.model) for d in detail.history] == [("model", near.visit_id, "test-1")]
    assert detail.user_ids == {user}


def test_a_call_of_another_account_is_not_there(database: Database) -> None:
    with shop(database) as (work, business, ads, _email):
        theirs = rang(business, ads, FIRST)
        stranger = Business.open(work)
        assert call_detail(stranger.session, theirs.call_id) is None
        assert call_detail(business.session, "x" * 32) is None
        assert ids(stranger) == []


def test_so_few_queries_however_many_calls(database: Database) -> None:
    with shop(database) as (work, business, ads, _email):
        visitors = [business.visitor(START, ads) for _ in range(5)]
        for minute in range(20):
            call = rang(
                business, ads, FIRST, CALLED + timedelta(minutes=minute), [(v, 0.1) for v in visitors], tags=["a"]
            )
        account = business.session.account_id
    with database.read() as work:
        session = work.account(account)
        with counted(database) as sent:
            assert len(list_calls(session, CallFilter(text="a", source="google_ads"), 500)) == 20
        assert len(sent) == 2
        with counted(database) as sent:
            call_detail(session, call.call_id)
        assert len(sent) == 5


def test_what_changed_since_the_last_look(database: Database) -> None:
    with shop(database) as (_, business, ads, _email):
        old = rang(business, ads, FIRST, CALLED)
        rang(business, ads, FIRST, CALLED + timedelta(minutes=1))
        new = rang(business, ads, FIRST, CALLED + timedelta(minutes=2))
        old.updated_at = CALLED + timedelta(minutes=3)
        business.session.flush()

        def changed(since: datetime, **asked: Any) -> list[str]:
            return [row.call_id for row in changed_since(business.session, since, CallFilter(**asked))]

        since = CALLED + timedelta(minutes=1) + OVERLAP + timedelta(milliseconds=1)
        assert changed(since) == [new.call_id, old.call_id]
        assert changed(CALLED + timedelta(minutes=3)) == [old.call_id]
        assert changed(CALLED + timedelta(minutes=3) + OVERLAP) == [old.call_id]
        assert changed(CALLED + timedelta(minutes=4)) == []
        assert changed(since, source="email") == []
