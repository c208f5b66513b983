"""What the path of visitors remembers of a site's set-up: the site, its sources, which of them have numbers.

It is right as long as the account's set-up version is the one it was read at. A change made in this process is seen at
once; the version in the database is looked at whenever it was not for a moment, and again inside every transaction that
gives numbers.
"""

import time
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.outage.patience import Patience
from attribution.arrive import Sources, load_sources
from core.errors import InvalidInput
from core.phone import e164
from store.directory import SiteKey
from store.sessions import Database, Work
from store.sites import Account, Site

SECONDS = 0.25
"""For how long a set-up that was looked at is good enough for what is not written."""
MOST = 10_000
_MOST_WRITTEN = 1_000


@dataclass
class SiteSetUp:
    """One site as it was at one version of its account's set-up. `looked_at` is monotonic seconds."""

    site: Site
    sources: Sources
    version: int
    looked_at: float
    _written: dict[str, str | None] = field(default_factory=dict)

    def confirm(self) -> None:
        """A transaction has just found it right."""
        self.looked_at = time.monotonic()

    @cached_property
    def targets(self) -> frozenset[str]:
        """The numbers (E.164) of pages that are replaced."""
        return frozenset({*self.site.numbers, *(t for t in self.sources.targets.values() if t)})

    def target(self, written: str) -> str | None:
        """Which target a number on a page is, as the page wrote it; None for another number."""
        if written not in self._written:
            if len(self._written) >= _MOST_WRITTEN:
                self._written.clear()
            number = e164(written, self.site.country)
            self._written[written] = number if number in self.targets else None
        return self._written[written]


class SetUps:
    """The set-ups one process remembers, by site key; safe between threads."""

    def __init__(self, database: Database, patience: Patience) -> None:
        self._database, self._patience = database, patience
        self._found: dict[str, SiteSetUp] = {}
        self._changes = -1

    def find(self, key: str) -> SiteSetUp:
        """The set-up of the site with this key; while the database is away, as it was known at last.

        Raises InvalidInput for a key that is none, Away for one of which nothing is known.
        """
        changes = self._database.set_up_changes
        if changes != self._changes:
            self._found, self._changes = {}, changes
        known = self._found.get(key)
        if known is not None and time.monotonic() - known.looked_at < SECONDS:
            return known
        try:
            found = self._patience(lambda: self._look(key, known))
        except (OperationalError, PoolTimeout):
            # Where that took its time already, nothing else of this page waits for the database.
            if known is None or not self._database.reach.away:
                raise
            return known
        if len(self._found) >= MOST:
            self._found = {}
        self._found[key] = found
        return found

    def _look(self, key: str, known: SiteSetUp | None) -> SiteSetUp:
        with self._database.read() as work:
            now = time.monotonic()
            if known is not None and _version(work, known.site.account_id) == known.version:
                known.looked_at = now
                return known
            return _read(work, key, now)

    def forget(self, key: str) -> None:
        """What was remembered of this site turned out to be old."""
        self._found.pop(key, None)


def site_of(work: Work, key: str) -> Site:
    """The site of a snippet key. Raises InvalidInput for a key that is none."""
    row = work.directory.get(SiteKey, key) if key.isascii() and "\x00" not in key else None
    site = work.account(row.account_id).get(Site, (row.account_id, row.site_id)) if row else None
    if site is None:
        raise InvalidInput({"site": "is no key of a site"})
    return site


def _read(work: Work, key: str, now: float) -> SiteSetUp:
    site = site_of(work, key)
    session = work.account(site.account_id)
    # The version first: what changes meanwhile makes it old, not wrong.
    version = _version(work, site.account_id)
    session.refresh(site)
    return SiteSetUp(site=site, sources=load_sources(session, site.site_id), version=version, looked_at=now)


def _version(work: Work, account_id: str) -> int:
    return work.account(account_id).scalars(select(Account.set_up_version)).one()
