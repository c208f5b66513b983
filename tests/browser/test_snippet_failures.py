"""Whatever fails, the page is whole: it keeps its own number, no error is thrown, nothing is asked over and over."""

from typing import Any

import pytest

from tests.browser.customer import ABORT, HANG, HOLD, OURS, OWN, Answer, Customer, assigned, swapped

pytestmark = pytest.mark.browser
OTHER = "+12125550155"
START = 1_800_000_000


def shaped(numbers: Any) -> Answer:
    return 200, swapped() | {"numbers": numbers}


def instead(**more: Any) -> Answer:
    return shaped({OWN: assigned(OURS) | more})


FAILURES: dict[str, Answer] = {
    "500": (500, {"error": {"code": "internal"}}),
    "500 with numbers": (500, swapped()),
    "403": (403, {"error": {"code": "not_allowed"}}),
    "413": (413, {"error": {"code": "too_large"}}),
    "429": (429, {"error": {"code": "too_many"}}),
    "204": (204, ""),
    "blocked": ABORT,
    "empty": (200, ""),
    "no JSON": (200, "<html>Bad gateway</html>"),
    "cut short": (200, '{"visitor": "v", "numb'),
    "null": (200, "null"),
    "a number": (200, "7"),
    "text": (200, '"numbers"'),
    "a list": (200, []),
    "nothing": (200, {}),
    "no numbers": (200, {"visitor": "v"}),
    "numbers null": shaped(None),
    "numbers as a list": shaped([OURS]),
    "numbers as text": shaped("none"),
    "numbers as a number": shaped(7),
    "a number as text": shaped({OWN: OURS}),
    "a number null": shaped({OWN: None}),
    "a number as a list": shaped({OWN: [OURS]}),
    "markup": instead(e164="<b>", national="<img src=x onerror=probe.heard.push(1)>", international="<b>"),
    "not E.164": instead(e164="2125550142", international="2125550142"),
    "too short": instead(e164="+1212", international="+1212"),
    "forms that disagree": instead(international="+1 900 555 0199"),
    "e164 null": instead(e164=None),
    "e164 as an object": instead(e164={"length": 12}),
    "a script": instead(e164="javascript:alert(1)", international="javascript:alert(1)"),
    "a number nobody asked for": shaped({OTHER: assigned(OURS)}),
    "__proto__": shaped({"__proto__": assigned(OURS), "constructor": assigned(OURS)}),
    "huge": (200, '{"numbers": {' + ",".join(f'"+{n}": {{}}' for n in range(90_000)) + "}}"),
    "deep": (200, '{"numbers": ' + "[" * 5_000 + "]" * 5_000 + "}"),
}


def test_when_the_answer_is_no_good_the_page_keeps_its_own_number(customer: Customer) -> None:
    wrong = {}
    for name, failure in FAILURES.items():
        customer.swaps.clear()
        customer.answer = lambda body, failure=failure: failure  # type: ignore[misc]
        page = customer.open("living")
        customer.until(lambda: customer.swaps, "nothing was asked")
        customer.settle()
        page.evaluate("() => { app.innerHTML = '<p>212-555-0100</p>'; return ringtrace.swap() }")
        customer.settle()
        found = page.evaluate(
            "() => [text.textContent, link.getAttribute('href'), app.textContent, ringtrace.numbers(), probe.heard]"
        )
        if found != ["(212) 555-0100", f"tel:{OWN}", "212-555-0100", {}, []] or len(customer.swaps) > 2:
            wrong[name] = (found, len(customer.swaps))
        if customer.errors:
            wrong[name] = (customer.errors[:], 0)
            customer.errors.clear()
        page.evaluate("() => { localStorage.clear(); document.cookie = 'ringtrace=; Max-Age=0; Domain=shop.test' }")
        page.evaluate("() => { document.cookie = 'ringtrace=; Max-Age=0' }")
    assert wrong == {}


def test_hostile_ids_and_times_do_no_harm(customer: Customer) -> None:
    """The visitor, the visit and the ttl of an answer are only kept and sent back."""
    customer.answer = lambda body: (200, swapped(visitor='"; Max-Age=0; x=<b>', visit={"a": 1}, ttl="soon", source=7))
    page = customer.open("living")
    customer.shows("#text", "(212) 555-0142")
    page.click("#link b", no_wait_after=True)
    customer.settle()
    customer.open("living")
    customer.shows("#text", "(212) 555-0142")
    assert "x=<b>" not in customer.kept()[1].split("; ")


@pytest.mark.parametrize("status", [404, 500])
def test_without_the_script_the_page_is_as_it_was(customer: Customer, status: int) -> None:
    customer.script_status = status
    page = customer.open("living")
    customer.settle()
    assert customer.as_served()
    assert page.evaluate("() => typeof window.ringtrace") == "undefined"
    assert customer.requests == {"script": 1}


