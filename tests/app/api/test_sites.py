"""`/sites` over HTTP."""

import re
from typing import Any

import pytest
import requests

from tests.support.office import OWN, Office
from tests.support.serving import Served

NEW = {"name": "Acme", "domains": ["example.com"]}


def test_a_site_has_all_its_fields_and_a_key_of_its_own(office: Office) -> None:
    site = office.api(
        "POST",
        "/sites",
        {
            "name": " Acme Plumbing ",
            "domains": ["Example.COM", "example.com", "xn--bcher-kva.example", "Bücher.example"],
            "numbers": ["(212) 555-0100", "+44 20 7946 0018"],
            "time_zone": "America/New_York",
            "country": "us",
            "currency": "usd",
            "consent_default": "source",
            "exclude_networks": ["203.0.113.7", "198.51.100.77/24", "2001:db8::/32"],
            "visitors_per_number": 25,
            "likelihood_target": 0.8,
            "sure_from": 0.95,
            "likely_from": 0.5,
        },
        expect=201,
    )
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,40}", site["key"])
    assert {k: v for k, v in site.items() if k not in {"id", "key", "created_at"}} == {
        "name": "Acme Plumbing",
        "domains": ["example.com", "xn--bcher-kva.example"],
        "numbers": ["+12125550100", "+442079460018"],
        "time_zone": "America/New_York",
        "country": "US",
        "currency": "USD",
        "consent_default": "source",
        "exclude_networks": ["203.0.113.7/32", "198.51.100.0/24", "2001:db8::/32"],
        "visitors_per_number": 25,
        "likelihood_target": 0.8,
        "sure_from": 0.95,
        "likely_from": 0.5,
    }
    assert office.api("GET", f"/sites/{site['id']}", expect=200) == site
    assert office.site()["key"] != site["key"]


def test_what_is_left_out_gets_a_default(lite_office: Office) -> None:
    site = lite_office.api("POST", "/sites", NEW, expect=201)
    assert (site["numbers"], site["time_zone"], site["country"], site["currency"]) == ([], "UTC", "US", "USD")
    assert (site["consent_default"], site["exclude_networks"]) == ("full", [])
    assert (site["visitors_per_number"], site["likelihood_target"]) == (20, 0.9)
    assert (site["sure_from"], site["likely_from"]) == (0.9, 0.6)


def test_hosts_of_all_kinds_are_domains(lite_office: Office) -> None:
    hosts = ["localhost", "127.0.0.1", "::1", "shop.example.co.uk", "intranet"]
    assert lite_office.api("POST", "/sites", {**NEW, "domains": hosts}, expect=201)["domains"] == hosts


WRONG: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "   "),
    ("name", "x" * 201),
    ("name", "a\x00b"),
    ("name", "a\ud800b"),
    ("name", None),
    ("name", 7),
    ("domains", []),
    ("domains", "example.com"),
    ("domains", [""]),
    ("domains", ["example.com:8080"]),
    ("domains", ["https://example.com"]),
    ("domains", ["example.com/shop"]),
    ("domains", ["*.example.com"]),
    ("domains", ["exa mple.com"]),
    ("domains", ["user@example.com"]),
    ("domains", ["-example.com"]),
    ("domains", ["example..com"]),
    ("domains", ["1.2.3"]),
    ("domains", ["a\ud800.com"]),
    ("domains", ["a" * 64 + ".com"]),
    ("numbers", ["12"]),
    ("numbers", ["not a number"]),
    ("numbers", [12125550100]),
    ("time_zone", "Mars/Base"),
    ("country", "ZZ"),
    ("country", "\x00"),
    ("currency", "ABC"),
    ("consent_default", "maybe"),
    ("exclude_networks", ["10.0.0.0/33"]),
    ("exclude_networks", ["somewhere"]),
    ("visitors_per_number", 0),
    ("visitors_per_number", 1001),
    ("visitors_per_number", 10**30),
    ("visitors_per_number", "20"),
    ("visitors_per_number", True),
    ("likelihood_target", 1.5),
    ("likelihood_target", 10**400),
    ("key", "mine"),
]


def test_a_wrong_field_is_422_and_named(lite_office: Office) -> None:
    site = lite_office.site()
    for field, value in WRONG:
        for method, path, body in (
            ("POST", "/sites", {**NEW, field: value}),
            ("PATCH", f"/sites/{site['id']}", {field: value}),
        ):
            error = lite_office.api(method, path, body, expect=422)["error"]
            assert error["code"] == "invalid"
            assert [name for name in error["fields"] if name.split(".")[0] == field], (field, value, error)
    assert lite_office.api("GET", f"/sites/{site['id']}", expect=200) == site


def test_all_wrong_fields_are_told_at_once(lite_office: Office) -> None:
    body = {"name": "x", "domains": ["a:1"], "numbers": ["1"], "time_zone": "x", "country": "??", "currency": "?"}
    fields = lite_office.api("POST", "/sites", body, expect=422)["error"]["fields"]
    assert set(fields) == {"domains", "numbers", "time_zone", "country", "currency"}


