"""What the snippet changes on a page, and what it leaves alone."""

import pytest

from tests.browser.customer import LONDON, OURS, OWN, Customer, swapped

pytestmark = pytest.mark.browser

LONDON_OURS = "+442079460123"

WRITTEN = [
    ("(212) 555-0100", "(212) 555-0142"),
    ("(212)555-0100", "(212)555-0142"),
    ("212-555-0100", "212-555-0142"),
    ("212.555.0100", "212.555.0142"),
    ("212 555 0100", "212 555 0142"),
    ("2125550100", "2125550142"),
    ("+1 212 555 0100", "+1 212 555 0142"),
    ("+1 (212) 555-0100", "+1 (212) 555-0142"),
    ("+1-212-555-0100", "+1-212-555-0142"),
    ("1-212-555-0100", "1-212-555-0142"),
    ("1 (212) 555-0100", "1 (212) 555-0142"),
    ("+12125550100", "+12125550142"),
    ("001 212 555 0100", "001 212 555 0142"),
    ("212\u00a0555\u00a00100", "212\u00a0555\u00a00142"),
    ("212\u202f555\u202f0100", "212\u202f555\u202f0142"),
    ("212\u2011555\u20130100", "212\u2011555\u20130142"),
    ("212·555·0100", "212·555·0142"),
    ("(212)\n      555-0100", "(212)\n      555-0142"),
    ("Call(212) 555-0100, ext. 7.", "Call(212) 555-0142, ext. 7."),
    ("New York, NY 10001 (212) 555-0100", "New York, NY 10001 (212) 555-0142"),
    ("Open 24/7: 212-555-0100", "Open 24/7: 212-555-0142"),
    ("Till 5:00 212-555-0100.", "Till 5:00 212-555-0142."),
    ("(call 212-555-0100)", "(call 212-555-0142)"),
    ("212-555-0177 / 212-555-0100", "212-555-0177 / 212-555-0142"),
    ("212-555-0100 or (212) 555-0100", "212-555-0142 or (212) 555-0142"),
    ("020 7123 4567", "020 7946 0123"),
    ("(020) 7123 4567", "(020) 7946 0123"),
    ("+44 20 7123 4567", "+44 20 7946 0123"),
    ("+44 (0)20 7123 4567", "+44 (0)20 7946 0123"),
    ("+44(0)2071234567", "+44(0)2079460123"),
    ("0044 20 7123 4567", "0044 20 7946 0123"),
    ("020-7123-4567", "020-7946-0123"),
]


def test_every_usual_written_form_is_swapped_in_that_form(customer: Customer) -> None:
    customer.numbers = (OWN, LONDON)
    customer.answer = lambda body: (200, swapped({OWN: OURS, LONDON: LONDON_OURS}))
    page = customer.open("changing")
    customer.until(lambda: page.evaluate("() => Object.keys(ringtrace.numbers()).length") == 2, "no numbers came")
    shown = page.evaluate(
        """texts => {
            const made = texts.map(text => { const p = document.createElement('p'); p.textContent = text;
                document.getElementById('app').append(p); return p });
            return new Promise(done => setTimeout(() => done(made.map(p => p.textContent))));
        }""",
        [text for text, _ in WRITTEN],
    )
    assert shown == [text for _, text in WRITTEN]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Call (212) 555-0100.", "Call +44 20 7946 0123."),
        ("(212-555-0100)", "(+44 20 7946 0123)"),
        ("+12125550100", "+442079460123"),
    ],
)
def test_a_number_of_another_country_is_shown_in_its_international_form(
    customer: Customer, text: str, shown: str
) -> None:
    customer.answer = lambda body: (200, swapped({OWN: LONDON_OURS}))
    page = customer.open("changing")
    page.evaluate("text => { document.getElementById('text').textContent = text }", text)
    customer.shows("#text", shown)
    page.evaluate("() => ringtrace.consent('none')")
    customer.shows("#text", text)


def test_links_and_labels_are_swapped_and_other_links_are_not(customer: Customer) -> None:
    page = customer.open("links")
    customer.shows("#svg", "212 555 0142")
    href = {e: page.get_attribute(f"#{e}", "href") for e in ("e164", "dashes", "ext", "pause", "sms", "web", "fax")}
    assert href == {
        "e164": "tel:+12125550142",
        "dashes": "tel:212-555-0142",
        "ext": "TEL:+1-212-555-0142;ext=5",
        "pause": "tel:+12125550142,,5",
        "sms": "sms:+12125550142?body=Hello%20there",
        "web": "https://example.com/+12125550100",
        "fax": "tel:+12125550177",
    }
    assert page.get_attribute("#escaped", "href") == "tel:(212) 555-0142"
    assert page.get_attribute("#titled", "title") == "Dial 212.555.0142"
    assert page.get_attribute("#titled", "aria-label") == "Call (212) 555-0142"
    assert page.get_attribute("#titled img", "alt") == "Phone: 212-555-0142"


