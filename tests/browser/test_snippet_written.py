"""The ways people write a number: each is swapped as it stands, digit for digit; what only looks like one stays."""

import pytest

from tests.browser.customer import BERLIN, LONDON_OURS, OWN, THREE, Customer

pytestmark = pytest.mark.browser
NOTHING = {"text": 0, "attributes": 0, "nodes": 0}
# One for each number, and for each further text node of it whose digits differ.
EDITS = "() => probe.all('[data-want]').reduce((sum, e) => sum + +(e.dataset.edits || 1), 0)"


def test_every_written_form_is_swapped_in_that_form_by_one_edit(customer: Customer) -> None:
    customer.serves(THREE)
    page = customer.open("written")
    customer.swapped()
    forms = page.locator("[data-want]").count()
    assert forms >= 200
    assert customer.wrong() == []
    assert customer.edits() == NOTHING | {"text": page.evaluate(EDITS)}
    page.evaluate("() => ringtrace.consent('none')")
    assert customer.as_served()
    assert customer.requests == {"script": 1, "swap": 1}


def test_near_misses_stay(customer: Customer) -> None:
    customer.serves(THREE)
    page = customer.open("near_misses")
    customer.swapped()
    assert page.locator("[data-stays]").count() >= 90
    assert customer.touched() == []
    assert customer.wrong() == []
    assert customer.edits() == NOTHING | {"text": 1}


def test_a_number_split_over_tags_is_swapped_where_its_digits_differ(customer: Customer) -> None:
    customer.serves(THREE)
    page = customer.open("split")
    customer.swapped()
    assert customer.wrong() == []
    assert customer.touched() == []
    assert customer.edits() == {"text": page.evaluate(EDITS), "attributes": 1, "nodes": 0}
    page.click("#button span")
    page.click("#inner")
    assert page.evaluate("() => window.clicks") == 2
    page.evaluate("() => ringtrace.consent('none')")
    assert customer.as_served()
    assert customer.requests["swap"] == 1


@pytest.mark.parametrize(
    ("own", "ours", "forms"),
    [
        (
            OWN,
            LONDON_OURS,
            {
                "Call (212) 555-0100.": "Call +44 20 7946 0123.",
                "(212-555-0100)": "(+44 20 7946 0123)",
                "+12125550100": "+442079460123",
                "+1 212 555 0100 x12": "+44 20 7946 0123 x12",
                "Call (212) <b>555</b>-0100.": "Call +44 20 7946 0123.",
                "<i>212</i>.<i>555</i>.<i>0100</i>": "+44 20 7946 0123",
            },
        ),
        (
            BERLIN,
            "+49309018123",
            {
                "Telefon: 030 901820.": "Telefon: 030 9018123.",
                "+49 30 901820": "+49 30 9018123",
                "+4930901820": "+49309018123",
                "<b>030</b> 901820": "030 9018123",
            },
        ),
    ],
    ids=["another country", "another length"],
)
def test_a_number_of_another_shape_is_shown_in_its_own(
    customer: Customer, own: str, ours: str, forms: dict[str, str]
) -> None:
    customer.serves({own: ours})
    page = customer.made(
        "<!doctype html><html><head><title>Shapes</title>TAG</head><body>"
        + "".join(f'<p data-want="{want}">{text}</p>' for text, want in forms.items())
        + f'<a href="tel:{own}" data-want-href="tel:{ours}">x</a></body></html>'
    )
    customer.swapped()
    assert customer.wrong() == []
    assert customer.edits()["nodes"] == 0
    page.evaluate("() => ringtrace.consent('none')")
    shown = page.eval_on_selector_all("[data-want]", "all => all.map(e => e.textContent.replace(/\\D/g, ''))")
    assert [text for text in shown if own[-8:] not in text] == []
    assert page.get_attribute("a", "href") == f"tel:{own}"
