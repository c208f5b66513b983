"""Webhooks over the API: who is told, what is told when a match changes, what is sent once more."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.telling.deliver import Sender, post_of
from app.telling.endpoints import MOST_ENDPOINTS
from app.telling.outbox import EVENTS
from store.keeping import AuditEntry
from tests.app.web.staff import Staff
from tests.support.office import OWN, Office
from tests.support.post import Receiver, receiver
from tests.support.serving import Served, served

CALLER = "+12125550199"
URL = "https://hooks.example.com/ringtrace?key=very-secret"


@pytest.fixture
def server(database_url: str) -> Iterator[Served]:
    """A server whose webhooks may reach this machine."""
    with served(database_url, RINGTRACE_WEBHOOK_NETWORKS="127.0.0.0/8") as running:
        yield running


@pytest.fixture
def office(server: Served, database_url: str) -> Office:
    return Office.open(server.url, database_url)


def add(office: Office, url: str = URL, *events: str) -> Any:
    return office.api("POST", "/webhooks", {"url": url, "events": list(events or EVENTS)}, expect=201)


def send(server: Served) -> int:
    """Sends whatever is due, as a serving process does."""
    room = server.app.extensions["ringtrace"]
    sender = Sender(
        database=room.database, secrets=room.secrets, outgoing=post_of(room.settings), now=lambda: room.now()
    )
    sent = 0
    for place in sender.due():
        while sender.send_next(place):
            sent += 1
    return sent


def deliveries(office: Office, webhook: Any, **params: Any) -> list[Any]:
    return list(office.api("GET", f"/webhooks/{webhook['id']}/deliveries", params=params, expect=200)["items"])


def told(there: Receiver, event: str) -> list[Any]:
    bodies = [json.loads(body) for _, _, body in there.posts]
    return [body for body in bodies if body["type"] == event]


def two_visitors(server: Served, office: Office) -> tuple[Any, Any, str]:
    """Two visitors with the only number of a site, the later one more recent; and that number."""
    site = office.site()
    number = office.source(site)["pool"][0]
    first = office.swap(site).json()
    server.clock.forward(minutes=3)
    second = office.swap(site).json()
    assert first["numbers"][OWN]["e164"] == number
    server.clock.forward(minutes=2)
    return first, second, number


def test_a_webhook_is_added_shown_changed_and_deleted(office: Office) -> None:
    made = add(office, URL, "call.ended", "call.started", "call.ended")
    assert set(made) == {"id", "url", "events", "created_at", "disabled_at", "secret"}
    assert (made["url"], made["events"], made["disabled_at"]) == (URL, ["call.started", "call.ended"], None)
    assert made["secret"].startswith("whsec_")
    Webhook(made["secret"])
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert office.api("GET", f"/webhooks/{made['id']}", expect=200) == shown
    other = add(office)
    assert other["secret"] != made["secret"]
    listed = office.api("GET", "/webhooks", expect=200)
    assert [one["id"] for one in listed["items"]] == [other["id"], made["id"]]
    assert "secret" not in listed["items"][0]
    changed = office.api("PATCH", f"/webhooks/{made['id']}", {"events": ["message.received"]}, expect=200)
    assert changed == {**shown, "events": ["message.received"]}
    assert deliveries(office, made) == []
    office.api("DELETE", f"/webhooks/{made['id']}", expect=204)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/deliveries/x/replay")):
        assert office.api(method, f"/webhooks/{made['id']}{path}").status_code == 404
    page = office.api("GET", "/webhooks", params={"limit": 1}, expect=200)
    assert ([one["id"] for one in page["items"]], page["next_cursor"]) == ([other["id"]], None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["call.exploded"]}, "events"),
        ({"url": URL}, "events"),
        ({"url": URL, "events": "call.ended"}, "events"),
        ({"events": ["call.ended"]}, "url"),
        ({"url": "", "events": ["call.ended"]}, "url"),
        ({"url": "ftp://example.com/", "events": ["call.ended"]}, "url"),
        ({"url": "https://user:pass@example.com/", "events": ["call.ended"]}, "url"),
        ({"url": "http://10.0.0.1/", "events": ["call.ended"]}, "url"),
        ({"url": "http://169.254.169.254/latest", "events": ["call.ended"]}, "url"),
        ({"url": "http://0xa9fea9fe/", "events": ["call.ended"]}, "url"),
        ({"url": "http://[::1]/", "events": ["call.ended"]}, "url"),
        ({"url": f"https://example.com/{'x' * 2000}", "events": ["call.ended"]}, "url"),
        ({"url": URL, "events": ["call.ended"], "secret": "mine"}, "secret"),
    ],
)
def test_what_is_no_webhook_is_422(lite_office: Office, body: dict[str, Any], field: str) -> None:
    answer = lite_office.api("POST", "/webhooks", body)
    assert answer.status_code == 422
    assert any(name.partition(".")[0] == field for name in answer.json()["error"]["fields"]), answer.text
    assert lite_office.api("GET", "/webhooks", expect=200)["items"] == []


def test_loopback_is_refused_unless_it_is_allowed(lite_office: Office, office: Office) -> None:
    body = {"url": "http://127.0.0.1:9/", "events": ["call.ended"]}
    assert lite_office.api("POST", "/webhooks", body).status_code == 422
    assert office.api("POST", "/webhooks", body).status_code == 201


def test_there_are_at_most_so_many(lite_office: Office) -> None:
    for _ in range(MOST_ENDPOINTS):
        add(lite_office)
    answer = lite_office.api("POST", "/webhooks", {"url": URL, "events": ["call.ended"]})
    assert answer.status_code == 409
    assert "at most 20" in answer.json()["error"]["message"]


def test_a_changed_match_is_told_as_the_api_tells_it(server: Served, office: Office) -> None:
    first, second, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    call = office.call_of(sid)
    assert call["match"]["visit"] == second["visit"]
    with receiver() as there:
        webhook = add(office, there.url, "call.match_changed")
        path = f"/calls/{call['id']}/match"
        answers = [office.api("PUT", path, {"visit": first["visit"], "reason": "said so"}, expect=200)]
        office.api("DELETE", path, expect=204)
        answers.append(office.api("GET", f"/calls/{call['id']}", expect=200))
        office.api("DELETE", path, expect=204)  # there was nothing to take back
        staff = Staff.of(office)
        assert "credited to nobody" in staff.post(f"/calls/{call['id']}/match", {"visit": ""}).text
        answers.append(office.api("GET", f"/calls/{call['id']}", expect=200))
        assert "counts again" in staff.post(f"/calls/{call['id']}/match/undo").text
        answers.append(office.api("GET", f"/calls/{call['id']}", expect=200))
        assert send(server) == 4
        bodies = told(there, "call.match_changed")
        assert [body["sequence"] for body in bodies] == [1, 2, 3, 4]
        assert [body["data"] for body in bodies] == answers
        for _, headers, body in there.posts:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            signature = Webhook(webhook["secret"]).sign(headers["webhook-id"], at, body.decode())
            assert headers["webhook-signature"] == signature
        [*_, oldest] = deliveries(office, webhook)
        assert (oldest["payload"], oldest["subject"]) == (bodies[0], call["id"])
        # A refused decision tells nothing.
        assert office.api("PUT", path, {"visit": "0" * 32}).status_code == 422
        assert send(server) == 0


def test_a_later_answer_that_moves_the_credit_is_told(server: Served, office: Office) -> None:
    first, second, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    call = office.call_of(sid)
    with receiver() as there:
        add(office, there.url, "call.match_changed")
        office.api("PATCH", f"/calls/{call['id']}", {"spam": True}, expect=200)
        office.api("PATCH", f"/calls/{call['id']}", {"spam": True}, expect=200)
        send(server)
        [marked] = told(there, "call.match_changed")
        assert (marked["data"]["id"], marked["data"]["match"]) == (call["id"], None)
        office.api("PATCH", f"/calls/{call['id']}", {"spam": False}, expect=200)
        send(server)
        [_, cleared] = told(there, "call.match_changed")
        assert cleared["data"]["match"]["visit"] == second["visit"] != first["visit"]
        assert cleared["data"]["match"]["by"] == "model"


def test_messages_are_listed_filtered_and_sent_again(server: Served, office: Office) -> None:
    first, _, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    path = f"/calls/{office.call_of(sid)['id']}/match"
    with receiver() as there:
        webhook = add(office, there.url, "call.match_changed")
        for visit in (first["visit"], None, first["visit"]):
            office.api("PUT", path, {"visit": visit}, expect=200)
            server.clock.forward(seconds=1)
        there.status = 500
        assert send(server) == 3
        found = deliveries(office, webhook)
        assert [one["sequence"] for one in found] == [3, 2, 1], "newest first"
        assert {(one["state"], one["status"], one["tries"], one["event"]) for one in found} == {
            ("waiting", 500, 1, "call.match_changed")
        }
        assert "answered 500" in found[0]["problem"]
        assert deliveries(office, webhook, state="delivered") == deliveries(office, webhook, state="dead") == []
        assert deliveries(office, webhook, event="call.ended") == []
        page = office.api("GET", f"/webhooks/{webhook['id']}/deliveries", params={"limit": 2}, expect=200)
        rest = deliveries(office, webhook, limit=2, cursor=page["next_cursor"])
        assert page["items"] + rest == found
        there.status = 204
        answer = office.api("POST", f"/webhooks/{webhook['id']}/deliveries/{found[1]['id']}/replay")
        assert answer.status_code == 202, "no body is needed"
        assert (answer.json()["id"], answer.json()["state"], answer.json()["tries"]) == (found[1]["id"], "waiting", 0)
        assert send(server) == 1
        [done] = deliveries(office, webhook, state="delivered")
        assert (done["sequence"], done["message_id"], done["status"]) == (2, found[1]["message_id"], 204)
        assert there.posts[-1][1]["webhook-id"] == done["message_id"]
        assert there.posts[-1][2] == there.posts[1][2]
        again = office.api("POST", f"/webhooks/{webhook['id']}/deliveries/{done['id']}/replay", {}, expect=202)
        assert again["state"] == "waiting"
        assert send(server) == 1
        for bad in ({"state": "lost"}, {"event": "call.exploded"}, {"limit": 0}, {"cursor": "x"}):
            assert office.api("GET", f"/webhooks/{webhook['id']}/deliveries", params=bad).status_code == 422
        other = add(office, there.url)
        wrong = office.api("POST", f"/webhooks/{other['id']}/deliveries/{done['id']}/replay")
        assert wrong.status_code == 404


def test_one_that_is_gone_is_enabled_again(server: Served, office: Office) -> None:
    first, _, number = two_visitors(server, office)
    sid, _ = office.ring(number, CALLER)
    path = f"/calls/{office.call_of(sid)['id']}/match"
    with receiver() as there:
        webhook = add(office, there.url, "call.match_changed")
        there.status = 410
        office.api("PUT", path, {"visit": first["visit"]}, expect=200)
        send(server)
        assert office.api("GET", f"/webhooks/{webhook['id']}", expect=200)["disabled_at"] is not None
        [dead] = deliveries(office, webhook, state="dead")
        replay = f"/webhooks/{webhook['id']}/deliveries/{dead['id']}/replay"
        assert office.api("POST", replay).status_code == 409
        assert office.api("PATCH", f"/webhooks/{webhook['id']}", {"enabled": False}).status_code == 422
        enabled = office.api("PATCH", f"/webhooks/{webhook['id']}", {"enabled": True}, expect=200)
        assert enabled["disabled_at"] is None
        there.status = 204
        office.api("POST", replay, expect=202)
        assert send(server) == 1


def test_a_call_from_its_start_to_its_end_and_a_text(server: Served, office: Office) -> None:
    _, second, number = two_visitors(server, office)
    with receiver() as there:
        webhook = add(office, there.url)
        sid, _ = office.ring(number, CALLER)
        office.ring(number, CALLER, sid)
        call = office.call_of(sid)
        ended = {"CallSid": sid, "From": CALLER, "To": number, "CallStatus": "completed", "CallDuration": "42"}
        for _ in range(2):
            assert office.webhook("status", ended).status_code == 204
        text = {"MessageSid": "SM" + "1" * 32, "From": CALLER, "To": number, "Body": "Are you open?", "NumMedia": "0"}
        assert office.webhook("sms", text).status_code == 200
        send(server)
        bodies = [json.loads(body) for _, _, body in there.posts]
        assert [(one["type"], one["sequence"]) for one in bodies] == [
            ("call.started", 1),
            ("call.matched", 2),
            ("call.ended", 3),
            ("message.received", 4),
        ]
        started, matched, over, message = (one["data"] for one in bodies)
        assert started["id"] == matched["id"] == over["id"] == call["id"]
        assert matched["match"] == call["match"]
        assert matched["match"]["visitor"] == second["visitor"]
        assert (over["status"], over["duration_seconds"]) == ("completed", 42)
        assert message == office.api("GET", f"/messages/{message['id']}", expect=200)
        assert message["body"] == "Are you open?"
        assert len(deliveries(office, webhook, state="delivered")) == 4


def test_a_form_of_a_page_is_told(server: Served, office: Office) -> None:
    site = office.site()
    office.source(site)
    swapped = office.swap(site).json()
    with receiver() as there:
        add(office, there.url, "form.received")
        left = {"type": "form", "url": "https://example.com/contact", "phone": "(212) 555-0199", "email": "a@b.example"}
        assert office.events(site, swapped, left).status_code == 202
        send(server)
        [body] = told(there, "form.received")
        data = body["data"]
        assert (data["site"], data["visit"], data["visitor"]) == (site["id"], swapped["visit"], swapped["visitor"])
        assert (data["phone"], data["email"]) == ("+12125550199", "a@b.example")


def test_the_audit_log_knows_the_host_and_no_secret(server: Served, office: Office) -> None:
    webhook = add(office)
    office.api("DELETE", f"/webhooks/{webhook['id']}", expect=204)
    with server.app.extensions["ringtrace"].database.read() as work:
        entries = work.account(office.account_id).scalars(
            select(AuditEntry).where(AuditEntry.action.startswith("webhook.")).order_by(AuditEntry.entry_id)
        )
        found = [(e.action, e.subject, e.user_id, e.details["host"]) for e in entries]
        assert "secret" not in json.dumps([e.details for e in entries])
    assert found == [
        (action, webhook["id"], office.user_id, "hooks.example.com") for action in ("webhook.add", "webhook.delete")
    ]
