"""The calibration page over HTTP: what it says, that its counts open what they count, and what it keeps from others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape

import bokeh
import pytest
from sqlalchemy import event

from app.web.headers import POLICY
from tests.app.web.proofs import form_after, prove
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served


def words(html: str) -> str:
    """The text of a page as it reads."""
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(text))


def sections(html: str) -> dict[str, str]:
    """The page's sections by the id of their heading."""
    found = re.findall(r'<section[^>]*aria-labelledby="(\w+)"(.*?)</section>', html, re.S)
    return dict(found)


def test_without_a_site_without_calls_without_proof(staff: Staff, lite_office: Office, sqlite_url: str) -> None:
    assert "There is no site yet" in words(staff.get("/calibration").text)
    scene = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    page = words(staff.get("/calibration?period=90").text)
    assert "No calls in this period" in page
    scene.calls(3, "google_ads", [0.9], ago=timedelta(days=2))
    page = words(staff.get("/calibration?period=90").text)
    assert "Nothing is known yet of these 3 calls" in page
    assert "Too little is known yet: 0 answers of 20 can be checked." in page


def test_too_little_is_said_and_shown_all_the_same(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 6, lite_office.user_id, days=10)
    page = staff.get("/calibration?period=90").text
    assert "Too little is known yet: 6 answers of 20 can be checked." in words(page)
    assert "6 answers can be checked in this period; from 20 on" in words(page)
    assert "Decided by staff" in words(sections(page)["proofs"])
    assert "data-charts" not in page
    assert "bokeh" not in page


def test_it_says_that_the_percentages_hold(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 200, lite_office.user_id)
    page = staff.get("/calibration?period=90").text
    said = words(page)
    assert "The percentages hold." in said
    assert re.search(r"Of 200 answers that could be checked 1\d\d were right; 1\d\d\.\d had been promised\.", said)
    assert "slipped" not in said
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", sections(page)["bands"], re.S)
    assert len(rows) == 8
    found = sections(page)
    assert set(found) == {"bands", "proofs", "weeks", "staff", "versions"}
    assert "prior-1 200" in words(found["versions"])
    assert "Google Ads 200 200" in words(found["staff"])


def test_it_says_so_when_they_are_too_sure_and_raises_the_alarm(
    scene: Scene, staff: Staff, lite_office: Office
) -> None:
    prove(scene, 150, lite_office.user_id, days=40, off=-0.3)
    page = staff.get("/calibration?period=90").text
    assert "The percentages are too sure." in words(page)
    alarm = re.search(r'<div class="said alarm" role="alert">(.*?)</div>', page, re.S)
    assert alarm
    assert "The percentages have slipped: they are too sure. In the last 4 weeks" in words(alarm.group(1))
    assert "no: too sure" in words(page)
    wrong = re.search(r'href="([^"]+)">Look at the wrong ones', alarm.group(1))
    said = re.search(r"(\d+) of (\d+) answers were right", words(alarm.group(1)))
    assert wrong
    assert said
    assert f"{int(said.group(2)) - int(said.group(1))} calls" in words(staff.get(unescape(wrong.group(1))).text)


def test_every_count_opens_as_many_calls(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 60, lite_office.user_id, days=40, off=-0.1)
    form_after(scene, scene.call("google_ads", [0.8], timedelta(days=3), from_number="+12125550188"))
    spam = scene.call("google_ads", [0.2], timedelta(days=3), from_number=None, spam=True)
    cut = f"from={datetime.now(UTC) - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"  # inside a day
    for query in (
        cut,
        "period=90",
        "period=90&proof=staff",
        "period=7",
        "period=90&proof=spam",
        "period=90&proof=form",
    ):
        page = staff.get(f"/calibration?{query}").text
        links = re.findall(r'<a href="([^"]+)"[^>]*>([\d,]+)(?: calls?)?</a>', page)
        assert links, query
        for link, shown in dict.fromkeys(links):
            opened = staff.get(unescape(link)).text
            count = len(re.findall(r'<tr class="call', opened)) or len(
                re.findall(r'<a href="/calls/[0-9a-f]{32}"', opened)
            )
            assert count == min(int(shown), 50 if "/calls?" in link and "calibration" not in link else 200), (
                link,
                shown,
            )
    behind = staff.get("/calibration/calls?period=90&proof=spam").text
    assert f"/calls/{spam}" in behind
    assert "marked as spam" in words(behind)
    assert "No call fits" in staff.get("/calibration/calls?period=90&week=2001-01-01").text


def test_kinds_of_proof_name_their_selection(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 25, lite_office.user_id)
    form_after(scene, scene.call("google_ads", [0.8], timedelta(days=3), from_number="+12125550188"))
    scene.calls(2, "google_ads", [0.2], lambda _: {"spam": True, "from_number": None}, timedelta(days=3))
    found = words(sections(staff.get("/calibration?period=90").text)["proofs"])
    assert "Staff looked at these calls and said who it was: mostly doubtful ones" in found
    assert "After the call a visitor left the caller's phone in a form." in found
    assert "not judged: known only of calls that were nobody's" in found
    only = words(staff.get("/calibration?period=90&proof=spam").text)
    assert "Of 2 calls marked as spam the model had given 2 to nobody." in only
    assert "Does it hold? The model said" not in only


