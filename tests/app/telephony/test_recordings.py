"""Recordings over HTTP: told in any order, twice, before the call and after; fetched, stored, and heard."""

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from app.outgoing import Address
from app.regular_jobs import Around
from app.telephony.media import Downloads
from app.telephony.media_fetch import MOST_TRIES, Fetching, fetch_due, wait_after
from app.telephony.media_store import new_file
from app.telephony.progress import RECORDING_STATUSES, settle_recording
from store.provider_events import CallRecording, ProviderEvent
from tests.app.telephony.builders import Desk
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served, wait_until
from tests.support.sounds import SOUND, Sounds, sounds

AC = "AC" + "0123456789abcdef" * 2
RE = "RE" + "fedcba9876543210" * 2
CALLER = "+12125550199"


@pytest.fixture
def there() -> Iterator[Sounds]:
    with sounds() as made:
        yield made


def loopback(address: Address) -> bool:
    return address.is_loopback


def report(desk: Desk, sid: str, status: str | None = "completed", recording: str = RE, **fields: str) -> int:
    told = {
        "AccountSid": AC,
        "CallSid": sid,
        "RecordingSid": recording,
        "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{recording}",
        "RecordingChannels": "2",
        "RecordingSource": "DialVerb",
        **({"RecordingStatus": status} if status is not None else {}),
        **({"RecordingDuration": "42"} if status == "completed" else {}),
        **fields,
    }
    return int(desk.office.webhook("recording", told, token=fields.pop("token", None)).status_code)


def around(desk: Desk, at: datetime, stop: bool = False) -> Around:
    return Around(
        database=desk.room.database,
        settings=desk.room.settings,
        account_id=desk.office.account_id,
        at=at,
        should_stop=lambda: stop,
    )


def fetch(desk: Desk, there: Sounds | None, at: datetime | None = None, **more: Any) -> str:
    elsewhere = {"api.twilio.com": there.url} if there else {}
    downloads = Downloads(allowed=loopback)
    return fetch_due(around(desk, at or desk.room.now(), **more), downloads, elsewhere=elsewhere)


def kept(desk: Desk) -> list[CallRecording]:
    with desk.room.database.read() as work:
        return list(work.account(desk.office.account_id).query(CallRecording))


def answered(desk: Desk, sid: str) -> Any:
    (recording,) = desk.office.call_of(sid)["recordings"]
    return recording


@pytest.fixture
def stored(desk: Desk, there: Sounds) -> tuple[Desk, Any, Any]:
    """A desk with a call whose recording is stored."""
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    assert report(desk, sid) == 204
    assert fetch(desk, there) == "1 fetched, 0 failed"
    return desk, desk.office.call_of(sid), answered(desk, sid)


def test_a_recording_is_announced_completed_fetched_and_heard(stored: tuple[Desk, Any, Any], there: Sounds) -> None:
    desk, call, recording = stored
    assert (recording["duration_seconds"], recording["status"], recording["problem"]) == (42, "stored", None)
    assert recording["url"] == f"{desk.office.url}/api/v1/calls/{call['id']}/recordings/{recording['id']}"
    [(path, headers)] = there.asked
    assert path == f"/2010-04-01/Accounts/{AC}/Recordings/{RE}.mp3?RequestedChannels=2"
    assert headers["authorization"] == requests.auth._basic_auth_str(AC, "twilios")
    answer = desk.office.api("GET", f"/calls/{call['id']}/recordings/{recording['id']}")
    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    file = desk.room.settings.recordings_dir / desk.office.account_id / f"{recording['id']}.mp3"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (SOUND, 0o600)
    assert [p.name for p in file.parent.iterdir()] == [file.name], "nothing half is left"
    assert fetch(desk, there) == "0 fetched, 0 failed"
    assert report(desk, call["provider_call_id"], RecordingDuration="42") == 204
    assert fetch(desk, there) == "0 fetched, 0 failed", "what is here is not fetched again"


