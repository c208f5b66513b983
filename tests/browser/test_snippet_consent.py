"""What consent allows: `full`, `source`, `none`, from the tag, the site, the browser's signal or a call."""

import pytest

from tests.browser.customer import HANG, HOLD, OWN, Answer, Customer, swapped

pytestmark = pytest.mark.browser
OTHER = "+12125550155"


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


@pytest.mark.parametrize("level", ["none", "source"])
def test_consent_withdrawn_while_an_answer_is_under_way_makes_it_void(customer: Customer, level: str) -> None:
    customer.answer = lambda body: HOLD
    page = customer.open("head")
    customer.until(lambda: customer.swaps, "nothing was asked")
    customer.answer = lambda body: HANG
    page.evaluate("level => ringtrace.consent(level)", level)
    customer.release(200, swapped())
    assert page.text_content("#text") == "(212) 555-0100"
    assert customer.kept() == (None, "")
    assert page.evaluate("() => ringtrace.visitor()") is None


# The levels one after the other, and how often each asks.
LEVELS = [
    ("none", 0),
    ("source", 1),
    ("full", 1),
    ("full", 0),
    ("source", 1),
    ("none", 0),
    ("none", 0),
    ("full", 1),
    ("none", 0),
    ("source", 1),
    ("source", 0),
    ("none", 0),
    ("full", 1),
    ("source", 1),
    ("full", 1),
]


def test_every_change_of_consent_takes_effect_at_once(customer: Customer) -> None:
    def answer(body: dict[str, object]) -> Answer:
        if body["consent"] == "full":
            return 200, swapped()
        return 200, swapped({OWN: OTHER}, visitor=None, visit=None)

    customer.answer = answer
    page = customer.open("consent_none")
    page.wait_for_function("() => window.ringtrace")
    texts = {"none": "(212) 555-0100", "source": "(212) 555-0155", "full": "(212) 555-0142"}
    wrong = []
    before = "none"
    for level, asks in LEVELS:
        asked = len(customer.swaps)
        said = page.evaluate("level => ringtrace.consent(level)", level)
        customer.shows("#text", texts[level])
        customer.settle()
        storage, cookie = customer.kept()
        sent = [(body["consent"], body["visitor"]) for body in customer.swaps[asked:]]
        full = level == "full"
        if (said, sent, bool(storage), bool(cookie)) != (level, [(level, None)] * asks, full, full):
            wrong.append((before, level, said, sent, storage, cookie))
        before = level
    assert wrong == []
    page.evaluate("() => ringtrace.consent('nonsense')")
    assert page.evaluate("() => ringtrace.consent()") == "full"
    assert customer.types() == []


def test_the_tag_outranks_the_site(customer: Customer) -> None:
    customer.consent = "none"
    customer.answer = lambda body: (200, swapped({OWN: OTHER}, visitor=None, visit=None))
    customer.open("consent_source")
    customer.shows("#text", "(212) 555-0155")
    assert [body["consent"] for body in customer.swaps] == ["source"]
    customer.consent = "full"
    customer.open("consent_none")
    customer.settle()
    assert len(customer.swaps) == 1


def test_without_consent_every_copy_of_the_cookie_goes(customer: Customer) -> None:
    page = customer.open("blank")
    page.evaluate(
        """() => ['', '; Domain=shop.test', '; Domain=www.shop.test'].forEach((domain, i) => {
            document.cookie = 'ringtrace=v' + i + '; Path=/; Max-Age=999' + domain })"""
    )
    assert customer.kept()[1].count("ringtrace=") == 3
    customer.open("consent_none").wait_for_function("() => window.ringtrace")
    assert customer.kept() == (None, "")
    assert customer.requests == {"script": 1}
