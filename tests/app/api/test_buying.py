"""Buying and importing numbers over HTTP; behind it the emulator, Twilio's OpenAPI document and its prices."""

import json
import threading
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.provisioning.shop import MAKER
from app.telephony.twilio_numbers import TwilioNumbers
from tests.support.between import Between
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.outside import API, PRICING, SID, TOKEN, Outside
from tests.support.serving import Served
from tests.support.trading import OFFERED, buy, night, put_there


def test_without_credentials_it_is_said_what_to_do(trader: Served, sqlite_url: str) -> None:
    office = Office.open(trader.url, sqlite_url)
    source = office.source(office.site(), numbers=0)
    number = fresh_numbers(1)[0]
    for method, path, body in (
        ("GET", "/numbers/available?country=US", None),
        ("POST", "/numbers/purchase", {"number": number, "source": source["id"]}),
        ("POST", "/numbers/import", {"number": number, "source": source["id"]}),
    ):
        error = office.api(method, path, body, expect=409)["error"]
        assert "no credentials of Twilio are kept" in error["message"]
        assert "/providers/twilio" in error["message"]
    assert office.api("GET", "/providers/twilio/numbers").status_code == 404


def test_what_can_be_bought_is_told_with_its_price(shop: Office) -> None:
    found = shop.api("GET", "/numbers/available", params={"country": "US", "area_code": "808"}, expect=200)
    assert found == {
        "items": [
            {
                "number": OFFERED,
                "kind": "local",
                "country": "US",
                "region": "HI",
                "locality": "Hilo",
                "capabilities": {"voice": True, "sms": False, "mms": True},
                "monthly_price_minor": 100,
                "currency": "USD",
            }
        ]
    }
    toll_free = shop.api("GET", "/numbers/available?country=US&kind=toll_free", expect=200)["items"][0]
    assert toll_free["monthly_price_minor"] == 200


def test_while_twilio_is_silent_searching_says_so(shop: Office, proxy: Between) -> None:
    proxy.silent = True
    for path in ("/numbers/available?country=US", "/providers/twilio/numbers"):
        error = shop.api("GET", path, expect=409)["error"]
        assert error["message"] == "Twilio did not answer in time; try again in a minute"


def test_wrong_searches_are_422_and_named(shop: Office, proxy: Between) -> None:
    for field, value in (
        ("country", ""),
        ("country", "usa"),
        ("kind", "golden"),
        ("area_code", "2a2"),
        ("contains", "%"),
        ("near", "nowhere"),
        ("limit", "0"),
        ("limit", "101"),
        ("wishes", "all"),
    ):
        params = {"country": "US", field: value}
        error = shop.api("GET", "/numbers/available", params=params, expect=422)["error"]
        assert list(error["fields"]) == [field]
    assert shop.api("GET", "/numbers/available", params={"country": "XX"}).status_code == 404
    assert proxy.seen == []


def test_a_bought_number_is_ours_in_quarantine_with_its_webhooks(
    trader: Served, shop: Office, twilio_emulator: Outside, proxy: Between
) -> None:
    source = shop.source(shop.site(), numbers=0)
    made = buy(shop, source, max_monthly_price_minor=100, currency="USD")
    assert made["provider"] == "twilio"
    assert made["status"] == "quarantined"
    assert made["calls_without_views"] == 0
    assert (made["monthly_price_minor"], made["currency"]) == (100, "USD")
    assert made["quarantined_until"] > made["since"]
    assert shop.api("GET", f"/numbers/{OFFERED}", expect=200) == made
    kept = twilio_emulator.held()
    assert len(kept) == 1
    assert kept[0]["phone_number"] == OFFERED
    base = trader.url
    assert kept[0]["voice_url"] == f"{base}/webhooks/twilio/voice#ct=2000&rt=4000&rc=2&rp=ct,rt,5xx"
    assert kept[0]["status_callback"] == f"{base}/webhooks/twilio/status"
    assert proxy.purchases() == ["buy"]
    # The call is answered, and without us the file answers it.
    shop.provider_token = TOKEN
    _, answer = shop.ring(OFFERED)
    assert DESTINATION in answer.text
    fallback = shop.http.get(f"{base}/fallback/{OFFERED[1:]}.xml", timeout=30)
    assert fallback.status_code == 200
    assert fallback.headers["Content-Type"].startswith("text/xml")
    assert f"<Number>{DESTINATION}</Number>" in fallback.text
    history = shop.api("GET", f"/numbers/{OFFERED}/history", expect=200)["items"]
    assert [(h["from"], h["to"], h["by"], h["reason"]) for h in history] == [(None, "quarantined", "api", "bought")]
    purchases = shop.api("GET", "/numbers/purchases", expect=200)["items"]
    assert [(p["number"], p["status"]) for p in purchases] == [(OFFERED, "bought")]
    assert shop.api("GET", f"/numbers/purchases/{purchases[0]['id']}", expect=200) == purchases[0]


