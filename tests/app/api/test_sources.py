"""`/sources` over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attribution.rules.sources import PRESETS
from tests.support.office import DESTINATION, OWN, Office, fresh_numbers
from tests.support.serving import Served

RULE = {"any": [{"field": "utm_source", "op": "equals", "value": "newsletter"}]}


def online(site: Any, **fields: Any) -> dict[str, Any]:
    return {"site": site["id"], "name": "A source", "kind": "online", "destination": DESTINATION, **fields}


def offline(site: Any, **fields: Any) -> dict[str, Any]:
    return {"site": site["id"], "name": "Billboard", "kind": "offline", "destination": DESTINATION, **fields}


def test_a_source_of_a_preset_has_its_slug_and_place(office: Office) -> None:
    site = office.site()
    source = office.api("POST", "/sources", online(site, name="Google", preset="google_ads", target=OWN), expect=201)
    assert {k: v for k, v in source.items() if k not in {"id", "created_at"}} == {
        "slug": "google_ads",
        "site": site["id"],
        "name": "Google",
        "kind": "online",
        "preset": "google_ads",
        "rule": None,
        "position": 10,
        "catch_all": False,
        "target": OWN,
        "allocation": "least_ambiguous",
        "recorded": False,
        "notice": None,
        "destination": DESTINATION,
    }
    assert office.api("GET", f"/sources/{source['id']}", expect=200) == source
    assert office.api("GET", "/sources/google_ads", expect=200) == source
    assert office.api("GET", "/sources", expect=200)["items"] == [source]


def test_presets_stand_in_their_order_and_own_rules_before_them(lite_office: Office) -> None:
    site = lite_office.site()
    made = [lite_office.api("POST", "/sources", online(site, preset=p), expect=201) for p in reversed(PRESETS)]
    rules = [lite_office.api("POST", "/sources", online(site, rule=RULE), expect=201) for _ in range(3)]
    said = lite_office.api("POST", "/sources", online(site, rule=RULE, position=55), expect=201)
    by_position = sorted([*made, *rules, said], key=lambda s: s["position"])
    assert [s["slug"] for s in by_position[:3]] == ["a-source", "a-source-2", "a-source-3"]
    assert [s["preset"] for s in by_position[3:] if s["preset"]] == list(PRESETS)
    assert said["position"] == 55
    page = lite_office.api("GET", f"/sources?site={site['id']}&limit=2", expect=200)
    assert [s["id"] for s in page["items"]] == [said["id"], rules[2]["id"]]
    rest = lite_office.api("GET", f"/sources?limit=500&cursor={page['next_cursor']}", expect=200)
    assert len(rest["items"]) == len(PRESETS) + 2


def test_slugs_come_from_names_and_are_unique_in_the_site(office: Office) -> None:
    site = office.site()
    names = ["Spring Billboard", "spring billboard!", "Müller & Söhne", "日本", "Email", "x" * 200]
    slugs = [office.api("POST", "/sources", offline(site, name=n), expect=201)["slug"] for n in names]
    assert slugs[:5] == ["spring-billboard", "spring-billboard-2", "muller-sohne", "source", "email-2"]
    assert len(slugs[5]) <= 80
    # The ids of presets are kept for presets.
    assert office.api("POST", "/sources", online(site, preset="email"), expect=201)["slug"] == "email"


def test_a_slug_that_two_sites_have_needs_the_id(office: Office) -> None:
    first, second = office.site(), office.site()
    one = office.source(first)
    assert office.api("GET", "/sources/google_ads", expect=200)["id"] == one["id"]
    two = office.source(second)
    assert office.api("GET", "/sources/google_ads").status_code == 404
    assert office.api("GET", f"/sources/{two['id']}", expect=200)["site"] == second["id"]


def test_what_conflicts_is_409(office: Office) -> None:
    site = office.site()
    office.api("POST", "/sources", online(site, preset="direct", catch_all=True), expect=201)
    office.api("POST", "/sources", online(site, preset="direct"), expect=409)
    error = office.api("POST", "/sources", online(site, preset="bing", catch_all=True), expect=409)["error"]
    assert error["code"] == "conflict"
    assert "catch_all" in error["fields"]
    other = office.api("POST", "/sources", online(site, preset="bing"), expect=201)
    office.api("PATCH", f"/sources/{other['id']}", {"catch_all": True}, expect=409)
    office.api("PATCH", f"/sources/{other['id']}", {"preset": "direct"}, expect=409)
    assert office.api("GET", f"/sources/{other['id']}", expect=200) == other
    # Another site has its own.
    office.api("POST", "/sources", online(office.site(), preset="direct", catch_all=True), expect=201)


def test_a_catch_all_moves_when_the_first_lets_go(lite_office: Office) -> None:
    site = lite_office.site()
    first = lite_office.api("POST", "/sources", online(site, preset="direct", catch_all=True), expect=201)
    second = lite_office.api("POST", "/sources", online(site, preset="bing"), expect=201)
    lite_office.api("PATCH", f"/sources/{first['id']}", {"catch_all": False}, expect=200)
    assert lite_office.api("PATCH", f"/sources/{second['id']}", {"catch_all": True}, expect=200)["catch_all"] is True


def test_wrong_sources_are_422_and_named(lite_office: Office) -> None:
    site = lite_office.site()
    tracked = lite_office.source(site, "bing")["pool"][0]
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    condition = {"field": "utm_source", "op": "equals", "value": "x"}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("preset", online(site)),
        ("rule", online(site, preset="google_ads", rule=RULE)),
        ("preset", online(site, preset="askjeeves")),
        ("preset", online(site, preset="google_ads\x00")),
        ("preset", offline(site, preset="google_ads")),
        ("rule", offline(site, rule=RULE)),
        ("catch_all", offline(site, catch_all=True)),
        ("kind", online(site, preset="google_ads", kind="both")),
        ("site", {**online(site, preset="google_ads"), "site": "nope"}),
        ("site", {**online(site, preset="google_ads"), "site": "0" * 32}),
        ("site", {**online(site, preset="google_ads"), "site": "a\ud800"}),
        ("destination", online(site, preset="google_ads", destination="12")),
        ("destination", online(site, preset="google_ads", destination=tracked)),
        ("destination", online(site, preset="google_ads", destination=None)),
        ("target", online(site, preset="google_ads", target="x")),
        ("position", online(site, preset="google_ads", position=2**31)),
        ("position", online(site, preset="google_ads", position=10**40)),
        ("position", online(site, preset="google_ads", position=1.5)),
        ("name", online(site, preset="google_ads", name="a\x00")),
        ("colour", online(site, preset="google_ads", colour="red")),
        ("rule", online(site, rule={})),
        ("rule", online(site, rule={"all": []})),
        ("rule", online(site, rule={"all": [condition], "any": [condition]})),
        ("rule", online(site, rule={"all": [{**condition, "field": "shoe_size"}]})),
        ("rule", online(site, rule={"all": [{**condition, "op": "matches", "value": "("}]})),
        ("rule", online(site, rule={"all": [{**condition, "value": "a\x00b"}]})),
        ("rule", online(site, rule={"all": [{**condition, "value": "a\ud800b"}]})),
        ("rule", online(site, rule={"all": [{**condition, "value": deep}]})),
        ("rule", online(site, rule=[condition])),
    ]
    for field, body in wrong:
        error = lite_office.api("POST", "/sources", body, expect=422)["error"]
        assert [name for name in error["fields"] if name.split(".")[0] == field], (field, error)
    assert len(lite_office.api("GET", "/sources", expect=200)["items"]) == 1


def test_a_change_changes_what_was_sent_and_nothing_else(office: Office) -> None:
    site = office.site()
    source = office.source(site, name="Google", target=OWN)
    source.pop("pool")
    path = f"/sources/{source['id']}"
    changed = office.api(
        "PATCH", path, {"name": "New", "position": 7, "destination": "(212) 555-9001", "target": None}, expect=200
    )
    assert changed == {**source, "name": "New", "position": 7, "destination": "+12125559001", "target": None}
    # What cannot change may be repeated.
    same = office.api("PATCH", path, {"site": site["id"], "kind": "online", "preset": "google_ads"}, expect=200)
    assert same == changed
    assert set(office.api("PATCH", path, {"kind": "offline"}, expect=422)["error"]["fields"]) == {"kind"}
    assert set(office.api("PATCH", path, {"site": office.site()["id"]}, expect=422)["error"]["fields"]) == {"site"}
    assert set(office.api("PATCH", path, {"slug": "x"}, expect=422)["error"]["fields"]) == {"slug"}
    assert set(office.api("PATCH", path, {"preset": None}, expect=422)["error"]["fields"]) == {"preset"}
    assert office.api("GET", path, expect=200) == changed


def test_a_rule_takes_the_place_of_a_preset_and_back(office: Office) -> None:
    site = office.site()
    source = office.source(site, name="Search ads")
    path = f"/sources/{source['id']}"
    ruled = office.api("PATCH", path, {"rule": RULE}, expect=200)
    assert (ruled["preset"], ruled["rule"], ruled["slug"]) == (None, RULE, "search-ads")
    assert ruled["position"] < 10
    back = office.api("PATCH", path, {"preset": "bing_ads"}, expect=200)
    assert (back["preset"], back["rule"], back["slug"], back["position"]) == ("bing_ads", None, "bing_ads", 20)


def test_a_deleted_source_is_gone_and_its_slug_free(office: Office) -> None:
    site = office.site()
    source = office.source(site)
    path = f"/sources/{source['id']}"
    assert "number" in office.api("DELETE", path, expect=409)["error"]["message"]
    office.api("DELETE", f"/numbers/{source['pool'][0]}", expect=204)
    office.api("DELETE", path, expect=204)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert office.api(method, path, body).status_code == 404
    assert office.api("GET", "/sources/google_ads").status_code == 404
    assert office.api("GET", "/sources", expect=200)["items"] == []
    # Its released number still says whose it was.
    assert office.api("GET", f"/numbers/{source['pool'][0]}", expect=200)["source"] == "google_ads"
    again = office.source(site)
    assert again["slug"] == "google_ads"
    assert again["id"] != source["id"]


def test_other_accounts_sources_are_not_there(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    site = office.site()
    source = office.source(site)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert other.api(method, f"/sources/{source['id']}", body).status_code == 404
        assert other.api(method, "/sources/google_ads", body).status_code == 404
    assert set(other.api("POST", "/sources", online(site, preset="bing"), expect=422)["error"]["fields"]) == {"site"}
    assert other.api("GET", f"/sources?site={site['id']}").status_code == 404
    number = {"number": fresh_numbers(1)[0], "source": source["id"]}
    assert set(other.api("POST", "/numbers", number, expect=422)["error"]["fields"]) == {"source"}


def test_of_two_requests_for_one_preset_one_wins(office: Office) -> None:
    site = office.site()
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _: office.api("POST", "/sources", online(site, preset="sms")).status_code, range(6))
        )
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]


def test_of_two_requests_for_the_catch_all_one_wins(office: Office) -> None:
    site = office.site()
    presets = ["sms", "email", "direct", "video"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda p: office.api("POST", "/sources", online(site, preset=p, catch_all=True)).status_code, presets
            )
        )
    assert sorted(answers) == [201, 409, 409, 409]


def test_sources_of_one_name_made_at_once_get_slugs_of_their_own(office: Office) -> None:
    site = office.site()
    with ThreadPoolExecutor(5) as pool:
        made = list(
            pool.map(lambda _: office.api("POST", "/sources", offline(site, name="Radio"), expect=201), range(5))
        )
    assert {s["slug"] for s in made} == {"radio", "radio-2", "radio-3", "radio-4", "radio-5"}


def test_the_policy_of_a_pool_is_chosen_by_its_source(office: Office) -> None:
    site = office.site()
    source = office.source(site, "google_ads", numbers=2)
    assert source["allocation"] == "least_ambiguous"
    changed = office.api("PATCH", f"/sources/{source['id']}", {"allocation": "round_robin"}).json()
    assert changed["allocation"] == "round_robin"
    wrong = office.api("PATCH", f"/sources/{source['id']}", {"allocation": "random"}, expect=422)
    assert set(wrong["error"]["fields"]) == {"allocation"}
