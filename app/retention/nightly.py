"""The night's removal of what the account does not keep any longer, in short transactions, so that nobody waits.

A night that is broken off is gone on with by the next one: what was removed is not there any more.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from app.retention.policy import RUNS_DAYS, Policy, policy_of
from app.retention.rest import KINDS, forget_old_runs
from app.retention.visits import close_day, count_old, empty_some, old_days, remove_some
from app.settings import Settings
from store.sessions import AccountSession, Database
from store.sites import Site

log = logging.getLogger("ringtrace.retention")

CHUNK = 200
"""Rows of one transaction, with what hangs on them."""

Step = Callable[[AccountSession], int]


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many of each kind went; `emptied` is of visits that calls refer to. `stopped`: there may be more."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    def sentence(self) -> str:
        """As the log and the record of jobs say it."""
        found = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()) if count)
        return f"removed {found}" if found else "nothing was older than it is kept"


class Retention:
    """One account's night at `at` (aware UTC)."""

    def __init__(
        self, database: Database, settings: Settings, account_id: str, at: datetime, stopping: Callable[[], bool]
    ) -> None:
        self._database, self._settings, self._account_id = database, settings, account_id
        self._at, self._stopping = at, stopping
        self._counts: Counter[str] = Counter()

    def run(self) -> Removed:
        """Removes everything that is older than it is kept, or what there is time for."""
        with self._database.read() as work:
            session = work.account(self._account_id)
            policy = policy_of(session)
            sites = session.scalars(select(Site).order_by(Site.site_id)).all()
        # Calls first: afterwards fewer visits are referred to.
        for kind in KINDS:
            before = policy.before(kind.field, self._at)
            if before is not None:
                step = partial(kind.remove_some, before=before, most=CHUNK, settings=self._settings, at=self._at)
                self._repeat(kind.name, step)
        for site in sites:
            self._visits(site, policy)
        with self._database.write() as work:
            forget_old_runs(work.account(self._account_id), self._at - timedelta(days=RUNS_DAYS))
        return Removed(counts=self._counts, stopped=self._stopping())

    def _visits(self, site: Site, policy: Policy) -> None:
        before = policy.before("visits_days", self._at)
        if before is None:
            return
        with self._database.read() as work:
            days = old_days(work.account(self._account_id), site, before)
        # All days are counted before the first visit goes: with a visitor go the numbers shown to them on later days.
        for day in days:
            if self._stopping():
                return
            with self._database.write() as work:
                close_day(work.account(self._account_id), site, day, self._at)
        for day in days:
            which: dict[str, Any] = {"site": site, "day": day, "before": before, "most": CHUNK}
            self._repeat("visits", partial(remove_some, **which))
            self._repeat("visits emptied", partial(empty_some, **which))
        if days:
            log.info("retention of account %s: %s old days of a site done", self._account_id, len(days))

    def _repeat(self, name: str, step: Step) -> None:
        """One transaction after another, until there is nothing left to do."""
        done = CHUNK
        while done == CHUNK and not self._stopping():
            with self._database.write() as work:
                done = step(work.account(self._account_id))
            self._counts[name] += done


def foresee(session: AccountSession, policy: Policy, at: datetime) -> dict[str, int]:
    """What a night at `at` would remove by this policy, by kind."""
    found: Counter[str] = Counter()
    for kind in KINDS:
        if before := policy.before(kind.field, at):
            found[kind.name] += kind.count(session, before)
    if before := policy.before("visits_days", at):
        for site in session.scalars(select(Site)):
            removed, emptied = count_old(session, site, before)
            found["visits"] += removed
            found["visits emptied"] += emptied
    return {name: found[name] for name in ("visits", "visits emptied", *(kind.name for kind in KINDS))}
