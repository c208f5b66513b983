"""The client of Twilio's REST API, against Twilio's own OpenAPI document and against an emulator."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from app.telephony.twilio_numbers import TwilioNumbers
from app.telephony.twilio_rest import TRIES
from numberpool.provider import (
    KINDS,
    Bought,
    Doubtful,
    Held,
    Kind,
    Offer,
    Prices,
    Refused,
    Released,
    Taken,
    Wanted,
    Webhooks,
)
from tests.support.between import Between
from tests.support.outside import API, PRICING, SID, TOKEN, Outside
from tests.support.serving import free_port

NUMBER = "+12125550123"
WEBHOOKS = Webhooks(
    voice_url="https://calls.example.com/webhooks/twilio/voice#ct=2000&rt=4000&rc=2&rp=ct,rt,5xx",
    voice_fallback_url="https://calls.example.com/fallback/12125550123.xml",
    status_callback="https://calls.example.com/webhooks/twilio/status",
    sms_url="https://calls.example.com/webhooks/twilio/sms",
)
PN = "PN" + "0" * 32


@pytest.fixture
def documented(twilio_documents: str, twilio_prices: str) -> TwilioNumbers:
    """The client in front of Twilio's documents: what does not fit them is refused with 422."""
    return TwilioNumbers(SID, TOKEN, elsewhere={API: twilio_documents, PRICING: twilio_prices})


@pytest.fixture
def emulated(twilio_emulator: Outside) -> TwilioNumbers:
    """The client in front of the emulator."""
    return TwilioNumbers(SID, TOKEN, elsewhere={API: twilio_emulator.url})


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_fits_the_document(documented: TwilioNumbers, kind: Kind) -> None:
    found = documented.search(Wanted(country="US", kind=kind))
    assert not isinstance(found, Refused | Doubtful)
    assert [offer.kind for offer in found] == [kind]
    assert all(offer.number.startswith("+") for offer in found)


def test_every_filter_fits_the_document(documented: TwilioNumbers) -> None:
    wanted = Wanted(
        country="US",
        area_code="808",
        contains="925*",
        near="+18089250000",
        region="HI",
        locality="Hilo",
        limit=1,
    )
    assert documented.search(wanted) == [
        Offer(
            number="+18089251571",
            kind="local",
            country="US",
            region="HI",
            locality="Hilo",
            voice=True,
            sms=False,
            mms=True,
        )
    ]


def test_prices_fit_the_document(documented: TwilioNumbers) -> None:
    assert documented.prices("US") == Prices(country="US", currency="USD", monthly={"local": 100, "toll_free": 200})


def test_every_call_of_a_purchase_fits_the_document(documented: TwilioNumbers) -> None:
    assert isinstance(documented.buy(NUMBER, token="ringtrace-1", webhooks=WEBHOOKS), Bought)
    assert documented.find_by_token("ringtrace-1") is None  # the document's own example has another name
    assert isinstance(documented.configure(PN, webhooks=WEBHOOKS), Held)
    listed = documented.list_numbers()
    assert not isinstance(listed, Refused | Doubtful)
    assert [held.number for held in listed] == ["+18089255327"]
    assert documented.release(PN) == Released()


def test_what_does_not_fit_the_document_is_refused(documented: TwilioNumbers, twilio_documents: str) -> None:
    # That the mock looks at all: these must fail, or the tests above would show nothing.
    wrong = Webhooks(voice_url="no address", voice_fallback_url="", status_callback="", sms_url="")
    assert isinstance(documented.buy(NUMBER, token="t", webhooks=wrong), Refused)
    assert isinstance(documented.configure("PN12", webhooks=WEBHOOKS), Refused)
    assert isinstance(documented.release("nothing"), Refused)
    stranger = TwilioNumbers("AC12", TOKEN, elsewhere={API: twilio_documents})
    assert isinstance(stranger.list_numbers(), Refused)


