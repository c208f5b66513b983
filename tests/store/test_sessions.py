"""A session sees one account, and a query that could see more is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, or_, select, text, update
from sqlalchemy.orm import aliased

from core.ids import new_id
from store.directory import User
from store.sessions import AccountSession, Database, UnboundQuery, Work
from store.sites import Account, Site

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITES = Site.__table__
USERS = User.__table__


def a_site(name: str) -> Site:
    return Site(
        site_id=new_id(AT),
        key=name,
        name=name,
        domains=["example.com"],
        numbers=[],
        time_zone="UTC",
        country="US",
        currency="USD",
        consent_default="full",
        exclude_networks=[],
        created_at=AT,
    )


@pytest.fixture
def two(database: Database) -> Iterator[tuple[Work, AccountSession, AccountSession]]:
    """Two accounts with a site each, in one transaction."""
    with database.write() as work:
        ours, theirs = work.account(new_id(AT)), work.account(new_id(AT))
        for session, name in ((ours, "ours"), (theirs, "theirs")):
            session.add(Account(name=name, created_at=AT))
            session.flush()
            session.add(a_site(name))
            session.flush()
        yield work, ours, theirs


Two = tuple[Work, AccountSession, AccountSession]


def test_orm_queries_see_their_own_account_only(two: Two) -> None:
    _, ours, _ = two
    assert [s.name for s in ours.scalars(select(Site))] == ["ours"]
    assert ours.scalars(select(Site.name)).all() == ["ours"]
    assert ours.scalars(select(aliased(Site).name)).all() == ["ours"]
    joined = select(Account.name, Site.name).join(Site, Site.account_id == Account.account_id)
    assert ours.execute(joined).all() == [("ours", "ours")]


def test_an_id_of_another_account_finds_nothing(two: Two) -> None:
    _, ours, theirs = two
    their_site = theirs.scalars(select(Site)).one()
    assert ours.get(Site, (theirs.account_id, their_site.site_id)) is None
    assert ours.get(Site, (ours.account_id, their_site.site_id)) is None


def test_orm_updates_reach_their_own_account_only(two: Two) -> None:
    _, ours, theirs = two
    ours.execute(update(Site).values(name="changed"))
    theirs.expire_all()
    assert theirs.scalars(select(Site.name)).all() == ["theirs"]


def test_core_statements_must_name_the_account(two: Two) -> None:
    _, ours, theirs = two
    with pytest.raises(UnboundQuery, match="sites"):
        ours.execute(select(SITES.c.name))
    with pytest.raises(UnboundQuery, match="another account"):
        ours.execute(select(SITES.c.name).where(SITES.c.account_id == theirs.account_id))
    with pytest.raises(UnboundQuery, match="sites"):
        ours.execute(select(SITES.c.name).where(or_(SITES.c.account_id == ours.account_id, SITES.c.name == "x")))
    bound = select(SITES.c.name).where(SITES.c.account_id == ours.account_id)
    assert ours.execute(bound).scalars().all() == ["ours"]


@pytest.mark.filterwarnings("ignore:Column 'accounts.account_id'")
def test_core_changes_must_name_the_account(two: Two) -> None:
    _, ours, _ = two
    with pytest.raises(UnboundQuery):
        ours.execute(SITES.update().values(name="x"))
    with pytest.raises(UnboundQuery):
        ours.execute(SITES.delete())
    with pytest.raises(UnboundQuery):
        ours.execute(insert(Account), [{"account_id": new_id(AT), "name": "x", "created_at": AT}])
    with pytest.raises(UnboundQuery):
        ours.execute(insert(Account).values(name="x", created_at=AT))


def test_text_and_the_directory_are_refused(two: Two) -> None:
    work, ours, _ = two
    with pytest.raises(UnboundQuery, match="text"):
        ours.execute(text("SELECT name FROM sites"))
    with pytest.raises(UnboundQuery, match="text"):
        ours.execute(select(Site.name).where(text("1 = 1")))
    with pytest.raises(UnboundQuery, match="directory"):
        ours.execute(select(USERS.c.email))
    with pytest.raises(UnboundQuery, match="tenant"):
        work.directory.execute(select(Site))
    with pytest.raises(UnboundQuery, match="text"):
        work.directory.execute(text("SELECT name FROM sites"))


def test_rows_of_another_family_or_account_are_not_written(database: Database) -> None:
    with pytest.raises(UnboundQuery, match="another account"), database.write() as work:
        work.account(new_id(AT)).add(Account(account_id=new_id(AT), name="x", created_at=AT))
    with pytest.raises(UnboundQuery, match="tenant rows"), database.write() as work:
        work.account(new_id(AT)).add(User(user_id=new_id(AT), email="x", name="x", password_hash="x", created_at=AT))
    with pytest.raises(UnboundQuery, match="directory rows"), database.write() as work:
        work.directory.add(Account(account_id=new_id(AT), name="x", created_at=AT))


def test_an_error_rolls_everything_back(database: Database) -> None:
    account_id = new_id(AT)

    def begin_and_fail() -> None:
        with database.write() as work:
            work.account(account_id).add(Account(name="x", created_at=AT))
            work.account(account_id).flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin_and_fail()
    with database.read() as work:
        assert work.account(account_id).scalars(select(Account)).all() == []
