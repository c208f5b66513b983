"""Founds the demo business in a database, and finds it again: account, site, sources, numbers, history."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.accounts.create import create_account
from app.accounts.numbers import add_number
from app.accounts.sites import change_site, create_site
from app.demo.business import ACCOUNT, OWN_NUMBER, OWNER_EMAIL, SOURCES, TIME_ZONE
from app.demo.history import FULL_DAYS, history
from app.demo.load import load
from app.secretbox import SecretBox
from numberpool.sources import create_source
from store.directory import Membership, User
from store.sessions import AccountSession, Database, DirectorySession, Work
from store.sites import Site

# Letters and digits that nobody mistakes for one another.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What the first start shows, once."""

    password: str
    api_token: str
    account_id: str


def establish(
    database: Database, box: SecretBox, *, hosts: Sequence[str], base_url: str, days: int, at: datetime
) -> Secrets | None:
    """Makes the demo business with its history up to `at`, in one transaction; None where it is there already.

    `hosts`: where its pages may be opened, `base_url`: with which address they begin. `days`: how far back candidates
    are looked for. Raises Conflict where another account of this database uses its numbers.
    """
    with database.write() as work:
        found = demo_account(work.directory)
        if found is not None:
            _allow_hosts(work.account(found), hosts)
            return None
        password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))
        # The business is as old as its history: nothing in it happened before it was there.
        founded = at - timedelta(days=FULL_DAYS + 1)
        made = create_account(work, box, name=ACCOUNT, owner=OWNER_EMAIL, password=password, at=founded)
        session = work.account(made.account_id)
        site = _make_site(work, session, hosts, founded)
        _make_sources(work, session, site, founded)
        facts = history(end=at, time_zone=TIME_ZONE)
        load(session, site, facts, base_url=base_url, end=at, user_id=made.user_id, days=days)
    return Secrets(password=password, api_token=made.api_token, account_id=made.account_id)


def demo_account(directory: DirectorySession) -> str | None:
    """The id of the demo's account, or None where there is none."""
    return directory.scalar(
        select(Membership.account_id)
        .join(User, User.user_id == Membership.user_id)
        .where(User.email == OWNER_EMAIL, Membership.role == "owner")
        .order_by(Membership.account_id)
        .limit(1)
    )


def demo_site(session: AccountSession) -> Site | None:
    """The demo's site: the oldest of its account."""
    return session.scalar(select(Site).order_by(Site.site_id).limit(1))


def _make_site(work: Work, session: AccountSession, hosts: Sequence[str], at: datetime) -> Site:
    fields = {
        "name": ACCOUNT,
        "domains": list(hosts),
        "numbers": [OWN_NUMBER],
        "time_zone": TIME_ZONE,
        "country": "US",
        "currency": "USD",
    }
    return create_site(work, session, fields, at)


def _make_sources(work: Work, session: AccountSession, site: Site, at: datetime) -> None:
    """Sources and their numbers."""
    for planned in SOURCES:
        fields = {
            "site": site.site_id,
            "name": planned.name,
            "kind": "offline" if planned.preset is None else "online",
            "preset": planned.preset,
            "catch_all": planned.catch_all,
            "destination": OWN_NUMBER,
        }
        source = create_source(session, fields, at)
        for number in planned.numbers:
            add_number(work, session, number=number, source=source.source_id, provider="manual", at=at)


def _allow_hosts(session: AccountSession, hosts: Sequence[str]) -> None:
    """A later start may be served under another name; its pages must be allowed to ask."""
    site = demo_site(session)
    wanting = [host for host in hosts if site is not None and host not in site.domains]
    if site is not None and wanting:
        change_site(session, site.site_id, {"domains": [*site.domains, *wanting]})
