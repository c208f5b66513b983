"""What the snippet remembers, what it does when the server fails, and what consent allows."""

from typing import Any

import pytest

from tests.browser.customer import ABORT, HANG, OURS, OWN, Customer, swapped

pytestmark = pytest.mark.browser
OTHER = "+12125550155"
START = 1_800_000_000_000

FAILURES: dict[str, Any] = {
    "500": (500, {"error": {"code": "internal"}}),
    "403": (403, {"error": {"code": "not_allowed"}}),
    "blocked": ABORT,
    "no JSON": (200, "<html>Bad gateway</html>"),
    "cut short": (200, '{"visitor": "v", "numb'),
    "null": (200, "null"),
    "a list": (200, []),
    "no numbers": (200, {"visitor": "v"}),
    "numbers as a list": (200, swapped() | {"numbers": [OURS]}),
    "numbers as text": (200, swapped() | {"numbers": "none"}),
    "no number": (200, swapped() | {"numbers": {OWN: {"e164": "<b>", "national": "x"}}}),
    "null number": (200, swapped() | {"numbers": {OWN: None}}),
    "a number nobody asked for": (200, swapped() | {"numbers": {OTHER: swapped()["numbers"][OWN]}}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_when_the_answer_is_no_good_the_page_keeps_its_own_number(customer: Customer, failure: str) -> None:
    customer.answer = lambda body: FAILURES[failure]
    page = customer.open("plain")
    customer.until(lambda: customer.swaps, "nothing was asked")
    customer.settle()
    assert page.text_content("#text") == "Call (212) 555-0100 today"
    assert page.get_attribute("#link", "href") == "tel:+12125550100"
    assert page.evaluate("() => ringtrace.numbers()") == {}
    assert len(customer.swaps) == 1


def test_an_answer_that_does_not_come_is_given_up_after_five_seconds(customer: Customer) -> None:
    customer.page.clock.install(time=START / 1000)
    customer.answer = lambda body: HANG
    page = customer.open("plain")
    with page.expect_event("requestfailed") as failed:
        page.clock.fast_forward(5_100)
    assert failed.value.url.endswith("/v1/swap")
    assert page.text_content("#text") == "Call (212) 555-0100 today"


def test_a_browser_without_fetch_is_left_in_peace(customer: Customer) -> None:
    customer.context.add_init_script("window.fetch = undefined;")
    page = customer.open("plain")
    page.wait_for_function("() => window.ringtrace")
    assert page.text_content("#text") == "Call (212) 555-0100 today"
    assert customer.swaps == []


def test_blocked_storage_and_cookies_do_no_harm(customer: Customer) -> None:
    customer.context.add_init_script(
        """const blocked = () => { throw new DOMException('denied', 'SecurityError') };
        Object.defineProperty(window, 'localStorage', {get: blocked});
        Object.defineProperty(Document.prototype, 'cookie', {get: blocked, set: blocked});"""
    )
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    customer.page.evaluate("() => ringtrace.consent('none')")
    customer.shows("#text", "Call (212) 555-0100 today")


@pytest.mark.parametrize("kept", ["{", "null", "7", '"x"', "[]", '{"site":"shopkey","numbers":7,"at":"x","ttl":{}}'])
def test_spoilt_memory_is_as_good_as_none(customer: Customer, kept: str) -> None:
    customer.open("blank")
    customer.page.evaluate("kept => localStorage.setItem('ringtrace', kept)", kept)
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")


def test_a_returning_visitor_sees_their_number_before_the_server_answers(customer: Customer) -> None:
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    customer.answer = lambda body: HANG
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.settle()
    assert [body["visitor"] for body in customer.swaps] == [None, "visitor-1.sig"]
    assert customer.swaps[0]["numbers"] == [OWN]


@pytest.mark.parametrize(("later", "text"), [(1_000, "(212) 555-0142"), (1_801_000, "(212) 555-0100")])
def test_while_the_server_fails_memory_holds_for_its_ttl(customer: Customer, later: int, text: str) -> None:
    customer.page.clock.install(time=START / 1000)
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.page.clock.set_system_time((START + later) / 1000)
    customer.answer = lambda body: (500, "")
    customer.open("head")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask again")
    customer.shows("#text", text)


def test_after_the_ttl_memory_is_shown_at_once_until_the_answer_comes(customer: Customer) -> None:
    customer.page.clock.install(time=START / 1000)
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.page.clock.set_system_time(START / 1000 + 7_200)
    customer.answer = lambda body: HANG
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")


def test_a_number_no_longer_assigned_returns_to_the_pages_own_and_that_is_remembered(customer: Customer) -> None:
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.answer = lambda body: (200, swapped({}))
    customer.open("head")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask again")
    customer.shows("#text", "(212) 555-0100")
    customer.answer = lambda body: HANG
    customer.open("head")
    customer.until(lambda: len(customer.swaps) == 3, "it did not ask again")
    assert customer.page.text_content("#text") == "(212) 555-0100"


def test_while_the_database_is_away_the_known_number_stays(customer: Customer) -> None:
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.answer = lambda body: (200, swapped({}, visit=None, visitor=body["visitor"], source=None, ttl=30))
    customer.open("head")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask again")
    customer.settle()
    assert customer.page.text_content("#text") == "(212) 555-0142"


def test_another_campaign_waits_for_the_answer_and_shows_its_own_number(customer: Customer) -> None:
    customer.open("head", "?gclid=one")
    customer.shows("#text", "(212) 555-0142")
    customer.answer = lambda body: HANG
    customer.open("head", "?utm_source=news&utm_medium=email")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask again")
    assert customer.page.text_content("#text") == "(212) 555-0100"
    customer.answer = lambda body: (200, swapped({OWN: OTHER}))
    customer.open("head", "?utm_source=news&utm_medium=email")
    customer.shows("#text", "(212) 555-0155")


def test_one_visitor_on_all_subdomains(customer: Customer) -> None:
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    assert customer.kept()[1] == "ringtrace=visitor-1.sig"
    customer.answer = lambda body: HANG
    customer.open("head", host="shop")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask")
    assert customer.swaps[1]["visitor"] == "visitor-1.sig"


@pytest.mark.parametrize("how", ["tag", "signal", "default", "call"])
def test_without_consent_nothing_is_asked_kept_or_changed(customer: Customer, how: str) -> None:
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    assert customer.kept()[0]["visitor"] == "visitor-1.sig"
    if how == "signal":
        customer.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});")
    if how == "default":
        customer.consent = "none"
    page = customer.page if how == "call" else customer.open("consent_none" if how == "tag" else "head")
    page.wait_for_function("() => window.ringtrace")
    if how == "call":
        assert page.evaluate("() => ringtrace.consent('none')") == "none"
    asked = len(customer.swaps)
    customer.posts.clear()
    page.mouse.move(5, 5)
    page.evaluate(
        "() => { ringtrace.track('form', {phone: '1'}); ringtrace.swap(); history.pushState({}, '', '/next') }"
    )
    if how != "default":
        page.evaluate("() => document.querySelector('a')?.click()")
    customer.settle()
    assert "555-0100" in str(page.text_content("#text"))
    assert customer.kept() == (None, "")
    assert len(customer.swaps) == asked == 1
    assert customer.posts == []
    assert page.evaluate("() => [ringtrace.visitor(), ringtrace.numbers()]") == [None, {}]


