"""The accuracy report over HTTP."""

from datetime import UTC, datetime

from tests.support.office import Office
from tests.support.serving import Served


def test_accuracy_of_what_happened_today(office: Office) -> None:
    site = office.site()
    source = office.source(site, numbers=2)
    office.source(site, "billboard", kind="offline")
    swapped = [office.swap(site).json() for _ in range(3)]
    assert len({s["visitor"] for s in swapped}) == 3
    call = office.call_of(office.ring(source["pool"][0])[0])
    office.api("PUT", f"/calls/{call['id']}/match", {"visit": None}, expect=200)
    spam = office.call_of(office.ring(source["pool"][1])[0])
    office.api("PATCH", f"/calls/{spam['id']}", {"spam": True}, expect=200)

    day = call["started_at"][:10]
    report = office.api("GET", f"/reports/accuracy?from={day}T00:00:00Z&to=2999-01-01", expect=200)
    assert set(report) >= {"from", "to", "as_of", "visitors_per_number", "sources", "calibration"}
    assert (report["visitors_per_number"], report["from"]) == (20, f"{day}T00:00:00.000Z")
    ads, board = report["sources"]
    assert set(ads) >= {
        *("source", "kind", "numbers", "average_daily_visitors", "busiest_day_visitors", "recommended_numbers"),
        *("verdict", "calls", "mean_likelihood", "share_above_target", "overridden", "numbers_detail"),
    }
    assert (ads["source"], ads["kind"], ads["numbers"], ads["busiest_day_visitors"]) == ("google_ads", "online", 2, 3)
    assert 0 < ads["average_daily_visitors"] < 0.01
    assert (ads["recommended_numbers"], ads["verdict"]) == (1, "fewer")
    assert (ads["calls"], ads["overridden"]) == (1, 1)
    assert sum(n["visitors"] for n in ads["numbers_detail"]) == 3
    assert [n["number"] for n in ads["numbers_detail"]] == source["pool"]
    assert (board["kind"], board["recommended_numbers"], board["verdict"]) == ("offline", 1, "right")
    bins = report["calibration"]["bins"]
    assert len(bins) == 10
    assert set(bins[0]) >= {"likelihood_from", "likelihood_to", "matches", "mean_likelihood", "confirmed", "right"}
    decided = [*bins, report["calibration"]["nobody"]]
    assert sum(b["confirmed"] for b in decided) == 1
    assert sum(b["matches"] for b in decided) == 1


def test_the_default_is_thirty_full_local_days(lite_office: Office, lite_server: Served) -> None:
    lite_server.clock.frozen = datetime(2026, 3, 20, 3, 30, tzinfo=UTC)  # still March 19 in New York
    site = lite_office.site()
    report = lite_office.api("GET", f"/reports/accuracy?site={site['id']}", expect=200)
    assert (report["from"], report["to"], report["as_of"]) == (
        "2026-02-17T05:00:00.000Z",
        "2026-03-19T04:00:00.000Z",
        "2026-03-20T03:30:00.000Z",
    )
    assert report["sources"] == []


def test_which_site(lite_office: Office, lite_server: Served) -> None:
    office = lite_office
    assert list(office.api("GET", "/reports/accuracy", expect=422)["error"]["fields"]) == ["site"]
    first = office.site()
    assert office.api("GET", "/reports/accuracy", expect=200)["site"] == first["id"]
    second = office.site(domains=["example.org"])
    assert list(office.api("GET", "/reports/accuracy", expect=422)["error"]["fields"]) == ["site"]
    assert office.api("GET", f"/reports/accuracy?site={second['id']}", expect=200)["site"] == second["id"]
    other = Office.open(lite_server.url, str(lite_server.app.extensions["ringtrace"].settings.database_url))
    for unknown in (other.site()["id"], "x", "%00"):
        office.api("GET", f"/reports/accuracy?site={unknown}", expect=404)


def test_a_wrong_period_is_named(lite_office: Office) -> None:
    lite_office.site()
    wrong = {
        "from=yesterday": "from",
        "from=2026-03-02&to=2026-03-02": "to",
        "to=2026-13-01": "to",
        "from=9999-12-31": "from",
        "by=source": "by",
    }
    for query, field in wrong.items():
        answer = lite_office.api("GET", f"/reports/accuracy?{query}", expect=422)
        assert list(answer["error"]["fields"]) == [field], query
