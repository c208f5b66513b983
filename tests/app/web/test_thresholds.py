"""Each site says from which likelihood its matches are sure or likely, and every page keeps to it."""

import re
from typing import Any

import pytest

from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.app.web.test_strip import words
from tests.support.office import Office


def word_of(page: str, call_id: str) -> str:
    row = page.split(f'data-id="{call_id}"')[1].split("</tr>")[0]
    found = re.search(r'class="word (\w+)"', row)
    assert found
    return found.group(1)


def test_words_follow_each_sites_own_thresholds(office: Office, database_url: str) -> None:
    from datetime import UTC, datetime

    scene = Scene(database_url, office.account_id, datetime.now(UTC))
    calls: dict[str, str] = {}
    sites = []
    for name, first, fields in (
        ("Usual", 100, {}),
        ("Strict", 300, {"sure_from": 0.99, "likely_from": 0.95}),
        ("Easy", 500, {"sure_from": 0.5, "likely_from": 0.5}),
    ):
        sites.append(scene.site(name, **fields))
        scene.source("google_ads", f"Ads {name}", 1, first=first)
        calls[name] = scene.call("google_ads", [0.93])
    staff = Staff.of(office)
    page = staff.get("/calls").text
    assert {name: word_of(page, call_id) for name, call_id in calls.items()} == {
        "Usual": "sure",
        "Strict": "unsure",
        "Easy": "sure",
    }
    assert "3 calls : 2 sure , 1 unsure ." in words(page)
    for word, names in (("sure", {"Usual", "Easy"}), ("likely", set()), ("unsure", {"Strict"})):
        shown = staff.get(f"/calls?match={word}").text
        assert {name for name, call_id in calls.items() if call_id in shown} == names, word
    assert "Who was it? unsure visitor" in words(staff.get(f"/calls/{calls['Strict']}").text)
    office.api("PATCH", f"/sites/{sites[1]}", {"sure_from": 0.93, "likely_from": 0.1}, expect=200)
    assert word_of(staff.get("/calls").text, calls["Strict"]) == "sure"
    assert "Who was it? sure visitor" in words(staff.get(f"/calls/{calls['Strict']}").text)
    office.api("PATCH", f"/sites/{sites[1]}", {"sure_from": 0.94}, expect=200)
    assert word_of(staff.get("/calls?match=likely").text, calls["Strict"]) == "likely"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sure_from": 1.01}, "sure_from"),
        ({"sure_from": -0.1}, "sure_from"),
        ({"likely_from": 2}, "likely_from"),
        ({"likely_from": None}, "likely_from"),
        ({"sure_from": "high"}, "sure_from"),
        ({"sure_from": 0.5}, "sure_from"),
        ({"likely_from": 0.95}, "likely_from"),
        ({"sure_from": 0.7, "likely_from": 0.8}, "likely_from"),
    ],
)
def test_thresholds_that_contradict_are_refused(lite_office: Office, change: dict[str, Any], field: str) -> None:
    site = lite_office.site()
    refused = lite_office.api("PATCH", f"/sites/{site['id']}", change, expect=422)
    assert list(refused["error"]["fields"]) == [field]
    assert lite_office.api("GET", f"/sites/{site['id']}", expect=200) == site
    new = {"name": "Acme", "domains": ["example.com"], **change}
    assert list(lite_office.api("POST", "/sites", new, expect=422)["error"]["fields"]) == [field]


@pytest.mark.parametrize("change", [{"sure_from": 0.6}, {"likely_from": 0.9}, {"sure_from": 0, "likely_from": 0}])
def test_thresholds_may_meet(lite_office: Office, change: dict[str, Any]) -> None:
    site = lite_office.site()
    assert lite_office.api("PATCH", f"/sites/{site['id']}", change, expect=200) == {**site, **change}
