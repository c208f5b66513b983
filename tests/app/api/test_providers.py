"""`/providers/twilio` over HTTP."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from store.directory import ProviderAccount
from store.engine import make_engine
from store.sessions import Database
from store.sites import ProviderCredential
from tests.support.office import Office
from tests.support.serving import Served

PATH = "/providers/twilio"


def sid() -> str:
    return f"AC{uuid.uuid4().hex}"


def kept(database: Database, office: Office) -> ProviderCredential:
    with database.read() as work:
        row = work.account(office.account_id).get(ProviderCredential, (office.account_id, "twilio"))
        assert row is not None
        return row


def sids(database: Database, office: Office) -> list[str]:
    with database.read() as work:
        of_account = ProviderAccount.account_id == office.account_id
        return list(work.directory.scalars(select(ProviderAccount.account_sid).where(of_account)))


def test_credentials_are_told_without_the_token(office: Office) -> None:
    assert office.api("GET", PATH).status_code == 404
    account_sid = sid()
    answer = office.api("PUT", PATH, {"account_sid": account_sid, "auth_token": "a-token-of-ours"}, expect=200)
    assert answer["account_sid"] == account_sid
    assert answer["previous_until"] is None
    assert office.api("GET", PATH, expect=200) == answer
    assert "a-token-of-ours" not in str(answer)


def test_tokens_are_kept_encrypted_and_the_one_before_for_a_day(
    server: Served, office: Office, database_url: str
) -> None:
    database = Database(make_engine(database_url))
    secrets = server.app.extensions["ringtrace"].secrets
    start = datetime(2026, 5, 4, 12, tzinfo=UTC)
    server.clock.frozen = start
    body = {"account_sid": sid(), "auth_token": "first"}
    office.api("PUT", PATH, body, expect=200)
    row = kept(database, office)
    assert b"first" not in row.token
    assert secrets.open(row.token) == "first"
    assert sids(database, office) == [body["account_sid"]]

    # The same token again replaces nothing, so that the one before it is not lost.
    office.api("PUT", PATH, body, expect=200)
    assert kept(database, office).previous_token is None

    server.clock.forward(hours=1)
    answer = office.api("PUT", PATH, {"account_sid": sid(), "auth_token": "second"}, expect=200)
    row = kept(database, office)
    assert row.previous_token is not None
    assert (secrets.open(row.token), secrets.open(row.previous_token)) == ("second", "first")
    assert row.previous_until == start + timedelta(hours=25)
    assert answer["previous_until"] == "2026-05-05T13:00:00.000Z"
    assert sids(database, office) == [answer["account_sid"]]

    server.clock.forward(hours=24)
    assert office.api("GET", PATH, expect=200)["previous_until"] is None
    database.engine.dispose()


def test_a_token_that_is_to_come_is_kept_encrypted_until_it_has_come(
    server: Served, office: Office, database_url: str
) -> None:
    database = Database(make_engine(database_url))
    secrets = server.app.extensions["ringtrace"].secrets
    body: dict[str, Any] = {"account_sid": sid(), "auth_token": "first"}
    assert office.api("PUT", PATH, body, expect=200)["next_stored"] is False

    answer = office.api("PUT", PATH, {**body, "next_auth_token": "second-to-come"}, expect=200)
    assert answer["next_stored"] is True
    assert office.api("GET", PATH, expect=200) == answer
    assert "second-to-come" not in str(answer)
    row = kept(database, office)
    assert row.next_token is not None
    assert b"second-to-come" not in row.next_token
    assert (secrets.open(row.token), secrets.open(row.next_token)) == ("first", "second-to-come")

    # Not sent, it stays; null forgets it.
    assert office.api("PUT", PATH, body, expect=200)["next_stored"] is True
    assert office.api("PUT", PATH, {**body, "next_auth_token": None}, expect=200)["next_stored"] is False
    office.api("PUT", PATH, {**body, "next_auth_token": "second-to-come"}, expect=200)

    # Promoted at Twilio and here: the one before stays valid for a day.
    answer = office.api("PUT", PATH, {**body, "auth_token": "second-to-come"}, expect=200)
    assert (answer["next_stored"], answer["previous_until"] is not None) == (False, True)
    row = kept(database, office)
    assert row.previous_token is not None
    assert (secrets.open(row.token), secrets.open(row.previous_token)) == ("second-to-come", "first")

    # The next one of another account of Twilio's is nobody's next one here.
    office.api("PUT", PATH, {**body, "auth_token": "second-to-come", "next_auth_token": "third"}, expect=200)
    moved = {"account_sid": sid(), "auth_token": "elsewhere"}
    assert office.api("PUT", PATH, moved, expect=200)["next_stored"] is False
    database.engine.dispose()


def test_accounts_may_share_one_provider_account(server: Served, office: Office, database_url: str) -> None:
    other = Office.open(server.url, database_url)
    body = {"account_sid": sid(), "auth_token": "shared"}
    office.api("PUT", PATH, body, expect=200)
    assert other.api("GET", PATH).status_code == 404
    other.api("PUT", PATH, body, expect=200)
    database = Database(make_engine(database_url))
    assert sids(database, office) == sids(database, other) == [body["account_sid"]]
    database.engine.dispose()


def test_wrong_credentials_are_422_and_never_repeated(lite_office: Office) -> None:
    good: dict[str, Any] = {"account_sid": sid(), "auth_token": "secret-token"}
    for field, value in (
        ("account_sid", "SK" + "0" * 32),
        ("account_sid", "AC" + "0" * 31),
        ("account_sid", "AC" + "0" * 32 + "\n"),
        ("account_sid", "AC" + "g" * 32),
        ("account_sid", None),
        ("auth_token", ""),
        ("auth_token", "secret token with spaces"),
        ("auth_token", "secret\x00"),
        ("auth_token", "secret" * 100),
        ("auth_token", ["secret"]),
        ("next_auth_token", ""),
        ("next_auth_token", "secret token"),
        ("next_auth_token", 7),
        ("next_auth_token", "secret" * 100),
    ):
        error = lite_office.api("PUT", PATH, {**good, field: value}, expect=422)["error"]
        assert list(error["fields"]) == [field], value
        assert "secret" not in str(error), error
    missing = lite_office.api("PUT", PATH, {"account_sid": sid()}, expect=422)["error"]
    assert list(missing["fields"]) == ["auth_token"]
    assert lite_office.api("GET", PATH).status_code == 404
