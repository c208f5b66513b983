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
            "again": False,
        }
    ]


def test_the_page_can_read_and_hear_what_was_swapped(customer: Customer) -> None:
    customer.context.add_init_script(
        "window.heard = []; document.addEventListener('ringtrace:swapped', e => heard.push(e.detail));"
    )
    page = opened(customer)
    assert page.evaluate("() => heard.map(detail => detail.numbers)") == [swapped()["numbers"]]
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


def test_routes_in_the_fragment_are_page_views(customer: Customer) -> None:
    page = opened(customer)
    page.evaluate("() => { location.hash = '#/plans' }")
    customer.until(lambda: len(customer.events) == 1, "no page view")
    page.evaluate(
        "() => { document.getElementById('text').textContent = 'Plans (212) 555-0100'; location.hash = '#!/me' }"
    )
    customer.until(lambda: len(customer.events) == 2, "no page view")
    customer.shows("#text", "Plans (212) 555-0142")
    page.evaluate("() => history.go(-2)")
    customer.until(lambda: len(customer.events) == 3, "no page view")
    page.evaluate("() => { location.hash = '#contact'; location.hash = '' }")
    customer.settle()
    assert [event["url"].partition(".html")[2] for event in customer.events] == ["#/plans", "#!/me", ""]
    assert customer.types() == ["pageview"] * 3
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


def test_an_ordinary_query_is_no_campaign(customer: Customer) -> None:
    """Neither inside the page nor for somebody who returns: their number is there before the server answers."""
    page = opened(customer)
    page.evaluate("() => history.pushState({}, '', '/list?category=running-shoes-for-women&page=2')")
    customer.until(lambda: customer.types() == ["pageview"], "no page view")
    assert len(customer.swaps) == 1
    customer.answer = lambda body: HANG
    customer.open("head", "?product=a-rather-long-name-of-a-product&session=0123456789abcdef")
    customer.shows("#text", "(212) 555-0142")


# The click ids of the large advertising networks, as they write them.
NETWORKS = [
    *("gclid", "gbraid", "wbraid", "dclid", "msclkid", "fbclid", "ttclid", "twclid", "li_fat_id", "ScCid", "epik"),
    *("rdt_cid", "yclid", "obclid", "irclickid"),
]


def test_the_click_id_of_a_large_network_is_a_campaign(customer: Customer) -> None:
    assert {name.lower() for name in NETWORKS} <= set(CLICK_IDS)
    page = opened(customer)
    missed = []
    for name in NETWORKS:
        asked = len(customer.swaps)
        page.evaluate(
            """async name => { history.pushState({}, '', '?' + name + '=EAIaIQobChMI8vW1gYHh-AIVl5BmAh2');
                await new Promise(done => setTimeout(done)) }""",
            name,
        )
        customer.settle()
        if len(customer.swaps) != asked + 1:
            missed.append(name)
            continue
        # One question at a time: the next campaign is asked for once this one was answered.
        page.wait_for_function("answers => probe.heard.length >= answers", arg=len(customer.swaps))
    assert missed == []
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
    page.keyboard.press("PageDown")
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
    page.evaluate(
        """() => { Object.defineProperty(document, 'visibilityState', {value: 'hidden'});
            Object.defineProperty(document, 'hidden', {value: true}) }"""
    )
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


def test_a_click_on_a_telephone_link_tells_the_number_dialled(customer: Customer) -> None:
    page = opened(customer)
    page.click("#link")
    page.click("#other")
    customer.until(lambda: len(customer.events) == 2, "no clicks")
    assert [(event["type"], event["number"]) for event in customer.events] == [
        ("tel_click", OURS),
        ("tel_click", "+12125550177"),
    ]


def test_another_number_that_ends_alike_is_not_taken_for_ours(customer: Customer) -> None:
    page = opened(customer)
    for dialled in ("tel:+16465550142", "tel:+1-646-555-0100"):
        page.evaluate("href => { document.getElementById('other').href = href }", dialled)
        page.click("#other")
    customer.until(lambda: len(customer.events) == 2, "no clicks")
    assert [event["number"] for event in customer.events] == ["+16465550142", "+16465550100"]


