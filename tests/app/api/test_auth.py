"""Who may use the API, and how often."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.accounts.create import hash_token
from app.api.auth import is_taken_key
from core.ids import new_id
from store.directory import ApiToken, Membership, NumberOwner
from store.engine import make_engine
from store.sessions import Database
from tests.support.databases import sqlite_copy
from tests.support.office import Office
from tests.support.serving import Served, served

ENDPOINTS = [
    ("GET", "/sites"),
    ("POST", "/sites"),
    ("GET", "/sites/x"),
    ("PATCH", "/sites/x"),
    ("GET", "/sources"),
    ("POST", "/sources"),
    ("DELETE", "/sources/x"),
    ("GET", "/numbers"),
    ("POST", "/numbers"),
    ("DELETE", "/numbers/+12125550142"),
    ("GET", "/providers/twilio"),
    ("PUT", "/providers/twilio"),
]


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer nope", "Basic cnQ6cnQ=", "bearer \x80", "Token {token}", "Bearer {token}x"],
)
def test_without_a_valid_token_every_endpoint_is_401(lite_office: Office, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.replace("{token}", lite_office.token)}
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for method, path in ENDPOINTS:
        answer = requests.request(method, f"{lite_office.url}/api/v1{path}", json={}, headers=encoded, timeout=10)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["code"] == "unauthorized"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_works_until_it_is_revoked(server: Served, office: Office, database_url: str) -> None:
    lower = {"Authorization": f"bearer {office.token}"}
    assert requests.get(f"{office.url}/api/v1/sites", headers=lower, timeout=10).status_code == 200
    engine = make_engine(database_url)
    with Database(engine).write() as work:
        revoked = update(ApiToken).where(ApiToken.token_hash == hash_token(office.token))
        work.directory.execute(revoked.values(revoked_at=server.clock()))
    engine.dispose()
    assert office.api("GET", "/sites").status_code == 401


def test_too_many_calls_with_one_token_are_429_and_others_go_on(sqlite_template: Path, tmp_path: Path) -> None:
    url = sqlite_copy(sqlite_template, tmp_path)
    with served(url, RINGTRACE_API_CALLS_PER_MINUTE="3") as server:
        one, other = Office.open(server.url, url), Office.open(server.url, url)
        answers = [one.api("GET", "/sites") for _ in range(5)]
        # The window may turn once within the five calls, but never lets all of them through twice.
        assert [a.status_code for a in answers][:3] == [200, 200, 200]
        refused = [a for a in answers if a.status_code == 429]
        assert refused
        assert int(refused[0].headers["Retry-After"]) > 0
        assert refused[0].json()["error"]["code"] == "too_many"
        assert other.api("GET", "/sites").status_code == 200


def test_only_a_taken_key_is_a_conflict(database: Database) -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    account = new_id(at)
    with database.write() as work:
        work.directory.add(NumberOwner(number="+12125550142", account_id=account))
    with pytest.raises(IntegrityError) as taken, database.write() as work:
        work.directory.add(NumberOwner(number="+12125550142", account_id=account))
    assert is_taken_key(taken.value)
    with pytest.raises(IntegrityError) as orphan, database.write() as work:
        work.directory.add(Membership(user_id=new_id(at), account_id=account, role="staff"))
    assert not is_taken_key(orphan.value)
