"""A database of any size in which a call has three hundred candidates: made by plain SQL, in one file, in minutes.

One business with four sources. Each visitor came through all four over time, so that there are four assignments to a
visitor, and was last seen at the moment the visitor's place in the row says: evenly over a span so long that of the
holders of any number CANDIDATES were seen in the last WINDOW_DAYS, and all others before. Every fiftieth visitor
clicked on a number, every hundredth left a phone in a form, every hundredth called. Ids are shorter than live ones
(8 characters, not 32), which keeps ten million assignments at some three gigabytes.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import RingtraceError
from store.calls import Call
from store.engine import make_engine
from store.migrate import upgrade
from store.sessions import AccountSession, Database
from store.sites import Account, Site, TrackingNumber, TrackingSource

AT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
"""When the call comes."""
WINDOW_DAYS = 60
CANDIDATES = 300
ACCOUNT, CALL, NUMBER = "a", "call", "+12122000000"
"""The account, its call, and the number (E.164) that it rings."""
SOURCES = 4
HOLDERS = 2_000
"""Per number, of all times; fewer visitors than that make one number a source."""
BYTES_EACH = 700
"""Free disk asked for, per assignment: the file, and the sorting of its indexes."""

_BIG = ("visitors", "visits", "visit_events", "forms", "assignments", "calls")
_EACH = "WITH RECURSIVE each(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM each LIMIT :visitors)"
_AT = "strftime('%Y-%m-%d %H:%M:%S.000000', :begin + :span * (i + 1.0) / :visitors {0}, 'unixepoch')"
_SEEN, _BEGUN = _AT.format(""), _AT.format("- 300")
_VISITOR, _VISIT = "printf('%08x', i)", "printf('w%07x', i)"
# The top bits of a product with the golden ratio: spread evenly, whatever is counted, and independent of the time.
_PLACE = "((i * 2654435769 + {0} * 97) % 4294967296) * :numbers / 4294967296"
_NUMBER = f"printf('+1212%d%06d', {{0}} + 2, {_PLACE})"
_REGION = "CASE i % 3 WHEN 0 THEN 'US-NY' WHEN 1 THEN 'US-NJ' ELSE NULL END"
_DEVICE = "CASE i % 2 WHEN 0 THEN 'phone' ELSE 'desktop' END"
_PHONE = "printf('+1917%07d', 2000000 + i % 7000000)"

_ROWS: tuple[tuple[str, str], ...] = (
    (
        "visitors (account_id, visitor_id, site_id, source_id, visit_id, visits, device, region, first_seen_at, "
        "last_seen_at)",
        f"'a', {_VISITOR}, 'site', 's' || (i % 4), {_VISIT}, 1 + i % 3, {_DEVICE}, {_REGION}, {_BEGUN}, {_SEEN} "
        "FROM each",
    ),
    (
        "visits (account_id, visit_id, site_id, visitor_id, source_id, ordinal, started_at, local_day, landing_url, "
        "utm, click_ids, channel, rules_version, device, last_seen_at, last_path, last_viewed_at, page_views)",
        f"'a', {_VISIT}, 'site', {_VISITOR}, 's' || (i % 4), 1 + i % 3, {_BEGUN}, substr({_BEGUN}, 1, 10), "
        f"'https://shop.example/prices?gclid=x' || i, '{{}}', '{{}}', 'Paid Search', '1', {_DEVICE}, {_SEEN}, "
        f"CASE i % 4 WHEN 0 THEN '/contact' WHEN 1 THEN '/' ELSE '/prices' END, {_BEGUN}, 1 + i % 5 FROM each",
    ),
    (
        "assignments (account_id, assignment_id, visitor_id, source_id, number, started_at)",
        f"'a', printf('%08x', i * 4 + k), {_VISITOR}, 's' || k, {_NUMBER.format('k')}, {_BEGUN} FROM each, "
        "(SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)",
    ),
    (
        "visit_events (account_id, event_id, visit_id, visitor_id, type, at, number)",
        f"'a', {_VISIT}, {_VISIT}, {_VISITOR}, 'tel_click', {_SEEN}, {_NUMBER.format('i % 4')} FROM each "
        "WHERE i % 50 = 0",
    ),
    (
        "forms (account_id, form_id, site_id, visitor_id, visit_id, at, phone)",
        f"'a', {_VISIT}, 'site', {_VISITOR}, {_VISIT}, {_SEEN}, {_PHONE} FROM each WHERE i % 100 = 33",
    ),
    (
        "calls (account_id, call_id, provider, provider_call_id, site_id, source_id, number, destination, "
        "from_number, started_at, local_day, status, spam, updated_at, none_likelihood, model_visit_id, "
        "model_visitor_id, model_likelihood, matched_by, matched_visit_id, matched_visitor_id, matched_likelihood, "
        "matched_at)",
        f"'a', {_VISIT}, 'manual', {_VISIT}, 'site', 's' || (i % 4), {_NUMBER.format('i % 4')}, '+12125550100', "
        f"{_PHONE}, {_SEEN}, substr({_SEEN}, 1, 10), 'completed', 0, {_SEEN}, 0.1, {_VISIT}, {_VISITOR}, 0.9, "
        f"'model', {_VISIT}, {_VISITOR}, 0.9, {_SEEN} FROM each WHERE i % 100 = 66",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made: the file and its bytes, and how many assignments there are."""

    path: Path
    bytes: int
    assignments: int


