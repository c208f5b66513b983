"""What a page reports is kept with its visit, at its own time, and nowhere else."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.office import OWN, Office
from tests.support.serving import Served

PAGE = "https://example.com/contact"


def visit(office: Office, swapped: Any) -> Any:
    return office.api("GET", f"/visits/{swapped['visit']}", expect=200)


def kinds(office: Office, swapped: Any) -> list[str]:
    return [e["type"] for e in visit(office, swapped)["events"]]


def test_events_are_kept_in_the_order_in_which_they_happened(office: Office) -> None:
    site = office.site()
    number = office.source(site)["pool"][0]
    swapped = office.swap(site).json()
    answer = office.events(
        site,
        swapped,
        {"type": "leave", "age_ms": 0},
        {"type": "tel_click", "number": number, "age_ms": 2},
        {"type": "pageview", "url": PAGE, "age_ms": 4},
        {"type": "heartbeat", "age_ms": 3},
    )
    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    seen = visit(office, swapped)["events"]
    assert [e["type"] for e in seen] == ["pageview", "pageview", "heartbeat", "tel_click", "leave"]
    assert (seen[1]["url"], seen[3]["number"]) == (PAGE, number)


def test_an_event_is_dated_by_its_age_and_never_before_its_visit(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site)
    swapped = office.swap(site).json()
    server.clock.forward(minutes=10)
    office.events(site, swapped, {"type": "heartbeat", "age_ms": 60_000}, {"type": "tel_click", "age_ms": 86_000_000})
    answer = visit(office, swapped)
    times = {e["type"]: datetime.fromisoformat(e["at"]) for e in answer["events"]}
    assert 530 < (times["heartbeat"] - times["pageview"]).total_seconds() < 550
    assert times["tel_click"] >= datetime.fromisoformat(answer["started_at"])


def test_a_page_view_with_a_new_campaign_begins_another_visit(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site)
    swapped = office.swap(site).json()
    office.events(site, swapped, {"type": "pageview", "url": PAGE})
    office.events(site, swapped, {"type": "pageview", "url": f"{PAGE}?gclid=another"})
    server.clock.forward(minutes=31)
    office.events(site, swapped, {"type": "pageview", "url": PAGE})
    visits = office.api("GET", f"/visitors/{swapped['visitor']}", expect=200)["visits"]
    assert len(visits) == 3
    assert {v["source"] for v in visits} == {"google_ads"}


def test_a_form_keeps_the_phone_the_page_opted_in_to_report(office: Office) -> None:
    site = office.site()
    source = office.source(site, numbers=2)
    people = [office.swap(site).json() for _ in range(2)]
    office.events(site, people[0], {"type": "form", "url": PAGE, "phone": "(212) 555-0177", "email": "a@b.example"})
    sid, _ = office.ring(people[0]["numbers"][OWN]["e164"], "+12125550177")
    call = office.call_of(sid)
    assert call["candidates"][0]["visitor"] == people[0]["visitor"]
    assert "known_phone" in {row["name"] for row in call["candidates"][0]["evidence"]}
    assert source["pool"]


@pytest.mark.parametrize("change", [{"visitor": "made.up"}, {"visitor": None}])
def test_events_of_nobody_are_accepted_and_dropped(lite_office: Office, change: dict[str, Any]) -> None:
    site = lite_office.site()
    lite_office.source(site)
    swapped = lite_office.swap(site).json()
    answer = lite_office.events(site, {**swapped, **change}, {"type": "heartbeat"})
    assert answer.status_code == 202
    assert kinds(lite_office, swapped) == ["pageview"]


def test_events_with_a_visit_of_somebody_else_go_to_the_visitors_own(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    mine, other = lite_office.swap(site).json(), lite_office.swap(site).json()
    lite_office.events(site, {**mine, "visit": other["visit"]}, {"type": "heartbeat"})
    assert kinds(lite_office, mine) == ["pageview", "heartbeat"]
    assert kinds(lite_office, other) == ["pageview"]


def test_events_of_another_website_are_refused(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    swapped = lite_office.swap(site).json()
    answer = lite_office.events(site, swapped, {"type": "pageview", "url": "https://evil.example/"})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_events_without_origin_and_address_belong_to_their_signed_visitor(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site)
    swapped = lite_office.swap(site).json()
    body = {"site": site["key"], "visitor": swapped["visitor"], "visit": swapped["visit"]}
    answer = lite_office.http.post(
        f"{lite_office.url}/v1/events", json={**body, "events": [{"type": "heartbeat"}]}, timeout=10
    )
    assert answer.status_code == 202
    assert kinds(lite_office, swapped) == ["pageview", "heartbeat"]
