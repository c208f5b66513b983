"""The accuracy page in depth, and the page of alarms."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from reports.alarms import raise_alarm
from store.sessions import AccountSession
from store.sites import TrackingNumber
from store.sizing import SourceCurve
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.support.office import Office


def words(page: str) -> str:
    text = Markup(re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)).striptags()
    return " ".join(text.replace("\u00a0", " ").split())


def busy(scene: Scene, slug: str, days: int = 8, a_day: int = 50) -> None:
    def visits(session: AccountSession) -> None:
        for day in range(1, days):
            for i in range(a_day):
                scene._visit(session, slug, scene.at - timedelta(days=day, seconds=i))

    scene.write(visits)


def give_curve(scene: Scene, slug: str) -> None:
    rest = {"low": 0.7, "high": 0.97, "sure_low": 0.5, "sure_high": 0.95}

    def add(session: AccountSession) -> None:
        session.add(
            SourceCurve(
                source_id=scene.sources[slug],
                site_id=scene.site_id,
                made_at=scene.at,
                from_at=scene.at - timedelta(days=28),
                to_at=scene.at,
                model_version="test",
                numbers=2,
                calls=60,
                expected_calls=60.0,
                confidence=0.9,
                points=[
                    {"numbers": 1, "likelihood": 0.8, "sure": 0.7, **rest},
                    {"numbers": 2, "likelihood": 0.86, "sure": 0.81, **rest},
                    {"numbers": 4, "likelihood": 0.92, "sure": 0.9, **rest},
                ],
            )
        )
        for number in scene.numbers[slug]:
            row = session.get_one(TrackingNumber, (session.account_id, number))
            row.monthly_price_minor, row.price_currency = 115, "USD"

    scene.write(add)


def test_the_page_recommends_with_its_cost_and_shows_the_curve(scene: Scene, staff: Staff) -> None:
    busy(scene, "google_ads")
    give_curve(scene, "google_ads")
    scene.call("google_ads", [0.95], timedelta(days=1))
    page = staff.get("/accuracy?period=7")
    text = words(page.text)
    assert re.search(r"1 more number on Google Ads, \$1\.15 a month, lifts the sure matches from 81 % to 8\d %\.", text)
    assert "In depth: Google Ads" in text
    assert "86 % (70 % to 97 %)" in text
    assert "$2.30" in text
    assert "Visitors an hour, on average." in text
    assert "Calls an hour, on average." in text
    assert 'role="img" aria-label="Numbers against expected likelihood' in page.text
    assert "'nonce-" in page.headers["Content-Security-Policy"]
    charts = re.search(r'data-charts="([^"]+)"', page.text)
    assert charts
    drawn = staff.get(charts.group(1).replace("&amp;", "&"))
    assert drawn.json()["curve"]["target_id"] == "chart-curve"
    assert "CustomJS" not in drawn.text
    assert staff.get(charts.group(1).replace("&amp;", "&") + "&scheme=pink").status_code == 422


def test_what_if_is_answered_without_scripts(scene: Scene, staff: Staff) -> None:
    busy(scene, "google_ads")
    give_curve(scene, "google_ads")
    page = staff.get("/accuracy?period=7&whatif=google_ads:4").text
    said = re.search(r"<output[^>]*>(.*?)</output>", page)
    assert said
    assert words(said.group(1)) == (
        "4 numbers: 92 % expected (70 % to 97 %), 90 % of calls sure. 2 more than now, $2.30 a month."
    )
    assert 'value="4"' in page
    assert "whatif=google_ads:1" in page.replace("%3A", ":"), "each size is a link"
    for wrong in ("google_ads", "google_ads:x", "nothing:3", "google_ads:3:4"):
        assert staff.get(f"/accuracy?whatif={wrong}").status_code == 422, wrong
    assert staff.get("/accuracy?source=nothing").status_code == 422


def test_without_a_curve_the_page_says_why(scene: Scene, staff: Staff) -> None:
    busy(scene, "google_ads")
    text = words(staff.get("/accuracy?period=7").text)
    assert (
        "1 more number on Google Ads, at a price that is not known here, brings it to one per 20 daily visitors."
        in text
    )
    assert "No curve of numbers against likelihood yet: no weeks were played" in text
    assert "2 numbers in detail, 1 unused" in text
    assert "not known" in text


def test_the_table_for_people_and_for_machines(scene: Scene, staff: Staff, lite_office: Office) -> None:
    scene.source("evil", "=HYPERLINK(1)", 1, first=900)
    page = staff.get("/accuracy").text
    for link, name in re.findall(r'href="(/accuracy\.csv[^"]*)">(?:<svg.*?</svg>)?([^<]*)', page, re.DOTALL):
        answer = staff.get(link.replace("&amp;", "&"))
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert rows[0]["name"] == "Google Ads"
        exact = "exact" in name
        assert {row["number"] for row in rows} >= ({"+12125550100"} if exact else {"(212) 555-0100"})
        assert ("=HYPERLINK(1)" if exact else "'=HYPERLINK(1)") in {row["name"] for row in rows}
    assert staff.get("/accuracy.csv?for=x").status_code == 422
    api = lite_office.api("GET", "/reports/accuracy.csv")
    assert (api.status_code, api.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert "+12125550100" in api.text
    people = lite_office.api("GET", "/reports/accuracy.csv?for=people")
    assert "(212) 555-0100" in people.text
    assert lite_office.api("GET", "/reports/accuracy.csv?for=x").status_code == 422


def test_alarms_are_on_both_pages(scene: Scene, staff: Staff) -> None:
    assert "No alarm stands" in words(staff.get("/alarms").text)
    at = datetime.now(UTC)
    facts = {"text": "<b>+12125550100</b> is gone."}
    scene.write(
        lambda session: raise_alarm(
            session, "number_missing_at_provider", "+12125550100", site_id=None, facts=facts, at=at
        )
    )
    for path in ("/alarms", "/accuracy"):
        page = staff.get(path).text
        assert "&lt;b&gt;+12125550100&lt;/b&gt; is gone." in page, path
        assert "Number missing at provider" in page


def test_who_is_told_is_kept_and_tried(scene: Scene, staff: Staff) -> None:
    assert "Nobody is to be told yet" in staff.post("/alarms/test").text
    kept = staff.post("/alarms/settings", {"emails": "anna@example.com, desk@example.com", "webhook_url": ""}).text
    assert "Kept." in kept
    assert 'value="anna@example.com, desk@example.com"' in kept
    assert "no mail server is set up (RINGTRACE_SMTP_URL)" in words(staff.post("/alarms/test").text)
    secret = words(staff.post("/alarms/settings", {"emails": "", "webhook_url": "https://example.com/a"}).text)
    assert "The webhook is signed with whsec_" in secret
    assert "whsec_" not in staff.get("/alarms").text
    assert "That was not kept" in staff.post("/alarms/settings", {"emails": "nobody", "webhook_url": ""}).text
    assert "Kept: nobody is told of alarms." in staff.post("/alarms/settings", {"emails": "", "webhook_url": ""}).text
    assert staff.http.post(f"{staff.url}/alarms/settings", data={"emails": ""}, timeout=10).status_code == 400


def test_of_very_many_numbers_only_one_sources_are_listed(scene: Scene, staff: Staff) -> None:
    scene.source("email", "Email", 201, first=1000)
    page = staff.get("/accuracy?source=email").text
    assert page.count('<tr><th scope="row" class="nowrap">') == 201
    other = staff.get("/accuracy?source=google_ads").text
    assert other.count('<tr><th scope="row" class="nowrap">') == 2
    assert "201 numbers in detail, 201 unused" in words(other)