def test_what_is_no_place_for_a_swap_or_no_target_is_left_alone(customer: Customer) -> None:
    page = customer.open("left_alone")
    before = page.evaluate("() => fetch(location.href).then(r => r.text())")
    customer.shows("#text", "(212) 555-0142")
    kept = page.eval_on_selector_all(".kept", "all => all.map(e => e.outerHTML)")
    assert len(kept) == 14
    assert [html for html in kept if html not in before] == []
    assert page.title() == "(212) 555-0100"
    assert page.get_attribute("meta[name=description]", "content") == "(212) 555-0100"
    assert page.input_value("#input") == page.get_attribute("#input", "title") == "(212) 555-0100"
    assert page.text_content("#ld") == '{"telephone":"+12125550100"}'
    assert page.text_content("#style") == "/* (212) 555-0100 */"


def test_switching_a_part_of_the_page_off_returns_its_own_number(customer: Customer) -> None:
    page = customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    page.evaluate("() => document.getElementById('text').dataset.ringtrace = 'off'")
    customer.shows("#text", "Call (212) 555-0100 today")
    page.evaluate("() => document.getElementById('text').removeAttribute('data-ringtrace')")
    customer.shows("#text", "Call (212) 555-0142 today")


def test_a_tracking_number_the_page_writes_where_we_keep_off_stays(customer: Customer) -> None:
    page = customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    page.evaluate(
        """() => {
          const note = document.createElement('p');
          note.id = 'note';
          note.dataset.ringtrace = 'off';
          note.textContent = 'You see (212) 555-0142';
          document.body.append(note);
        }"""
    )
    customer.settle()
    customer.shows("#note", "You see (212) 555-0142")


@pytest.mark.parametrize("name", ["head", "untitled", "twice"])
def test_it_works_from_the_head_and_a_second_copy_does_nothing(customer: Customer, name: str) -> None:
    customer.open(name)
    customer.shows("#text", "(212) 555-0142")
    customer.settle()
    assert len(customer.swaps) == 1
    assert customer.swaps[0]["title"] == customer.page.title()


def test_it_leaves_one_global_behind(customer: Customer) -> None:
    page = customer.open("blank")
    before = set(page.evaluate("() => Object.getOwnPropertyNames(window)"))
    customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    ids = {"text", "link", "other", "silent", "asking"}
    assert set(page.evaluate("() => Object.getOwnPropertyNames(window)")) - before - ids == {"ringtrace"}


def test_an_element_of_that_name_does_not_keep_it_out(customer: Customer) -> None:
    page = customer.open("changing")
    page.evaluate("() => { document.body.insertAdjacentHTML('beforeend', '<i id=ringtrace></i>') }")
    customer.shows("#text", "(212) 555-0142")
    assert page.evaluate("() => ringtrace.visitor()") == "visitor-1.sig"


def test_content_that_comes_or_changes_later_is_swapped_without_another_request(customer: Customer) -> None:
    page = customer.open("changing")
    customer.shows("#text", "(212) 555-0142")
    page.evaluate("() => { document.getElementById('app').innerHTML = '<b><i id=added>212.555.0100</i></b>' }")
    customer.shows("#added", "212.555.0142")
    page.evaluate("() => { document.getElementById('text').firstChild.data = 'Now 212-555-0100!' }")
    customer.shows("#text", "Now 212-555-0142!")
    page.evaluate("() => { document.getElementById('link').href = 'tel:+12125550100' }")
    page.wait_for_selector("#link[href='tel:+12125550142']")
    page.evaluate("() => { document.getElementById('link').title = '212 555 0100' }")
    page.wait_for_selector("#link[title='212 555 0142']")
    customer.settle()
    assert len(customer.swaps) == 1


def test_handlers_and_elements_survive_a_swap(customer: Customer) -> None:
    page = customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    page.evaluate("() => { window.kept = document.getElementById('text').firstChild; ringtrace.consent('none') }")
    customer.shows("#text", "(212) 555-0100")
    assert page.evaluate("() => window.kept === document.getElementById('text').firstChild")


def test_a_copy_of_swapped_content_follows_and_returns(customer: Customer) -> None:
    """Carousels and menus clone what is there; the clone holds our number, never the page's."""
    page = customer.open("plain")
    customer.shows("#text", "Call (212) 555-0142 today")
    page.evaluate(
        """() => { const copy = document.createElement('div'); copy.id = 'copy';
            copy.innerHTML = document.getElementById('text').innerHTML + document.getElementById('link').outerHTML;
            document.body.append(copy) }"""
    )
    customer.settle()
    page.evaluate("() => ringtrace.consent('none')")
    customer.shows("#copy", "Call (212) 555-0100 today(212) 555-0100")
    assert page.get_attribute("#copy a", "href") == "tel:+12125550100"


@pytest.mark.parametrize("query", ["", "?replace"])
def test_a_page_that_writes_its_number_back_wins_soon_and_the_rest_is_swapped(customer: Customer, query: str) -> None:
    page = customer.open("hostile", query)
    customer.shows("#peace", "212.555.0142")
    customer.settle()
    assert page.text_content("#text") == "(212) 555-0100"
    assert page.get_attribute("#link", "href") == "tel:+12125550100"
    rounds = page.evaluate("() => window.rounds")
    assert 2 <= rounds <= 200
    customer.settle()
    assert page.evaluate("() => window.rounds") == rounds