def test_parts_of_it_are_answered_as_players_ask_for_them(stored: tuple[Desk, Any, Any]) -> None:
    desk, call, recording = stored
    path = f"/calls/{call['id']}/recordings/{recording['id']}"
    for asked, part in (("bytes=0-9", SOUND[:10]), ("bytes=100-", SOUND[100:]), ("bytes=-7", SOUND[-7:])):
        answer = desk.office.api("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["Content-Range"].endswith(f"/{len(SOUND)}")
    beyond = desk.office.api("GET", path, headers={"Range": "bytes=999999-"})
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (416, "no_such_range")
    assert beyond.headers["Content-Range"] == f"bytes */{len(SOUND)}"
    tag = desk.office.api("GET", path).headers["ETag"]
    assert desk.office.api("GET", path, headers={"If-None-Match": tag}).status_code == 304


def test_staff_hear_it_on_the_calls_page_and_nobody_else_does(
    stored: tuple[Desk, Any, Any], server: Served, database_url: str
) -> None:
    desk, call, recording = stored
    path = f"/calls/{call['id']}/recordings/{recording['id']}"
    staff = Staff.of(desk.office)
    page = staff.get(f"/calls/{call['id']}")
    assert f'<audio controls preload="metadata" src="{path}"' in page.text
    assert "media-src 'self'" in page.headers["Content-Security-Policy"]
    answer = staff.get(path, headers={"Range": "bytes=4-7"})
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (206, SOUND[4:8], "audio/mpeg")
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert requests.get(f"{desk.office.url}{path}", allow_redirects=False, timeout=10).status_code == 302
    other = Office.open(server.url, database_url)
    assert Staff.of(other).get(path).status_code == 404
    assert other.api("GET", path).status_code == 404
    assert requests.get(f"{desk.office.url}/api/v1{path}", timeout=10).status_code == 401
    for wrong in (f"/calls/{'0' * 32}/recordings/{recording['id']}", f"/calls/{call['id']}/recordings/..%2F..%2Fx"):
        assert desk.office.api("GET", wrong).status_code == 404


def test_while_it_is_not_here_it_is_409_and_where_it_never_will_be_404(desk: Desk, there: Sounds) -> None:
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    call, staff = desk.office.call_of(sid), Staff.of(desk.office)

    def heard() -> tuple[int, str, str]:
        (one,) = desk.office.call_of(sid)["recordings"]
        answer = desk.office.api("GET", f"/calls/{call['id']}/recordings/{one['id']}")
        assert staff.get(f"/calls/{call['id']}/recordings/{one['id']}").status_code == answer.status_code
        return answer.status_code, answer.json()["error"]["code"], one["status"]

    report(desk, sid, "in-progress")
    assert heard() == (409, "not_stored_yet", "waiting")
    report(desk, sid, "absent")
    assert heard() == (404, "not_found", "absent")
    report(desk, sid, "completed")
    assert heard() == (409, "not_stored_yet", "waiting")
    with desk.work() as (_, session):
        session.query(CallRecording).one().next_try_at = None
    assert heard() == (404, "not_found", "failed")
    with desk.work() as (_, session):
        session.query(CallRecording).one().deleted_at = desk.room.now()
    assert heard() == (404, "not_found", "deleted")
    assert "deleted" in staff.get(f"/calls/{call['id']}").text
    report(desk, sid, "completed", RecordingDuration="43")
    assert fetch(desk, there) == "0 fetched, 0 failed", "what was deleted is not fetched again"


def test_a_stored_file_that_is_gone_is_404(stored: tuple[Desk, Any, Any]) -> None:
    desk, call, recording = stored
    (desk.room.settings.recordings_dir / desk.office.account_id / f"{recording['id']}.mp3").unlink()
    assert desk.office.api("GET", f"/calls/{call['id']}/recordings/{recording['id']}").status_code == 404


def test_every_order_of_a_call_and_its_recording_ends_alike(lite_desk: Desk) -> None:
    desk = lite_desk
    desk.store_twilio(desk.office.provider_token, AC, desk.room.now())
    steps = ["voice", "in-progress", "done", "completed"]
    ended = []
    for order in permutations(steps):
        sid, recording = f"CA{uuid.uuid4().hex}", f"RE{uuid.uuid4().hex}"
        for step in order:
            if step == "voice":
                desk.office.ring(desk.number, sid=sid, AccountSid=AC)
            elif step == "done":
                fields = {"CallSid": sid, "From": CALLER, "To": desk.number, "CallStatus": "completed"}
                assert desk.office.webhook("status", {**fields, "AccountSid": AC}).status_code == 204
            elif step == "in-progress":
                assert report(desk, sid, step, recording) == 204
            else:
                assert report(desk, sid, "completed", recording) == 204
                assert report(desk, sid, "completed", recording, X="told again, in other words") == 204
        ended.append(sid)
    rows = kept(desk)
    assert len(rows) == len(ended) == 24
    assert {(r.status, r.duration_seconds, r.channels, r.tries) for r in rows} == {("completed", 42, 2, 0)}
    assert all(r.address and r.next_try_at for r in rows)
    calls = {c.call_id: c for c in desk.calls()}
    assert {calls[r.call_id].status for r in rows} == {"completed"}
    with desk.room.database.read() as work:
        events = work.account(desk.office.account_id).query(ProviderEvent).all()
    assert {e.state for e in events} == {"done"}


@given(st.lists(st.tuples(st.sampled_from(sorted(RECORDING_STATUSES)), st.none() | st.integers(0, 9)), min_size=1))
def test_reports_settle_alike_in_every_order_and_number(reports: list[tuple[str, int | None]]) -> None:
    def end(order: list[tuple[str, int | None]]) -> tuple[str, int | None]:
        state: tuple[str, int | None] = ("in-progress", None)
        for status, duration in order:
            before = state
            state = settle_recording(*state, reported=status, reported_duration=duration)
            assert settle_recording(*state, reported=status, reported_duration=duration) == state
            assert before == state or before[0] != "completed" or state[0] == "completed"
        return state

    assert end(reports) == end(reports[::-1]) == end(sorted(reports, key=str)) == end(reports + reports)


def test_a_leg_s_recording_is_its_calls(lite_desk: Desk) -> None:
    lite_desk.store_twilio(lite_desk.office.provider_token, AC, lite_desk.room.now())
    sid, _ = lite_desk.office.ring(lite_desk.number, AccountSid=AC)
    assert report(lite_desk, "CA-leg", ParentCallSid=sid) == 204
    assert answered(lite_desk, sid)["status"] == "waiting"


@pytest.mark.parametrize(
    "fields",
    [
        {"RecordingSid": ""},
        {"RecordingStatus": "exploded"},
        {"RecordingDuration": "9" * 400},
        {"RecordingChannels": "\x00"},
        {"RecordingUrl": "javascript:alert(1)"},
        {"RecordingUrl": "https://example.com/" + "x" * 5000},
    ],
)
def test_odd_reports_are_taken(desk: Desk, fields: dict[str, str]) -> None:
    sid, _ = desk.office.ring(desk.number)
    assert report(desk, sid, **fields) == 204
    for one in desk.office.call_of(sid)["recordings"]:
        assert one["status"] in {"waiting", "failed"}


def test_without_an_address_it_says_so_until_one_is_told(desk: Desk) -> None:
    sid, _ = desk.office.ring(desk.number)
    assert report(desk, sid, RecordingUrl="") == 204
    failed = answered(desk, sid)
    assert (failed["status"], failed["problem"]) == (
        "failed",
        "the provider told no address that its sound could be fetched from",
    )
    assert report(desk, sid) == 204
    assert (answered(desk, sid)["status"], answered(desk, sid)["problem"]) == ("waiting", None)


def test_what_fails_is_tried_again_for_a_day_and_then_given_up_with_words(desk: Desk, there: Sounds) -> None:
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    report(desk, sid)
    there.status, there.body = 404, b""
    at, waited = desk.room.now(), []
    for _ in range(MOST_TRIES):
        assert fetch(desk, there, at) == "0 fetched, 1 failed"
        (row,) = kept(desk)
        if row.next_try_at is not None:
            assert "answered 404" in (row.problem or "")
            assert fetch(desk, there, row.next_try_at - timedelta(seconds=1)) == "0 fetched, 0 failed"
            waited.append(row.next_try_at - at)
            at = row.next_try_at
    assert waited == sorted(waited)
    assert waited[0] == timedelta(seconds=30)
    assert timedelta(hours=24) <= sum(waited, timedelta()) <= timedelta(hours=28)
    given_up = answered(desk, sid)
    assert given_up["status"] == "failed"
    assert given_up["problem"].startswith("given up after a day of trying")
    assert fetch(desk, there, at + timedelta(days=9)) == "0 fetched, 0 failed"
    assert list((desk.room.settings.recordings_dir / desk.office.account_id).iterdir()) == []


def test_soon_after_its_end_it_may_not_be_there_and_then_is(desk: Desk, there: Sounds) -> None:
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    report(desk, sid)
    there.status = 404
    at = desk.room.now()
    fetch(desk, there, at)
    there.status = 200
    assert fetch(desk, there, at + timedelta(seconds=31)) == "1 fetched, 0 failed"
    assert (answered(desk, sid)["status"], answered(desk, sid)["problem"]) == ("stored", None)


def test_the_waits_grow_and_end() -> None:
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES + 1)]
    assert waits[-1] is None
    assert all(w is not None for w in waits[:-1])