def test_no_file_is_served_but_those_of_numbers(trader: Served, shop: Office) -> None:
    for name in ("12125550199.xml", "../ringtrace.db", "..%2Fsecret-key", "0.xml", "%2B18089251571.xml", "a.xml"):
        assert shop.http.get(f"{trader.url}/fallback/{name}", timeout=30).status_code == 404, name


def test_it_costs_more_than_allowed(shop: Office, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=0)
    for fields, named in (
        ({"max_monthly_price_minor": 99}, "max_monthly_price_minor"),
        ({"max_monthly_price_minor": 100, "currency": "EUR"}, "currency"),
        ({"max_monthly_price_minor": 500, "kind": "mobile"}, "max_monthly_price_minor"),
    ):
        error = buy(shop, source, expect=409, **fields)["error"]
        assert list(error["fields"]) == [named]
    # A toll-free number has the price of one, whatever is said of it or not.
    assert buy(shop, source, "+18005550123", expect=409, max_monthly_price_minor=150)["error"]["fields"]
    assert "buy" not in proxy.seen
    assert shop.api("GET", "/numbers/purchases", expect=200)["items"] == []


def test_wrong_purchases_are_422_and_cost_nothing(shop: Office, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=0)
    good = {"number": OFFERED, "source": source["id"]}
    for field, value in (
        ("number", "12"),
        ("number", DESTINATION),
        ("number", None),
        ("source", "nope"),
        ("max_monthly_price_minor", -1),
        ("max_monthly_price_minor", "1"),
        ("currency", "dollars"),
        ("kind", "golden"),
        ("quick", True),
    ):
        error = shop.api("POST", "/numbers/purchase", {**good, field: value}, expect=422)["error"]
        assert list(error["fields"]) == [field], (field, value)
    assert "buy" not in proxy.seen


def test_a_number_in_use_is_409(trader: Served, shop: Office, sqlite_url: str, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=1)
    other = Office.open(trader.url, sqlite_url)
    theirs = other.source(other.site(), numbers=1)
    for number in (*source["pool"], *theirs["pool"]):
        error = buy(shop, source, number, expect=409)["error"]
        assert error["fields"] == {"number": "is in use"}
    offline = shop.source(shop.site(), kind="offline", name="Billboard", numbers=1)
    assert "source" in buy(shop, offline, expect=409)["error"]["fields"]
    assert "buy" not in proxy.seen


