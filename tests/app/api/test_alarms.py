"""Alarms over HTTP."""

from datetime import UTC, datetime, timedelta

from reports.alarms import clear_alarm, raise_alarm
from store.engine import make_engine
from store.sessions import Database
from tests.support.office import Office

AT = datetime(2026, 4, 15, 15, tzinfo=UTC)


def raised(url: str, account_id: str, *subjects: str) -> None:
    engine = make_engine(url)
    with Database(engine).write() as work:
        for i, subject in enumerate(subjects):
            raise_alarm(
                work.account(account_id),
                "odd_thing",
                subject,
                site_id=None,
                facts={"text": f"{subject} is odd."},
                at=AT + timedelta(minutes=i),
            )
    engine.dispose()


def test_alarms_newest_first_in_pages(office: Office, database_url: str) -> None:
    assert office.api("GET", "/alarms", expect=200) == {"items": [], "next_cursor": None}
    raised(database_url, office.account_id, "a", "b", "c")
    page = office.api("GET", "/alarms?limit=2&state=open", expect=200)
    assert [item["subject"] for item in page["items"]] == ["c", "b"]
    item = page["items"][0]
    assert (item["kind"], item["title"], item["text"]) == ("odd_thing", "Odd thing", "c is odd.")
    assert (item["opened_at"], item["closed_at"], item["told_at"]) == ("2026-04-15T15:02:00.000Z", None, None)
    rest = office.api("GET", f"/alarms?limit=2&cursor={page['next_cursor']}", expect=200)
    assert [item["subject"] for item in rest["items"]] == ["a"]
    engine = make_engine(database_url)
    with Database(engine).write() as work:
        clear_alarm(work.account(office.account_id), "odd_thing", "b", at=AT + timedelta(hours=1))
    engine.dispose()
    closed = office.api("GET", "/alarms?state=closed&kind=odd_thing", expect=200)["items"]
    assert [(i["subject"], i["closed_at"]) for i in closed] == [("b", "2026-04-15T16:00:00.000Z")]
    assert office.api("GET", "/alarms?kind=other", expect=200)["items"] == []
    assert list(office.api("GET", "/alarms?state=x", expect=422)["error"]["fields"]) == ["state"]


def test_nobody_sees_anothers_alarms(lite_office: Office, sqlite_url: str) -> None:
    other = Office.open(lite_office.url, sqlite_url)
    raised(sqlite_url, other.account_id, "a")
    assert lite_office.api("GET", "/alarms", expect=200)["items"] == []


def test_who_is_told(lite_office: Office) -> None:
    nothing = {"emails": [], "webhook_url": None, "webhook_secret": None}
    assert lite_office.api("GET", "/alarms/settings", expect=200) == nothing
    asked = {"emails": ["Anna@example.com", "anna@example.com"], "webhook_url": "https://example.com/hook"}
    kept = lite_office.api("PUT", "/alarms/settings", asked, expect=200)
    assert (kept["emails"], kept["webhook_url"]) == (["anna@example.com"], "https://example.com/hook")
    assert kept["webhook_secret"].startswith("whsec_")
    again = lite_office.api("PUT", "/alarms/settings", {**asked, "emails": []}, expect=200)
    assert (again["emails"], again["webhook_secret"]) == ([], None), "the secret is shown once"
    moved = lite_office.api("PUT", "/alarms/settings", {"webhook_url": "https://example.com/other"}, expect=200)
    assert moved["webhook_secret"] != kept["webhook_secret"], "a new address gets a new one"
    assert lite_office.api("PUT", "/alarms/settings", {}, expect=200) == nothing
    for body, field in (
        ({"emails": ["no address"]}, "emails"),
        ({"emails": ["a@example.com"] * 21}, "emails"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url"),
        ({"webhook_url": "http://169.254.169.254/latest"}, "webhook_url"),
        ({"webhook_url": "http://[::1]/"}, "webhook_url"),
        ({"webhook_url": "https://user:pass@example.com/"}, "webhook_url"),
    ):
        found = lite_office.api("PUT", "/alarms/settings", body, expect=422)["error"]["fields"]
        assert [name.partition(".")[0] for name in found] == [field], body
