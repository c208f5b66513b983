"""How often the snippet speaks to the server: once for a page, whatever is on it and wherever the tag stands."""

import re

import pytest

from tests.browser.customer import CALLS, KEY, LONDON, LONDON_OURS, OURS, OWN, Customer, assigned, swapped

pytestmark = pytest.mark.browser
SCRIPT = f"{CALLS}/s/{KEY}.js"
NUMBER = '<p id="text">(212) 555-0100</p><a id="link" href="tel:+12125550100"><b>Call</b></a>'
HEAD = '<!doctype html><html><head><meta charset="utf-8"><title>Tag</title>'
INJECT = "const s = document.createElement('script'); s.async = true; s.src = '" + SCRIPT + "'; document.head.append(s)"

TAGS = {
    "head": f'{HEAD}<script src="{SCRIPT}"></script></head><body>{NUMBER}</body></html>',
    "head, async": f'{HEAD}<script async src="{SCRIPT}"></script></head><body>{NUMBER}</body></html>',
    "head, defer": f'{HEAD}<script defer src="{SCRIPT}"></script></head><body>{NUMBER}</body></html>',
    "head, before the title": f'<!doctype html><script src="{SCRIPT}"></script><title>Tag</title>{NUMBER}',
    "start of the body": f'{HEAD}</head><body><script src="{SCRIPT}"></script>{NUMBER}</body></html>',
    "end of the body": f'{HEAD}</head><body>{NUMBER}<script src="{SCRIPT}"></script></body></html>',
    "injected": f"{HEAD}</head><body>{NUMBER}<script>{INJECT}</script></body></html>",
    "injected after load": f"{HEAD}</head><body>{NUMBER}"
    f"<script>onload = () => setTimeout(() => {{ {INJECT} }})</script></body></html>",
    "no doctype": f'<head><title>Tag</title><script src="{SCRIPT}"></script></head>{NUMBER}',
    "written": f"{HEAD}<script>document.write('<scr' + 'ipt src=\"{SCRIPT}\"></scr' + 'ipt>')</script></head>"
    f"<body><script>document.write('{NUMBER}')</script></body></html>",
    "twice": f'{HEAD}<script async src="{SCRIPT}"></script></head><body>{NUMBER}'
    f'<script src="{SCRIPT}"></script></body></html>',
    "twice, once injected": f'{HEAD}<script src="{SCRIPT}?a"></script></head><body>{NUMBER}'
    f"<script>onload = () => setTimeout(() => {{ {INJECT} }})</script></body></html>",
}


@pytest.mark.parametrize("where", TAGS)
def test_wherever_the_tag_stands_there_is_one_request_and_one_set_of_handlers(customer: Customer, where: str) -> None:
    page = customer.made(TAGS[where])
    customer.shows("#text", "(212) 555-0142")
    assert page.get_attribute("#link", "href") == f"tel:{OURS}"
    page.evaluate("() => document.addEventListener('click', event => event.preventDefault())")
    page.click("#link b")
    page.evaluate("() => history.pushState({}, '', '/next')")
    customer.until(lambda: len(customer.events) >= 2, "no events")
    customer.settle()
    assert sorted(customer.types()) == ["pageview", "tel_click"]
    assert customer.requests["swap"] == 1
    # At the very top of a page there is no title yet.
    assert customer.swaps[0]["title"] in ("Tag", "" if where == "head, before the title" else "Tag")
    if "twice" not in where:
        assert customer.requests["script"] == 1
        assert customer.edits()["nodes"] <= 1, "the tag itself, where the page injects it"


def test_an_xhtml_page_is_a_page(customer: Customer) -> None:
    customer.made(
        f"""<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>X</title>
        <script async="async" src="{SCRIPT}"></script></head>
        <body><p id="text">(212) <b>555</b>-0100</p><a data-want-href="tel:+12125550142" href="tel:+12125550100">x</a>
        <p data-ringtrace="off"><i id="off">(212) 555-0100</i></p><textarea id="area">(212) 555-0100</textarea>
        </body></html>""",
        content_type="application/xhtml+xml",
    )
    customer.shows("#text", "(212) 555-0142")
    customer.shows("#off", "(212) 555-0100")
    customer.shows("#area", "(212) 555-0100")
    assert customer.wrong() == []


