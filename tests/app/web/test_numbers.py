"""The Numbers pages: what there is, what it costs and why, buying with the price shown, importing, giving back."""

from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from tests.app.web.staff import Staff
from tests.app.web.test_guards import counting
from tests.app.web.test_pages import words
from tests.support.between import Between
from tests.support.office import Office, fresh_numbers
from tests.support.outside import SID, TOKEN, Outside
from tests.support.serving import Served
from tests.support.trading import OFFERED, buy, night, put_there

SHOWN = "(808) 925-1571"
PAGE = f"/numbers/{quote(OFFERED)}"


@pytest.fixture
def source(shop: Office) -> Any:
    """A source without numbers."""
    return shop.source(shop.site(), numbers=0)


@pytest.fixture
def people(shop: Office) -> Staff:
    """The account's owner at the pages."""
    return Staff.of(shop)


def test_an_account_without_numbers_is_told_what_to_do(people: Staff, source: Any) -> None:
    page = words(people.get("/numbers").text)
    assert "0 numbers are shown to visitors." in page
    assert "No numbers yet" in page
    assert 'aria-current="page">Numbers' in people.get("/numbers").text


def test_the_table_says_what_each_number_is_and_costs(trader: Served, shop: Office, people: Staff, source: Any) -> None:
    buy(shop, source)
    manual, printed, gone = fresh_numbers(3)
    for number in (manual, printed, gone):
        shop.api("POST", "/numbers", {"number": number, "source": source["id"]}, expect=201)
    shop.api("PATCH", f"/numbers/{printed}", {"status": "resting", "printed": True}, expect=200)
    shop.api("DELETE", f"/numbers/{gone}", expect=204)
    shop.provider_token = TOKEN
    shop.ring(OFFERED)
    page = words(people.get("/numbers").text)
    assert "1 number is shown to visitors. 1 is in quarantine. 1 rests. They cost $1 a month." in page
    assert f"{SHOWN} google_ads in quarantine until" in page
    assert "1 call without views" in page
    assert "rests printed" in page
    assert page.count("released") >= 1
    assert "brought along" in page
    only = words(people.get("/numbers?status=resting").text)
    assert SHOWN not in only
    assert "No number is like that" in words(people.get("/numbers?source=nope").text)
    with counting(trader) as seen:
        assert people.get("/numbers").status_code == 200
    assert 1 <= len(seen) < 15
    with counting(trader) as seen:
        assert people.get(PAGE).status_code == 200
    assert 1 <= len(seen) < 15


def test_a_number_is_bought_in_two_steps_at_the_price_that_was_shown(
    people: Staff, source: Any, proxy: Between, twilio_emulator: Outside
) -> None:
    assert "nothing is bought before you have seen the price" in words(people.get("/numbers/buy").text)
    found = people.get("/numbers/buy?search=1&kind=local&country=us&area_code=808").text
    assert "1 number for $1 a month" in words(found)
    assert f"{SHOWN} Hilo, HI" in words(found)
    link = found.split(f'href="/numbers/buy?number={quote(OFFERED)}')[1].split('"')[0]
    confirm = people.get(f"/numbers/buy?number={quote(OFFERED)}{unescape(link)}").text
    assert f"{SHOWN} costs $1 a month." in words(confirm)
    assert "For the first 7 days it is shown to nobody" in words(confirm)
    assert "buy" not in proxy.seen
    form = {"number": OFFERED, "kind": "local", "price": "100", "currency": "USD", "source": source["id"]}
    # Who was shown less than it costs now is not charged more.
    refused = words(people.post("/numbers/buy", {**form, "price": "99"}).text)
    assert "That was not done: the number costs 100 minor units of USD a month" in refused
    done = words(people.post("/numbers/buy", form).text)
    assert f"{SHOWN} is bought. It is in quarantine for 7 days and shown to visitors after that." in done
    assert len(twilio_emulator.held()) == 1
    again = words(people.post("/numbers/buy", form).text)
    assert f"That was not done: {OFFERED} is in use." in again
    assert proxy.seen.count("buy") == 1


def test_a_doubtful_purchase_is_said_and_goes_on(people: Staff, source: Any, proxy: Between) -> None:
    form = {"number": OFFERED, "kind": "local", "price": "100", "currency": "USD", "source": source["id"]}
    proxy.faults = ["lost"]
    page = words(people.post("/numbers/buy", form).text)
    assert "Whether it was bought is not known yet." in page
    assert f"Whether {SHOWN} was bought is not known yet." in page
    assert "is bought" in words(people.post("/numbers/buy", form).text)
    assert proxy.purchases() == ["buy", "search", "search", "buy"]
    assert "not known yet" not in words(people.get("/numbers").text)


def test_searches_that_cannot_be_are_said(people: Staff, source: Any, proxy: Between) -> None:
    for query, told in (
        ("country=usa", "country"),
        ("country=XX", "country"),
        ("area_code=2x2", "area code"),
        ("near=nowhere", "near"),
        ("contains=%25", "contains"),
    ):
        page = words(people.get(f"/numbers/buy?search=1&{query}").text)
        assert f"Look again at: {told}." in page, query
    proxy.answers = [(400, '{"code": 21451, "message": "x", "status": 400}')]
    assert "Twilio knows no such area code" in words(people.get("/numbers/buy?search=1&country=US").text)
    assert people.get("/numbers/buy?number=nonsense").status_code == 422


