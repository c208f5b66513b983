"""Calls of an emulator that was not written here, over a road that loses, doubles and shuffles what it tells of them.

`RINGTRACE_EMULATED_CALLS=2000` makes it the long, documented run. The emulator differs from Twilio: it lists calls of
every time whatever is asked for, tells webhooks no duration, and signs the fragment of an address too, which Twilio and
its library leave out. So durations come from its list alone, and it is given the addresses that it got from us once
more without their fragments.
"""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.provisioning.shop import MAKER
from app.regular_jobs import Around, sweep
from app.settings import Settings
from app.telephony.sweep import GRACE
from app.telephony.twilio_calls import TwilioCalls
from store.engine import make_engine
from store.sessions import Database
from tests.support.chaos import Chaos, chaos
from tests.support.office import Office, fresh_numbers
from tests.support.outside import API, SID, TOKEN, Outside, emulator
from tests.support.serving import ServeProcess, environ, served
from tests.support.trading import buy, maker

# More than about 2,200 the emulator does not take: it answers 5,000 requests an hour.
CALLS = int(os.environ.get("RINGTRACE_EMULATED_CALLS", "80"))
AT_ONCE = 8
ENDED_BRIEFLY, ENDED_AT_LENGTH = 0.4, 0.4
"""Of the calls: with one status, with two. The others go on; only their first ring was told."""
ENDS = ("completed", "completed", "completed", "completed", "busy", "no-answer", "failed", "canceled")
SOURCES = {"google_ads": 3, "google_organic": 2, "facebook_ads": 2}
NOBODY = "http://127.0.0.1:9"
"""No process under test may reach the real Twilio."""


@dataclass
class World:
    """The emulator, the road, a server of ours at its end, and an account on it whose numbers the emulator has."""

    twilio: Outside
    road: Chaos
    office: Office
    database_url: str
    numbers: dict[str, str]

    def sweep(self) -> str:
        """What the job does every ten minutes."""
        engine = make_engine(self.database_url)
        try:
            return sweep(
                Around(
                    database=Database(engine),
                    settings=Settings.from_env(environ(self.database_url)),
                    account_id=self.office.account_id,
                    at=datetime.now(UTC) + GRACE + timedelta(seconds=1),
                    should_stop=lambda: False,
                ),
                lambda sid, token: TwilioCalls(sid, token, elsewhere={API: self.twilio.url}),
            )
        finally:
            engine.dispose()

    def ours(self) -> list[Any]:
        """All calls as our API lists them."""
        found, cursor = [], None
        while True:
            params = {"limit": "500", **({"cursor": cursor} if cursor else {})}
            page = self.office.api("GET", "/calls", params=params, expect=200)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def theirs(self) -> dict[str, Any]:
        """All calls as the emulator lists them, past our client."""
        found: dict[str, Any] = {}
        for page in range(100):
            path = f"/2010-04-01/Accounts/{SID}/Calls.json?PageSize=1000&Page={page}"
            calls = self.twilio.ask("GET", path).json()["calls"]
            found |= {call["sid"]: call for call in calls}
            if len(calls) < 1000:
                break
        return found

    def call(self, number: int, draw: random.Random) -> None:
        """One call from its first ring to its end, if it ends."""
        form = {"To": draw.choice(list(self.numbers)), "From": f"+1212555{number % 10_000:04d}"}
        begun = self.twilio.ask("POST", "/_twilio/simulate/inbound-call", data=form)
        assert begun.status_code == 201, begun.text
        sid, end, draw_of_kind = begun.json()["sid"], draw.choice(ENDS), draw.random()
        if draw_of_kind < ENDED_BRIEFLY:
            path = f"/2010-04-01/Accounts/{SID}/Calls/{sid}.json"
            assert self.twilio.ask("POST", path, data={"Status": end}).status_code == 200
        elif draw_of_kind < ENDED_BRIEFLY + ENDED_AT_LENGTH:
            for status in ("ringing", end):
                body = {"CallSid": sid, "Status": status}
                assert self.twilio.ask("POST", "/_twilio/simulate/call-status", data=body).status_code == 200


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    instance = {"RINGTRACE_INSTANCE_DIR": str(tmp_path / "instance")}
    with emulator() as twilio, chaos() as road:
        where: dict[str, Any] = {"RINGTRACE_PUBLIC_BASE_URL": road.url, **instance}
        behind = ServeProcess(database_url, HTTPS_PROXY=NOBODY, **where)
        try:
            # Set up over our own API, by a server whose Twilio is the emulator.
            with served(database_url, **where) as setting_up:
                setting_up.app.extensions[MAKER] = maker(twilio.url, NOBODY)
                office = Office.open(setting_up.url, database_url)
                office.api("PUT", "/providers/twilio", {"account_sid": SID, "auth_token": TOKEN}, expect=200)
                numbers = _numbers(office)
            for held in twilio.held():
                bare = str(held["voice_url"]).partition("#")[0]
                assert bare == f"{road.url}/webhooks/twilio/voice"
                path = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers/{held['sid']}.json"
                assert twilio.ask("POST", path, data={"VoiceUrl": bare}).status_code == 200
            office.url = behind.wait().url
            road.port = behind.port
            yield World(twilio, road, office, database_url, numbers)
        finally:
            behind.stop()