def test_without_credentials_nothing_is_asked_of_twilio(desk: Desk, there: Sounds) -> None:
    sid, _ = desk.office.ring(desk.number)
    report(desk, sid)
    assert fetch(desk, there) == "0 fetched, 1 failed"
    assert there.asked == []
    assert "no credentials" in answered(desk, sid)["problem"]


def test_another_hosts_sound_is_got_without_credentials(desk: Desk, there: Sounds) -> None:
    desk.store_twilio(desk.office.provider_token, AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number)
    there.headers = {"Content-Type": "audio/x-wav"}
    report(desk, sid, RecordingUrl=f"{there.url}/sound?id=1")
    assert fetch(desk, None) == "1 fetched, 0 failed"
    [(path, headers)] = there.asked
    assert (path, "authorization" in headers) == ("/sound?id=1", False)
    one = answered(desk, sid)
    answer = desk.office.api("GET", one["url"].partition("/api/v1")[2])
    assert (answer.headers["Content-Type"], answer.content) == ("audio/wav", SOUND)


def test_a_private_address_is_not_asked(desk: Desk, there: Sounds) -> None:
    sid, _ = desk.office.ring(desk.number)
    report(desk, sid, RecordingUrl=f"{there.url}/sound")
    assert fetch_due(around(desk, desk.room.now())) == "0 fetched, 1 failed"
    assert there.asked == []
    assert "not on the public internet" in answered(desk, sid)["problem"]


