"""A page that is prefetched or prerendered counts as nobody yet; it asks again once it is shown."""

import pytest

from tests.support.office import OWN, Office

AHEAD = [
    ("Sec-Purpose", "prefetch;prerender"),
    ("Sec-Purpose", "prefetch"),
    ("Purpose", "prefetch"),
    ("X-Moz", "prefetch"),
    ("X-Purpose", "preview"),
]


@pytest.mark.parametrize("consent", ["full", "source", "none"])
def test_a_page_nobody_sees_yet_gets_no_number_and_leaves_no_trace(office: Office, consent: str) -> None:
    site = office.site()
    pool = office.source(site, numbers=1)["pool"]
    for name, value in AHEAD:
        office.http.headers[name] = value
        answer = office.swap(site, consent=consent)
        del office.http.headers[name]
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
        assert answer.json() == {"visitor": None, "visit": None, "source": None, "numbers": {}, "ttl": 0}
    sid, _ = office.ring(pool[0])
    assert office.call_of(sid)["candidates"] == []
    shown = office.swap(site).json()
    assert shown["numbers"][OWN]["e164"] == pool[0]


def test_events_of_such_a_page_are_dropped(office: Office) -> None:
    site = office.site()
    office.source(site)
    swapped = office.swap(site).json()
    for name, value in AHEAD:
        office.http.headers[name] = value
        answer = office.events(site, swapped, {"type": "pageview", "url": "https://example.com/ahead"})
        del office.http.headers[name]
        assert answer.status_code == 202
    office.events(site, swapped, {"type": "heartbeat"})
    seen = office.api("GET", f"/visits/{swapped['visit']}", expect=200)["events"]
    assert [event["type"] for event in seen] == ["pageview", "heartbeat"]


def test_another_website_is_refused_all_the_same(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.http.headers["Sec-Purpose"] = "prefetch"
    assert lite_office.swap(site, "https://evil.example/").status_code == 403