def room_for(assignments: int, folder: Path) -> None:
    """Raises RingtraceError, in one line, where the disk has no room for such a database."""
    free, needed = shutil.disk_usage(folder).free, assignments * BYTES_EACH
    if free < needed:
        raise RingtraceError(
            f"{assignments:,} assignments need {needed / 1e9:.1f} GB of disk in {folder}, {free / 1e9:.1f} are free; "
            "set TMPDIR to a larger disk, or take --quick"
        )


def make(path: Path, assignments: int) -> Made:
    """The database as a new file. Raises RingtraceError where the disk has no room for it."""
    room_for(assignments, path.parent)
    visitors = assignments // SOURCES
    numbers = max(1, visitors // HOLDERS)
    engine = make_engine(f"sqlite:///{path}")
    try:
        upgrade(engine)
        with Database(engine).write() as work:
            _business(work.account(ACCOUNT), numbers)
    finally:
        engine.dispose()
    span = WINDOW_DAYS * 86_400 * visitors // numbers // CANDIDATES
    facts = {"visitors": visitors, "numbers": numbers, "span": span, "begin": int(AT.timestamp()) - span}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = _drop_indexes(connection)
        connection.execute("BEGIN")
        for table, rows in _ROWS:
            connection.execute(f"INSERT INTO {table} {_EACH} SELECT {rows}", facts)
        connection.execute("COMMIT")
        for index in indexes:
            connection.execute(index)
    return Made(path=path, bytes=path.stat().st_size, assignments=visitors * SOURCES)


def _drop_indexes(connection: sqlite3.Connection) -> list[str]:
    """Drops what is built faster at the end, by sorting; returns the statements that do."""
    named = connection.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    found = [(name, sql) for table, name, sql in named.fetchall() if table in _BIG]
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    return [sql for _, sql in found]


def _business(session: AccountSession, numbers: int) -> None:
    """The account with its site, sources and numbers, and the call, whose phone called once before."""
    begun, own = AT - timedelta(days=1000), "+12125550100"
    session.add(Account(account_id=ACCOUNT, name="Benchmark", created_at=begun))
    session.add(
        Site(
            **{"site_id": "site", "key": "key", "name": "Shop", "domains": ["shop.example"], "numbers": [own]},
            **{"time_zone": "America/New_York", "country": "US", "currency": "USD", "consent_default": "full"},
            exclude_networks=[],
            created_at=begun,
        )
    )
    session.flush()
    for k in range(SOURCES):
        session.add(
            TrackingSource(
                **{"source_id": f"s{k}", "site_id": "site", "slug": f"s{k}", "name": f"s{k}", "kind": "online"},
                **{"position": k, "catch_all": False, "destination": own, "created_at": begun},
            )
        )
        session.flush()
        for n in range(numbers):
            session.add(
                TrackingNumber(
                    **{"number": f"+1212{k + 2}{n:06d}", "source_id": f"s{k}", "provider": "manual"},
                    **{"status": "active", "created_at": begun, "status_since": begun},
                )
            )
    session.flush()
    session.add(
        Call(
            **{"call_id": CALL, "provider": "manual", "provider_call_id": CALL, "site_id": "site", "source_id": "s0"},
            **{"number": NUMBER, "destination": own, "from_number": "+19172000066", "status": "ringing"},
            **{"started_at": AT, "local_day": AT.date(), "updated_at": AT},
        )
    )
