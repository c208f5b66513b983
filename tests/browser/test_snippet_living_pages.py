"""Pages that change while they are looked at: what comes later is swapped once, and nobody is disturbed by it."""

from typing import Any

import pytest

from tests.browser.customer import HANG, OURS, OWN, Customer, swapped

pytestmark = pytest.mark.browser
OTHER = "+12125550155"
START = 1_800_000_000

# What the page does, where to look then, what must be there, and how many texts and attributes we may write for it.
STEPS: list[tuple[str, str, str, tuple[int, int]]] = [
    ("app.innerHTML = '<b><i id=a>212.555.0100</i></b>'", "a.textContent", "212.555.0142", (1, 0)),
    ("a.firstChild.data = 'Now 212-555-0100!'", "a.textContent", "Now 212-555-0142!", (1, 0)),
    ("a.firstChild.nodeValue = '+1 212 555 0100'", "a.textContent", "+1 212 555 0142", (1, 0)),
    ("a.textContent = '212 555 0100'", "a.textContent", "212 555 0142", (1, 0)),
    ("a.innerHTML = '(212) <b>555-0100</b>'", "a.textContent", "(212) 555-0142", (1, 0)),
    ("a.lastChild.firstChild.data = '555-0100, daily'", "a.textContent", "(212) 555-0142, daily", (1, 0)),
    ("a.firstChild.data = 'Fax (212) '", "a.textContent", "Fax (212) 555-0142, daily", (0, 0)),
    ("a.replaceChildren('2125550100')", "a.textContent", "2125550142", (1, 0)),
    ("a.firstChild.insertData(0, 'Tel. ')", "a.textContent", "Tel. 2125550142", (0, 0)),
    ("a.firstChild.appendData(' or 212-555-0100')", "a.textContent", "Tel. 2125550142 or 212-555-0142", (1, 0)),
    ("a.firstChild.splitText(8)", "a.textContent", "Tel. 2125550142 or 212-555-0142", (0, 0)),
    ("a.normalize()", "a.textContent", "Tel. 2125550142 or 212-555-0142", (0, 0)),
    ("a.outerHTML = '<u id=a>212-555-0100</u>'", "a.textContent", "212-555-0142", (1, 0)),
    ("app.insertAdjacentText('beforeend', ' / 2125550100')", "app.textContent", "212-555-0142 / 2125550142", (1, 0)),
    # A number that is whole only after a second change.
    ("app.innerHTML = '<p id=a>(212) 555-</p>'", "a.textContent", "(212) 555-", (0, 0)),
    ("a.append('0100')", "a.textContent", "(212) 555-0142", (1, 0)),
    ("a.textContent = '212-555'", "a.textContent", "212-555", (0, 0)),
    ("a.firstChild.appendData('-0100')", "a.textContent", "212-555-0142", (1, 0)),
    ("a.textContent = '+1 646 555-0100'", "a.textContent", "+1 646 555-0100", (0, 0)),
    ("a.firstChild.replaceData(3, 3, '212')", "a.textContent", "+1 212 555-0142", (1, 0)),
    # Attributes.
    ("link.href = 'tel:212-555-0100'", "link.getAttribute('href')", "tel:212-555-0142", (0, 1)),
    ("link.title = '212 555 0100'", "link.title", "212 555 0142", (0, 1)),
    ("link.setAttribute('aria-label', 'Call 2125550100')", "link.ariaLabel", "Call 2125550142", (0, 1)),
    ("link.removeAttribute('href')", "String(link.getAttribute('href'))", "null", (0, 0)),
    ("link.href = 'tel:+12125550100'", "link.getAttribute('href')", "tel:+12125550142", (0, 1)),
    ("link.href = 'tel:+12125550177'", "link.getAttribute('href')", "tel:+12125550177", (0, 0)),
    ("link.href = 'tel:+12125550100'", "link.getAttribute('href')", "tel:+12125550142", (0, 1)),
    # Whole trees.
    (
        """const f = document.createDocumentFragment(); for (let i = 0; i < 3; i++) {
             const p = document.createElement('p'); p.textContent = '212-555-0100'; f.append(p) }
             app.replaceChildren(f)""",
        "app.textContent",
        "212-555-0142" * 3,
        (3, 0),
    ),
    ("other.append(app.firstChild)", "other.textContent", "212-555-0142", (0, 0)),
    ("other.append(other.firstChild.cloneNode(true))", "other.textContent", "212-555-0142" * 2, (0, 0)),
    ("window.kept = other.firstChild; kept.remove()", "other.textContent", "212-555-0142", (0, 0)),
    ("other.prepend(kept)", "other.textContent", "212-555-0142" * 2, (0, 0)),
    (
        "kept.remove(); kept.textContent = '(212) 555-0100'; other.replaceChildren(kept)",
        "other.textContent",
        "(212) 555-0142",
        (1, 0),
    ),
    (
        "kept.remove(); kept.innerHTML = '<template></template>2125550100'; other.append(kept)",
        "other.textContent",
        "2125550142",
        (1, 0),
    ),
    # Switched off: what comes from now on stays as it is; what stands there is left alone too.
    ("other.dataset.ringtrace = 'off'", "other.textContent", "2125550142", (0, 0)),
    ("kept.append(' 212-555-0100')", "other.textContent", "2125550142 212-555-0100", (0, 0)),
    ("app.append(kept)", "kept.textContent", "2125550142 212-555-0142", (1, 0)),
    ("off.append(kept)", "off.textContent", "2125550142 212-555-0142", (0, 0)),
    ("off.textContent = 'You see (212) 555-0142'", "off.textContent", "You see (212) 555-0142", (0, 0)),
    # What libraries for quick page changes do.
    (
        """const b = document.createElement('body'); b.innerHTML = '<p id=a>212-555-0100</p>' +
             '<a id=link href="tel:2125550100">x</a><div id=app></div><div id=other></div>'; document.body = b""",
        "a.textContent + link.getAttribute('href')",
        "212-555-0142tel:2125550142",
        (1, 1),
    ),
]