def test_clicks_in_shadow_trees_and_frames_on_children_of_links_are_told(customer: Customer) -> None:
    page = customer.made(
        """<!doctype html><html><head><title>Clicks</title>TAG</head><body>
        <a id="link" href="tel:212-555-0100;ext=5"><svg><rect id="icon" width="9" height="9"/></svg>
        <b><i id="deep">Call</i></b></a> <a id="off" data-ringtrace="off" href="tel:+12125550100">Call</a>
        <a id="sms" href="sms:+12125550100">Text</a> <a id="web" href="#2125550100">Web</a>
        <a id="stopped" href="tel:+12125550100">Call</a><div id="host"></div><iframe src="frame.html"></iframe><script>
        const root = document.getElementById("host").attachShadow({mode: "open"});
        root.innerHTML = '<a href="tel:+12125550100"><b>Call</b></a><div></div>';
        root.lastChild.attachShadow({mode: "open"}).innerHTML = '<a href="tel:001-212-555-0100"><b>Call</b></a>';
        document.getElementById("stopped").addEventListener("click", event => event.stopImmediatePropagation());
        document.addEventListener("click", event => event.preventDefault());
        document.querySelector("iframe").addEventListener("load", event => {
          event.target.contentDocument.addEventListener("click", inner => inner.preventDefault());
        });
        </script></body></html>"""
    )
    customer.swapped()
    page.wait_for_function("() => probe.all('#link').every(e => e.getAttribute('href').includes('0142'))")
    clicks = """() => { const click = e => e.dispatchEvent(new MouseEvent('click',
            {bubbles: true, composed: true, cancelable: true}));
        ['icon', 'deep', 'off', 'sms', 'web', 'stopped'].forEach(id => click(document.getElementById(id)));
        const root = document.getElementById('host').shadowRoot;
        click(root.querySelector('b'));
        click(root.lastChild.shadowRoot.querySelector('b'));
        click(document.querySelector('iframe').contentDocument.querySelector('#link b')) }"""
    page.evaluate(clicks)
    customer.until(lambda: len(customer.events) >= 6, "clicks are missing")
    customer.settle()
    assert [(event["type"], event["number"]) for event in customer.events] == [("tel_click", OURS)] * 6
    assert {event["url"] for event in customer.events} == {page.url}


def test_a_page_that_comes_back_from_the_cache_of_the_browser_is_seen_again(customer: Customer) -> None:
    customer.page.clock.install(time=START)
    page = opened(customer)
    back = "type => dispatchEvent(new PageTransitionEvent(type, {persisted: true}))"
    page.evaluate(back, "pageshow")
    customer.until(lambda: customer.types() == ["pageview"], "no page view")
    page.clock.fast_forward(1_810_000)
    page.evaluate(back, "pageshow")
    customer.until(lambda: len(customer.swaps) == 2, "the visit is over, it did not ask")
    customer.settle()
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', {persisted: false}))")
    customer.settle()
    assert customer.types() == ["pageview"]
    assert len(customer.swaps) == 2


@pytest.mark.parametrize("known", [False, True])
def test_a_page_prepared_in_advance_asks_when_it_is_shown(customer: Customer, known: bool) -> None:
    if known:
        opened(customer)
    asked = len(customer.swaps)
    customer.context.add_init_script(
        """let hidden = true;
        Object.defineProperty(Document.prototype, 'prerendering', {get: () => hidden});
        window.showPage = () => { hidden = false; document.dispatchEvent(new Event('prerenderingchange')) };"""
    )
    page = customer.open("plain")
    page.wait_for_function("() => window.ringtrace")
    page.evaluate(
        "() => { document.getElementById('link').click(); ringtrace.swap(); history.pushState({}, '', '/a') }"
    )
    page.mouse.move(5, 5)
    customer.settle()
    assert (len(customer.swaps), customer.posts) == (asked, [])
    page.evaluate("() => showPage()")
    customer.shows("#text", "Call (212) 555-0142 today")
    customer.until(lambda: len(customer.swaps) == asked + 1, "it did not ask")
    assert customer.swaps[-1]["url"].endswith("/a")


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
    page.evaluate("() => ringtrace.track('form', {email: 'bob@example.com', plan: 'gold'})")
    assert page.evaluate("() => ringtrace.track('Not a type!')") is False
    page.evaluate("() => ringtrace.track('chat_opened')")
    customer.until(lambda: len(customer.events) == 3, "no forms")
    told = [{k: v for k, v in event.items() if k not in {"age_ms", "url"}} for event in customer.events]
    assert told == [
        {"type": "form", "phone": "+12125550199", "email": "ann@example.com"},
        {"type": "form", "email": "bob@example.com", "plan": "gold"},
        {"type": "chat_opened"},
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
