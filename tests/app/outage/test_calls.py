"""Calls while the database is away: by the files alone."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from app.engine_room import KEY, EngineRoom
from app.outage.start import OutageWork
from tests.support.office import DESTINATION, Office, fresh_numbers
from tests.support.serving import Served, served, wait_until

SID = "AC" + "1" * 32


class Away:
    """A server with its outage work, whose database is said to be away while `away` is entered."""

    def __init__(self, server: Served, url: str) -> None:
        self.server = server
        self.room: EngineRoom = server.app.extensions[KEY]
        self.work = OutageWork(server.app)
        self.office = Office.open(server.url, url)
        self.site = self.office.site()
        self.source = self.office.source(self.site)
        self.number: str = self.source["pool"][0]
        self.up_to_date()

    def up_to_date(self) -> None:
        self.room.outage.keeper.look()

    @contextmanager
    def away(self) -> Iterator[None]:
        reach = self.room.database.reach
        reach.away = True
        look, reach._look = reach._look, lambda: False
        try:
            yield
        finally:
            reach.away, reach._look = False, look

    @property
    def waiting(self) -> int:
        return self.room.outage.spool.waiting()


@pytest.fixture
def away(database_url: str, tmp_path: Path) -> Iterator[Away]:
    with served(database_url, RINGTRACE_INSTANCE_DIR=str(tmp_path / "instance")) as server:
        found = Away(server, database_url)
        yield found
        found.work.stop()


def calls(office: Office) -> Any:
    return office.api("GET", "/calls", expect=200)["items"]


def test_a_call_is_connected_kept_and_there_afterwards(away: Away) -> None:
    _, before = away.office.ring(away.number)
    with away.away():
        sid, answer = away.office.ring(away.number, "+12125550123")
        assert answer.status_code == 200
        assert answer.text == before.text
        again = away.office.ring(away.number, "+12125550123", sid=sid)[1]
        assert again.text == answer.text
        ended = {"CallSid": sid, "To": away.number, "CallStatus": "completed", "CallDuration": "61"}
        assert away.office.webhook("status", ended).status_code == 204
        assert away.office.api("GET", "/calls").status_code in {200, 503}
    assert away.waiting == 3
    assert away.work.replay.look() == 3
    assert away.waiting == 0
    (call,) = [c for c in calls(away.office) if c["provider_call_id"] == sid]
    assert (call["from"], call["status"], call["duration_seconds"]) == ("+12125550123", "completed", 61)
    assert call["destination"] == DESTINATION
    assert away.work.replay.look() == 0
    assert away.office.ring(away.number, "+12125550123", sid=sid)[1].text == answer.text
    assert len(calls(away.office)) == 2


def test_replaying_again_after_a_crash_changes_nothing(away: Away) -> None:
    with away.away():
        sid, _ = away.office.ring(away.number)
    (record,) = away.room.outage.spool.read(5)
    assert away.work.replay._taken(record.content)
    before = calls(away.office)
    assert away.work.replay.look() == 1
    assert calls(away.office) == before
    assert [c["provider_call_id"] for c in before] == [sid]


def test_nobody_else_signs(away: Away) -> None:
    stranger = Office.open(away.server.url, away.room.settings.database_url)
    stranger.source(stranger.site(domains=["example.org"]))
    away.up_to_date()
    url = f"{away.server.url}/webhooks/twilio/voice"
    form = {"CallSid": "CA1", "To": away.number, "From": "+12125550199"}
    right = RequestValidator(away.office.provider_token).compute_signature(url, form)
    with away.away():
        for headers in (
            {},
            {"X-Twilio-Signature": ""},
            {"X-Twilio-Signature": "A" * 28},
            {"X-Twilio-Signature": RequestValidator(stranger.provider_token).compute_signature(url, form)},
            {"X-Twilio-Signature": right[:-2] + ("A=" if right[-2] != "A" else "B=")},
        ):
            answer = away.office.http.post(url, data=form, headers=headers, timeout=30)
            assert answer.status_code == 403, headers
        assert (
            away.office.http.post(url, data={**form, "From": "+1"}, headers={"X-Twilio-Signature": right}).status_code
            == 403
        )
        (unknown,) = fresh_numbers(1)
        assert away.office.ring(unknown)[1].status_code == 503
    assert away.waiting == 0


def test_an_account_is_found_by_its_sid_too(away: Away) -> None:
    credentials = {"account_sid": SID, "auth_token": "a-token-at-twilio"}
    away.office.api("PUT", "/providers/twilio", credentials, expect=200)
    away.up_to_date()
    leg = {
        "CallSid": "CA-leg",
        "ParentCallSid": "CA-unknown",
        "AccountSid": SID,
        "To": DESTINATION,
        "CallStatus": "completed",
    }
    with away.away():
        assert away.office.webhook("status", leg, token="a-token-at-twilio").status_code == 204
        assert away.office.webhook("status", leg, token="another").status_code == 403
        # What is signed but nobody's is told so.
        voice = {"CallSid": "CA-2", "AccountSid": SID, "To": "+12125550001", "CallStatus": "ringing"}
        answer = away.office.webhook("voice", voice, token="a-token-at-twilio")
        assert (answer.status_code, "not in service" in answer.text) == (200, True)


def test_tokens_are_rotated_in_the_files_too(away: Away) -> None:
    for token in ("the first token", "the second token"):
        away.office.api(
            "PUT", "/providers/twilio", {"account_sid": SID, "auth_token": token.replace(" ", "-")}, expect=200
        )
    away.up_to_date()
    away.office.provider_token = "the-first-token"
    with away.away():
        assert away.office.ring(away.number)[1].status_code == 200
        away.server.clock.offset += timedelta(hours=25)
        assert away.office.ring(away.number)[1].status_code == 403
        away.office.provider_token = "the-second-token"
        assert away.office.ring(away.number)[1].status_code == 200


def test_files_are_private_and_hold_no_token(away: Away) -> None:
    folder = away.room.settings.outage
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} >= {"numbers", "accounts"}
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600, path
        assert away.office.provider_token.encode() not in path.read_bytes()
    told = json.loads((folder / "numbers" / f"{away.number[1:]}.json").read_text())
    assert told["destination"] == DESTINATION
    assert told["account"] == away.office.account_id


def test_a_change_reaches_the_files_by_itself(away: Away) -> None:
    away.work.start()
    source = away.source["id"]
    away.office.api("PATCH", f"/sources/{source}", {"destination": "+12125559111"}, expect=200)
    file = away.room.settings.outage / "numbers" / f"{away.number[1:]}.json"
    wait_until(lambda: json.loads(file.read_text())["destination"] == "+12125559111", 10, "the file is old")
    fallback = away.room.settings.instance / "fallback" / f"{away.number[1:]}.xml"
    wait_until(lambda: b"+12125559111" in fallback.read_bytes(), 10, "the fallback is old")
    with away.away():
        assert "+12125559111" in away.office.ring(away.number)[1].text


def test_another_processs_change_is_found(away: Away) -> None:
    other = Office(**{**away.office.__dict__})
    with served(away.room.settings.database_url) as second:
        other.url = second.url
        other.api("PATCH", f"/sources/{away.source['id']}", {"destination": "+12125559222"}, expect=200)
    away.up_to_date()
    with away.away():
        assert "+12125559222" in away.office.ring(away.number)[1].text


def test_a_call_is_answered_where_nothing_can_be_kept(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(content: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(away.room.outage.spool, "append", fails)
    with away.away():
        sid, answer = away.office.ring(away.number)
    assert (answer.status_code, DESTINATION in answer.text) == (200, True)
    # The provider's next word of it makes the call.
    assert away.office.webhook("status", {"CallSid": sid, "To": away.number, "CallStatus": "completed"}).ok
    assert [c["provider_call_id"] for c in calls(away.office)] == [sid]


def test_pages_and_calls_of_two_threads_while_a_replay_runs(away: Away) -> None:
    with away.away():
        sids = [away.office.ring(away.number)[0] for _ in range(20)]
    replays = [threading.Thread(target=away.work.replay.look) for _ in range(3)]
    for thread in replays:
        thread.start()
    later = [away.office.ring(away.number)[0] for _ in range(5)]
    for thread in replays:
        thread.join()
    wait_until(lambda: away.work.replay.look() == 0 and away.waiting == 0, 30, "the spool is not empty")
    assert sorted(c["provider_call_id"] for c in calls(away.office)) == sorted(sids + later)