def test_an_answer_that_does_not_come_is_given_up_after_five_seconds(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    customer.answer = lambda body: HOLD
    page = customer.open("living")
    customer.until(lambda: customer.swaps, "nothing was asked")
    page.clock.run_for(6_000)
    customer.settle()
    customer.release(200, swapped())
    assert page.text_content("#text") == "(212) 555-0100"
    assert page.evaluate("() => ringtrace.numbers()") == {}
    page.clock.run_for(60_000)
    customer.settle()
    assert customer.requests["swap"] <= 2


def test_an_answer_after_four_seconds_is_in_time(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    customer.answer = lambda body: HOLD
    page = customer.open("living")
    customer.until(lambda: customer.swaps, "nothing was asked")
    page.clock.run_for(4_000)
    customer.release(200, swapped())
    customer.shows("#text", "(212) 555-0142")


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


def test_a_page_that_was_told_nothing_says_so_when_it_asks_again(customer: Customer) -> None:
    """What was kept of its first question is then known to be the same page view."""
    customer.page.clock.install(time=START)
    outage = {"visitor": None, "visit": None, "source": None, "numbers": {}, "ttl": 30}
    customer.answer = lambda body: (200, outage)
    page = customer.open("plain")
    customer.until(lambda: customer.swaps, "nothing was asked")
    customer.settle()
    customer.answer = lambda body: (200, swapped())
    page.clock.fast_forward(31_000)
    page.mouse.move(21, 21)
    customer.shows("#text", "Call (212) 555-0142 today")
    page.clock.fast_forward(2_000_000)
    page.mouse.move(22, 22)
    customer.until(lambda: len(customer.swaps) == 3, "nothing was asked again")
    first, second, third = customer.swaps
    assert [body["again"] for body in customer.swaps] == [False, True, False]
    assert (first["url"], first["referrer"]) == (second["url"], second["referrer"])
    assert third["referrer"] == first["url"]


BLOCKED = "const blocked = () => { throw new DOMException('denied', 'SecurityError') };"
STORAGE = "Object.defineProperty(window, 'localStorage', {get: blocked});"
COOKIES = "Object.defineProperty(Document.prototype, 'cookie', {get: blocked, set: blocked});"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };"


@pytest.mark.parametrize(
    "script",
    [BLOCKED + STORAGE, BLOCKED + COOKIES, BLOCKED + STORAGE + COOKIES, FULL, "delete window.localStorage;"],
    ids=["storage", "cookies", "both", "full", "none"],
)
def test_blocked_storage_and_cookies_do_no_harm(customer: Customer, script: str) -> None:
    customer.context.add_init_script(script)
    page = customer.open("living")
    customer.shows("#text", "(212) 555-0142")
    page.evaluate("() => ringtrace.consent('none')")
    customer.shows("#text", "(212) 555-0100")
    customer.settle()
    assert customer.requests["swap"] == 1


@pytest.mark.parametrize("missing", ["fetch", "AbortController", "CustomEvent"])
def test_an_old_browser_is_left_in_peace(customer: Customer, missing: str) -> None:
    customer.context.add_init_script(f"window.{missing} = undefined;")
    page = customer.open("living")
    page.wait_for_function("() => window.ringtrace")
    page.evaluate("() => new Promise(done => setTimeout(done))")
    assert page.text_content("#text") in ("(212) 555-0100", "(212) 555-0142")
    assert customer.requests["swap"] <= (0 if missing == "fetch" else 1)


@pytest.mark.parametrize("case", ["extended", "from", "promise", "json", "names", "history", "listener"])
def test_what_the_page_has_made_of_the_language_does_not_matter(customer: Customer, case: str) -> None:
    page = customer.open("globals", f"?{case}")
    customer.shows("#text", "(212) 555-0142")
    assert page.get_attribute("#link", "href") == f"tel:{OURS}"
    customer.settle()
    assert [(body["site"], body["numbers"], body["consent"]) for body in customer.swaps] == [("shopkey", [OWN], "full")]
    page.evaluate("() => { document.addEventListener('click', e => e.preventDefault(), true) }")
    page.click("#link")
    customer.until(lambda: customer.posts, "no click")
    assert [(event["type"], event["number"]) for event in customer.events] == [("tel_click", OURS)]
    customer.answer = lambda body: HANG
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    assert customer.kept()[0]["numbers"] == swapped()["numbers"]
    assert customer.swaps[1]["visitor"] == "visitor-1.sig"


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'ringtrace', {value: Object.freeze({}), writable: false})",
        "window.ringtrace = Object.freeze({queue: []})",
    ],
)
def test_a_page_that_has_taken_our_name_stays_whole(customer: Customer, script: str) -> None:
    page = customer.made(
        f"<!doctype html><html><head><title>Taken</title><script>{script}</script>TAG</head>"
        '<body><p id="text">(212) 555-0100</p></body></html>'
    )
    customer.settle()
    customer.settle()
    assert page.text_content("#text") in ("(212) 555-0100", "(212) 555-0142")
    assert customer.requests["swap"] <= 1


def test_a_policy_that_forbids_our_requests_is_asked_about_once(customer: Customer) -> None:
    customer.context.add_init_script(
        "window.refused = 0; document.addEventListener('securitypolicyviolation', () => { window.refused++ })"
    )
    page = customer.made(
        "<!doctype html><html><head><title>Policy</title>"
        """<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">TAG</head>"""
        '<body><p id="text">(212) 555-0100</p></body></html>'
    )
    page.wait_for_function("() => window.refused > 0")
    page.evaluate("() => { document.body.insertAdjacentHTML('beforeend', '<p>212-555-0100</p>') }")
    customer.settle()
    assert page.text_content("#text") == "(212) 555-0100"
    assert page.evaluate("() => window.refused") == 1
    # The browser itself reports what the policy refused.
    customer.errors[:] = [error for error in customer.errors if "Content Security Policy" not in error]


def test_a_document_written_anew_is_a_page_too(customer: Customer) -> None:
    page = customer.open("living")
    customer.swapped()
    page.evaluate(
        "() => { document.open(); document.write('<title>New</title><p id=text>212-555-0100</p>'); document.close() }"
    )
    page.wait_for_function("() => document.readyState === 'complete'")
    customer.shows("#text", "212-555-0142")
    assert customer.requests["swap"] == 1
