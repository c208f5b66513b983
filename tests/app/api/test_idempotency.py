"""`Idempotency-Key` over HTTP: a POST that is repeated does nothing again."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.office import Office, fresh_numbers
from tests.support.serving import Served

NEW = {"name": "Acme", "domains": ["example.com"]}


def post(office: Office, body: Any, key: str, path: str = "/sites") -> Any:
    return office.api("POST", path, body, headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer_and_makes_nothing(office: Office) -> None:
    first = post(office, NEW, "one")
    assert first.status_code == 201
    again = post(office, dict(reversed(NEW.items())), "one")
    assert (again.status_code, again.json(), again.headers["Content-Type"]) == (
        201,
        first.json(),
        first.headers["Content-Type"],
    )
    assert len(office.api("GET", "/sites", expect=200)["items"]) == 1
    assert post(office, NEW, "two").json()["id"] != first.json()["id"]
    assert office.api("POST", "/sites", NEW, expect=201)["id"] != first.json()["id"]


def test_another_body_or_path_under_the_key_is_409(office: Office) -> None:
    site = post(office, NEW, "one").json()
    assert post(office, {**NEW, "name": "Other"}, "one").status_code == 409
    assert post(office, NEW, "one", "/sources").status_code == 409
    assert office.api("GET", "/sites", expect=200)["items"] == [site]


def test_a_refusal_is_an_answer_too(office: Office) -> None:
    source = office.source(office.site(), numbers=0)
    body = {"number": "+12125550100", "source": source["id"]}
    first = post(office, body, "one", "/numbers")
    assert first.status_code == 422
    assert post(office, body, "one", "/numbers").json() == first.json()
    assert post(office, {**body, "number": fresh_numbers(1)[0]}, "one", "/numbers").status_code == 409


def test_accounts_have_keys_of_their_own_and_keys_end(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    first = post(office, NEW, "one").json()
    assert post(other, NEW, "one").json()["id"] != first["id"]
    server.clock.forward(days=6)
    assert post(office, NEW, "one").json() == first
    server.clock.forward(days=2)
    assert post(office, NEW, "one").json()["id"] != first["id"]


def test_keys_that_are_none_are_422(lite_office: Office) -> None:
    for key in ("", "x" * 256, "ü"):
        answer = lite_office.api("POST", "/sites", NEW, headers={"Idempotency-Key": key.encode()})
        assert answer.status_code == 422, key
    assert lite_office.api("GET", "/sites", expect=200)["items"] == []


def test_of_many_at_once_one_is_done(office: Office) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(office, NEW, "one"), range(6)))
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    made = office.api("GET", "/sites", expect=200)["items"]
    assert len(made) == 1
    assert post(office, NEW, "one").json() == made[0]