def test_what_is_erased_while_it_is_fetched_leaves_no_file(desk: Desk, there: Sounds) -> None:
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    report(desk, sid)

    def erase() -> None:
        with desk.work() as (_, session):
            session.delete(session.query(CallRecording).one())

    there.before = erase
    assert fetch(desk, there) == "0 fetched, 1 failed"
    assert list((desk.room.settings.recordings_dir / desk.office.account_id).iterdir()) == []


def test_a_server_that_stops_counts_no_try(desk: Desk, there: Sounds) -> None:
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    report(desk, sid)
    assert fetch(desk, there, stop=True) == "0 fetched, 0 failed"
    (row,) = kept(desk)
    assert (row.tries, row.problem) == (0, None)


def test_a_folder_that_takes_nothing_is_told_and_tried_again(lite_desk: Desk, there: Sounds) -> None:
    desk = lite_desk
    desk.store_twilio("twilios", AC, desk.room.now())
    sid, _ = desk.office.ring(desk.number, AccountSid=AC)
    report(desk, sid)
    folder = desk.room.settings.recordings_dir / desk.office.account_id
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file in the folder's place")
    assert fetch(desk, there) == "0 fetched, 1 failed"
    assert "could not be stored here" in answered(desk, sid)["problem"]


def test_what_a_killed_process_left_is_taken_away(lite_desk: Desk) -> None:
    settings, account, recording = lite_desk.room.settings, lite_desk.office.account_id, "a" * 32
    folder = settings.recordings_dir / account
    folder.mkdir(parents=True)
    (folder / f".{recording}.0000.part").write_bytes(b"half")
    with new_file(settings, account, recording) as half:
        half.file.write(b"whole")
        assert len(os.listdir(folder)) == 1
        half.keep(folder / f"{recording}.mp3")
    assert [(p.name, p.read_bytes()) for p in folder.iterdir()] == [(f"{recording}.mp3", b"whole")]


def test_fetching_has_a_thread_of_its_own_and_one_turn_per_account(lite_desk: Desk) -> None:
    begun, let_go, done = threading.Event(), threading.Event(), []

    def slow(work: Around) -> str:
        begun.set()
        let_go.wait(10)
        done.append(work.account_id)
        return "done"

    fetching = Fetching(lambda: False, slow)
    one = around(lite_desk, lite_desk.room.now())
    for _ in range(5):
        fetching.look(one)
    assert begun.wait(10)
    let_go.set()
    wait_until(lambda: done == [one.account_id], 10, "it was not done")
    fetching.stop()
    assert done == [one.account_id]
