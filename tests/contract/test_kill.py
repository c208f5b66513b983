"""Killed with `kill -9` under load: what was answered is there after the restart, nothing twice."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.support.office import OWN, Office
from tests.support.serving import ServeProcess, wait_until

GOOGLE = "https://example.com/?gclid=Cj0abc"
ROUNDS = 3
CLIENTS = 8
ANSWERS_BEFORE_THE_KILL = 60


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


def kill_under_load(server: ServeProcess, run: Callable[[Answered, threading.Event], None]) -> Answered:
    answered, dead = Answered(), threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(run, answered, dead) for _ in range(CLIENTS)]
        wait_until(lambda: len(answered) >= ANSWERS_BEFORE_THE_KILL, 60, "no load came about")
        server.kill()
        dead.set()
        for one in working:
            one.result()
    return answered


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_answered_is_there_once(request: pytest.FixtureRequest, kind: str) -> None:
    url = str(request.getfixturevalue(f"{kind}_url"))
    server = ServeProcess(url).wait()
    try:
        office = Office.open(server.url, url)
        site = office.site()
        pool = office.source(site, "google_ads", numbers=5)["pool"]
        for _ in range(ROUNDS):
            answered = kill_under_load(server, lambda a, dead: customers(office, site, a, dead))
            server = ServeProcess(url, port=server.port).wait()
            office.http = requests.Session()
            check(office, answered, pool)
    finally:
        server.stop()


def check(office: Office, answered: Answered, pool: list[str]) -> None:
    clicked = {body["visit"] for body in answered.clicks}
    for body in answered.swaps:
        visit = office.api("GET", f"/visits/{body['visit']}", expect=200)
        kinds = Counter(event["type"] for event in visit["events"])
        assert kinds["pageview"] == 1
        assert kinds["tel_click"] == 1 or body["visit"] not in clicked
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
