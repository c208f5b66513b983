"""The nightly look at both sides: the emulator's numbers against ours, quarantine and rest."""

from typing import Any

import requests

from tests.support.between import Between
from tests.support.office import Office, fresh_numbers
from tests.support.outside import SID, TOKEN, Outside
from tests.support.serving import Served
from tests.support.trading import OFFERED, buy, night, put_there

REPAIRABLE = "https://old.example.com/voice"


def number_of(office: Office, number: str = OFFERED) -> Any:
    return office.api("GET", f"/numbers/{number}", expect=200)


def history(office: Office, number: str = OFFERED) -> list[tuple[str, str, str | None]]:
    items = office.api("GET", f"/numbers/{number}/history", expect=200)["items"]
    return [(h["to"], h["by"], h["reason"]) for h in items]


def voice_urls(emulator: Outside) -> dict[str, object]:
    return {str(n["phone_number"]): n["voice_url"] for n in emulator.held()}


def test_what_is_missing_unknown_and_diverted_is_told(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    unknown, lost, paid = "+12125557001", *fresh_numbers(2)
    put_there(twilio_emulator, unknown)
    put_there(twilio_emulator, paid)
    for number in (lost, paid):
        shop.api("POST", "/numbers", {"number": number, "source": source["id"], "provider": "twilio"}, expect=201)
    shop.api("DELETE", f"/numbers/{paid}", expect=204)
    done = night(trader, shop)
    assert (done.missing, done.unknown, done.still_paid) == ([lost], [unknown], [paid])
    assert done.alarming
    assert "1 missing at the provider" in done.sentence()
    # What is missing is told, not taken away; what is unknown is left alone.
    assert number_of(shop, lost)["status"] == "active"
    assert voice_urls(twilio_emulator)[unknown] is None


def test_webhooks_that_point_elsewhere_are_repaired_and_prices_kept(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    source = shop.source(shop.site(), numbers=0)
    number = fresh_numbers(1)[0]
    put_there(twilio_emulator, number, VoiceUrl=REPAIRABLE)
    # Said to be at Twilio, so it is configured there.
    shop.api("POST", "/numbers", {"number": number, "source": source["id"], "provider": "twilio"}, expect=201)
    done = night(trader, shop)
    assert (done.repaired, done.priced, done.alarming) == ([number], [number], False)
    assert str(voice_urls(twilio_emulator)[number]).startswith(f"{trader.url}/webhooks/twilio/voice#")
    assert (number_of(shop, number)["monthly_price_minor"], number_of(shop, number)["currency"]) == (100, "USD")
    assert night(trader, shop).priced == []
    # The answer without us is written too, and follows the destination.
    file = f"{trader.url}/fallback/{number[1:]}.xml"
    assert "+12125559000" in requests.get(file, timeout=30).text
    shop.api("PATCH", f"/sources/{source['id']}", {"destination": "+12125559001"}, expect=200)
    night(trader, shop)
    assert "+12125559001" in requests.get(file, timeout=30).text


def test_without_an_answer_nothing_is_concluded(trader: Served, shop: Office, proxy: Between) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    proxy.silent = True
    done = night(trader, shop)
    assert (done.missing, done.problem) == ([], "Twilio did not answer in time")
    assert done.alarming


def test_a_bought_number_leaves_quarantine_by_itself(trader: Served, shop: Office) -> None:
    site = shop.site()
    source = shop.source(site, numbers=0)
    buy(shop, source)
    assert shop.swap(site).json()["numbers"] == {}
    assert night(trader, shop, days=6.9).activated == []
    assert night(trader, shop, days=7.1).activated == [OFFERED]
    assert number_of(shop)["status"] == "active"
    assert history(shop)[0] == (
        "active",
        "system",
        "its quarantine is over, with no call without views in the last 7 days",
    )
    assert [n["e164"] for n in shop.swap(site).json()["numbers"].values()] == [OFFERED]


def test_a_number_that_is_called_without_views_waits_longer(trader: Served, shop: Office) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    shop.provider_token = TOKEN
    trader.clock.forward(days=5)
    for caller in ("+12125550198", "+12125550199"):
        shop.ring(OFFERED, caller)
    assert number_of(shop)["calls_without_views"] == 2
    done = night(trader, shop, days=3)
    assert (done.activated, done.prolonged) == ([], [OFFERED])
    assert "2 calls without views" in str(history(shop)[0][2])
    assert number_of(shop)["status"] == "quarantined"
    assert night(trader, shop, days=9).activated == []
    assert night(trader, shop, days=11).activated == [OFFERED]


def test_staff_may_end_a_quarantine_early_and_are_warned(trader: Served, shop: Office) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    shop.provider_token = TOKEN
    shop.ring(OFFERED)
    answer = shop.api("PATCH", f"/numbers/{OFFERED}", {"status": "active", "reason": "needed now"}, expect=200)
    assert "1 call without views came" in answer["warning"]
    assert (answer["status"], answer["quarantined_until"]) == ("active", None)
    assert history(shop)[0] == ("active", "api", "needed now")
    # Whoever quarantines by hand gets the same time.
    again = shop.api("PATCH", f"/numbers/{OFFERED}", {"status": "quarantined"}, expect=200)
    assert again["warning"] is None
    assert again["quarantined_until"] > again["since"]


def test_without_credentials_quarantines_end_all_the_same(trader: Served, sqlite_url: str) -> None:
    office = Office.open(trader.url, sqlite_url)
    source = office.source(office.site(), numbers=0)
    number = fresh_numbers(1)[0]
    body = {"number": number, "source": source["id"], "status": "quarantined"}
    office.api("POST", "/numbers", body, expect=201)
    assert night(trader, office, days=8).activated == [number]


def give_back(office: Office, expect: int, **params: Any) -> Any:
    return office.api("DELETE", f"/numbers/{OFFERED}", params={"at_provider": "true", **params}, expect=expect)


def test_a_number_is_given_back_after_its_rest_and_not_before(
    trader: Served, shop: Office, twilio_emulator: Outside
) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    give_back(shop, 204)
    resting = number_of(shop)
    assert resting["status"] == "resting"
    assert resting["release_at"] > resting["since"]
    assert night(trader, shop, days=29.9).released == []
    assert len(twilio_emulator.held()) == 1
    assert night(trader, shop, days=30.1).released == [OFFERED]
    assert twilio_emulator.held() == []
    gone = number_of(shop)
    assert (gone["status"], gone["release_at"]) == ("released", None)
    assert history(shop)[0] == ("released", "system", "given back to the provider after its rest")
    assert requests.get(f"{trader.url}/fallback/{OFFERED[1:]}.xml", timeout=30).status_code == 404
    assert night(trader, shop, days=31).missing == []


def test_what_speaks_against_it_is_said_and_can_be_overruled(trader: Served, shop: Office) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    shop.provider_token = TOKEN
    shop.ring(OFFERED)
    shop.api("PATCH", f"/numbers/{OFFERED}", {"status": "active", "printed": True}, expect=200)
    error = give_back(shop, 409)["error"]
    assert set(error["fields"]) == {"printed", "pool", "calls"}
    assert number_of(shop)["status"] == "active"
    give_back(shop, 204, force="true")
    assert number_of(shop)["status"] == "resting"
    # And called off again.
    answer = shop.api("PATCH", f"/numbers/{OFFERED}", {"status": "active"}, expect=200)
    assert answer["release_at"] is None
    assert night(trader, shop, days=40).released == []


def test_a_number_that_people_still_call_rests_longer(trader: Served, shop: Office, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    shop.provider_token = TOKEN
    give_back(shop, 204)
    trader.clock.forward(days=28)
    for caller in ("+12125550198", "+12125550199"):
        shop.ring(OFFERED, caller)
    assert night(trader, shop, days=3).postponed == [OFFERED]
    assert "2 calls in the last 7 days" in str(history(shop)[0][2])
    assert len(twilio_emulator.held()) == 1
    assert night(trader, shop, days=9.5).released == []
    assert night(trader, shop, days=11).released == [OFFERED]


def test_plain_releasing_leaves_the_provider_alone(shop: Office, twilio_emulator: Outside) -> None:
    source = shop.source(shop.site(), numbers=1)
    buy(shop, source)
    shop.api("DELETE", f"/numbers/{OFFERED}", expect=204)
    assert number_of(shop)["status"] == "released"
    assert len(twilio_emulator.held()) == 1
    manual = source["pool"][0]
    error = shop.api("DELETE", f"/numbers/{manual}?at_provider=true", expect=409)["error"]
    assert "nobody to give it back to" in error["message"]
    shop.api("DELETE", f"/numbers/{manual}", expect=204)


def test_a_release_whose_answer_is_lost_is_made_up_for(
    trader: Served, shop: Office, proxy: Between, twilio_emulator: Outside
) -> None:
    source = shop.source(shop.site(), numbers=0)
    buy(shop, source)
    give_back(shop, 204)
    # It goes at the provider, and nobody here hears of it.
    sid = twilio_emulator.held()[0]["sid"]
    twilio_emulator.ask("DELETE", f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers/{sid}.json")
    done = night(trader, shop, days=31)
    assert (done.released, done.missing) == ([OFFERED], [])
    assert number_of(shop)["status"] == "released"
