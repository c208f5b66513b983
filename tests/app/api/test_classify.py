"""`/classify` over HTTP: the rule tester says what live traffic would do."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from attribution.rules.presets import PRESETS
from tests.support.office import BROWSER, OWN, Office
from tests.support.serving import Served

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
FIELDS = {
    "source", "medium", "campaign", "term", "content", "channel", "tracking_source", "click_ids", "bot", "device",
    "findings",
}  # fmt: skip
CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "attribution" / "cases" / "hard_landings.json").read_text(encoding="utf-8")
)


def landing(url: str = "https://example.com/?gclid=Cj0abc", **more: Any) -> dict[str, Any]:
    return {"url": url, "referrer": "https://www.google.com/", "user_agent": BROWSER, **more}


def test_one_landing_is_read_in_the_documented_form(lite_office: Office) -> None:
    url = "https://example.com/?utm_source=news&utm_medium=email&utm_campaign=May&utm_term=t&utm_content=c&gclid=Cj0abc"
    read = lite_office.api("POST", "/classify", landing(url), expect=200)
    assert set(read) >= FIELDS
    assert {name: read[name] for name in FIELDS - {"findings"}} == {
        "source": "news",
        "medium": "email",
        "campaign": "May",
        "term": "t",
        "content": "c",
        "channel": "Email",
        "tracking_source": "google_ads",
        "click_ids": {"gclid": "Cj0abc"},
        "bot": False,
        "device": "desktop",
    }
    assert read["findings"] == [{"kind": "contradiction", "click_id": "gclid", "field": "medium", "value": "email"}]


def test_a_list_is_answered_in_the_order_sent(lite_office: Office) -> None:
    sent = [landing(), landing("https://example.com/", referrer=""), landing("https://example.com/?msclkid=1")]
    read = lite_office.api("POST", "/classify", sent, expect=200)
    assert set(read) == {"items"}
    assert [item["tracking_source"] for item in read["items"]] == ["google_ads", "direct", "bing_ads"]
    assert read["items"][0] == lite_office.api("POST", "/classify", sent[0], expect=200)
    assert lite_office.api("POST", "/classify", [], expect=200) == {"items": []}


def test_the_user_agent_says_bot_and_device_and_changes_nothing_else(lite_office: Office) -> None:
    agents = [BROWSER, PHONE, BOT, "", None]
    items = lite_office.api("POST", "/classify", [landing(user_agent=a) for a in agents], expect=200)["items"]
    assert [(i["bot"], i["device"]) for i in items] == [
        (False, "desktop"),
        (False, "phone"),
        (True, "other"),
        (False, "other"),
        (False, "other"),
    ]
    assert {i["tracking_source"] for i in items} == {"google_ads"}
    short = lite_office.api("POST", "/classify", {"url": "https://example.com/"}, expect=200)
    assert (short["bot"], short["device"], short["tracking_source"]) == (False, "other", "direct")


def test_with_a_site_its_sources_decide_just_as_they_do_for_a_page(office: Office) -> None:
    site = office.site()
    office.source(site, "google_ads", numbers=1)
    office.source(site, "email", numbers=0)
    office.source(site, "direct", numbers=1, catch_all=True)
    rule = {"any": [{"field": "utm_campaign", "op": "equals", "value": "may"}]}
    office.source(site, name="May campaign", numbers=1, rule=rule)
    pages = {
        "https://example.com/?gclid=Cj0abc": "google_ads",
        "https://example.com/?gclid=Cj0abc&utm_campaign=may": "may-campaign",
        "https://example.com/?utm_source=crm&utm_medium=email": "direct",
        "https://example.com/?msclkid=1": "direct",
        "https://example.com/": "direct",
    }
    for url, slug in pages.items():
        read = office.api("POST", "/classify", landing(url, referrer="", site=site["id"]), expect=200)
        assert read["tracking_source"] == slug == office.swap(site, url).json()["source"], url


def test_where_no_source_fits_and_none_steps_in_there_is_none(lite_office: Office) -> None:
    site = lite_office.site()
    lite_office.source(site, "email", numbers=1)
    read = lite_office.api("POST", "/classify", landing(site=site["id"]), expect=200)
    assert (read["tracking_source"], read["channel"]) == (None, "Paid Search")
    assert lite_office.swap(site).json()["source"] is None


def test_own_pages_are_those_of_the_site_or_of_the_landings_own_host(lite_office: Office) -> None:
    site = lite_office.site(domains=["example.com", "example.de"])
    page = landing("https://example.com/", referrer="https://www.example.de/x")
    assert lite_office.api("POST", "/classify", page, expect=200)["channel"] == "Referral"
    assert lite_office.api("POST", "/classify", {**page, "site": site["id"]}, expect=200)["keeps"] is True
    own = landing("https://www.example.com/a", referrer="https://example.com/b")
    assert lite_office.api("POST", "/classify", own, expect=200)["keeps"] is True


def test_hard_landings_are_read_over_http_as_they_are_inside(lite_office: Office) -> None:
    chosen = [case for case in CASES if case["domains"] == ["example.com"]]
    site = lite_office.site()
    for preset in PRESETS:
        lite_office.source(site, preset, numbers=0)
    sent = [{"site": site["id"], "url": c["url"], "referrer": c["referrer"], "user_agent": PHONE} for c in chosen]
    items = lite_office.api("POST", "/classify", sent, expect=200)["items"]
    for case, item in zip(chosen, items, strict=True):
        expected = {k: v for k, v in case["expect"].items() if k not in {"preset", "findings", "no_findings"}}
        assert {name: item[name] for name in expected} == expected, case["name"]
        if "preset" in case["expect"]:
            assert item["tracking_source"] == item["preset"] == case["expect"]["preset"], case["name"]
        assert set(case["expect"].get("findings", [])) <= {found["kind"] for found in item["findings"]}


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        ({}, 422, "url", "required"),
        ({"url": 1}, 422, "url", "string"),
        ({"url": ""}, 422, "url", "at least 1"),
        ({"url": None}, 422, "url", "string"),
        ({"url": "https://example.com/", "referrer": 2}, 422, "referrer", "string"),
        ({"url": "https://example.com/", "user_agent": ["x"]}, 422, "user_agent", "string"),
        ({"url": "https://example.com/", "site": 5}, 422, "site", "string"),
        ({"url": "https://example.com/", "site": "nope"}, 422, "site", "no such site"),
        ({"url": "https://example.com/", "site": "0" * 32}, 422, "site", "no such site"),
        ({"url": "https://example.com/", "colour": "red"}, 422, "colour", "not permitted"),
        ({"url": "x" * 16_385}, 422, "url", "at most"),
        ([landing(), {"referrer": ""}], 422, "url", "1: Field required"),
        ([landing(), landing(), landing(7)], 422, "url", "2: Input should be a valid string"),
        ([landing(), landing(site="nope")], 422, "site", "1: there is no such site"),
        ([landing(site="nope")], 422, "site", "0: there is no such site"),
        ([landing(), 3], 422, "items", "1: "),
        ([landing()] * 501, 422, "items", "at most 500"),
        ("https://example.com/", 422, "body", "list"),
        (7, 422, "body", "list"),
        (None, 400, None, "JSON"),
    ],
)
def test_what_is_wrong_is_named(lite_office: Office, body: Any, status: int, field: str | None, says: str) -> None:
    answer = lite_office.api("POST", "/classify", body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    if field is None:
        assert says in error["message"]
    else:
        assert set(error["fields"]) == {field}
        assert says in error["fields"][field]


def test_in_a_list_the_message_names_the_place(lite_office: Office) -> None:
    message = lite_office.api("POST", "/classify", [landing(), {"url": 1}]).json()["error"]["message"]
    assert "1" in message.split(":")[0]


def test_lists_are_taken_here_and_nowhere_else(lite_office: Office) -> None:
    error = lite_office.api("POST", "/sites", [{"name": "x"}], expect=422)["error"]
    assert set(error["fields"]) == {"body"}


def test_another_accounts_site_is_not_there(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    error = other.api("POST", "/classify", landing(site=office.site()["id"]), expect=422)["error"]
    assert set(error["fields"]) == {"site"}


def test_nothing_is_kept_and_queries_do_not_grow_with_the_list(office: Office, server: Served) -> None:
    site = office.site()
    office.source(site, "google_ads", numbers=1)
    statements: list[str] = []
    engine = server.app.extensions["ringtrace"].database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _x, statement, *_: statements.append(statement))

    def cost(many: int) -> int:
        statements.clear()
        office.api("POST", "/classify", [landing(site=site["id"])] * many, expect=200)
        assert not [s for s in statements if s.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
        return len(statements)

    assert cost(1) == cost(500)
    report = office.api("GET", "/reports/accuracy", params={"from": "2020-01-01"}, expect=200)
    assert report["sources"][0]["average_daily_visitors"] == 0


def test_a_repeated_key_gets_the_first_answer(lite_office: Office) -> None:
    key = {"Idempotency-Key": "one"}
    first = lite_office.api("POST", "/classify", [landing()], headers=key)
    again = lite_office.api("POST", "/classify", [landing()], headers=key)
    assert (first.status_code, again.json()) == (200, first.json())
    assert lite_office.api("POST", "/classify", landing(), headers=key).status_code == 409


def test_no_token_no_answer(lite_office: Office) -> None:
    lite_office.token = "wrong"
    assert lite_office.api("POST", "/classify", landing(target=OWN)).status_code == 401
