"""Killed with `kill -9` under load: what was answered is there after the restart, nothing twice.

Twice here; RINGTRACE_KILLS=50 kills as often, at random moments (docs/outages.md).
"""

import os
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from app.bench.slow_disk import slow_fsync
from tests.support.office import OWN, Office
from tests.support.serving import ServeProcess, wait_until

GOOGLE = "https://example.com/?gclid=Cj0abc"
ROUNDS = int(os.environ.get("RINGTRACE_KILLS", "2"))
CLIENTS = 8
ANSWERS_BEFORE_THE_KILL = (20, 100)
UP_TO_LATER = 0.1
"""Seconds after that, at random, when the kill comes: in the middle of whatever goes on."""


@dataclass
class Answered:
    """What the server acknowledged before it died."""

    swaps: list[dict[str, Any]] = field(default_factory=list)
    clicks: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.swaps) + len(self.clicks) + len(self.calls)


def customers(office: Office, site: Any, answered: Answered, dead: threading.Event) -> None:
    """One visitor after another opens a page, clicks the number and calls it, until the server is gone."""
    with requests.Session() as http:
        mine = Office(**{**office.__dict__, "http": http})
        while not dead.is_set():
            try:
                swapped = mine.swap(site, GOOGLE)
                assert swapped.status_code == 200, swapped.text
                body = swapped.json()
                if body["visit"] is None:
                    continue  # a machine that is busier than patience lasts: nothing was promised
                answered.swaps.append(body)
                number = body["numbers"][OWN]["e164"]
                click = mine.events(site, body, {"type": "tel_click", "number": number, "age_ms": 0})
                assert click.status_code == 202, click.text
                answered.clicks.append(body)
                sid = f"CA{uuid.uuid4().hex}"
                _, rung = mine.ring(number, sid=sid)
                assert rung.status_code == 200, rung.text
                answered.calls.append((sid, number, rung.text))
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return


def kill_under_load(
    server: ServeProcess, run: Callable[[Answered, threading.Event], None], chance: random.Random
) -> Answered:
    answered, dead = Answered(), threading.Event()
    enough = chance.randint(*ANSWERS_BEFORE_THE_KILL)
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(run, answered, dead) for _ in range(CLIENTS)]
        wait_until(lambda: len(answered) >= enough, 60, "no load came about")
        dead.wait(chance.random() * UP_TO_LATER)
        server.kill()
        dead.set()
        for one in working:
            one.result()
    return answered


@pytest.mark.parametrize("kind", ["postgres", "sqlite on a slow disk", *(["sqlite"] if ROUNDS > 2 else [])])
def test_what_was_answered_is_there_once(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    url = str(request.getfixturevalue(f"{kind.split()[0]}_url"))
    more = {"RINGTRACE_INSTANCE_DIR": str(tmp_path / "instance")}
    if "slow" in kind:
        library = slow_fsync(tmp_path)
        if library is None:
            pytest.skip("a slow disk needs Linux and a C compiler")
        more["LD_PRELOAD"] = str(library)
    chance = random.Random(20_251)
    server = ServeProcess(url, **more).wait()
    try:
        office = Office.open(server.url, url)
        site = office.site()
        pool = office.source(site, "google_ads", numbers=5)["pool"]
        for _ in range(ROUNDS):
            answered = kill_under_load(server, lambda a, dead: customers(office, site, a, dead), chance)
            server = ServeProcess(url, port=server.port, **more).wait()
            office.http = requests.Session()
            check(office, answered, pool)
    finally:
        server.stop()


def check(office: Office, answered: Answered, pool: list[str]) -> None:
    clicked = {body["visit"] for body in answered.clicks}
    for body in answered.swaps:
        assert kinds(office, body["visit"])["pageview"] == 1
        if body["visit"] in clicked:
            # What a machine that was too busy put into the spool comes a moment after the start.
            wait_until(lambda visit=body["visit"]: kinds(office, visit)["tel_click"] == 1, 30, "a click is lost")  # type: ignore[misc]
        visitor = office.api("GET", f"/visitors/{body['visitor']}", expect=200)
        assert [n["number"] for n in visitor["numbers"]] == [body["numbers"][OWN]["e164"]]
    # A provider that heard nothing sends again: the same answer, and no second call.
    for sid, number, twiml in answered.calls:
        _, again = office.ring(number, sid=sid)
        assert (again.status_code, again.text) == (200, twiml)
    kept = Counter(call["provider_call_id"] for call in all_calls(office))
    assert {sid for sid, _, _ in answered.calls} <= kept.keys()
    assert set(kept.values()) == {1}
    # What was half done when it died does not show: numbers were given evenly, one to a visitor.
    for call in office.api("GET", "/calls", params={"limit": 5}, expect=200)["items"]:
        assert call["number"] in pool


def kinds(office: Office, visit: str) -> Counter[str]:
    events = office.api("GET", f"/visits/{visit}", expect=200)["events"]
    return Counter(event["type"] for event in events)


def all_calls(office: Office) -> list[Any]:
    items, cursor = [], None
    while True:
        page = office.api(
            "GET", "/calls", params={"limit": 500, "cursor": cursor} if cursor else {"limit": 500}, expect=200
        )
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
