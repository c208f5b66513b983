"""Where on a page numbers are swapped, and what is left alone."""

import pytest

from tests.browser.customer import THREE, Customer

pytestmark = pytest.mark.browser


def test_every_place_is_swapped_and_nothing_else(customer: Customer) -> None:
    customer.serves(THREE)
    page = customer.open("places")
    customer.swapped()
    assert customer.wrong() == []
    assert customer.touched() == []
    coded = """all => all.map(e => [e.dataset.coded, decodeURIComponent(e.getAttribute('href'))])
        .filter(([want, got]) => want !== got)"""
    assert page.eval_on_selector_all("[data-coded]", coded) == []
    assert page.title() == "(212) 555-0100"
    names = ("data-want-href", "data-want-title", "data-want-aria-label", "data-want-alt", "data-coded")
    attributes = sum(page.locator(f"[{name}]").count() for name in names)
    # The link to another number keeps its address.
    texts = page.locator("[data-want]").count()
    assert customer.edits() == {"text": texts, "attributes": attributes - 1, "nodes": 0}
    page.evaluate("() => ringtrace.consent('none')")
    # Escaped signs of a link come back as they are meant; all else as it was, to the letter.
    own = "all => all.map(e => e.getAttribute('href'))"
    assert page.eval_on_selector_all("[data-coded]", own) == [
        "tel:(212) 555-0100",
        "tel:+12125550100",
        "tel:+1 212 555 0100",
    ]
    assert page.evaluate(
        """async () => {
            const without = html => {
                const page = new DOMParser().parseFromString(html, "text/html");
                page.querySelectorAll("[data-coded]").forEach(e => e.removeAttribute("href"));
                return page.documentElement.outerHTML;
            };
            return without(await probe.served()) === without(document.documentElement.outerHTML);
        }"""
    )
    assert customer.requests == {"script": 1, "swap": 1}


LATER_SHADOWS = [
    "at('app-late').append(document.createElement('shop-phone'))",
    "give(at('late'), P)",
    "customElements.define('late-phone', class extends HTMLElement { constructor() { super(); give(this, P) } })",
    "at('bare').shadowRoot.firstChild.textContent = '(212) 555-0100'",
    "at('nested').shadowRoot.firstChild.shadowRoot.lastChild.shadowRoot.firstChild.innerHTML = P",
    "at('slotted').insertAdjacentHTML('beforeend', P)",
    "const host = document.createElement('div'); give(host, P); at('app-late').append(host)",
    "at('app-late').setHTMLUnsafe('<div><template shadowrootmode=open>' + P + '</template></div>')",
    "at('split').shadowRoot.firstChild.lastChild.firstChild.data = '0100'",
]


def test_open_shadow_trees_belong_to_the_page(customer: Customer) -> None:
    page = customer.open("shadow")
    customer.swapped()
    assert customer.wrong() == []
    assert customer.touched() == []
    assert customer.edits()["nodes"] == 0
    page.evaluate("() => { document.body.insertAdjacentHTML('beforeend', '<div id=app-late></div>') }")
    missed = [step for step in LATER_SHADOWS if customer.becomes_right(step) != []]
    assert missed == []
    assert customer.touched() == []
    page.evaluate("() => ringtrace.consent('none')")
    kept = page.evaluate("() => probe.all('[data-want]').map(e => e.textContent).filter(t => /0142/.test(t))")
    assert kept == []
    assert customer.requests["swap"] == 1


LATER_FRAMES = [
    "const f = document.createElement('iframe'); f.src = 'frame.html?later'; document.body.append(f)",
    "const f = document.createElement('iframe'); f.srcdoc = '<p data-want=212-555-0142>212-555-0100</p>';"
    " document.body.append(f)",
    "const f = document.createElement('iframe'); document.body.append(f);"
    " f.contentDocument.body.innerHTML = '<p data-want=212-555-0142>212-555-0100</p>'",
    "document.getElementById('src').contentDocument.getElementById('inner').textContent = '(212) 555-0100'",
    "document.getElementById('src').contentDocument.getElementById('link').href = 'tel:+12125550100'",
    "document.getElementById('src').src = 'frame.html?moved'",
    "document.getElementById('srcdoc').srcdoc = '<p data-want=2125550142>2125550100</p>'",
]


def test_frames_of_the_same_site_belong_to_the_page(customer: Customer) -> None:
    page = customer.open("frames")
    customer.swapped()
    assert customer.becomes_right() == []
    assert customer.touched() == []
    missed = [step for step in LATER_FRAMES if customer.becomes_right(step) != []]
    assert missed == []
    foreign = next(frame for frame in page.frames if "foreign" in frame.url)
    assert foreign.text_content("#inner") == "(212) 555-0100"
    page.evaluate("() => ringtrace.consent('none')")
    kept = page.evaluate("() => probe.all('[data-want]').map(e => e.textContent).filter(t => /0142/.test(t))")
    assert kept == []
    assert customer.requests == {"script": 1, "swap": 1}


def test_a_frame_with_a_tag_of_its_own_and_its_page_do_not_disturb_each_other(customer: Customer) -> None:
    page = customer.made(
        "<!doctype html><html><head><title>Two tags</title>TAG</head><body>"
        '<p data-want="(212) 555-0142">(212) 555-0100</p><iframe src="frame_tagged.html"></iframe></body></html>'
    )
    customer.swapped()
    assert customer.becomes_right() == []
    customer.did("")
    page.frames[1].evaluate("() => { document.getElementById('inner').textContent = '(212) 555-0100' }")
    assert customer.becomes_right() == []
    customer.settle()
    assert page.frames[1].evaluate("() => probe.edits()")["text"] <= 2
    assert customer.edits() == {"text": 0, "attributes": 0, "nodes": 0}
    assert customer.requests["swap"] <= 2


def test_an_element_of_that_name_does_not_keep_it_out(customer: Customer) -> None:
    page = customer.made(
        "<!doctype html><html><body><i id=ringtrace></i><p id=text>(212) 555-0100</p>TAG</body></html>"
    )
    customer.shows("#text", "(212) 555-0142")
    assert page.evaluate("() => ringtrace.visitor()") == "visitor-1.sig"


def test_it_leaves_one_global_behind(customer: Customer) -> None:
    page = customer.open("blank")
    before = set(page.evaluate("() => Object.getOwnPropertyNames(window)"))
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    ids = {"text", "link", "other", "silent", "asking"}
    assert set(page.evaluate("() => Object.getOwnPropertyNames(window)")) - before - ids == {"ringtrace"}
