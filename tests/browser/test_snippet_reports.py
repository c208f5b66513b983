"""What the snippet tells the server, and what it offers the page."""

import json

import pytest
from playwright.sync_api import Page

from attribution.rules.reference import CLICK_IDS
from tests.browser.customer import ABORT, HANG, OURS, OWN, Customer, swapped

pytestmark = pytest.mark.browser
START = 1_800_000_000


def opened(customer: Customer, query: str = "") -> Page:
    page = customer.open("plain", query)
    customer.shows("#text", "Call (212) 555-0142 today")
    return page


def test_the_first_question_says_where_the_visitor_is(customer: Customer) -> None:
    page = opened(customer, "?gclid=one")
    assert customer.swaps == [
        {
            "site": "shopkey",
            "visitor": None,
            "url": page.url,
            "referrer": "",
            "title": "Acme Plumbing",
            "numbers": [OWN],
            "consent": "full",
        }
    ]


def test_the_page_can_read_and_hear_what_was_swapped(customer: Customer) -> None:
    customer.context.add_init_script(
        "window.heard = []; document.addEventListener('ringtrace:swapped', e => heard.push(e.detail));"
    )
    page = opened(customer)
    assert page.evaluate("() => heard") == [{"numbers": swapped()["numbers"], "visitor": "visitor-1.sig"}]
    assert page.evaluate("() => [ringtrace.numbers(), ringtrace.visitor()]") == [swapped()["numbers"], "visitor-1.sig"]
    assert page.evaluate("() => ringtrace.swap()") == swapped()["numbers"]
    assert (
        page.evaluate("() => { ringtrace.numbers()['+12125550100'].e164 = 'x'; return ringtrace.numbers() }")
        == (swapped()["numbers"])
    )
    customer.settle()
    assert len(customer.swaps) == 1


def test_routes_of_a_single_page_application_are_page_views(customer: Customer) -> None:
    page = opened(customer)
    page.evaluate("() => history.pushState({}, '', '/plans')")
    customer.until(lambda: customer.types() == ["pageview"], "no page view")
    page.evaluate("() => history.replaceState({}, '', '/plans/gold')")
    customer.until(lambda: len(customer.events) == 2, "no page view")
    page.evaluate("() => history.back()")
    customer.until(lambda: len(customer.events) == 3, "no page view")
    page.evaluate("() => history.pushState({}, '', '#/route')")
    customer.until(lambda: len(customer.events) == 4, "no page view")
    assert [event["url"].split(".test:")[1].partition("/")[2] for event in customer.events] == [
        "plans",
        "plans/gold",
        "plain.html",
        "plain.html#/route",
    ]
    assert {(post["site"], post["visitor"], post["visit"]) for post in customer.posts} == {
        ("shopkey", "visitor-1.sig", "visit-1")
    }
    assert len(customer.swaps) == 1


def test_places_on_the_page_and_its_filters_are_no_page_views(customer: Customer) -> None:
    page = opened(customer, "?gclid=one")
    page.evaluate(
        """() => { location.hash = 'contact'; history.replaceState({}, '', '?sort=price');
            history.pushState({}, '', location.href); history.replaceState({}, '', '?gclid=one') }"""
    )
    page.evaluate("() => new Promise(done => setTimeout(done))")
    customer.settle()
    assert customer.events == []


def test_another_campaign_in_the_address_asks_for_its_number(customer: Customer) -> None:
    page = opened(customer, "?gclid=one")
    customer.answer = lambda body: (200, swapped({OWN: "+12125550155"}))
    page.evaluate("() => history.pushState({}, '', '?utm_source=news&utm_medium=email')")
    customer.shows("#text", "Call (212) 555-0155 today")
    assert len(customer.swaps) == 2
    assert customer.swaps[1]["url"].endswith("?utm_source=news&utm_medium=email")
    assert customer.swaps[1]["referrer"].endswith("/plain.html?gclid=one")
    assert customer.swaps[1]["visitor"] == "visitor-1.sig"
    assert "pageview" not in customer.types()


def test_every_click_id_the_server_knows_is_a_campaign(customer: Customer) -> None:
    page = opened(customer)
    for name in CLICK_IDS:
        asked = len(customer.swaps)
        with page.expect_response("**/v1/swap"):
            page.evaluate("query => history.pushState({}, '', query)", f"?{name}=x1")
        assert len(customer.swaps) == asked + 1
    assert customer.events == []