def test_buying_listing_configuring_and_releasing_at_the_emulator(
    emulated: TwilioNumbers, twilio_emulator: Outside
) -> None:
    assert emulated.list_numbers() == []
    done = emulated.buy(NUMBER, token="ringtrace-1", webhooks=WEBHOOKS)
    assert isinstance(done, Bought)
    kept = twilio_emulator.held()
    assert [(n["phone_number"], n["friendly_name"]) for n in kept] == [(NUMBER, "ringtrace-1")]
    assert kept[0]["voice_url"] == WEBHOOKS.voice_url
    assert kept[0]["status_callback"] == WEBHOOKS.status_callback
    assert kept[0]["sms_url"] == WEBHOOKS.sms_url
    # The emulator keeps no fallback.
    assert done.held.webhooks == Webhooks(**{**vars(WEBHOOKS), "voice_fallback_url": ""})

    assert emulated.find_by_token("ringtrace-1") == done.held
    assert emulated.find_by_token("ringtrace-2") is None
    assert emulated.list_numbers() == [done.held]
    moved = emulated.configure(done.held.sid, webhooks=Webhooks(**{**vars(WEBHOOKS), "sms_url": "https://b.example/"}))
    assert isinstance(moved, Held)
    assert moved.webhooks.sms_url == "https://b.example/"
    assert moved.token == "ringtrace-1"

    assert emulated.release(done.held.sid) == Released()
    assert emulated.release(done.held.sid) == Released(gone=True)
    assert twilio_emulator.held() == []


def test_what_the_emulator_refuses_is_told_in_words(emulated: TwilioNumbers, twilio_emulator: Outside) -> None:
    assert isinstance(emulated.buy(NUMBER, token="one", webhooks=WEBHOOKS), Bought)
    taken = emulated.buy(NUMBER, token="two", webhooks=WEBHOOKS)
    assert isinstance(taken, Taken)
    wrong = emulated.buy("nonsense", token="three", webhooks=WEBHOOKS)
    assert isinstance(wrong, Refused)
    assert (wrong.code, "no number it can sell" in wrong.reason) == (21421, True)
    gone = emulated.configure(PN, webhooks=WEBHOOKS)
    assert isinstance(gone, Refused)
    assert gone.code == 20404
    stranger = TwilioNumbers(SID, "wrong", elsewhere={API: twilio_emulator.url})
    asked: list[Callable[[], Any]] = [
        stranger.list_numbers,
        lambda: stranger.find_by_token("one"),
        lambda: stranger.buy("+12125550124", token="four", webhooks=WEBHOOKS),
        lambda: stranger.release(PN),
    ]
    for ask in asked:
        refused = ask()
        assert isinstance(refused, Refused)
        assert refused.code == 20003
        assert "does not accept the stored credentials" in refused.reason
    assert len(twilio_emulator.held()) == 1


def test_long_lists_are_read_to_their_end(emulated: TwilioNumbers, twilio_emulator: Outside) -> None:
    numbers = [f"+1212555{n:04d}" for n in range(60)]
    for number in numbers:
        data = {"PhoneNumber": number}
        path = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json"
        assert twilio_emulator.ask("POST", path, data=data).status_code == 201
    listed = emulated.list_numbers()
    assert not isinstance(listed, Refused | Doubtful)
    assert sorted(held.number for held in listed) == numbers


