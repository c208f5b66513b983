"""The client of Twilio's list of calls, against Twilio's own OpenAPI document and against an emulator."""

from datetime import UTC, datetime, timedelta

import pytest

from app.telephony.call_list import CallPage, ListedCall
from app.telephony.twilio_calls import TwilioCalls
from numberpool.provider import Doubtful, Refused
from tests.support.between import Between
from tests.support.outside import API, SID, TOKEN, Outside
from tests.support.trading import put_there

NUMBER = "+12125550123"
EXAMPLE = datetime(2019, 10, 18, 17, 2, tzinfo=UTC)
"""When the first call of the document's example began."""


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def listed(page: object) -> CallPage:
    assert isinstance(page, CallPage), page
    return page


def ring(emulator: Outside, count: int) -> list[str]:
    """So many calls; their sids, the latest first, as lists have them."""
    put_there(emulator, NUMBER)
    form = {"To": NUMBER, "From": "+12125550199"}
    answers = [emulator.ask("POST", "/_twilio/simulate/inbound-call", data=form) for _ in range(count)]
    return [str(answer.json()["sid"]) for answer in reversed(answers)]


def test_the_list_fits_the_document(twilio_documents: str) -> None:
    documented = TwilioCalls(SID, TOKEN, elsewhere={API: twilio_documents})
    page = listed(documented.page(since=EXAMPLE, before=EXAMPLE + timedelta(hours=1)))
    first = page.calls[0]
    assert (first.caller, first.number, first.status) == ("+13051416799", "+13051913581", "completed")
    assert (first.started_at, first.duration_seconds) == (EXAMPLE, 4)
    assert (first.ended_at, first.caller_name) == (EXAMPLE + timedelta(minutes=1), "callerid1")
    assert (first.direction, first.parent_sid) == ("outbound-api", "CA" + "deadbeef" * 4)
    # What began earlier or later is left out, whatever the list makes of the question.
    earlier = listed(documented.page(since=EXAMPLE - timedelta(hours=1), before=EXAMPLE)).calls
    assert [call.caller_name for call in earlier] == ["callerid2"]
    assert listed(documented.page(since=EXAMPLE + timedelta(seconds=1), before=soon())).calls == ()


def test_what_does_not_fit_the_document_is_refused(twilio_documents: str) -> None:
    stranger = TwilioCalls("AC12", TOKEN, elsewhere={API: twilio_documents})
    assert isinstance(stranger.page(since=EXAMPLE, before=soon()), Refused)


def test_every_page_of_the_list_is_read(twilio_emulator: Outside) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    sids = ring(twilio_emulator, 5)
    calls = TwilioCalls(SID, TOKEN, elsewhere={API: twilio_emulator.url}, page_size=2)
    found: list[ListedCall] = []
    sizes, following = [], None
    while True:
        page = listed(calls.page(since=began, before=soon(), following=following))
        found += page.calls
        sizes.append(len(page.calls))
        following = page.following
        # The emulator keeps calls of tests before, which are no part of this question.
        if following is None or len(found) == len(sids):
            break
    assert sizes == [2, 2, 1]
    assert [call.sid for call in found] == sids
    assert {(c.direction, c.status, c.number, c.caller) for c in found} == {
        ("inbound", "in-progress", NUMBER, "+12125550199")
    }
    assert all(isinstance(c, ListedCall) and c.started_at and c.ended_at is None for c in found)


def test_a_stranger_is_refused_in_words(twilio_emulator: Outside) -> None:
    stranger = TwilioCalls(SID, "wrong", elsewhere={API: twilio_emulator.url})
    refused = stranger.page(since=EXAMPLE, before=soon())
    assert isinstance(refused, Refused)
    assert (refused.code, "does not accept the stored credentials" in refused.reason) == (20003, True)
    assert "wrong" not in repr(stranger)


def test_silence_is_doubtful_and_a_crowd_is_asked_once_more(proxy: Between) -> None:
    waits: list[float] = []
    calls = TwilioCalls(SID, TOKEN, elsewhere={API: proxy.url}, wait=waits.append, timeout=2)
    proxy.answers = [(429, '{"code": 20429, "message": "Too Many Requests", "status": 429}')] * 2
    crowded = calls.page(since=EXAMPLE, before=soon())
    assert isinstance(crowded, Refused)
    assert (crowded.code, len(proxy.seen), len(waits)) == (20429, 2, 1)
    proxy.silent = True
    silent = calls.page(since=EXAMPLE, before=soon())
    assert isinstance(silent, Doubtful)
    assert "did not answer" in silent.reason


@pytest.mark.parametrize("text", ["[]", "{}", '{"calls": 5}', '{"calls": [{"sid": []}]}', "no json", '{"calls": [7]}'])
def test_an_answer_in_no_known_form_is_no_list(proxy: Between, text: str) -> None:
    proxy.answers = [(200, text)] * 2
    page = TwilioCalls(SID, TOKEN, elsewhere={API: proxy.url}).page(since=EXAMPLE, before=soon())
    assert isinstance(page, Doubtful) or (isinstance(page, CallPage) and page.calls == ())