def test_no_assignment_is_remembered(customer: Customer) -> None:
    customer.answer = lambda body: (200, swapped({}))
    page = customer.open("living")
    customer.until(lambda: customer.swaps, "nothing was asked")
    customer.settle()
    customer.did("")
    for _ in range(5):
        page.evaluate("() => { app.insertAdjacentHTML('beforeend', '<p>(212) 555-0100</p>'); ringtrace.swap() }")
        page.evaluate("() => { link.href = 'tel:+12125550100'; link.title = '212-555-0100' }")
    page.mouse.move(5, 5)
    customer.settle()
    assert page.text_content("#app") == "(212) 555-0100" * 5
    assert customer.edits() == {"text": 0, "attributes": 10, "nodes": 5}, "the page's own and no others"
    assert customer.requests == {"script": 1, "swap": 1}


def test_several_targets_of_several_sources_are_one_request(customer: Customer) -> None:
    third = "+12125550177"
    customer.numbers = (OWN, LONDON, third)
    answer = swapped()
    answer["numbers"] = {OWN: assigned(OURS, "google_ads"), LONDON: assigned(LONDON_OURS, "direct")}
    customer.answer = lambda body: (200, answer)
    page = customer.made(
        """<!doctype html><html><head><title>Offices</title>TAG</head><body>
        <p data-want="(212) 555-0142, 020 7946 0123">(212) 555-0100, 020 7123 4567</p>
        <p data-want="(212) 555-0177">(212) 555-0177</p></body></html>"""
    )
    customer.swapped()
    assert customer.wrong() == []
    assert [body["numbers"] for body in customer.swaps] == [[OWN, LONDON, third]]
    shown = page.evaluate("() => ringtrace.numbers()")
    assert {own: number["source"] for own, number in shown.items()} == {OWN: "google_ads", LONDON: "direct"}
    page.evaluate("() => { document.body.insertAdjacentHTML('beforeend', '<p>(212) 555-0177 020 7123 4567</p>') }")
    customer.shows("body > p:last-child", "(212) 555-0177 020 7946 0123")
    customer.settle()
    assert customer.requests == {"script": 1, "swap": 1}


def test_the_check_is_loaded_where_an_answer_asks_for_it(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    before = page.evaluate("() => document.documentElement.outerHTML")
    customer.settle()
    assert customer.requests["check"] == 0
    customer.answer = lambda body: (200, swapped(check=True))
    page = customer.open("living")
    page.wait_for_function("() => window.checked === 1")
    page.evaluate("() => history.pushState({}, '', '?gclid=another')")
    customer.until(lambda: len(customer.swaps) == 3, "it did not ask again")
    customer.settle()
    page.wait_for_function("() => window.checked === 2")
    assert customer.requests["check"] == 2
    assert page.evaluate("() => document.documentElement.outerHTML") == before, "nothing is left of it"


def test_the_page_can_ask_how_it_stands(customer: Customer) -> None:
    customer.numbers = (OWN, LONDON)
    page = customer.open("living")
    customer.swapped()
    state = page.evaluate("() => ringtrace.state()")
    assert set(state) >= {"site", "base", "consent", "answered", "targets", "numbers", "reverted", "tag"}
    assert (state["site"], state["base"], state["consent"], bool(state["answered"])) == (KEY, CALLS, "full", True)
    assert ["+" + re.sub(r"\D", "", target) for target in state["targets"]] == [OWN, LONDON]
    assert state["numbers"] == swapped()["numbers"]
    page.evaluate("() => { ringtrace.state().numbers['+12125550100'].e164 = 'x' }")
    assert page.evaluate("() => ringtrace.numbers()") == swapped()["numbers"], "what it gives is a copy"
    customer.answer = lambda body: (500, "")
    page = customer.open("blank")
    page.evaluate("() => localStorage.clear()")
    page = customer.open("living")
    customer.until(lambda: len(customer.swaps) == 2, "it did not ask")
    customer.settle()
    assert not page.evaluate("() => ringtrace.state().answered")


def test_what_the_page_is_offered_answers_in_kind(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    kinds = """() => [ringtrace.swap(), ringtrace.numbers(), ringtrace.visitor(), ringtrace.consent(),
        ringtrace.track('form', {phone: '1'}), ringtrace.track('invented', {}), ringtrace.track(), ringtrace.state()]
        .map(value => typeof value)"""
    assert page.evaluate(kinds) == ["object", "object", "string", "string", "boolean", "boolean", "boolean", "object"]
    assert page.evaluate("() => Object.keys(ringtrace).sort()") == [
        "consent",
        "numbers",
        "state",
        "swap",
        "track",
        "visitor",
    ]
