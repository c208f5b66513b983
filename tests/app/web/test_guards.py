"""What the pages keep from others: accounts, forms from elsewhere, headers, and how much they ask the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from app.web.headers import POLICY
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served

NOBODYS = "0" * 32
ACTIONS = ("match", "match/undo", "tags", "value", "spam", "notes")


def test_another_accounts_call_is_not_there(scene: Scene, staff: Staff, sqlite_url: str) -> None:
    call_id = scene.call("google_ads", [0.9], caller_name="Not Yours")
    stranger = Staff.of(Office.open(staff.url, sqlite_url))
    assert stranger.get(f"/calls/{call_id}").status_code == 404
    assert stranger.get(f"/calls/{NOBODYS}").status_code == 404
    assert stranger.get(f"/accuracy?site={scene.site_id}").status_code == 404
    for action in ACTIONS:
        path = f"/calls/{call_id}/{action}"
        assert stranger.post(path, {"visit": "", "text": "x", "tags": "x", "spam": "yes"}).status_code == 404, action
    for path in ("/calls", f"/calls?site={scene.site_id}", "/calls?q=Not", "/calls/live?cursor=2020-01-01T00:00:00Z"):
        assert "Not Yours" not in stranger.get(path).text
    assert "x" not in re.findall(r'name="tags" value="([^"]*)"', staff.get(f"/calls/{call_id}").text)[0]


def test_no_form_is_taken_without_its_token_or_from_elsewhere(
    lite_server: Served, scene: Scene, staff: Staff, sqlite_url: str
) -> None:
    call_id = scene.call("google_ads", [0.9])
    routes = [
        str(rule).replace("<call_id>", call_id)
        for rule in lite_server.app.url_map.iter_rules()
        if rule.endpoint.startswith("web.") and "POST" in (rule.methods or set())
    ]
    assert len(routes) == 26
    foreign = Staff.of(Office.open(staff.url, sqlite_url)).token("/accuracy")
    own = staff.token("/accuracy")
    elsewhere = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for route in routes:
        url = f"{staff.url}{route}"
        for data in ({}, {"csrf_token": "x"}, {"csrf_token": foreign}):
            assert staff.http.post(url, data=data, timeout=30).status_code == 400, (route, data)
        for headers in elsewhere:
            answer = staff.http.post(url, data={"csrf_token": own, "visit": ""}, headers=headers, timeout=30)
            assert answer.status_code == 403, (route, headers)
    assert "decided by staff" not in staff.get(f"/calls/{call_id}").text
    assert staff.get("/calls", allow_redirects=False).status_code == 200, "still signed in"


def test_every_page_carries_its_headers_and_no_inline_code(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.9])
    fresh = Staff(staff.url, staff.email)
    answers = [fresh.get("/sign-in"), fresh.get("/calls", allow_redirects=False), staff.get("/nothing-here")]
    answers += [
        staff.get(p) for p in ("/calls", f"/calls/{call_id}", "/accuracy", "/model", "/accounts", "/calls?match=x")
    ]
    answers += [
        staff.get("/calls/live?cursor=2020-01-01T00:00:00Z"),
        staff.post(f"/calls/{call_id}/spam", {"spam": "no"}),
    ]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == POLICY, answer.url
        assert "'unsafe" not in POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers, "this server speaks http"
        assert not re.search(r"<[a-z]+[^>]*\s(style|on[a-z]+)=", answer.text), answer.url
        assert not re.search(r"<script(?![^>]*src=)|<style", answer.text), answer.url
        assert not re.search(
            r'(src|href)="(https?:)?//', answer.text.replace(staff.url, "").replace("https://example.com", "")
        )


def test_static_files_may_be_kept_and_are_ours(staff: Staff) -> None:
    page = staff.get("/calls").text
    for path in re.findall(r'(?:src|href)="(/(?:static|bootstrap)/[^"]+)"', page):
        answer = staff.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers.get("Cache-Control") != "no-store"


@contextmanager
def counting(served: Served) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    seen: list[str] = []
    engine = served.app.extensions["ringtrace"].database.engine

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_no_page_asks_the_database_fifteen_times(lite_server: Served, scene: Scene, staff: Staff) -> None:
    for i in range(8):
        scene.source(f"more_{i}", f"More {i}", 1, first=200 + i)
    last = scene.calls(
        60,
        "google_ads",
        [0.6, 0.2, 0.1],
        lambda i: {"status": "ringing" if i < 3 else "completed", "tags": ["a"]},
    )[-1]
    staff.post(f"/calls/{last}/spam", {"spam": "yes"})  # answered again
    staff.post(f"/calls/{last}/match", {"visit": ""})
    for path in ("/calls", "/calls?match=unsure&q=1&when=30", f"/calls/{last}", "/accuracy", "/accounts"):
        with counting(lite_server) as seen:
            assert staff.get(path).status_code == 200
        assert 1 <= len(seen) < 15, (path, len(seen))


def test_a_failing_database_is_said_on_a_page(sqlite_url: str, lite_server: Served, staff: Staff) -> None:
    engine = lite_server.app.extensions["ringtrace"].database.engine

    def fail(*_: object) -> None:
        from sqlalchemy.exc import OperationalError

        raise OperationalError("SELECT 1", {}, Exception("down"))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        answer = staff.get("/calls")
    finally:
        event.remove(engine, "before_cursor_execute", fail)
    assert answer.status_code == 503
    assert "Not available right now" in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY
