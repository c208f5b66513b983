"""The history of a busy site for the accuracy report: made by plain SQL, in one file, in a minute or two.

Every day brings the same number of visitors, each with a number; one visit in six is somebody's second of that day.
One visitor in forty calls. Visits begin evenly over each day; sources and numbers get equal shares.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.accounts.create import create_account
from app.secretbox import SecretBox
from core.ids import new_id
from store.sessions import Database, Work
from store.sites import Site, TrackingNumber, TrackingSource

AT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
"""When the report is asked for."""
ZONE = "America/New_York"
SPRING = 1_772_953_200
"""When its clock changed, in seconds since 1970: March 8, 2026, 7:00 UTC."""
SITE = "site"
EMAIL, PASSWORD = "owner@example.com", "a password for benchmarks only"
RETURNS = 6
CALLERS = 40

_AT = "strftime('%Y-%m-%d %H:%M:%S.000000', {0}, 'unixepoch')"
_WHEN = ":begin + i * :span / :visits"
_LOCAL = f"date({_WHEN} + CASE WHEN {_WHEN} < {SPRING} THEN -18000 ELSE -14400 END, 'unixepoch')"
_EACH = "WITH RECURSIVE each(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM each LIMIT :visits)"
# Somebody's second visit of a day follows their first.
_WHO = f"(i - (i % {RETURNS} = {RETURNS - 1}))"
_VISITOR, _VISIT = f"printf('v%08x', {_WHO})", "printf('w%08x', i)"
# The top bits of a product with the golden ratio: spread evenly, whatever is counted.
_NUMBER_PLACE = f"({_WHO} * 2654435769 % 4294967296) * :numbers / 4294967296"
_SOURCE = f"printf('s%02d', {_NUMBER_PLACE} % :sources)"
_NUMBER = f"printf('+1212%07d', 2000000 + {_NUMBER_PLACE})"

_ROWS: tuple[tuple[str, str], ...] = (
    (
        "visitors (account_id, visitor_id, site_id, source_id, visit_id, visits, device, first_seen_at, last_seen_at)",
        f":account, {_VISITOR}, '{SITE}', {_SOURCE}, {_VISIT}, 1, 'phone', {_AT.format(_WHEN)}, {_AT.format(_WHEN)} "
        f"FROM each WHERE i % {RETURNS} < {RETURNS - 1}",
    ),
    (
        "visits (account_id, visit_id, site_id, visitor_id, source_id, ordinal, started_at, local_day, landing_url, "
        "utm, click_ids, channel, rules_version, device, last_seen_at, last_path, page_views)",
        f":account, {_VISIT}, '{SITE}', {_VISITOR}, {_SOURCE}, 1, {_AT.format(_WHEN)}, {_LOCAL}, "
        f"'https://shop.example/prices?gclid=x' || i, '{{}}', '{{}}', 'Paid Search', '1', 'phone', "
        f"{_AT.format(_WHEN)}, '/prices', 1 FROM each",
    ),
    (
        "assignments (account_id, assignment_id, visitor_id, source_id, number, started_at)",
        f":account, {_VISIT}, {_VISITOR}, {_SOURCE}, {_NUMBER}, {_AT.format(_WHEN)} FROM each "
        f"WHERE i % {RETURNS} < {RETURNS - 1}",
    ),
    (
        "calls (account_id, call_id, provider, provider_call_id, site_id, source_id, number, destination, "
        "from_number, started_at, local_day, status, spam, updated_at, none_likelihood, model_visit_id, "
        "model_visitor_id, model_likelihood, matched_by, matched_visit_id, matched_visitor_id, matched_likelihood, "
        "matched_at)",
        f":account, {_VISIT}, 'manual', {_VISIT}, '{SITE}', {_SOURCE}, {_NUMBER}, '+12125550100', '+19175550100', "
        f"{_AT.format(_WHEN)}, {_LOCAL}, 'completed', 0, {_AT.format(_WHEN)}, 0.1, {_VISIT}, {_VISITOR}, "
        f"0.5 + (i % 97) / 200.0, 'model', {_VISIT}, {_VISITOR}, 0.5 + (i % 97) / 200.0, {_AT.format(_WHEN)} "
        f"FROM each WHERE i % {CALLERS} = 1 AND i % {RETURNS} < {RETURNS - 1}",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Busy:
    """How big the site is; visitors are a day's."""

    days: int = 90
    visitors: int = 20_000
    sources: int = 19
    numbers: int = 1_000

    @property
    def visits(self) -> int:
        """Of the whole history."""
        return self.days * self.visitors * RETURNS // (RETURNS - 1)


@dataclass(frozen=True, kw_only=True)
class MadeSite:
    """Whose history it is, and a token for the API."""

    account_id: str
    api_token: str


def make_site(database: Database, secrets: SecretBox, path: Path, busy: Busy) -> MadeSite:
    """Writes the site with its history up to AT into the migrated SQLite file `path` of `database`."""
    begun = AT - timedelta(days=busy.days + 2)
    with database.write() as work:
        made = create_account(work, secrets, name="Benchmark", owner=EMAIL, password=PASSWORD, at=begun)
        _business(work, made.account_id, busy, begun)
    facts = {
        "account": made.account_id,
        "begin": int((AT - timedelta(days=busy.days)).timestamp()),
        "span": busy.days * 86_400,
        "visits": busy.visits,
        "numbers": busy.numbers,
        "sources": busy.sources,
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for table, rows in _ROWS:
            connection.execute(f"INSERT INTO {table} {_EACH} SELECT {rows}", facts)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return MadeSite(account_id=made.account_id, api_token=made.api_token)


def _business(work: Work, account_id: str, busy: Busy, at: datetime) -> None:
    session, own = work.account(account_id), "+12125550100"
    session.add(
        Site(
            **{"site_id": SITE, "key": new_id(at), "name": "Shop", "domains": ["shop.example"], "numbers": [own]},
            **{"time_zone": ZONE, "country": "US", "currency": "USD", "consent_default": "full"},
            exclude_networks=[],
            created_at=at,
        )
    )
    session.flush()
    for k in range(busy.sources):
        session.add(
            TrackingSource(
                **{"source_id": f"s{k:02d}", "site_id": SITE, "slug": f"s{k:02d}", "name": f"Source {k + 1}"},
                **{"kind": "online", "position": k, "catch_all": False, "destination": own, "created_at": at},
            )
        )
    session.flush()
    for n in range(busy.numbers):
        session.add(
            TrackingNumber(
                **{"number": f"+1212{2_000_000 + n}", "source_id": f"s{n % busy.sources:02d}", "provider": "manual"},
                **{"status": "active", "created_at": at, "status_since": at},
                **{"monthly_price_minor": 115, "price_currency": "USD"},
            )
        )
    session.flush()