def test_content_that_scrolls_by_itself_is_no_use_of_the_page(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    page = opened(customer)
    page.evaluate(
        """() => { const box = document.createElement('div'); box.style = 'height:20px;overflow:scroll';
            box.innerHTML = '<p style="height:500px"></p>'; document.body.append(box); box.scrollTop = 99;
            box.dispatchEvent(new Event('scroll')) }"""
    )
    page.clock.run_for(31_000)
    customer.settle()
    assert customer.types() == []
    page.evaluate("() => document.dispatchEvent(new Event('scroll'))")
    page.clock.run_for(31_000)
    customer.until(lambda: customer.types() == ["heartbeat"], "no heartbeat")


def test_a_heartbeat_goes_out_only_while_the_page_is_used(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    page = opened(customer)
    page.clock.run_for(120_000)
    customer.settle()
    assert customer.types() == []
    page.mouse.move(20, 20)
    page.clock.run_for(30_000)
    customer.until(lambda: customer.types() == ["heartbeat"], "no heartbeat")
    page.clock.run_for(300_000)
    customer.settle()
    used_up = customer.types()
    assert used_up in (["heartbeat"], ["heartbeat"] * 2), "a minute after the last use there are no more"
    page.keyboard.press("Tab")
    page.evaluate("() => Object.defineProperty(document, 'visibilityState', {value: 'hidden'})")
    page.clock.run_for(30_000)
    customer.settle()
    assert customer.types() == used_up


def test_whoever_comes_back_after_the_visit_ended_begins_another(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    page = opened(customer)
    page.clock.fast_forward(1_790_000)
    page.mouse.move(20, 20)
    page.clock.fast_forward(1_790_000)
    page.mouse.move(21, 21)
    customer.settle()
    assert len(customer.swaps) == 1
    page.clock.fast_forward(1_810_000)
    page.mouse.move(22, 22)
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask again")
    assert customer.swaps[1]["referrer"] == page.url


def test_after_a_failure_use_of_the_page_asks_again_not_sooner_than_after_half_a_minute(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    customer.answer = lambda body: (500, "")
    page = customer.open("plain")
    customer.until(lambda: customer.swaps, "nothing was asked")
    page.mouse.move(20, 20)
    customer.settle()
    assert len(customer.swaps) == 1
    customer.answer = lambda body: (200, swapped())
    page.clock.fast_forward(31_000)
    page.mouse.move(21, 21)
    customer.shows("#text", "Call (212) 555-0142 today")
    assert len(customer.swaps) == 2


def test_a_click_on_a_telephone_link_tells_the_number_dialled(customer: Customer) -> None:
    page = opened(customer)
    page.click("#link")
    page.click("#other")
    customer.until(lambda: len(customer.events) == 2, "no clicks")
    assert [(event["type"], event["number"]) for event in customer.events] == [
        ("tel_click", OURS),
        ("tel_click", "+12125550177"),
    ]


def test_what_happens_before_the_answer_waits_and_says_how_long(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    customer.answer = lambda body: ABORT if len(customer.swaps) == 1 else (200, swapped())
    page = customer.open("plain")
    customer.until(lambda: customer.swaps, "nothing was asked")
    page.evaluate("() => document.getElementById('link').click()")
    page.clock.fast_forward(40_000)
    assert customer.events == []
    page.mouse.move(20, 20)
    customer.until(lambda: customer.events, "the click was lost")
    click = customer.events[0]
    assert (click["type"], click["number"]) == ("tel_click", OWN)
    assert 40_000 <= click["age_ms"] < 60_000


def test_events_the_server_could_not_take_are_sent_again(customer: Customer) -> None:
    page = opened(customer)
    customer.events_status = 503
    page.click("#link")
    customer.until(lambda: len(customer.posts) == 1, "no click")
    customer.settle()
    customer.events_status = 202
    page.evaluate("() => ringtrace.track('form', {phone: '+12125550199'})")
    customer.until(lambda: len(customer.posts) == 2, "no form")
    assert [event["type"] for event in customer.posts[1]["events"]] == ["tel_click", "form"]


def test_forms_are_told_only_where_the_page_says_so(customer: Customer) -> None:
    page = opened(customer)
    page.evaluate("() => document.getElementById('silent').requestSubmit()")
    page.evaluate("() => document.getElementById('asking').requestSubmit()")
    page.evaluate("() => ringtrace.track('form', {email: 'bob@example.com', card: '4111'})")
    page.evaluate("() => ringtrace.track('invented', {})")
    customer.until(lambda: len(customer.events) == 2, "no forms")
    told = [{k: v for k, v in event.items() if k not in {"age_ms", "url"}} for event in customer.events]
    assert told == [
        {"type": "form", "phone": "+12125550199", "email": "ann@example.com"},
        {"type": "form", "email": "bob@example.com"},
    ]


def test_leaving_the_page_is_told(customer: Customer) -> None:
    customer.base = customer.site.url.replace("www", "calls")
    opened(customer)
    customer.open("blank")
    customer.until(lambda: customer.site.received, "no leave")
    path, content_type, body = customer.site.received[0]
    assert (path, content_type.partition(";")[0]) == ("/v1/events", "text/plain")
    told = json.loads(body)
    assert (told["visitor"], told["visit"]) == ("visitor-1.sig", "visit-1")
    assert [(event["type"], event["url"]) for event in told["events"]] == [("leave", customer.site.url + "/plain.html")]


def test_leaving_before_the_answer_breaks_nothing(customer: Customer) -> None:
    customer.answer = lambda body: HANG
    customer.open("plain")
    customer.until(lambda: customer.swaps, "nothing was asked")
    customer.open("blank")
    customer.settle()
    assert customer.events == []