def test_every_change_is_followed_by_the_edits_it_needs_and_by_no_request(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    assert customer.edits() == {"text": 1, "attributes": 1, "nodes": 0}
    wrong: list[tuple[Any, ...]] = []
    for action, look, text, (texts, attributes) in STEPS:
        customer.did(action)
        got, edits = page.evaluate(
            """async ([look, want]) => {
                const end = performance.now() + 500;
                const next = () => new Promise(done => {
                    const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0) });
                for (let i = 0; i < 3; i++) await next();
                while (eval(look) !== want && performance.now() < end) await next();
                return [eval(look), probe.edits()];
            }""",
            [look, text],
        )
        if (got, edits) != (text, {"text": texts, "attributes": attributes, "nodes": 0}):
            wrong.append((action, "wanted", text, texts, attributes, "got", got, edits))
    assert wrong == []
    customer.settle()
    assert customer.requests == {"script": 1, "swap": 1}


def test_a_thousand_rows_are_a_thousand_edits(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    customer.did(
        """for (let i = 0; i < 1000; i++) app.insertAdjacentHTML('beforeend',
             '<p>Row ' + i + ' <b data-want="212-555-0142">212-555-0100</b> <i>' + i * 1e9 + '</i></p>')"""
    )
    assert customer.becomes_right() == []
    assert customer.edits() == {"text": 1000, "attributes": 0, "nodes": 0}
    page.evaluate("() => { app.textContent = '' }")
    customer.settle()
    assert customer.requests["swap"] == 1


def test_a_page_that_changes_without_a_number_is_not_touched(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    customer.did("")
    page.evaluate(
        """async () => { probe.after(() => {
            for (let i = 0; i < 500; i++) app.insertAdjacentHTML('beforeend', '<p title=t' + i + '>' + i + '</p>');
            app.querySelectorAll('p').forEach(p => { p.firstChild.data = 'x' + p.title; p.title = p.title + '0' }) });
            await new Promise(done => setTimeout(done)) }"""
    )
    assert customer.edits() == {"text": 0, "attributes": 0, "nodes": 0}


COPIES = """() => {
    const copy = document.createElement('div');
    copy.id = 'copy';
    copy.innerHTML = document.getElementById('text').innerHTML + document.getElementById('link').outerHTML;
    document.body.append(copy, document.getElementById('text').cloneNode(true));
}"""


def test_a_copy_of_swapped_content_follows_the_number_and_returns(customer: Customer) -> None:
    """Carousels and menus clone what is there; the clone holds our number, never the page's."""
    page = customer.open("plain", "?gclid=one")
    customer.shows("#text", "Call (212) 555-0142 today")
    page.evaluate(COPIES)
    customer.settle()
    customer.answer = lambda body: (200, swapped({OWN: OTHER}))
    page.evaluate("() => history.pushState({}, '', '?gclid=two')")
    customer.shows("#copy", "Call (212) 555-0155 today(212) 555-0155")
    customer.shows("body > p:last-child", "Call (212) 555-0155 today")
    page.evaluate("() => ringtrace.consent('none')")
    customer.shows("#copy", "Call (212) 555-0100 today(212) 555-0100")
    customer.shows("body > p:last-child", "Call (212) 555-0100 today")
    assert page.get_attribute("#copy a", "href") == "tel:+12125550100"


def test_a_number_that_changes_or_goes_is_followed_in_every_form(customer: Customer) -> None:
    page = customer.made(
        """<!doctype html><html><head><title>Forms</title>TAG</head><body><p>(212) <b>555</b>-0100</p>
        <p>+1&nbsp;212.555.0100, ext. 5</p><a href="tel:212-555-0100;ext=5" title="2125550100">x</a></body></html>""",
        "?gclid=one",
    )
    customer.swapped()
    before = page.inner_html("body")
    assert before.count("0142") == 4
    customer.answer = lambda body: (200, swapped({OWN: "+12125550155"}))
    page.evaluate("() => history.pushState({}, '', '?gclid=two')")
    page.wait_for_function("() => probe.heard.length === 2")
    assert page.inner_html("body") == before.replace("0142", "0155")
    customer.answer = lambda body: (200, swapped())
    page.evaluate("() => history.pushState({}, '', '?gclid=three')")
    page.wait_for_function("() => probe.heard.length === 3")
    assert page.inner_html("body") == before
    customer.answer = lambda body: (200, swapped({}))
    page.evaluate("() => history.pushState({}, '', '?gclid=four')")
    page.wait_for_function("() => probe.heard.length === 4")
    assert page.inner_html("body") == before.replace("0142", "0100")
    assert customer.requests["swap"] == 4


def test_a_number_comes_back_from_another_country_in_the_usual_form(customer: Customer) -> None:
    """Its digits cannot tell any more how the page wrote it."""
    page = customer.made(
        """<!doctype html><html><head><title>Forms</title>TAG</head><body><p>(212) <b>555</b>-0100</p>
        <a href="tel:212-555-0100;ext=5" title="2125550100">x</a></body></html>"""
    )
    customer.answer = lambda body: (200, swapped({OWN: "+442079460123"}))
    page.reload()
    page.wait_for_function("() => probe.heard.length")
    assert page.inner_html("body").count("0123") == 3
    page.evaluate("() => ringtrace.consent('none')")
    assert page.inner_text("p") == "+1 212-555-0100"
    assert page.get_attribute("a", "href") == "tel:+12125550100;ext=5"
    assert page.get_attribute("a", "title") == "+12125550100"


def test_hydration_that_writes_the_old_number_once_is_swapped_again(customer: Customer) -> None:
    page = customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    customer.did(
        """document.getElementById('text').firstChild.nodeValue = 'Call (212) 555-0100 today';
        document.getElementById('link').setAttribute('href', 'tel:+12125550100')"""
    )
    customer.shows("#text", "Call (212) 555-0142 today")
    assert page.get_attribute("#link", "href") == f"tel:{OURS}"
    assert customer.edits() == {"text": 1, "attributes": 1, "nodes": 0}


@pytest.mark.parametrize("query", ["", "?replace"])
def test_a_page_that_writes_its_number_back_wins_soon_and_the_rest_is_swapped(customer: Customer, query: str) -> None:
    page = customer.open("hostile", query)
    customer.shows("#peace", "212.555.0142")
    customer.settle()
    assert page.text_content("#text") == "(212) 555-0100"
    assert page.get_attribute("#link", "href") == "tel:+12125550100"
    rounds = page.evaluate("() => window.rounds")
    # A round is our edit and the page's answer, which the page hears as well.
    assert 2 <= rounds <= 100
    customer.settle()
    assert page.evaluate("() => window.rounds") == rounds


def test_a_page_that_writes_its_number_back_ten_times_a_second_wins_in_the_end(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    page = customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    customer.did(
        """const text = document.getElementById('text').firstChild; window.written = 0;
        setInterval(() => { if (text.data !== 'Call (212) 555-0100 today') {
            window.written++; text.data = 'Call (212) 555-0100 today' } }, 100)"""
    )
    page.clock.run_for(10_000)
    written = page.evaluate("() => window.written")
    assert 1 <= written <= 25
    customer.shows("#text", "Call (212) 555-0100 today")
    page.clock.run_for(10_000)
    assert page.evaluate("() => window.written") == written
    assert page.get_attribute("#link", "href") == f"tel:{OURS}"


def test_a_swap_disturbs_nobody(customer: Customer) -> None:
    customer.consent = "none"
    page = customer.open("still")
    page.wait_for_function("() => window.ringtrace")
    select = """([id, from, to]) => { const node = document.getElementById(id).firstChild;
        getSelection().setBaseAndExtent(node, from, node, to); return getSelection().toString() }"""
    page.focus("#link")
    page.evaluate("() => { window.nodes = [...document.querySelectorAll('*')] }")
    assert page.evaluate(select, ["near", 3, 13]) == "text right"
    assert page.evaluate("() => ringtrace.consent('full')") == "full"
    customer.shows("#text", "(212) 555-0142")
    assert page.evaluate("() => getSelection().toString()") == "text right"
    assert page.evaluate("() => document.activeElement.id") == "link"
    # Also not where the selection lies in the very text that is edited, behind the number.
    page.evaluate("() => ringtrace.consent('none')")
    assert page.evaluate(select, ["same", 20, 28]) == "whenever"
    page.evaluate("() => ringtrace.consent('full')")
    customer.shows("#same", "Call (212) 555-0142 whenever you like")
    assert page.evaluate("() => getSelection().toString()") == "whenever"
    assert page.evaluate("() => nodes.every((e, i) => e === document.querySelectorAll('*')[i])")
    frames = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"
    page.evaluate(frames)
    assert page.evaluate("() => probe.shift") == 0
    page.evaluate("() => { document.body.insertAdjacentHTML('afterbegin', '<p>A<br>real<br>shift</p>') }")
    page.evaluate(frames)
    assert page.evaluate("() => probe.shift") > 0


@pytest.mark.parametrize("name", ["head", "living"])
def test_a_returning_visitor_never_sees_another_number(customer: Customer, name: str) -> None:
    """With the tag at the top of the page the first frame shows it; with an async tag no answer is waited for."""
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    customer.answer = lambda body: HANG
    page = customer.open(name)
    customer.shows("#text", "(212) 555-0142")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    frames = page.evaluate("() => probe.frames")
    assert frames[-1] == "(212) 555-0142"
    if name == "head":
        assert frames == ["(212) 555-0142"]