def test_credentials_are_asked_for_where_there_are_none(trader: Served, sqlite_url: str) -> None:
    office = Office.open(trader.url, sqlite_url)
    office.source(office.site(), numbers=0)
    staff = Staff.of(office)
    for path in ("/numbers/buy", "/numbers/buy?search=1", f"/numbers/buy?number={quote(OFFERED)}", "/numbers/import"):
        assert "Twilio's credentials are missing" in words(staff.get(path).text), path
    for path in ("/numbers/buy", "/numbers/import"):
        assert "no credentials of Twilio are kept" in words(staff.post(path, {"number": OFFERED}).text)
    wrong = words(staff.post("/numbers/credentials", {"account_sid": "AC1", "auth_token": "x"}).text)
    assert "That was not done" in wrong
    done = staff.post("/numbers/credentials", {"account_sid": SID, "auth_token": TOKEN})
    assert "Twilio's credentials are kept, encrypted." in words(done.text)
    assert TOKEN not in done.text
    assert "What kind of number?" in words(staff.get("/numbers/buy").text)


def test_importing_says_what_is_overwritten(people: Staff, source: Any, twilio_emulator: Outside) -> None:
    number = "+12125557001"
    assert "Nothing to import" in words(people.get("/numbers/import").text)
    put_there(twilio_emulator, number, VoiceUrl="https://old.example.com/voice", FriendlyName="<Front> desk")
    page = people.get("/numbers/import").text
    assert "1 number of your Twilio account is not used here yet." in words(page)
    assert "https://old.example.com/voice" in page
    assert "<Front>" not in page
    form = {"number": number, "source": source["id"], "status": "active"}
    assert "say overwrite to point them here" in words(people.post("/numbers/import", form).text)
    done = words(people.post("/numbers/import", {**form, "overwrite": "yes"}).text)
    assert "(212) 555-7001 is one of your numbers now." in done
    assert "imported from Twilio" in done


def test_changes_are_said_kept_and_undone(shop: Office, people: Staff, source: Any) -> None:
    buy(shop, source)
    shop.provider_token = TOKEN
    shop.ring(OFFERED)
    bing = shop.source(shop.site(), "bing", numbers=0)
    form = {"number": OFFERED, "status": "active", "source": bing["id"], "reason": "Bing needs <it>"}
    page = words(people.post("/numbers/change", form).text)
    assert "It is shown to visitors now. 1 call without views came in its quarantine" in page
    assert "in quarantine → shown to visitors; google_ads → bing" in page
    assert "Bing needs <it>" in page
    undone = words(people.post("/numbers/change", {**form, "status": "quarantined", "source": source["id"]}).text)
    assert "shown to visitors → in quarantine; bing → google_ads" in undone
    assert "It is marked as printed." in words(
        people.post("/numbers/change", {"number": OFFERED, "printed": "yes"}).text
    )
    offline = shop.source(shop.site(), kind="offline", name="Billboard", numbers=1)
    refused = words(people.post("/numbers/change", {"number": OFFERED, "source": offline["id"]}).text)
    assert "That was not done: an offline source has exactly one number." in refused
    for wrong in ({"number": OFFERED, "status": "lost"}, {"number": "+12125550188", "status": "active"}):
        assert people.post("/numbers/change", wrong).status_code in {404, 422}


def test_giving_back_says_what_speaks_against_it(
    trader: Served, shop: Office, people: Staff, source: Any, twilio_emulator: Outside
) -> None:
    buy(shop, source)
    assert "Nothing speaks against it" in words(people.get(PAGE).text)
    shop.api("PATCH", f"/numbers/{OFFERED}", {"status": "active", "printed": True}, expect=200)
    page = words(people.get(PAGE).text)
    assert "it is printed somewhere" in page
    assert "it is an active number of google_ads" in page
    assert "Give it back all the same It rests for 30 days first" in page
    assert "That was not done: it is printed" in words(people.post("/numbers/give-back", {"number": OFFERED}).text)
    done = words(people.post("/numbers/give-back", {"number": OFFERED, "force": "yes"}).text)
    assert "It rests for 30 days and is given back to the provider after that." in done
    assert "goes back to the provider on" in done
    kept = words(people.post("/numbers/change", {"number": OFFERED, "status": "resting"}).text)
    assert "goes back to the provider on" not in kept
    assert night(trader, shop, days=40).released == []
    assert len(twilio_emulator.held()) == 1


def test_many_numbers_are_shown_a_part_at_a_time(shop: Office, people: Staff, source: Any) -> None:
    for n in range(310):
        body = {"number": f"+1212557{n:04d}", "source": source["id"]}
        shop.api("POST", "/numbers", body, expect=201)
    page = people.get("/numbers").text
    assert "Show 10 more numbers" in words(page)
    assert page.count('class="number"><a') + page.count("brought along") >= 300
    assert people.get("/numbers?all=1").text.count("brought along") == 310
