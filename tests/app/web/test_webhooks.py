"""The pages of webhooks: who is told, how it goes, and every button on them."""

import re
from collections.abc import Iterator

import pytest

from app.telling.deliver import Sender, post_of
from app.telling.outbox import CALL_ENDED, CALL_STARTED, tell
from app.web.headers import POLICY
from core.ids import new_id
from tests.app.web.staff import Staff
from tests.app.web.test_guards import counting
from tests.support.office import Office
from tests.support.post import receiver
from tests.support.serving import Served, served

URL = "https://hooks.example.com/ringtrace"
HOSTILE = 'https://hooks.example.com/?"><script>alert(1)</script>'


@pytest.fixture
def lite_server(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url, RINGTRACE_WEBHOOK_NETWORKS="127.0.0.0/8") as running:
        yield running


def add(staff: Staff, url: str = URL, *events: str) -> tuple[str, str]:
    """A webhook by the form: its id, and the page that follows."""
    data = {"csrf_token": staff.token("/webhooks"), "url": url, "events": list(events or (CALL_ENDED,))}
    answer = staff.http.post(f"{staff.url}/webhooks", data=data, timeout=30)
    assert answer.status_code == 200
    return answer.url.partition("?")[0].rpartition("/")[2], answer.text


def happens(server: Served, office: Office, count: int, event: str = CALL_ENDED) -> None:
    room = server.app.extensions["ringtrace"]
    for _ in range(count):
        with room.database.write() as work:
            subject = new_id(room.now())
            tell(work.account(office.account_id), event, subject, lambda: {"id": "x"}, at=room.now())
        server.clock.forward(seconds=1)


def send(server: Served) -> int:
    room = server.app.extensions["ringtrace"]
    sender = Sender(database=room.database, secrets=room.secrets, outgoing=post_of(room.settings), now=room.now)
    sent = 0
    for place in sender.due():
        while sender.send_next(place):
            sent += 1
    return sent


def test_nobody_is_told_yet(staff: Staff) -> None:
    page = staff.get("/webhooks").text
    assert "No webhooks yet" in page
    assert "Nobody is told of anything yet." in page
    assert 'aria-current="page">Webhooks<' in page


def test_a_webhook_is_added_with_its_secret_shown_once_and_deleted(staff: Staff, lite_office: Office) -> None:
    webhook, page = add(staff, URL, CALL_STARTED, CALL_ENDED)
    assert re.search(r"signed with whsec_[A-Za-z0-9+/=]{32}; keep it now, it is shown once", page)
    assert "Nothing was sent yet" in page
    assert "whsec_" not in staff.get(f"/webhook/{webhook}").text
    assert lite_office.api("GET", f"/webhooks/{webhook}", expect=200)["events"] == [CALL_STARTED, CALL_ENDED]
    listed = staff.get("/webhooks").text
    assert URL in listed
    assert "Everything was delivered." in listed
    assert "is deleted" in staff.post(f"/webhook/{webhook}/delete").text
    assert staff.get(f"/webhook/{webhook}").status_code == 404
    assert lite_office.api("GET", "/webhooks", expect=200)["items"] == []


@pytest.mark.parametrize(
    ("url", "events"),
    [("http://10.0.0.1/", (CALL_ENDED,)), ("nonsense", (CALL_ENDED,)), ("", (CALL_ENDED,)), (URL, ("x",))],
)
def test_what_is_no_webhook_is_said(staff: Staff, url: str, events: tuple[str, ...]) -> None:
    _, page = add(staff, url, *events)
    assert "That was not added:" in page
    assert "No webhooks yet" in page


