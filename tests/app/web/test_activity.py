"""The audit log: everything people and tokens do is in it, once, without secrets or callers' numbers."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.activity import GROUPS, SAID
from store.engine import make_engine
from store.keeping import AuditEntry
from store.sessions import Database
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import OWN, Office, fresh_numbers
from tests.support.serving import Served

APP = Path(__file__).resolve().parents[3] / "app"
CALLER = "+12125557777"
SECRET = "f" * 31 + "0"


def log(url: str, account_id: str) -> list[AuditEntry]:
    engine = make_engine(url)
    with Database(engine).read() as work:
        rows = list(work.account(account_id).scalars(select(AuditEntry).order_by(AuditEntry.entry_id)))
    engine.dispose()
    return rows


def did(url: str, office: Office) -> list[tuple[str, str]]:
    return [(row.by, row.action) for row in log(url, office.account_id)]


def test_every_action_has_words() -> None:
    noted = re.compile(r"""\bnote[ds]?\((?:[^()"]|\([^()]*\))*?"([a-z_]+(?:\.[a-z_]+)*)\"""")
    found = {action for path in APP.rglob("*.py") for action in noted.findall(path.read_text())}
    assert len(found) >= 20
    assert found - {"person", "token", "system"} - set(SAID) == set()
    assert {action.partition(".")[0] for action in SAID} == set(GROUPS)


def test_what_a_token_does_is_written_down(office: Office, database_url: str) -> None:
    before = len(log(database_url, office.account_id))
    site = office.site()
    office.api("PATCH", f"/sites/{site['id']}", {"name": "Other", "sure_from": 0.8}, expect=200)
    source = office.source(site, "google_ads", numbers=1)
    office.api("PATCH", f"/sources/{source['id']}", {"name": "Ads"}, expect=200)
    number = source["pool"][0]
    office.api("PATCH", f"/numbers/{number}", {"status": "resting"}, expect=200)
    office.api("PATCH", f"/numbers/{number}", {"status": "active"}, expect=200)
    office.api("PUT", "/providers/twilio", {"account_sid": "AC" + "0" * 32, "auth_token": SECRET}, expect=200)
    office.provider_token = SECRET
    sid, _ = office.ring(number, CALLER)
    call = office.call_of(sid)["id"]
    office.api("PATCH", f"/calls/{call}", {"tags": ["a"], "spam": False}, expect=200)
    office.api("POST", f"/calls/{call}/notes", {"text": f"call {CALLER} back"}, expect=201)
    office.api("PUT", f"/calls/{call}/match", {"visit": None}, expect=200)
    office.api("DELETE", f"/calls/{call}/match", expect=204)
    office.api("PUT", "/alarms/settings", {"emails": ["a@example.com"], "webhook_url": None}, expect=200)
    office.api("GET", "/reports/accuracy.csv", expect=None)
    office.api("DELETE", f"/numbers/{number}", expect=204)
    office.api("DELETE", f"/sources/{source['id']}", expect=204)
    refused = office.api("PATCH", f"/sites/{site['id']}", {"time_zone": "Nowhere"})
    assert refused.status_code == 422, "what was refused is not written down"
    rows = log(database_url, office.account_id)[before:]
    assert [row.action for row in rows] == [
        "site.add",
        "site.change",
        "source.add",
        "number.add",
        "source.change",
        "number.change",
        "number.change",
        "provider.credentials",
        "call.change",
        "call.note",
        "call.match",
        "call.match.undo",
        "alarms.settings",
        "export.accuracy",
        "number.change",
        "source.delete",
    ]
    assert {(row.by, row.user_id) for row in rows} == {("token", office.user_id)}
    assert rows[1].details == {"fields": ["name", "sure_from"]}
    text = json.dumps([row.details for row in rows])
    assert SECRET not in text
    assert CALLER not in text
    assert OWN not in text


def test_what_a_person_does_is_written_down(lite_office: Office, sqlite_url: str, scene: Scene) -> None:
    call = scene.call("google_ads", [0.9])
    staff = Staff(lite_office.url, lite_office.email)
    assert staff.enter("a wrong password").status_code == 401
    assert staff.enter().status_code == 302
    staff.post(f"/calls/{call}/match", {"visit": ""})
    staff.post(f"/calls/{call}/match/undo")
    staff.post(f"/calls/{call}/tags", {"tags": "a, b"})
    staff.post(f"/calls/{call}/value", {"amount": "5", "currency": "USD"})
    staff.post(f"/calls/{call}/spam", {"spam": "yes"})
    staff.post(f"/calls/{call}/notes", {"text": "x"})
    staff.post("/alarms/settings", {"emails": "a@example.com"})
    staff.get("/accuracy.csv")
    staff.get("/activity.csv")
    staff.post("/sign-out")
    assert did(sqlite_url, lite_office)[1:] == [
        ("person", "sign_in.wrong"),
        ("person", "sign_in"),
        ("person", "call.match"),
        ("person", "call.match.undo"),
        *[("person", "call.change")] * 3,
        ("person", "call.note"),
        ("person", "alarms.settings"),
        ("person", "export.accuracy"),
        ("person", "export.activity"),
        ("person", "sign_in.end"),
    ]
    [wrong, right] = log(sqlite_url, lite_office.account_id)[1:3]
    assert (wrong.user_id, wrong.subject, wrong.details["from"]) == (None, lite_office.user_id, "127.0.0.1")
    assert (right.user_id, right.details["known_browser"]) == (lite_office.user_id, False)


def test_the_page_filters_pages_and_leads_to_what_was_done(staff: Staff, lite_office: Office, scene: Scene) -> None:
    call = scene.call("google_ads", [0.9])
    for text in ("one", "two"):
        staff.post(f"/calls/{call}/notes", {"text": text})
    for _ in range(51):
        lite_office.api("PATCH", f"/sites/{scene.site_id}", {"name": "Acme"}, expect=200)
        lite_office.api("PATCH", f"/sites/{scene.site_id}", {"sure_from": 0.8}, expect=200)
    page = staff.get("/activity").text
    assert page.count("changed a site") == 100
    older = re.search(r'href="(/activity\?before=[^"]+)"', page)
    assert older
    rest = staff.get(older.group(1).replace("&amp;", "&")).text
    assert rest.count("changed a site") == 2
    assert rest.count("wrote a note") == 2
    assert "Newest" in rest
    notes = staff.get("/activity?about=call&when=7").text
    assert notes.count("wrote a note") == 2
    assert f'href="/calls/{call}"' in notes
    assert "changed a site" not in notes
    assert staff.get(f"/activity?who={lite_office.user_id}&about=site").text.count("by API") == 100
    assert "Nothing fits" in staff.get("/activity?who=system&about=call").text
    for wrong in ("about=nonsense", "when=12", "before=x"):
        assert staff.get(f"/activity?{wrong}").status_code == 422
    sound = csv.DictReader(io.StringIO(staff.get("/activity.csv?about=call").text))
    assert [row["action"] for row in sound] == ["call.note", "call.note"]


def test_the_api_lists_it_and_shows_nobody_elses(lite_office: Office, sqlite_url: str, lite_server: Served) -> None:
    site = lite_office.site()
    items = lite_office.api("GET", "/audit", expect=200, params={"about": "site"})["items"]
    assert [(i["action"], i["subject"], i["by"], i["user"]) for i in items] == [
        ("site.add", site["id"], "token", lite_office.user_id)
    ]
    first = lite_office.api("GET", "/audit", expect=200, params={"limit": "1"})
    second = lite_office.api("GET", "/audit", expect=200, params={"limit": "1", "cursor": first["next_cursor"]})
    assert first["items"] != second["items"]
    other = Office.open(lite_server.url, sqlite_url)
    assert [i["action"] for i in other.api("GET", "/audit", expect=200)["items"]] == ["account.add"]
    assert lite_office.api("GET", "/audit", params={"from": "x"}).status_code == 422


def test_a_formula_in_a_name_is_no_formula_in_the_file(staff: Staff, lite_office: Office) -> None:
    lite_office.site(name="=1+1", domains=["a.example"])
    lite_office.api("POST", "/numbers", {"number": fresh_numbers(1)[0], "source": "=x", "provider": "manual"})
    cells: list[Any] = [c for row in csv.reader(io.StringIO(staff.get("/activity.csv").text)) for c in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