def _numbers(office: Office) -> dict[str, str]:
    """Numbers of several sources, bought at the emulator, which thereby knows where to tell; number → source."""
    site, found = office.site(), {}
    for preset, count in SOURCES.items():
        source = office.source(site, preset, numbers=0)
        for number in fresh_numbers(count):
            buy(office, source, number)
            found[number] = source["slug"]
    return found


def _play(world: World, count: int) -> None:
    """So many calls, some at once."""

    def call(number: int) -> None:
        world.call(number, random.Random(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(call, range(count)))


def test_every_call_is_there_once_with_its_end_whatever_the_road_did(world: World) -> None:
    _play(world, CALLS)
    kept_back = len(world.road.waiting) // 2
    world.road.let_go(keep=kept_back)

    theirs, before = world.theirs(), {call["provider_call_id"]: call for call in world.ours()}
    assert len(theirs) == CALLS
    # The road did what it was there for, and the webhooks alone were not enough.
    fates, handed_on = world.road.fates, world.road.answers
    assert min(fates[fate] for fate in ("lost", "doubled", "late")) > 0.1 * CALLS
    assert set(handed_on) <= {200, 204}, handed_on
    wrong = [sid for sid, call in theirs.items() if before.get(sid, {}).get("status") != call["status"]]
    missing = len(theirs) - len(before)
    assert len(wrong) - missing > CALLS / 20
    assert missing > 0

    said = world.sweep()
    after = world.ours()
    _same(world, theirs, after)
    assert f"{CALLS} calls listed, {missing} of them new to us" in said

    # What comes later still, and another look, change nothing.
    late = len(world.road.waiting)
    assert late
    world.road.let_go()
    assert f"{CALLS} calls listed, 0 of them new to us, 0 ended unheard" in world.sweep()
    assert world.ours() == after
    print(f"\n{CALLS} calls; on the road: {dict(fates)}, {late} of them after the look; {said}")
    print(f"before it {missing} calls were not known and {len(wrong) - missing} not rightly")


def _same(world: World, theirs: dict[str, Any], ours: list[Any]) -> None:
    """Each of theirs is one of ours, with its state, how long it took, number and source."""
    assert len(ours) == len({call["provider_call_id"] for call in ours})
    assert {
        call["provider_call_id"]: (call["number"], call["status"], call["duration_seconds"], call["source"])
        for call in ours
    } == {
        sid: (
            call["to"],
            call["status"],
            int(call["duration"]) if call["end_time"] else None,
            world.numbers[call["to"]],
        )
        for sid, call in theirs.items()
    }