@pytest.mark.parametrize(
    "query",
    [
        "/calibration?proof=guess",
        "/calibration?period=5",
        "/calibration?from=x",
        "/calibration/charts?scheme=pink",
        "/calibration/calls?right=perhaps",
        "/calibration/calls?week=soon",
        "/calibration/calls?least=nan",
        "/calibration/calls?most=2",
    ],
)
def test_a_question_that_is_none_is_told_so(scene: Scene, staff: Staff, query: str) -> None:
    answer = staff.get(query)
    assert answer.status_code == 422
    assert "That was not done" in answer.text


def test_charts_come_in_the_readers_colours(scene: Scene, staff: Staff, lite_office: Office) -> None:
    assert staff.get("/calibration/charts?period=90").json() == {}
    prove(scene, 60, lite_office.user_id)
    light = staff.get("/calibration/charts?period=90")
    dark = staff.get("/calibration/charts?period=90&scheme=dark")
    assert {item["target_id"] for item in light.json().values()} == {"chart-bands", "chart-trend"}
    assert "#00705a" in light.text
    assert "#46cfae" in dark.text
    assert "CustomJS" not in light.text
    assert light.headers["Cache-Control"] == "no-store"


def test_the_library_is_the_installed_one_and_may_be_kept(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 60, lite_office.user_id)
    page = staff.get("/calibration?period=90").text
    scripts = re.findall(r'<script src="([^"]+)"', page)
    assert [s.split("?")[0].rsplit("/", 1)[1] for s in scripts] == ["theme.js", "pages.js", "charts.js", "bokeh.min.js"]
    assert page.index("</table>") < page.index("bokeh.min.js")
    answer = staff.get(unescape(scripts[3]))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert f"v={bokeh.__version__}" in scripts[3]
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    for path in ("/calls", "/accuracy"):
        assert "bokeh" not in staff.get(path).text


def test_the_policy_names_a_fresh_nonce_for_styles_alone(scene: Scene, staff: Staff, lite_office: Office) -> None:
    prove(scene, 60, lite_office.user_id)
    seen = set()
    for _ in range(2):
        answer = staff.get("/calibration?period=90")
        policy = answer.headers["Content-Security-Policy"]
        nonce = re.search(r"style-src 'self' 'nonce-([\w-]{20,})'", policy)
        assert nonce
        assert policy.replace(f" 'nonce-{nonce.group(1)}'", "") == POLICY
        assert f'data-nonce="{nonce.group(1)}"' in answer.text
        seen.add(nonce.group(1))
        assert not re.search(r"<[a-z]+[^>]*\s(style|on[a-z]+)=", answer.text)
        assert not re.search(r"<script(?![^>]*src=)|<style", answer.text)
    assert len(seen) == 2
    assert staff.get("/calibration/calls?period=90").headers["Content-Security-Policy"] == POLICY


def test_another_account_sees_none_of_it(scene: Scene, staff: Staff, lite_office: Office, sqlite_url: str) -> None:
    prove(scene, 25, lite_office.user_id)
    stranger = Staff.of(Office.open(staff.url, sqlite_url))
    for path in ("/calibration", "/calibration/charts", "/calibration/calls"):
        assert stranger.get(f"{path}?site={scene.site_id}").status_code == 404, path
    fresh = Staff(staff.url, staff.email)
    for path in ("/calibration", "/calibration/calls"):
        assert fresh.get(path, allow_redirects=False).status_code == 302
    assert fresh.get("/calibration/charts", headers={"X-Ringtrace-Fragment": "1"}).status_code == 401


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


def test_no_page_asks_the_database_fifteen_times(
    lite_server: Served, scene: Scene, staff: Staff, lite_office: Office
) -> None:
    prove(scene, 60, lite_office.user_id)
    for path in ("/calibration", "/calibration/charts", "/calibration/calls"):
        with counting(lite_server) as seen:
            assert staff.get(f"{path}?period=90").status_code == 200
        assert 5 <= len(seen) < 15, (path, len(seen))


def test_the_page_says_the_same_on_each_database(office: Office, database_url: str) -> None:
    scene = Scene(database_url, office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    prove(scene, 40, office.user_id, days=30)
    call_id = scene.call("google_ads", [0.8], timedelta(days=2), from_number="+12125550188")
    form_after(scene, call_id)

    scene.call("google_ads", [0.1], timedelta(days=2), spam=True)
    staff = Staff.of(office)
    page = words(staff.get("/calibration?period=90").text)
    assert "Of 41 answers that could be checked" in page
    assert "Phone in a later form" in page
    assert "Google Ads 42 40" in page
    assert "nobody" in words(staff.get("/calibration/calls?period=90&proof=spam").text)
    assert staff.get("/calibration/charts?period=90").json()["trend"]["target_id"] == "chart-trend"
