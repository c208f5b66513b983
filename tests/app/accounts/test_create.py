"""Accounts and their owners, on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.accounts.create import create_account, hash_token, set_password
from app.accounts.passwords import verify_password
from app.secretbox import SecretBox
from app.settings import Settings
from core.errors import Conflict, InvalidInput, NotFound
from store.directory import ApiToken, Membership, User
from store.sessions import Database, Work
from store.sites import Account, ProviderCredential
from tests.support.serving import environ

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
BOX = SecretBox(Settings.from_env(environ("sqlite:///unused.db")))
PASSWORD = "correct horse"


def make(work: Work, name: str = "Acme", owner: str = "anna@example.com", password: str = PASSWORD) -> object:
    return create_account(work, BOX, name=name, owner=owner, password=password, at=AT)


def test_what_is_told_once_works_and_only_its_traces_are_kept(database: Database) -> None:
    with database.write() as work:
        made = create_account(work, BOX, name="Acme", owner="Anna@Example.com", password=PASSWORD, at=AT)
    with database.read() as work:
        session = work.account(made.account_id)
        assert session.scalars(select(Account.name)).all() == ["Acme"]
        kept = session.scalars(select(ProviderCredential)).one()
        assert made.provider_token.encode() not in kept.token
        assert BOX.open(kept.token) == made.provider_token
        token = work.directory.get_one(ApiToken, hash_token(made.api_token))
        assert (token.account_id, token.user_id) == (made.account_id, made.user_id)
        user = work.directory.get_one(User, made.user_id)
        assert user.email == "anna@example.com"
        assert verify_password(user.password_hash, PASSWORD)


def test_one_person_may_own_several_accounts_with_their_one_password(database: Database) -> None:
    with database.write() as work:
        first = create_account(work, BOX, name="One", owner="anna@example.com", password=PASSWORD, at=AT)
        second = create_account(work, BOX, name="Two", owner="anna@example.com", password=PASSWORD, at=AT)
        assert first.user_id == second.user_id
        assert first.account_id != second.account_id
        roles = work.directory.execute(select(Membership.account_id, Membership.role)).all()
    assert sorted(roles) == sorted([(first.account_id, "owner"), (second.account_id, "owner")])


def test_somebody_elses_address_is_not_taken_over(database: Database) -> None:
    with database.write() as work:
        make(work)
    with pytest.raises(Conflict, match="another password"), database.write() as work:
        make(work, password="something else")
    with database.read() as work:
        assert len(work.directory.scalars(select(Membership.account_id)).all()) == 1


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "\x00"}, {"owner": "anna"}, {"password": "short"}, {"password": "x" * 1001}]
)
def test_what_is_wrong_is_refused(database: Database, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput), database.write() as work:
        make(work, **wrong)


def test_a_new_password_replaces_the_old(database: Database) -> None:
    with database.write() as work:
        make(work)
        set_password(work.directory, email="ANNA@example.com", password="another horse")
        user = work.directory.scalars(select(User)).one()
        assert verify_password(user.password_hash, "another horse")
        with pytest.raises(NotFound):
            set_password(work.directory, email="bert@example.com", password="another horse")
