"""Pages while the database is away: answered as if nobody were there, and written down afterwards, once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.app.outage.test_calls import Away
from tests.support.office import BROWSER, OWN
from tests.support.serving import served

PAGE = "https://example.com/pricing?gclid=Cj0abc"


@pytest.fixture
def away(database_url: str, tmp_path: Path) -> Iterator[Away]:
    with served(database_url, RINGTRACE_INSTANCE_DIR=str(tmp_path / "instance")) as server:
        found = Away(server, database_url)
        yield found
        found.work.stop()


def visitor(away: Away, signed: str) -> Any:
    return away.office.api("GET", f"/visitors/{signed}", expect=200)


def views(away: Away, visit: str) -> list[Any]:
    found = away.office.api("GET", f"/visits/{visit}", expect=200)["events"]
    return [event["url"] for event in found if event["type"] == "pageview"]


def test_a_known_visitor_keeps_visit_and_number(away: Away) -> None:
    first = away.office.swap(away.site).json()
    away.server.clock.forward(minutes=2)
    with away.away():
        answer = away.office.swap(away.site, PAGE, visitor=first["visitor"])
        assert answer.status_code == 200
        assert answer.json() == {
            "visitor": first["visitor"],
            "visit": None,
            "source": None,
            "numbers": {},
            "ttl": 30,
        }
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    away.server.clock.forward(minutes=1)
    assert away.work.replay.look() == 1
    kept = visitor(away, first["visitor"])
    assert [v["id"] for v in kept["visits"]] == [first["visit"]]
    assert views(away, first["visit"]) == ["https://example.com/?gclid=Cj0abc", PAGE]
    assert [n["number"] for n in kept["numbers"]] == [first["numbers"][OWN]["e164"]]
    assert away.office.swap(away.site, visitor=first["visitor"]).json()["numbers"] == first["numbers"]


def test_a_new_visitor_becomes_a_visit_without_a_number(away: Away) -> None:
    with away.away():
        answer = away.office.swap(away.site, PAGE).json()
        assert (answer["visitor"], answer["visit"], answer["numbers"]) == (None, None, {})
    away.server.clock.forward(minutes=1)
    assert away.work.replay.look() == 1
    (call_sid, _) = away.office.ring(away.number)
    assert away.office.call_of(call_sid)["candidates"] == []
    report = away.office.api("GET", "/reports/accuracy", expect=200)
    assert report["sources"]


def test_a_page_that_asks_again_is_one_visitor(away: Away) -> None:
    with away.away():
        for _ in range(2):
            away.office.swap(away.site, PAGE)
    away.server.clock.forward(seconds=40)
    again = away.office.swap(away.site, PAGE, again=True).json()
    other = away.office.swap(away.site, PAGE).json()
    assert away.work.replay.look() == 2
    # One of the two asked again and is there already, the other never came back; who came by itself is somebody else.
    assert visits_of(away) == 3
    assert views(away, again["visit"]) == [PAGE]
    assert views(away, other["visit"]) == [PAGE]


def visits_of(away: Away) -> int:
    from sqlalchemy import func, select

    from store.visits import Visit

    with away.room.database.read() as work:
        return work.account(away.office.account_id).scalar(select(func.count()).select_from(Visit)) or 0


def test_what_is_replayed_twice_is_written_once(away: Away) -> None:
    first = away.office.swap(away.site).json()
    with away.away():
        away.office.swap(away.site, PAGE, visitor=first["visitor"])
        away.office.events(away.site, first, {"type": "tel_click", "number": away.number, "age_ms": 0})
    for record in away.room.outage.spool.read(5):
        assert away.work.replay._taken(record.content)
    assert away.work.replay.look() == 2
    events = away.office.api("GET", f"/visits/{first['visit']}", expect=200)["events"]
    assert [e["type"] for e in events] == ["pageview", "pageview", "tel_click"]


def test_news_of_an_outage_does_not_turn_the_clock_back(away: Away) -> None:
    first = away.office.swap(away.site).json()
    away.server.clock.forward(minutes=1)
    with away.away():
        away.office.swap(away.site, "https://example.com/?utm_source=news&utm_medium=email", visitor=first["visitor"])
    away.server.clock.forward(minutes=5)
    later = away.office.swap(away.site, "https://example.com/?gclid=another", visitor=first["visitor"]).json()
    assert away.work.replay.look() == 1
    away.server.clock.forward(minutes=1)
    goes_on = away.office.swap(away.site, "https://example.com/contact", visitor=first["visitor"]).json()
    assert goes_on["visit"] == later["visit"]
    assert len(visitor(away, first["visitor"])["visits"]) == 3


def test_who_may_not_be_remembered_is_not_kept(away: Away) -> None:
    with away.away():
        assert away.office.swap(away.site, consent="none").status_code == 200
        assert away.office.swap(away.site, consent="source").status_code == 200
        assert away.office.swap(away.site, user_agent="Googlebot/2.1").status_code == 200
    assert away.waiting == 0
    known = away.office.swap(away.site).json()["visit"]
    assert known
    with away.away():
        # The site is known to this process, and so is what is no page of it.
        assert away.office.swap(away.site, "https://evil.example/", origin="https://evil.example").status_code == 403
    assert away.waiting == 0


def test_a_page_of_nobody_is_left_out_of_the_replay(away: Away) -> None:
    away.server.app.extensions["ringtrace-desk"].set_ups._found.clear()
    with away.away():
        assert away.office.swap(away.site, "https://evil.example/", origin="https://evil.example").status_code == 200
        assert away.office.swap({**away.site, "key": "no-such-key"}).status_code == 200
        assert away.office.swap(away.site, PAGE).status_code == 200
    assert away.waiting == 3
    assert away.work.replay.look() == 3
    assert visits_of(away) == 1


def test_events_are_taken_and_come_later(away: Away) -> None:
    first = away.office.swap(away.site).json()
    away.server.clock.forward(seconds=30)
    with away.away():
        answer = away.office.events(
            away.site,
            first,
            {"type": "heartbeat", "age_ms": 20_000},
            {"type": "form", "phone": "(212) 555-0177", "email": "someone@example.com", "age_ms": 0},
        )
        assert answer.status_code == 202
    away.server.clock.forward(seconds=30)
    sid, _ = away.office.ring(away.number, "+12125550177")
    before = away.office.call_of(sid)
    assert away.work.replay.look() == 1
    after = away.office.call_of(sid)
    # The form came before the call and carries the caller's number: the call is answered again with it.
    assert after["match"]["visit"] == first["visit"]
    assert after["match"]["likelihood"] > before["match"]["likelihood"]
    events = away.office.api("GET", f"/visits/{first['visit']}", expect=200)["events"]
    assert sorted(e["type"] for e in events) == ["form", "heartbeat", "pageview"]


def test_the_script_is_served_from_memory(away: Away) -> None:
    address = f"{away.server.url}/s/{away.site['key']}.js"
    before = away.office.http.get(address, headers={"User-Agent": BROWSER}, timeout=30)
    with away.away():
        during = away.office.http.get(address, headers={"User-Agent": BROWSER}, timeout=30)
    assert (before.status_code, during.status_code) == (200, 200)
    assert during.text == before.text


def test_staff_are_no_visitors_in_an_outage_either(away: Away) -> None:
    away.office.api("PATCH", f"/sites/{away.site['id']}", {"exclude_networks": ["127.0.0.0/8"]}, expect=200)
    away.server.clock.forward(**{"seconds": timedelta(seconds=1).total_seconds()})
    with away.away():
        away.office.swap(away.site, PAGE)
    away.work.replay.look()
    assert visits_of(away) == 0