def test_a_change_changes_what_was_sent_and_nothing_else(office: Office) -> None:
    site = office.site()
    changed = office.api("PATCH", f"/sites/{site['id']}", {"name": "New", "country": "DE"}, expect=200)
    assert changed == {**site, "name": "New", "country": "DE"}
    # Numbers without a plus are read at home in the site's country.
    more = office.api("PATCH", f"/sites/{site['id']}", {"numbers": ["030 901820"]}, expect=200)
    assert more["numbers"] == ["+4930901820"]
    assert office.api("PATCH", f"/sites/{site['id']}", {}, expect=200) == more
    assert office.api("GET", f"/sites/{site['id']}", expect=200) == more


def test_a_tracking_number_is_no_number_of_the_business(lite_office: Office) -> None:
    site = lite_office.site()
    number = lite_office.source(site)["pool"][0]
    error = lite_office.api("PATCH", f"/sites/{site['id']}", {"numbers": [OWN, number]}, expect=422)["error"]
    assert "numbers" in error["fields"]


def test_other_accounts_sites_are_not_there(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    site = office.site()
    assert other.api("GET", f"/sites/{site['id']}").status_code == 404
    assert other.api("PATCH", f"/sites/{site['id']}", {"name": "x"}).status_code == 404
    assert other.api("GET", "/sites", expect=200) == {"items": [], "next_cursor": None}
    assert office.api("GET", f"/sites/{site['id']}", expect=200)["name"] == "Acme"


def test_what_is_not_there_is_404_in_our_form(office: Office) -> None:
    for path in ("/sites/nope", "/sites/%00", "/sites/" + "0" * 32, "/sites/%ED%A0%80", "/nope", "/", "//sites"):
        assert office.api("GET", path, expect=404)["error"]["code"] == "not_found", path


def test_a_method_that_is_not_there_is_405_in_our_form(lite_office: Office) -> None:
    answer = lite_office.api("DELETE", "/sites")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert "POST" in answer.headers["Allow"]


def test_pages_go_through_all_newest_first(office: Office) -> None:
    made = [office.site(name=f"Site {n}")["id"] for n in range(5)]
    seen: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        page = office.api("GET", "/sites", params={"limit": 2, **({"cursor": cursor} if cursor else {})}, expect=200)
        assert len(page["items"]) == size
        seen += [s["id"] for s in page["items"]]
        cursor = page["next_cursor"]
        office.site(name="newer than the page")
    assert cursor is None
    assert seen == made[::-1]


def test_a_page_that_is_just_full_is_the_last(lite_office: Office) -> None:
    lite_office.site()
    lite_office.site()
    assert lite_office.api("GET", "/sites?limit=2", expect=200)["next_cursor"] is None


def test_wrong_limits_and_cursors_are_422(lite_office: Office) -> None:
    for _ in range(3):
        lite_office.site()
    cursor = lite_office.api("GET", "/sites?limit=1", expect=200)["next_cursor"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for name, value in (
        *(("limit", v) for v in ("0", "501", "-1", "x", "", "1.5", "1e9", "9" * 5000)),
        *(("cursor", v) for v in ("", "x", "!!!", "ü", changed, cursor + "AAAA", cursor[:-4], "\x00")),
    ):
        error = lite_office.api("GET", "/sites", params={name: value}, expect=422)["error"]
        assert list(error["fields"]) == [name], (name, value)
    assert lite_office.api("GET", "/sites?limt=5", expect=422)["error"]["fields"].keys() == {"limt"}
    assert len(lite_office.api("GET", "/sites?limit=500", expect=200)["items"]) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies_that_cannot_be_read_are_400_and_what_is_no_object_422(lite_office: Office, method: str) -> None:
    path = "/sites" if method == "POST" else f"/sites/{lite_office.site()['id']}"
    headers = {"Authorization": f"Bearer {lite_office.token}", "Content-Type": "application/json"}

    def send(data: bytes) -> int:
        url = f"{lite_office.url}/api/v1{path}"
        answer = requests.request(method, url, data=data, headers=headers, timeout=10)
        assert set(answer.json()["error"]) == {"code", "message", "fields"}
        return answer.status_code

    for data in (b"", b"{", b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000, b'{"name": 1' + b"0" * 5000 + b"}"):
        assert send(data) == 400, data[:20]
    for data in (b"[]", b"null", b"1", b'"text"', b'[{"name": "x", "domains": ["a.com"]}]'):
        assert send(data) == 422, data
    assert send(b'{"name": "' + b"x" * 2_000_000 + b'"}') == 413


def test_json_is_read_whatever_the_content_type_says(lite_office: Office) -> None:
    answer = requests.post(
        f"{lite_office.url}/api/v1/sites",
        data=b'{"name": "x", "domains": ["example.com"]}',
        headers={"Authorization": f"Bearer {lite_office.token}", "Content-Type": "text/plain"},
        timeout=10,
    )
    assert answer.status_code == 201