def test_a_number_somebody_else_bought_is_409_and_closed(shop: Office, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.answers = [(400, '{"code": 21422, "message": "not available", "status": 400}')]
    error = buy(shop, source, expect=409, key="one")["error"]
    assert "somebody was quicker" in error["message"]
    assert shop.api("GET", f"/numbers/{OFFERED}").status_code == 404
    assert [p["status"] for p in shop.api("GET", "/numbers/purchases", expect=200)["items"]] == ["taken"]
    # The same key: the same answer, and nobody is asked again.
    again = buy(shop, source, expect=409, key="one")["error"]
    assert again == error
    assert proxy.purchases() == ["buy"]


def test_the_same_key_buys_once(shop: Office, proxy: Between, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=0)
    key = uuid.uuid4().hex
    first = buy(shop, source, key=key)
    assert buy(shop, source, key=key) == first
    assert proxy.purchases() == ["buy"]
    assert len(twilio_emulator.held()) == 1


@pytest.mark.parametrize("fault", ["cut", "held"])
def test_a_purchase_whose_answer_is_lost_is_found_and_made_once(
    shop: Office, proxy: Between, twilio_emulator: Outside, fault: Any
) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.faults = [fault]
    made = buy(shop, source)
    assert made["status"] == "quarantined"
    assert proxy.purchases() == ["buy", "search"]
    assert len(twilio_emulator.held()) == 1


def test_a_purchase_that_never_arrived_is_searched_and_then_made(
    shop: Office, proxy: Between, twilio_emulator: Outside
) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.faults = ["lost"]
    pending = buy(shop, source, expect=202)
    assert (pending["status"], pending["number"]) == ("doubtful", OFFERED)
    assert proxy.purchases() == ["buy", "search"]
    assert shop.api("GET", f"/numbers/{OFFERED}").status_code == 404
    made = buy(shop, source)
    assert made["status"] == "quarantined"
    assert proxy.purchases() == ["buy", "search", "search", "buy"]
    assert len(twilio_emulator.held()) == 1
    assert [p["status"] for p in shop.api("GET", "/numbers/purchases", expect=200)["items"]] == ["bought"]


def test_while_twilio_is_silent_nothing_is_asked_twice(shop: Office, proxy: Between, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.silent = True
    for _ in range(3):
        assert buy(shop, source, expect=202)["status"] == "doubtful"
    # Asked for once; after that only searched, for no search was answered.
    assert proxy.seen.count("buy") == 1
    proxy.silent = False
    buy(shop, source)
    assert proxy.purchases()[-2:] == ["search", "buy"]
    assert len(twilio_emulator.held()) == 1


def test_two_at_once_buy_one(shop: Office, proxy: Between, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.faults = ["held"]
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(buy(shop, source, expect=None).status_code))
    thread.start()
    assert proxy.held.wait(30)
    second = Office(shop.url, shop.account_id, shop.user_id, shop.email, shop.token, shop.provider_token)
    answer = buy(second, source, expect=429, key="second")["error"]
    assert "being bought at the moment" in answer["message"]
    proxy.let_go.set()
    thread.join()
    assert first == [201]
    assert proxy.seen.count("buy") == 1
    # The refusal was for that moment only: under the same key there is a true answer now.
    assert buy(second, source, expect=409, key="second")["error"]["fields"] == {"number": "is in use"}
    assert len(twilio_emulator.held()) == 1


def test_what_a_crash_left_behind_is_picked_up_at_night(
    trader: Served, shop: Office, proxy: Between, twilio_emulator: Outside, twilio_prices: str
) -> None:
    source = shop.source(shop.site(), numbers=0)
    # The process dies after the purchase: nothing of the answer, nor of the search, comes back.
    proxy.faults = ["cut"]
    make = trader.app.extensions[MAKER]

    class Dying(TwilioNumbers):
        def find_by_token(self, token: str) -> Any:
            raise SystemError("the process ends here")

    trader.app.extensions[MAKER] = lambda sid, token: Dying(
        sid, token, elsewhere={API: proxy.url, PRICING: twilio_prices}, timeout=2
    )
    assert buy(shop, source, expect=None).status_code == 500
    trader.app.extensions[MAKER] = make
    assert len(twilio_emulator.held()) == 1
    assert [p["status"] for p in shop.api("GET", "/numbers/purchases", expect=200)["items"]] == ["asked"]

    # Within minutes somebody may still be waiting for it.
    assert night(trader, shop, minutes=5).found == []
    assert night(trader, shop, minutes=16).found == [OFFERED]
    assert shop.api("GET", f"/numbers/{OFFERED}", expect=200)["status"] == "quarantined"
    assert [p["status"] for p in shop.api("GET", "/numbers/purchases", expect=200)["items"]] == ["bought"]
    assert night(trader, shop, minutes=30).found == []
    assert proxy.seen.count("buy") == 1


def test_an_intent_that_was_never_sent_is_closed_at_night(trader: Served, shop: Office, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=0)
    proxy.faults = ["lost"]
    buy(shop, source, expect=202)
    assert night(trader, shop, hours=1).closed == [OFFERED]
    assert [p["status"] for p in shop.api("GET", "/numbers/purchases", expect=200)["items"]] == ["refused"]
    # Whoever wants it after that begins anew.
    assert buy(shop, source)["status"] == "quarantined"


def test_importing_shows_what_it_overwrites_and_then_does(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    source = shop.source(shop.site(), numbers=1)
    elsewhere = "https://old.example.com/voice"
    first, second = "+12125557001", "+12125557002"
    put_there(twilio_emulator, first, VoiceUrl=elsewhere, FriendlyName="Front desk")
    put_there(twilio_emulator, second)
    found = shop.api("GET", "/providers/twilio/numbers", expect=200)["items"]
    assert [(f["number"], f["overwrites"]) for f in found] == [(first, {"voice_url": elsewhere}), (second, {})]
    assert found[0]["name"] == "Front desk"
    body = {"number": first, "source": source["id"]}
    error = shop.api("POST", "/numbers/import", body, expect=409)["error"]
    assert error["fields"] == {"voice_url": elsewhere}
    assert {n["voice_url"] for n in twilio_emulator.held()} == {elsewhere, None}
    made = shop.api("POST", "/numbers/import", {**body, "overwrite": True}, expect=201)
    assert (made["status"], made["provider"], made["monthly_price_minor"]) == ("quarantined", "twilio", 100)
    at_once = shop.api("POST", "/numbers/import", {**body, "number": second, "status": "active"}, expect=201)
    assert at_once["status"] == "active"
    for number in twilio_emulator.held():
        assert str(number["voice_url"]).startswith(f"{trader.url}/webhooks/twilio/voice#")
    assert shop.api("GET", "/providers/twilio/numbers", expect=200)["items"] == []
    assert shop.api("POST", "/numbers/import", body, expect=409)
    missing = shop.api("POST", "/numbers/import", {**body, "number": "+12125557003"}, expect=422)["error"]
    assert "is not among the numbers" in missing["fields"]["number"]


def test_a_manual_number_that_is_at_twilio_is_taken_over_as_it_is(shop: Office, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=1)
    number = source["pool"][0]
    put_there(twilio_emulator, number)
    made = shop.api("POST", "/numbers/import", {"number": number, "source": source["id"]}, expect=201)
    assert (made["provider"], made["status"]) == ("twilio", "active")


def test_an_import_whose_webhooks_cannot_be_set_is_made_up_for_at_night(
    trader: Served, shop: Office, twilio_emulator: Outside, proxy: Between
) -> None:
    source = shop.source(shop.site(), numbers=0)
    number = "+12125557001"
    put_there(twilio_emulator, number)
    proxy.instead["configure"] = (500, "{}")
    made = shop.api("POST", "/numbers/import", {"number": number, "source": source["id"]}, expect=201)
    assert "its webhooks could not be set yet" in made["warning"]
    done = night(trader, shop)
    assert (done.unconfigured, done.repaired, done.alarming) == ([number], [], True)
    del proxy.instead["configure"]
    assert night(trader, shop).repaired == [number]
    assert str(twilio_emulator.held()[0]["voice_url"]).startswith(trader.url)


def test_a_number_whose_calls_a_trunk_takes_is_not_imported(
    trader: Served, shop: Office, twilio_emulator: Outside, proxy: Between
) -> None:
    source = shop.source(shop.site(), numbers=0)
    number = "+12125557001"
    put_there(twilio_emulator, number)
    # The emulator knows no trunks: its own list, with the field that Twilio's document has.
    path = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json"
    listed = twilio_emulator.ask("GET", path).json()
    listed["incoming_phone_numbers"][0]["trunk_sid"] = "TK" + "0" * 32
    proxy.instead["list"] = (200, json.dumps(listed))
    found = shop.api("GET", "/providers/twilio/numbers", expect=200)["items"]
    assert [f["diverted_by"] for f in found] == ["a SIP trunk"]
    error = shop.api("POST", "/numbers/import", {"number": number, "source": source["id"]}, expect=409)["error"]
    assert "a SIP trunk at Twilio takes this number's calls" in error["message"]
    shop.api("POST", "/numbers", {"number": number, "source": source["id"], "provider": "twilio"}, expect=201)
    done = night(trader, shop)
    assert (done.diverted, done.repaired, done.alarming) == ([number], [], True)


def test_what_was_bought_and_cannot_be_used_is_told(
    trader: Served, shop: Office, sqlite_url: str, proxy: Between
) -> None:
    source = shop.source(shop.site(), numbers=0)
    other = Office.open(trader.url, sqlite_url)
    theirs = other.source(other.site(), numbers=0)
    proxy.faults = ["held"]
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(buy(shop, source, expect=None)))
    thread.start()
    assert proxy.held.wait(30)
    other.api("POST", "/numbers", {"number": OFFERED, "source": theirs["id"]}, expect=201)
    proxy.let_go.set()
    thread.join()
    assert answers[0].status_code == 202
    assert answers[0].json()["status"] == "bought"
    assert "could not be given to the source" in answers[0].json()["reason"]
    assert night(trader, shop).unknown == [OFFERED]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["well", "cut", "lost", "silent", "night"]), min_size=1, max_size=6))
def test_whatever_goes_wrong_a_purchase_is_made_once_and_never_blindly(
    trader: Served, shop: Office, proxy: Between, twilio_emulator: Outside, steps: list[str]
) -> None:
    source = shop.source(shop.site(), numbers=0)
    shop.api("DELETE", f"/numbers/{OFFERED}")
    twilio_emulator.clear()
    proxy.answered.clear()
    for step in steps:
        proxy.faults, proxy.silent = [step] if step in {"cut", "lost"} else [], step == "silent"  # type: ignore[list-item]
        if step == "night":
            night(trader, shop, minutes=16)
        else:
            assert buy(shop, source, expect=None).status_code in {201, 202, 409}
        held = twilio_emulator.held() if not proxy.silent else []
        assert len(held) <= 1
        assert proxy.never_blindly(), proxy.answered
    proxy.silent, proxy.faults = False, []
    buy(shop, source, expect=None)
    assert [n["phone_number"] for n in twilio_emulator.held()] == [OFFERED]
    assert shop.api("GET", f"/numbers/{OFFERED}", expect=200)["status"] == "quarantined"
    assert proxy.never_blindly()
