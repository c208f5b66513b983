"""`ringtrace reclassify`: visits read again by the present rules, account by account, in short transactions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.accounts.sites import get_site
from attribution.arrive import load_sources
from attribution.reclassify import Reread, SiteSources, Which, count, reclassify, with_deleted
from attribution.rules.reference import RULES_VERSION
from core.errors import NotFound
from store.directory import SiteKey
from store.sessions import AccountSession, Database
from store.sites import Account, Site

Place = tuple[str, str]
"""An account's id and a site's."""


@dataclass(kw_only=True)
class Outcome:
    """What a run came to, over all sites. Sources by slug, as answers name them; None is no source."""

    dry_run: bool
    read: int = 0
    changed: int = 0
    channels: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)

    def add(self, chunk: Reread, sources: SiteSources) -> None:
        """Counts a chunk of a site with these sources."""
        self.read += chunk.read
        self.changed += chunk.changed
        self.channels += chunk.channels
        for (before, after), visits in chunk.sources.items():
            self.sources[sources.slug(before), sources.slug(after)] += visits

    def told(self) -> dict[str, Any]:
        """As one JSON object; the largest moves first."""
        return {
            "rules_version": RULES_VERSION,
            "dry_run": self.dry_run,
            "visits": self.read,
            "changed": self.changed,
            "channels": _rows(self.channels),
            "sources": _rows(self.sources),
        }


def _rows(moves: Counter[Any]) -> list[dict[str, Any]]:
    ordered = sorted(moves.items(), key=lambda item: (-item[1], str(item[0])))
    return [{"from": before, "to": after, "visits": visits} for (before, after), visits in ordered]


def find_places(database: Database, *, account_id: str | None, site_id: str | None) -> list[Place]:
    """The sites of one account or of all, or one site. Raises NotFound for an account or site that is not there."""
    with database.read() as work:
        if account_id is not None and work.account(account_id).get(Account, account_id) is None:
            raise NotFound(f"there is no account {account_id}")
        statement = select(SiteKey.account_id, SiteKey.site_id).order_by(SiteKey.account_id, SiteKey.site_id)
        if account_id is not None:
            statement = statement.where(SiteKey.account_id == account_id)
        if site_id is not None:
            statement = statement.where(SiteKey.site_id == site_id)
        places = [(row[0], row[1]) for row in work.directory.execute(statement)]
    if site_id is not None and not places:
        raise NotFound(f"there is no site {site_id}" + (f" in account {account_id}" if account_id else ""))
    return places


def count_visits(database: Database, places: list[Place], which: Which) -> int:
    """How many visits these sites have to be read again."""
    total = 0
    for account_id, site_id in places:
        with database.read() as work:
            session = work.account(account_id)
            total += count(session, get_site(session, site_id), which)
    return total


def reclassify_places(
    database: Database, places: list[Place], which: Which, *, dry_run: bool, step: Callable[[int], object]
) -> Outcome:
    """Reads the visits of these sites again, each chunk in a transaction of its own.

    `step` hears how many visits each chunk read. Nothing is changed with `dry_run`.
    """
    outcome = Outcome(dry_run=dry_run)
    for account_id, site_id in places:
        after: str | None = None
        while True:
            # Pages are served meanwhile and owners change sources: they are looked up anew with every chunk.
            with database.read() if dry_run else database.write() as work:
                session = work.account(account_id)
                site = get_site(session, site_id)
                sources = _sources(session, site)
                chunk = reclassify(session, site, sources, which, after=after, keep=not dry_run)
            if chunk.last is None:
                break
            outcome.add(chunk, sources)
            step(chunk.read)
            after = chunk.last
    return outcome


def _sources(session: AccountSession, site: Site) -> SiteSources:
    return with_deleted(session, site, load_sources(session, site.site_id))
