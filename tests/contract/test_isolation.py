"""No data crosses accounts: generated over the route map, so that a new route is covered by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.routing import Rule

from app.telling.outbox import EVENTS
from store.provider_events import ProviderEvent
from tests.app.web.staff import Staff
from tests.support.office import OWN, Office
from tests.support.serving import Served

# A route that takes a body gets a right one, so that only the id can be at fault.
# A new route with a body and an id fails here until it is listed.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v1/sites/<string:id>"): {"name": "Mine now"},
    ("PATCH", "/api/v1/sources/<string:id>"): {"name": "Mine now"},
    ("PATCH", "/api/v1/numbers/<string:e164>"): {"status": "resting"},
    ("PATCH", "/api/v1/calls/<string:id>"): {"tags": ["mine"]},
    ("POST", "/api/v1/calls/<string:id>/notes"): {"text": "mine"},
    ("PUT", "/api/v1/calls/<string:id>/match"): {"visit": None, "reason": "mine"},
    ("POST", "/events/<event_id>/again"): {},
    ("PATCH", "/api/v1/webhooks/<string:id>"): {"events": ["call.ended"]},
    ("POST", "/api/v1/webhooks/<string:id>/deliveries/<string:delivery>/replay"): {},
    ("POST", "/webhook/<endpoint_id>/delete"): {},
    ("POST", "/webhook/<endpoint_id>/enable"): {},
    ("POST", "/webhook/<endpoint_id>/again"): {},
    ("POST", "/webhook/<endpoint_id>/deliveries/<delivery_id>/again"): {},
    ("POST", "/calls/<call_id>/match"): {"visit": "", "reason": "mine"},
    ("POST", "/calls/<call_id>/match/undo"): {},
    ("POST", "/calls/<call_id>/notes"): {"text": "mine"},
    ("POST", "/calls/<call_id>/spam"): {"spam": "1"},
    ("POST", "/calls/<call_id>/tags"): {"tags": "mine"},
    ("POST", "/calls/<call_id>/value"): {"amount": "1"},
}
# Neither tenant data nor behind a token: files, and the script that its key gives to everybody.
PUBLIC = ("/static/", "/bootstrap/", "/s/", "/demo/")


@dataclass
class Neighbours:
    """Two accounts on one server; theirs has one of everything."""

    server: Served
    ours: Office
    theirs: Office
    ids: dict[str, str]


@pytest.fixture
def neighbours(server: Served, database_url: str) -> Neighbours:
    ours, theirs = (Office.open(server.url, database_url) for _ in range(2))
    ours.source(ours.site(), "google_ads", numbers=1)
    site = theirs.site(name="Theirs")
    source = theirs.source(site, "google_ads", numbers=1, name="Their source")
    swapped = theirs.swap(site).json()
    theirs.events(site, swapped, {"type": "tel_click", "number": source["pool"][0], "age_ms": 0})
    webhook = theirs.api("POST", "/webhooks", {"url": "https://their.example/", "events": list(EVENTS)}, expect=201)
    sid, _ = theirs.ring(source["pool"][0], "+12125557777")
    call = theirs.call_of(sid)
    assert call["match"]["visit"] == swapped["visit"]
    theirs.api("PUT", f"/calls/{call['id']}/match", {"visit": swapped["visit"]}, expect=200)
    told = theirs.api("GET", f"/webhooks/{webhook['id']}/deliveries", expect=200)["items"]
    with server.app.extensions["ringtrace"].database.read() as work:
        event_id = work.account(theirs.account_id).scalars(select(ProviderEvent.event_id)).first()
    ids = {
        "event": event_id,
        "site": site["id"],
        "source": source["id"],
        "number": source["pool"][0],
        "call": call["id"],
        "visit": swapped["visit"],
        "visitor": swapped["visitor"],
        "bare visitor": swapped["visitor"].partition(".")[0],
        "webhook": webhook["id"],
        "delivery": told[0]["id"],
    }
    return Neighbours(server, ours, theirs, ids)


def routes(server: Served, *, with_ids: bool) -> Iterator[tuple[str, Rule]]:
    for rule in server.app.url_map.iter_rules():
        if bool(rule.arguments) == with_ids and not rule.rule.startswith(PUBLIC):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule


def test_every_id_of_another_account_is_404_on_every_route(neighbours: Neighbours) -> None:
    staff, tried = Staff.of(neighbours.ours), 0
    before = neighbours.theirs.api("GET", f"/calls/{neighbours.ids['call']}", expect=200)
    token = staff.token("/accuracy")
    for method, rule in routes(neighbours.server, with_ids=True):
        body = BODIES.get((method, rule.rule))
        assert body is not None or method in {"GET", "DELETE"}, f"list a right body for {method} {rule.rule}"
        for kind, foreign in neighbours.ids.items():
            path = rule.rule
            for argument in rule.arguments:
                converter = f"<string:{argument}>" if f"<string:{argument}>" in path else f"<{argument}>"
                path = path.replace(converter, quote(foreign, safe=""))
            if path.startswith("/api/v1"):
                answer = neighbours.ours.api(method, path.removeprefix("/api/v1"), body)
            elif method == "GET":
                answer = staff.get(path)
            else:
                answer = staff.http.post(f"{staff.url}{path}", data={"csrf_token": token, **(body or {})}, timeout=30)
            assert answer.status_code == 404, (method, path, kind, answer.status_code)
            assert "Their source" not in answer.text
            tried += 1
    assert tried >= 7 * 18
    assert neighbours.theirs.api("GET", f"/calls/{neighbours.ids['call']}", expect=200) == before


def test_no_list_or_report_tells_of_another_account(neighbours: Neighbours) -> None:
    staff = Staff.of(neighbours.ours)
    for method, rule in routes(neighbours.server, with_ids=False):
        if method != "GET" or rule.rule == "/sign-out":
            continue
        filters: list[dict[str, str]] = [{}, {"q": "555"}]
        filters += [{kind.removeprefix("bare "): value} for kind, value in neighbours.ids.items()]
        for params in filters:
            if rule.rule.startswith("/api/v1"):
                answer = neighbours.ours.api(method, rule.rule.removeprefix("/api/v1"), params=params)
            else:
                answer = staff.get(rule.rule, params=params)
            assert answer.status_code in {200, 404, 422}, (rule.rule, params, answer.status_code)
            if not params:
                # Filters are repeated in the page, so what was asked for may stand there; nothing else may.
                assert not [i for i in neighbours.ids.values() if i in answer.text], rule.rule
            assert "Their" not in answer.text, (rule.rule, params)
            assert "+12125557777" not in answer.text


def test_a_webhook_of_ours_does_not_reach_a_message_of_theirs(neighbours: Neighbours) -> None:
    mine = neighbours.ours.api(
        "POST", "/webhooks", {"url": "https://ours.example/", "events": list(EVENTS)}, expect=201
    )
    path = f"/{mine['id']}/deliveries/{neighbours.ids['delivery']}"
    assert neighbours.ours.api("POST", f"/webhooks{path}/replay", {}).status_code == 404
    assert Staff.of(neighbours.ours).post(f"/webhook{path}/again").status_code == 404
    site = neighbours.ours.api("GET", "/sites", expect=200)["items"][0]
    number = neighbours.ours.api("GET", "/numbers", expect=200)["items"][0]["number"]
    neighbours.ours.swap(site)
    sid, _ = neighbours.ours.ring(number)
    neighbours.ours.api("PUT", f"/calls/{neighbours.ours.call_of(sid)['id']}/match", {"visit": None}, expect=200)
    theirs = neighbours.theirs.api("GET", f"/webhooks/{neighbours.ids['webhook']}/deliveries", expect=200)["items"]
    assert {one["subject"] for one in theirs} == {neighbours.ids["call"]}, "they hear of their calls only"


@pytest.mark.parametrize("what", ["site", "source", "visit"])
def test_an_id_of_another_account_inside_a_body_is_422(neighbours: Neighbours, what: str) -> None:
    ours, foreign = neighbours.ours, neighbours.ids[what]
    number = ours.api("GET", "/numbers", expect=200)["items"][0]["number"]
    if what == "site":
        answer = ours.api(
            "POST",
            "/sources",
            {"site": foreign, "name": "x", "kind": "online", "preset": "email", "destination": "+12125559000"},
        )
    elif what == "source":
        answer = ours.api("PATCH", f"/numbers/{number}", {"source": foreign})
    else:
        sid, _ = ours.ring(number)
        answer = ours.api("PUT", f"/calls/{ours.call_of(sid)['id']}/match", {"visit": foreign, "reason": "x"})
    assert answer.status_code == 422, answer.text
    assert what in answer.json()["error"]["fields"]


def test_a_number_of_another_account_is_taken(neighbours: Neighbours) -> None:
    source = neighbours.ours.api("GET", "/sources", expect=200)["items"][0]["id"]
    body = {"number": neighbours.ids["number"], "source": source, "provider": "manual"}
    assert neighbours.ours.api("POST", "/numbers", body).status_code == 409


def test_without_a_token_nothing_is_told(neighbours: Neighbours) -> None:
    for method, rule in routes(neighbours.server, with_ids=False):
        if not rule.rule.startswith("/api/v1"):
            continue
        for headers in ({}, {"Authorization": "Bearer rt_wrong"}, {"Authorization": "Basic eDp5"}):
            answer = neighbours.ours.http.request(
                method, f"{neighbours.server.url}{rule.rule}", headers=headers, json={}, timeout=30
            )
            assert answer.status_code == 401, (method, rule.rule)
            assert answer.json()["error"]["code"] == "unauthorized"


def test_a_webhook_signed_by_another_account_is_refused(neighbours: Neighbours) -> None:
    _, answer = neighbours.theirs.ring(neighbours.ids["number"])
    assert answer.status_code == 200
    neighbours.theirs.provider_token = neighbours.ours.provider_token
    _, answer = neighbours.theirs.ring(neighbours.ids["number"])
    assert answer.status_code == 403


def test_a_page_of_ours_cannot_speak_for_a_visitor_of_theirs(neighbours: Neighbours) -> None:
    site = neighbours.ours.api("GET", "/sites", expect=200)["items"][0]
    body = neighbours.ours.swap(site, visitor=neighbours.ids["visitor"], numbers=[OWN]).json()
    assert body["visitor"] != neighbours.ids["visitor"]
