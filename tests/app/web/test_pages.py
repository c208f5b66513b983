"""The pages without scripts: what they say and what they do."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from app.web.headers import POLICY
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served

NOBODYS = "0" * 32


def words(html: str) -> str:
    """The text of a page as it reads."""
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(text))


def test_without_a_site_the_log_says_what_to_do_first(staff: Staff) -> None:
    assert "No calls yet, and no site" in words(staff.get("/calls").text)
    assert "There is no site yet" in words(staff.get("/accuracy").text)


def test_without_calls_the_log_shows_the_line_for_the_site(scene: Scene, staff: Staff) -> None:
    page = staff.get("/calls").text
    assert f'<script async src="{staff.url}/s/k{scene.site_id[-8:]}.js"></script>' in unescape(page)
    assert "<script async" not in page
    assert "Your tracking numbers are ready." in words(page)


def test_a_row_says_who_called_whence_and_how_sure_that_is(scene: Scene, staff: Staff) -> None:
    scene.call("google_ads", [0.5, 0.3], timedelta(days=2), duration_seconds=31)
    scene.call(
        "google_ads", [0.96, 0.01], caller_name="Anna Field", tags=["lead"], value_minor=48000, value_currency="USD"
    )
    page = words(staff.get("/calls").text)
    assert "Anna Field (212) 555-0199 2nd call Google Ads spring_sale 4:12 sure 96 % 1 other $480 lead" in page
    assert "(212) 555-0199 new Google Ads spring_sale 0:31 unsure 50 % 1 other" in page
    assert "2 calls : 1 sure , 1 unsure ." in page


def test_numbers_that_count_calls_open_them(scene: Scene, staff: Staff) -> None:
    scene.call("google_ads", [0.96], timedelta(days=1), caller_name="Sure Caller")
    scene.call("google_ads", [0.3, 0.2], timedelta(days=1), caller_name="Nobodys Caller")
    assert "Sure Caller" in staff.get("/calls?match=sure").text
    assert "Nobodys Caller" not in staff.get("/calls?match=sure").text
    assert "Sure Caller" not in staff.get("/calls?match=nobody").text
    report = staff.get("/accuracy").text
    links = [unescape(link) for link in re.findall(r'href="(/calls\?[^"]+)"', report)]
    assert links
    for link in links:
        page = staff.get(link).text
        assert page.count('<tr class="call') == 2, link


def test_filters_live_in_the_url_and_say_what_they_are(scene: Scene, staff: Staff) -> None:
    scene.call("google_ads", [0.9], caller_name="Anna Field", tags=["lead"], notes=["asked about implants"])
    for query in (
        "q=anna",
        "q=implants",
        "tag=lead",
        "source=google_ads",
        "when=today",
        "when=30",
        "number=%2B12125550100",
    ):
        assert "Anna Field" in staff.get(f"/calls?{query}").text, query
    for query in ("q=zzz", "tag=none", "source=nope", "when=yesterday", "match=staff", "spam=yes", "caller=withheld"):
        page = words(staff.get(f"/calls?{query}").text)
        assert "No call fits these filters" in page, query
        assert "Clear the filters" in page
    assert 'value="today" selected' in staff.get("/calls?when=today").text


@pytest.mark.parametrize("query", ["when=tuesday", "match=perhaps", "older=x", "from=x", "number=abc"])
def test_a_filter_that_is_none_is_told_so(scene: Scene, staff: Staff, query: str) -> None:
    answer = staff.get(f"/calls?{query}")
    assert answer.status_code == 422
    assert "That was not done" in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_pages_go_back_and_forth_without_missing_a_call(scene: Scene, staff: Staff) -> None:
    scene.calls(120, "google_ads", [], lambda i: {"caller_name": f"Caller {i:03d}"})
    seen: list[str] = []
    url: str | None = "/calls"
    pages = []
    while url:
        page = staff.get(url).text
        pages.append(re.findall(r"Caller \d{3}", page))
        seen += pages[-1]
        older = re.search(r'href="([^"]+)">Older', page)
        newer = re.search(r'href="([^"]+)">[^<]*<svg.*?</svg> Newer', page)
        assert bool(newer) == (len(pages) > 1)
        if newer and len(pages) == 3:
            assert re.findall(r"Caller \d{3}", staff.get(unescape(newer.group(1))).text) == pages[1]
        url = unescape(older.group(1)) if older else None
    assert seen == [f"Caller {i:03d}" for i in range(120)]


def test_a_call_tells_its_whole_story(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.9, 0.05], caller_name="Anna Field", notes=["call back"])
    page = words(staff.get(f"/calls/{call_id}").text)
    for said in (
        "Who was it? sure visitor",
        "clicked the number 6 s before the call",
        "together, against nobody 18 to 1 that it was them",
        "Each +1 doubles the odds",
        "Around the call 2 of the 2 possible visitors were on the site in the 2 h before the call; 1 of them when it",
        "nobody from the site",
        "use this one",
        "landed on /pricing",
        "read /services",
        "clicked (212) 555-0100",
        "called, 4:12",
        "campaign spring_sale",
        "call back",
        "the model chose visitor",
    ):
        assert said in page, said
    assert "heartbeat" not in page


def test_a_decision_is_marked_says_what_it_did_and_can_be_undone(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.9, 0.05])
    page = staff.get(f"/calls/{call_id}").text
    chosen = re.findall(r'name="visit" value="([^"]*)"', page)
    assert len(chosen) == 3
    assert "" in chosen
    after = staff.post(f"/calls/{call_id}/match", {"visit": "", "reason": "saw the van"}).text
    assert "The call is credited to nobody from the site now." in after
    assert "“saw the van”" in after
    assert "The model chose visitor" in after
    assert "decided by staff" in after
    assert "model: visitor" in words(staff.get("/calls").text)
    back = re.search(r'class="said".*?action="([^"]+)"', after, re.S)
    assert back
    undone = staff.post(unescape(back.group(1))).text
    assert "The model&#39;s choice counts again" in undone
    assert "took the decision back" in undone
    assert "decided" not in words(staff.get("/calls?match=sure").text).replace("a decision", "")


def test_undoing_a_second_decision_returns_to_the_first(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.9, 0.05])
    visits = [v for v in re.findall(r'name="visit" value="([^"]*)"', staff.get(f"/calls/{call_id}").text) if v]
    staff.post(f"/calls/{call_id}/match", {"visit": visits[1], "reason": "her voice"})
    after = staff.post(f"/calls/{call_id}/match", {"visit": ""}).text
    said = re.search(r'class="said".*?</form>', after, re.S)
    assert said
    fields = dict(re.findall(r'name="(visit|reason)" value="([^"]*)"', said.group(0)))
    assert fields == {"visit": visits[1], "reason": "her voice"}


def test_tags_value_spam_and_notes_are_kept_and_undone(scene: Scene, staff: Staff) -> None:
    call_id = scene.call("google_ads", [0.9], tags=["old"])
    assert "Tagged lead, booked." in staff.post(f"/calls/{call_id}/tags", {"tags": "lead, booked, lead"}).text
    undo = staff.post(f"/calls/{call_id}/tags", {"tags": "x"}).text
    assert 'name="tags" value="lead, booked"' in undo
    assert "worth $1,200.50" in staff.post(f"/calls/{call_id}/value", {"amount": "1,200.50", "currency": "USD"}).text
    assert "That was not done" in staff.post(f"/calls/{call_id}/value", {"amount": "lots", "currency": "USD"}).text
    assert 'value="1200.50"' in staff.get(f"/calls/{call_id}").text
    assert "The value is off." in staff.post(f"/calls/{call_id}/value", {"amount": "", "currency": "USD"}).text
    assert "Marked as spam" in staff.post(f"/calls/{call_id}/spam", {"spam": "yes"}).text
    assert "No call fits" in staff.get("/calls?spam=no").text
    assert "No spam" in staff.post(f"/calls/{call_id}/spam", {"spam": "no"}).text
    assert "The note is kept." in staff.post(f"/calls/{call_id}/notes", {"text": "line one\nline two"}).text
    assert "That was not done" in staff.post(f"/calls/{call_id}/notes", {"text": "  "}).text
    assert "That was not done" in staff.post(f"/calls/{call_id}/match", {"visit": NOBODYS}).text


def test_live_tells_what_came_what_changed_and_what_fits_no_more(
    lite_server: Served, scene: Scene, staff: Staff
) -> None:
    old = scene.call("google_ads", [0.95], timedelta(hours=1), caller_name="Earlier")
    page = staff.get("/calls").text
    cursor = re.search(r'data-cursor="([^"]+)"', page)
    assert cursor
    lite_server.clock.forward(minutes=1)
    quiet = staff.get(f"/calls/live?cursor={lite_server.clock().isoformat()[:19]}Z").json()
    assert quiet["rows"] == quiet["gone"] == []
    scene.at += timedelta(minutes=1)
    new = scene.call(
        "google_ads",
        [0.97],
        caller_name="Just Now",
        status="ringing",
        duration_seconds=None,
        from_number="+12125550177",
    )
    staff.post(f"/calls/{old}/match", {"visit": ""})
    found = staff.get(f"/calls/live?cursor={cursor.group(1)}").json()
    assert {row["id"] for row in found["rows"]} == {old, new}
    assert found["cursor"] > cursor.group(1)
    versions = dict(re.findall(r'data-id="([^"]+)"[^>]*?data-version="([^"]+)"', page))
    assert {row["id"]: row["version"] for row in found["rows"]}[old] != versions[old]
    sure = staff.get(f"/calls/live?match=sure&cursor={cursor.group(1)}").json()
    assert [row["id"] for row in sure["rows"]] == [new]
    assert sure["gone"] == [old]
    assert staff.get("/calls/live?cursor=yesterday").status_code == 422
    fresh = Staff(staff.url, staff.email)
    assert fresh.get("/calls/live", headers={"X-Ringtrace-Fragment": "1"}).status_code == 401


def test_the_report_says_first_what_is_needed(scene: Scene, staff: Staff) -> None:
    def visits(session: object) -> None:
        for day in range(1, 8):
            for i in range(50):
                scene._visit(session, "google_ads", scene.at - timedelta(days=day, seconds=i))  # type: ignore[arg-type]

    scene.write(visits)
    scene.source("poster", "Poster", 1, first=700, kind="offline")
    page = words(staff.get("/accuracy?period=7").text)
    assert "Google Ads needs 1 more number." in page
    assert "2 of 3" in page
    assert "just right" in page
    assert "Too little data to prove it yet" in page
    assert staff.get("/accuracy?period=5").status_code == 422
    assert "needs 1 more" not in words(staff.get("/accuracy?from=2020-01-01&to=2020-02-01").text)


def test_with_several_sites_one_can_be_chosen(scene: Scene, staff: Staff) -> None:
    first = scene.site_id
    second = scene.site("Other Site", time_zone="Europe/Berlin", country="DE")
    page = staff.get(f"/accuracy?site={second}").text
    assert f'<option value="{second}" selected>Other Site' in page
    assert "No tracking sources yet" in page
    assert f'<option value="{first}"' in staff.get("/calls").text


def test_the_proof_appears_once_staff_decided_enough(scene: Scene, staff: Staff) -> None:
    # Withheld: what staff say of one call says nothing about the others.
    made = scene.calls(22, "google_ads", [0.97], lambda _: {"from_number": None}, ago=timedelta(days=1))
    for i, call_id in enumerate(made):
        visit = re.findall(r'name="visit" value="([0-9a-f]{32})"', staff.get(f"/calls/{call_id}").text)[0]
        staff.post(f"/calls/{call_id}/match", {"visit": visit if i else ""})
    page = words(staff.get("/accuracy").text)
    assert "Staff decided 22 matched calls and found 21 right; the model had promised 21.3." in page
    assert "90 to 100 % 22 22 97 % 95 %" in page


def test_pages_say_the_same_on_each_database(office: Office, database_url: str) -> None:
    scene = Scene(database_url, office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    call_id = scene.call("google_ads", [0.9, 0.05], timedelta(days=1), caller_name="Anna Field", tags=["lead"])
    scene.call("google_ads", [0.5], caller_name="Bo", spam=True)
    staff = Staff.of(office)
    page = words(staff.get("/calls").text)
    assert "2 calls : 1 sure , 1 unsure ." in page
    assert "Anna Field (212) 555-0199 new" in page
    assert "Bo (212) 555-0199 2nd call" in page
    for query in (
        "q=anna&source=google_ads&match=sure&when=7&tag=lead&spam=no",
        f"site={scene.site_id}&q=0199&spam=no",
    ):
        assert "Anna Field" in staff.get(f"/calls?{query}").text
    assert "saw the van" in staff.post(f"/calls/{call_id}/match", {"visit": "", "reason": "saw the van"}).text
    assert "The model&#39;s choice counts again" in staff.post(f"/calls/{call_id}/match/undo").text
    assert "Tagged x." in staff.post(f"/calls/{call_id}/tags", {"tags": "x"}).text
    assert "worth $5" in staff.post(f"/calls/{call_id}/value", {"amount": "5", "currency": "USD"}).text
    assert "The note is kept" in staff.post(f"/calls/{call_id}/notes", {"text": "n"}).text
    assert staff.get("/calls/live?cursor=2020-01-01T00:00:00Z").json()["rows"]
    report = words(staff.get("/accuracy").text)
    assert "Google Ads" in report
    assert "1 too many" in report
