"""Visitors and visits over HTTP."""

from tests.support.office import OWN, Office
from tests.support.serving import Served


def test_a_visitor_and_what_they_did(office: Office, server: Served) -> None:
    site = office.site()
    source = office.source(site)
    landing = "https://example.com/pricing?gclid=Cj0abc&utm_campaign=spring"
    first = office.swap(site, url=landing, referrer="https://www.google.com/").json()
    shown = first["numbers"][OWN]["e164"]
    office.events(site, first, {"type": "tel_click", "url": "https://example.com/pricing", "number": shown})
    sid, _ = office.ring(shown)
    server.clock.forward(hours=2)
    second = office.swap(site, visitor=first["visitor"]).json()
    call = office.call_of(sid)

    visitor = office.api("GET", f"/visitors/{first['visitor']}", expect=200)
    assert set(visitor) >= {
        *("first_seen_at", "last_seen_at", "device", "region", "contact", "numbers", "calls", "visits"),
    }
    assert (visitor["id"], visitor["device"], visitor["region"], visitor["contact"]) == (
        first["visitor"],
        "desktop",
        None,
        None,
    )
    (held,) = visitor["numbers"]
    assert (held["number"], held["source"], held["to"]) == (shown, source["slug"], None)
    assert held["from"] == visitor["first_seen_at"] < visitor["last_seen_at"]
    (rang,) = visitor["calls"]
    assert rang == {
        "id": call["id"],
        "started_at": call["started_at"],
        "number": shown,
        "likelihood": call["match"]["likelihood"],
        "credited": True,
    }
    assert [v["id"] for v in visitor["visits"]] == [second["visit"], first["visit"]]
    assert visitor["visits"][1]["landing_url"] == landing
    bare = first["visitor"].partition(".")[0]
    assert office.api("GET", f"/visitors/{bare}", expect=200) == visitor

    visit = office.api("GET", f"/visits/{first['visit']}", expect=200)
    assert set(visit) >= {
        *("source", "started_at", "last_seen_at", "landing_url", "referrer", "utm", "click_ids", "events"),
    }
    assert (visit["id"], visit["visitor"], visit["source"]) == (first["visit"], first["visitor"], "google_ads")
    assert (visit["landing_url"], visit["referrer"]) == (landing, "https://www.google.com/")
    assert visit["click_ids"]["gclid"] == "Cj0abc"
    assert "spring" in visit["utm"].values()
    assert [e["type"] for e in visit["events"]] == ["pageview", "tel_click"]
    assert visit["events"][1]["number"] == shown


def test_those_of_others_and_of_nobody_are_404(office: Office, server: Served) -> None:
    other = Office.open(server.url, str(server.app.extensions["ringtrace"].settings.database_url))
    site = other.site()
    other.source(site)
    theirs = other.swap(site).json()
    for path in (
        f"/visitors/{theirs['visitor']}",
        f"/visits/{theirs['visit']}",
        f"/visits/{theirs['visitor']}",
        "/visitors/x",
        "/visits/x",
        "/visits/%00",
        "/visitors/%00",
    ):
        office.api("GET", path, expect=404)