# Neither reference can be brought to say these; the form is Twilio's error form, as the emulator gives it too.
@pytest.mark.parametrize(
    ("status", "code", "word", "kind"),
    [
        (400, 21421, "no number it can sell", Refused),
        (400, 21422, "somebody was quicker", Taken),
        (400, 21451, "no such area code", Refused),
        (400, 21452, "no such number to sell", Taken),
        (400, 21457, "by number only", Refused),
        (400, 21613, "needs an address", Refused),
        (400, 21631, "needs an address", Refused),
        (400, 21649, "regulatory bundle", Refused),
        (400, 10004, "Primary Customer Profile", Refused),
        (400, 12345, "a message of Twilio's", Refused),
        (401, 20003, "does not accept the stored credentials", Refused),
        (403, None, "does not accept the stored credentials", Refused),
        (404, None, "no such thing", Refused),
        (500, 20500, "an error of its own", Doubtful),
        (503, None, "an error of its own", Doubtful),
    ],
)
def test_every_code_has_words(proxy: Between, status: int, code: int | None, word: str, kind: type) -> None:
    body = {"code": code, "message": "a message of Twilio's", "status": status}
    proxy.answers = [(status, json.dumps(body))]
    done = TwilioNumbers(SID, TOKEN, elsewhere={API: proxy.url}).buy(NUMBER, token="t", webhooks=WEBHOOKS)
    assert isinstance(done, kind)
    assert word in done.reason  # type: ignore[attr-defined]
    assert proxy.seen == ["buy"]
    if code is not None and status < 500:
        assert str(code) in done.reason  # type: ignore[attr-defined]


def test_what_was_not_looked_at_is_asked_again_with_growing_random_pauses(proxy: Between) -> None:
    waits: list[float] = []
    client = TwilioNumbers(SID, TOKEN, elsewhere={API: proxy.url}, wait=waits.append)
    busy = (429, json.dumps({"code": 20429, "message": "Too Many Requests", "status": 429}))
    proxy.answers = [busy] * 2
    assert isinstance(client.buy(NUMBER, token="t", webhooks=WEBHOOKS), Bought)
    assert proxy.seen == ["buy"] * 3
    assert 0.5 <= waits[0] <= 1.5 < 3 >= waits[1] >= 1
    proxy.seen.clear()
    proxy.answers = [busy] * 10
    refused = client.list_numbers()
    assert isinstance(refused, Refused)
    assert refused.code == 20429
    assert len(proxy.seen) == TRIES


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", '{"sid": 1}'])
def test_an_answer_nobody_can_read_is_doubtful_or_told_as_it_is(proxy: Between, text: str) -> None:
    client = TwilioNumbers(SID, TOKEN, elsewhere={API: proxy.url})
    proxy.answers = [(200, text)]
    assert isinstance(client.list_numbers(), Doubtful)
    proxy.answers = [(500, text)]
    assert isinstance(client.list_numbers(), Doubtful)
    proxy.answers = [(400, text)]
    assert isinstance(client.list_numbers(), Refused)


def test_nobody_there_is_doubtful_at_once() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    client = TwilioNumbers(SID, TOKEN, elsewhere={API: nobody, PRICING: nobody})
    assert isinstance(client.buy(NUMBER, token="t", webhooks=WEBHOOKS), Doubtful)
    assert isinstance(client.prices("US"), Doubtful)
    assert isinstance(client.search(Wanted(country="US")), Doubtful)


def test_a_lost_answer_is_doubtful_and_the_token_finds_what_was_bought(
    proxy: Between, twilio_emulator: Outside
) -> None:
    client = TwilioNumbers(SID, TOKEN, elsewhere={API: proxy.url}, timeout=0.5)
    proxy.faults = ["lost", "held", "cut"]
    assert isinstance(client.buy(NUMBER, token="one", webhooks=WEBHOOKS), Doubtful)
    assert client.find_by_token("one") is None
    assert isinstance(client.buy(NUMBER, token="one", webhooks=WEBHOOKS), Doubtful)
    assert isinstance(client.find_by_token("one"), Held)
    assert isinstance(client.buy("+12125550124", token="two", webhooks=WEBHOOKS), Doubtful)
    assert isinstance(client.find_by_token("two"), Held)
    assert proxy.seen.count("buy") == 3
    assert len(twilio_emulator.held()) == 2


def test_no_token_is_in_a_log_or_a_repr(proxy: Between, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = TwilioNumbers(SID, TOKEN, elsewhere={API: proxy.url})
    client.buy(NUMBER, token="one", webhooks=WEBHOOKS)
    client.list_numbers()
    proxy.answers = [(401, "{}")]
    refused = client.list_numbers()
    assert caplog.text
    assert TOKEN not in caplog.text + repr(client) + str(refused)
    assert SID not in repr(client)