def test_privacy_control_outranks_the_page(customer: Customer) -> None:
    customer.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});")
    page = customer.open("head")
    page.wait_for_function("() => window.ringtrace")
    assert page.evaluate("() => ringtrace.consent('full')") == "none"
    customer.settle()
    assert customer.swaps == []


def test_source_level_shows_a_number_and_stores_nothing(customer: Customer) -> None:
    customer.answer = lambda body: (200, swapped(visitor=None, visit=None))
    page = customer.open("consent_source")
    customer.shows("#text", "(212) 555-0142")
    page.mouse.move(5, 5)
    page.evaluate("() => ringtrace.track('form', {phone: '1'})")
    customer.settle()
    assert customer.kept() == (None, "")
    assert [(body["consent"], body["visitor"]) for body in customer.swaps] == [("source", None)]
    assert customer.posts == []


def test_consent_given_later_asks_then_and_taken_back_clears(customer: Customer) -> None:
    page = customer.open("consent_none")
    page.wait_for_function("() => window.ringtrace")
    page.evaluate("() => ringtrace.consent('full')")
    customer.shows("#text", "(212) 555-0142")
    assert [body["consent"] for body in customer.swaps] == ["full"]
    assert customer.kept()[0]["visitor"] == "visitor-1.sig"
    customer.answer = lambda body: (200, swapped({OWN: OTHER}, visitor=None, visit=None))
    page.evaluate("() => ringtrace.consent('source')")
    customer.shows("#text", "(212) 555-0155")
    assert customer.kept() == (None, "")
    page.evaluate("() => ringtrace.consent('nonsense')")
    assert page.evaluate("() => ringtrace.consent()") == "source"


def test_consent_withdrawn_while_an_answer_is_under_way_makes_it_void(customer: Customer) -> None:
    customer.answer = lambda body: HANG
    page = customer.open("head")
    customer.until(lambda: customer.swaps, "nothing was asked")
    with page.expect_event("requestfailed"):
        page.evaluate("() => ringtrace.consent('none')")
    customer.settle()
    assert page.text_content("#text") == "(212) 555-0100"
    assert customer.kept() == (None, "")
