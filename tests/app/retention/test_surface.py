import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served

KEPT = {
    "visits_days": 760,
    "calls_days": None,
    "messages_days": None,
    "recordings_days": 90,
    "events_days": 90,
    "audit_days": 760,
}


@pytest.fixture
def staff(lite_office: Office) -> Staff:
    return Staff.of(lite_office)


@pytest.fixture
def scene(lite_office: Office, sqlite_url: str) -> Scene:
    made = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    made.site()
    made.source("google_ads", "Google Ads", 2, first=100)
    made.visit("google_ads", timedelta(days=100))
    return made


def _days(answer: dict[str, object]) -> dict[str, object]:
    return {name: answer[name] for name in KEPT}


def test_the_api_tells_and_sets_it(lite_office: Office, scene: Scene):
    told = lite_office.api("GET", "/retention", expect=200)
    assert _days(told) == KEPT
    assert told["next_night"]["visits"] == 0
    changed = lite_office.api("PUT", "/retention", {"visits_days": 61, "recordings_days": None}, expect=200)
    assert _days(changed) == {**KEPT, "visits_days": 61, "recordings_days": None}
    assert changed["next_night"]["visits"] == 1
    assert lite_office.api("GET", "/retention", expect=200) == changed
    for wrong in (
        {"visits_days": 30},
        {"calls_days": 0},
        {"messages_days": 29},
        {"calls_days": "9"},
        {"audit_days": 99999},
        {"other": 1},
    ):
        refused = lite_office.api("PUT", "/retention", wrong, expect=422)
        assert list(refused["error"]["fields"]) == list(wrong)
    log = lite_office.api("GET", "/audit?about=retention", expect=200)["items"]
    assert [entry["details"] for entry in log] == [{"visits_days": 61, "recordings_days": None}]


def test_accounts_have_policies_of_their_own(lite_server: Served, lite_office: Office, sqlite_url: str):
    lite_office.api("PUT", "/retention", {"calls_days": 35}, expect=200)
    assert _days(Office.open(lite_server.url, sqlite_url).api("GET", "/retention", expect=200)) == KEPT


def test_the_page_counts_before_it_keeps(lite_office: Office, scene: Scene, staff: Staff):
    page = staff.get("/retention").text
    assert "Nothing is older than it is kept" in page
    looked = staff.post("/retention", {"visits_days": "61"}).text
    assert "removes 1 thing for good" in looked
    assert lite_office.api("GET", "/retention", expect=200)["visits_days"] == 760, "looking keeps nothing"
    form = dict(re.findall(r'<input[^>]* name="([a-z_]+)" value="([^"]*)"', looked))
    assert (form["sure"], form["visits_days"]) == ("yes", "61")
    done = staff.post("/retention", form).text
    assert "Kept" in done
    assert lite_office.api("GET", "/retention", expect=200)["visits_days"] == 61


def test_the_page_says_what_is_wrong(staff: Staff):
    for days in ("abc", "3", "99999"):
        assert "was not kept" in staff.post("/retention", {"visits_days": days}).text


def test_an_empty_field_is_for_ever(lite_office: Office, staff: Staff):
    staff.post("/retention", {"visits_days": "", "sure": "yes"})
    assert lite_office.api("GET", "/retention", expect=200)["visits_days"] is None
