"""What the snippet remembers, where, and for how long."""

import pytest

from tests.browser.customer import HANG, OWN, Customer, swapped

pytestmark = pytest.mark.browser
OTHER = "+12125550155"
START = 1_800_000_000_000


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


FORGET = """localStorage.clear();
    ['', '; Domain=shop.test', '; Domain=www.shop.test'].forEach(domain => {
        document.cookie = 'ringtrace=; Path=/; Max-Age=0' + domain });"""
# What a page finds: the cookies (one per domain), the storage as kept before with some changes; who may be meant.
FOUND: dict[str, tuple[dict[str, str], str, set[str | None]]] = {
    "nothing": ({}, "", {None}),
    "both": ({"shop.test": "a"}, "kept.visitor = 'a'", {"a"}),
    "no cookie": ({}, "kept.visitor = 'a'", {"a"}),
    "no storage": ({"shop.test": "a"}, "", {"a"}),
    "they differ": ({"shop.test": "a"}, "kept.visitor = 'b'", {"a", "b"}),
    "spoilt storage": ({"shop.test": "a"}, "kept = '{'", {"a"}),
    "storage without a visitor": ({"shop.test": "a"}, "kept.visitor = null", {"a"}),
    "another site's storage": ({"shop.test": "a"}, "kept.site = 'other'", {"a"}),
    "another site's storage, no cookie": ({}, "kept.site = 'other'", {None}),
    "a spoilt cookie": ({"shop.test": "%E0%A4%A"}, "kept.visitor = 'a'", {"a", "%E0%A4%A"}),
    "two cookies": ({"shop.test": "a", "": "b"}, "", {"a", "b"}),
    "two cookies and storage": ({"shop.test": "a", "": "b"}, "kept.visitor = 'a'", {"a", "b"}),
    "three cookies": ({"shop.test": "a", "www.shop.test": "b", "": "c"}, "kept.visitor = 'c'", {"a", "b", "c"}),
}


def test_cookie_and_storage_mirror_each_other_and_are_repaired(customer: Customer) -> None:
    customer.answer = lambda body: (200, swapped(visitor=body["visitor"] or "visitor-1.sig"))
    customer.open("head")
    customer.shows("#text", "(212) 555-0142")
    before = customer.page.evaluate("() => localStorage.getItem('ringtrace')")
    wrong = {}
    for name, (cookies, change, meant) in FOUND.items():
        customer.open("blank")
        customer.page.evaluate(
            f"""([cookies, before]) => {{ {FORGET}
                let kept = JSON.parse(before); {change};
                Object.entries(cookies).forEach(([domain, value]) => {{
                    document.cookie = 'ringtrace=' + value + '; Path=/; Max-Age=999' + (domain && '; Domain=' + domain)
                }});
                if ({"true" if change else "false"})
                    localStorage.setItem('ringtrace', typeof kept === 'string' ? kept : JSON.stringify(kept));
                }}""",
            [cookies, before],
        )
        asked = len(customer.swaps)
        customer.open("head")
        customer.until(lambda asked=asked: len(customer.swaps) > asked, "it did not ask")  # type: ignore[misc]
        customer.settle()
        customer.settle()
        sent = customer.swaps[-1]["visitor"]
        storage, cookie = customer.kept()
        held = {part.partition("=")[2] for part in cookie.split("; ") if part.startswith("ringtrace=")}
        visitor = sent or "visitor-1.sig"
        if sent not in meant or len(customer.swaps) != asked + 1 or (held, storage["visitor"]) != ({visitor}, visitor):
            wrong[name] = (sent, storage["visitor"], cookie)
    assert wrong == {}


def test_nothing_else_is_kept(customer: Customer) -> None:
    customer.open("head", "?gclid=one")
    customer.shows("#text", "(212) 555-0142")
    found = "() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie.split('; ').length]"
    assert customer.page.evaluate(found) == [["ringtrace"], [], 1]
    cookie = customer.context.cookies()[0]
    assert (cookie["name"], cookie["domain"], cookie["path"], cookie["sameSite"]) == (
        "ringtrace",
        ".shop.test",
        "/",
        "Lax",
    )
