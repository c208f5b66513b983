import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from app.accounts.create import create_account
from app.accounts.numbers import add_number
from app.accounts.sites import create_site
from app.demo.business import OWN_NUMBER
from app.demo.establish import demo_account
from app.demo.pages import PAGES, arrivals
from numberpool.sources import create_source
from tests.support.demo import served_demo
from tests.support.office import BROWSER
from tests.support.serving import Served

ME = "+12125550185"


@dataclass
class Visit:
    """A visitor of the demo and its telephone."""

    server: Served
    token: str

    def page(self, path: str = "/") -> requests.Response:
        return requests.get(f"{self.server.url}/demo{path}", timeout=10)

    def post(self, what: str, body: Any, **headers: str) -> requests.Response:
        sent = {"Origin": self.server.url, "Sec-Fetch-Site": "same-origin", **headers}
        return requests.post(f"{self.server.url}/demo/{what}", json=body, headers=sent, timeout=30)

    def swap(self, path: str) -> Any:
        key = re.search(r"/s/([\w-]+)\.js", self.page().text).group(1)
        asked = {"site": key, "visitor": None, "url": f"{self.server.url}/demo{path}", "numbers": [OWN_NUMBER]}
        headers = {"Origin": self.server.url, "User-Agent": BROWSER}
        return requests.post(f"{self.server.url}/v1/swap", json=asked, headers=headers, timeout=10).json()

    def calls(self) -> list[Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        found = requests.get(f"{self.server.url}/api/v1/calls", headers=headers, timeout=10)
        return found.json()["items"]


@pytest.fixture
def visit(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    with served_demo(sqlite_url, monkeypatch) as (server, made):
        yield Visit(server, made.api_token)


def test_every_page_has_the_snippet_and_nothing_inline(visit: Visit):
    for page in PAGES:
        answer = visit.page(page.path)
        assert answer.status_code == 200
        assert f'<script async src="{visit.server.url}/s/' in answer.text
        assert f'href="tel:{OWN_NUMBER}"' in answer.text
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", answer.text)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text):
            if link.startswith("/demo/"):
                assert requests.get(visit.server.url + link.replace("&amp;", "&"), timeout=10).ok, link


def test_each_way_to_arrive_brings_the_source_it_names(visit: Visit):
    found = {a.label: visit.swap(a.path)["source"] for a in arrivals()}
    assert found == {
        "Google Ads click": "google_ads",
        "Newsletter": "email",
        "Facebook ad": "facebook_ads",
        "Google search": "google_organic",
        "Directly": "direct",
    }


def test_a_call_from_the_page_is_in_the_log_with_its_visit_and_ends(visit: Visit):
    swapped = visit.swap(arrivals()[0].path)
    number = swapped["numbers"][OWN_NUMBER]["e164"]
    rung = visit.post("call", {"number": number, "caller": ME})
    assert rung.status_code == 201, rung.text
    assert rung.json()["rings"] == OWN_NUMBER
    call = visit.calls()[0]
    assert (call["from"], call["number"], call["status"]) == (ME, number, "ringing")
    assert call["match"]["visit"] == swapped["visit"]
    assert visit.post("answer", {"call": rung.json()["call"]}).status_code == 204
    assert visit.calls()[0]["status"] == "in-progress"
    visit.server.clock.forward(seconds=42)
    assert visit.post("hang-up", {"call": rung.json()["call"]}).status_code == 204
    assert visit.post("hang-up", {"call": rung.json()["call"]}).status_code == 204
    ended = visit.calls()
    assert len(ended) == 1
    assert ended[0]["status"] == "completed"
    assert 42 <= ended[0]["duration_seconds"] <= 60


def test_a_withheld_number_stays_withheld(visit: Visit):
    number = visit.swap("/")["numbers"][OWN_NUMBER]["e164"]
    assert visit.post("call", {"number": number, "caller": None}).status_code == 201
    assert visit.calls()[0]["caller"] == "withheld"


@pytest.mark.parametrize(
    ("body", "headers", "status", "field"),
    [
        ({"number": "hello", "caller": ME}, {}, 422, "number"),
        ({"number": OWN_NUMBER, "caller": ME}, {}, 422, "number"),
        ({"number": ["+19145550110"], "caller": ME}, {}, 422, "number"),
        ({"number": "+19145550110", "caller": "+12025550123"}, {}, 422, "caller"),
        ({"number": "+19145550110", "caller": 5}, {}, 422, "caller"),
        ([], {}, 422, "body"),
        ({"number": "+19145550110", "caller": ME}, {"Origin": "https://evil.example"}, 403, None),
        ({"number": "+19145550110", "caller": ME}, {"Sec-Fetch-Site": "cross-site"}, 403, None),
        ({"number": "+19145550110", "caller": ME}, {"Content-Type": "text/plain"}, 415, None),
        ({"number": "+19145550110" + "0" * 3000, "caller": ME}, {}, 413, None),
    ],
)
def test_what_the_telephone_does_not_take(visit: Visit, body: Any, headers: dict[str, str], status: int, field: str):
    answer = visit.post("call", body, **headers)
    assert answer.status_code == status
    assert list(answer.json()["error"]["fields"]) == ([field] if field else [])
    assert visit.calls() == []


def test_a_made_up_call_cannot_be_ended(visit: Visit):
    for ticket in ("", "abc.def", None, 7):
        assert visit.post("hang-up", {"call": ticket}).json()["error"]["fields"].keys() == {"call"}


def test_another_accounts_number_does_not_ring(visit: Visit):
    room = visit.server.app.extensions["ringtrace"]
    at = datetime.now(UTC)
    with room.database.write() as work:
        made = create_account(
            work, room.secrets, name="Other", owner="other@example.com", password="long enough", at=at
        )
        assert made.account_id != demo_account(work.directory)
        session = work.account(made.account_id)
        site = create_site(work, session, {"name": "O", "domains": ["o.example"]}, at)
        source = create_source(
            session,
            {"site": site.site_id, "name": "D", "kind": "online", "preset": "direct", "destination": "+12125559000"},
            at,
        )
        add_number(work, session, number="+12125557777", source=source.source_id, provider="manual", at=at)
    answer = visit.post("call", {"number": "+12125557777", "caller": ME})
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"].keys() == {"number"}


def test_the_line_is_busy_after_many_calls(visit: Visit):
    answers = [visit.post("call", {"number": "no", "caller": None}) for _ in range(21)]
    assert [a.status_code for a in answers] == [422] * 20 + [429]
    assert answers[-1].headers["Retry-After"]


def test_without_the_setting_there_is_no_demo(lite_server: Served):
    assert requests.get(f"{lite_server.url}/demo/", timeout=10).status_code == 404
    assert requests.post(f"{lite_server.url}/demo/call", json={}, timeout=10).status_code == 404