def test_messages_their_filters_and_sending_again(lite_server: Served, lite_office: Office, staff: Staff) -> None:
    with receiver() as there:
        webhook, _ = add(staff, f"{there.url}/?a=1", CALL_STARTED, CALL_ENDED)
        happens(lite_server, lite_office, 2)
        happens(lite_server, lite_office, 1, CALL_STARTED)
        assert "sent as soon as may be" in staff.get(f"/webhook/{webhook}").text
        assert "3 messages wait to be sent." in staff.get("/webhooks").text
        there.status = 500
        send(lite_server)
        page = staff.get(f"/webhook/{webhook}").text
        assert page.count("127.0.0.1 answered 500") == 3
        assert page.count("tried again <time") == 3
        assert staff.get(f"/webhook/{webhook}?event={CALL_STARTED}").text.count("answered 500") == 1
        assert "No message fits these filters" in staff.get(f"/webhook/{webhook}?state=dead").text
        for bad in ("state=lost", "event=lost", "older=lost"):
            assert staff.get(f"/webhook/{webhook}?{bad}").status_code == 422
        there.status = 204
        [*_, first] = lite_office.api("GET", f"/webhooks/{webhook}/deliveries", expect=200)["items"]
        again = f"/webhook/{webhook}/deliveries/{first['id']}/again"
        answer = staff.post(again, {"state": "waiting"})
        assert "Message 1 is sent once more." in answer.text
        assert answer.url.endswith("?state=waiting"), "the filters stay"
        assert send(lite_server) == 1
        assert staff.get(f"/webhook/{webhook}?state=delivered").text.count(first["message_id"]) == 2
        there.status = 410
        assert staff.post(again).status_code == 200
        send(lite_server)
        page = staff.get(f"/webhook/{webhook}").text
        assert "because it answered that it is gone" in page
        assert "3 messages were given up." in staff.get("/webhooks").text
        assert "That was not done" in staff.post(f"/webhook/{webhook}/again").text
        assert "It is told again" in staff.post(f"/webhook/{webhook}/enable").text
        there.status = 204
        assert "3 messages are sent once more." in staff.post(f"/webhook/{webhook}/again").text
        assert send(lite_server) == 3
        assert "Everything was delivered." in staff.get("/webhooks").text
        assert "0 messages are sent once more." in staff.post(f"/webhook/{webhook}/again").text


def test_pages_of_messages_are_walked(lite_server: Served, lite_office: Office, staff: Staff) -> None:
    webhook, _ = add(staff)
    happens(lite_server, lite_office, 53)
    page = staff.get(f"/webhook/{webhook}").text
    assert page.count("msg_") == 2 * 50
    older = re.search(r'href="(/webhook/[^"]*older=[^"]+)"', page)
    assert older
    page = staff.get(older.group(1)).text
    assert page.count("msg_") == 2 * 3
    assert "Newest" in page


def test_the_pages_have_the_headers_and_errors_of_pages(staff: Staff) -> None:
    webhook, _ = add(staff)
    for path, status in (("/webhooks", 200), (f"/webhook/{webhook}", 200), ("/webhook/x", 404)):
        answer = staff.get(path)
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["Content-Type"].startswith("text/html")


def test_hostile_addresses_stay_text(staff: Staff) -> None:
    webhook, page = add(staff, HOSTILE.replace(" ", ""))
    for text in (page, staff.get("/webhooks").text, staff.get(f"/webhook/{webhook}").text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_forms_without_a_token_do_nothing(staff: Staff, lite_office: Office) -> None:
    webhook, _ = add(staff)
    for path in ("s", f"/{webhook}/delete", f"/{webhook}/enable", f"/{webhook}/again"):
        answer = staff.http.post(f"{staff.url}/webhook{path}", data={"url": URL, "events": CALL_ENDED}, timeout=30)
        assert answer.status_code == 400
    assert len(lite_office.api("GET", "/webhooks", expect=200)["items"]) == 1


def test_the_pages_ask_as_often_however_much_there_is(lite_server: Served, lite_office: Office, staff: Staff) -> None:
    webhook, _ = add(staff)

    def asked() -> list[int]:
        found = []
        for path in ("/webhooks", f"/webhook/{webhook}"):
            with counting(lite_server) as seen:
                assert staff.get(path).status_code == 200
            found.append(len(seen))
        return found

    before = asked()
    for _ in range(6):
        add(staff)
    happens(lite_server, lite_office, 20)
    assert asked() == before
    assert max(before) < 12
