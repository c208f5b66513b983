"""How fast the accuracy report opens: 90 days of a site with 20,000 daily visitors and 1,000 numbers.

The page and the JSON are asked for through the application, warm, days counted as the job leaves them: the closed ones
kept, the last ones counted while the reader waits. The floor is the bare driver that reads the same rows: kept days,
the visits and assignments of the days that are still open, and the calls. Wall-clock times, medians of rounds in turn.

Not measured: PostgreSQL, a server's own overhead, a browser.
"""

import json
import re
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app.bench.busy_site import AT, EMAIL, PASSWORD, SITE, ZONE, Busy, MadeSite, make_site
from app.bench.table import table
from app.bench.turns import cpu
from app.database import upgrade_database
from app.engine_room import KEY, EngineRoom
from app.factory import create_app
from app.settings import PREFIX, Settings
from core.errors import RingtraceError
from core.time import day_start, local_day
from reports.counts import CLOSES_AFTER, count_day, days_to_count
from store.sessions import Database
from store.sites import Site

ABOUT = "how fast the accuracy report opens over 90 days of a site with 20,000 daily visitors and 1,000 numbers"
FULL = Busy()
QUICK = Busy(days=40, visitors=200, sources=3, numbers=10)
ROUNDS, QUICK_ROUNDS = 7, 1
BELOW_MS = 1000.0

Say = Callable[[str], None]


def measure(quick: bool, say: Say) -> dict[str, Any]:
    """Runs it; the values are plain JSON. Raises RingtraceError where a part of it fails."""
    busy, rounds = (QUICK, QUICK_ROUNDS) if quick else (FULL, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        path = Path(folder) / "bench.db"
        settings = Settings.from_env(
            {
                f"{PREFIX}INSTANCE_DIR": folder,
                f"{PREFIX}DATABASE_URL": f"sqlite:///{path}",
                f"{PREFIX}SECRET_KEY": secrets.token_urlsafe(32),
                f"{PREFIX}LOG_LEVEL": "WARNING",
            }
        )
        upgrade_database(settings)
        app = create_app(settings, now=lambda: AT)
        room: EngineRoom = app.extensions[KEY]
        try:
            say(f"making {busy.visits:,} visits")
            made = make_site(room.database, room.secrets, path, busy)
            client = app.test_client()
            _sign_in(client)
            result: dict[str, Any] = {"rounds": rounds, "visits": busy.visits, "numbers": busy.numbers}
            say("opening the report before any day was counted")
            result["uncounted_ms"] = _milliseconds(lambda: _page(client, busy))
            say("counting closed days")
            result["days"], result["count_day_ms"] = _count(room.database, made)
            say("opening the report")
            result |= _in_turn(
                {
                    "page_ms": lambda: _page(client, busy),
                    "json_ms": lambda: _json(client, busy, made),
                    "floor_ms": lambda: _bare(path, made, busy),
                },
                rounds,
            )
            result["page_cpu_ms"], result["json_cpu_ms"] = (
                cpu(lambda: _page(client, busy)),
                cpu(lambda: _json(client, busy, made)),
            )
            result["page_bytes"] = len(_page(client, busy))
        finally:
            room.database.engine.dispose()
    result["page_ratio"] = result["page_ms"] / result["floor_ms"]
    result["json_ratio"] = result["json_ms"] / result["floor_ms"]
    return {**result, "targets": _targets(result)}


def shown(result: dict[str, Any]) -> str:
    """The result for people."""
    costs = table(
        ("what", "ms", "floor ms", "ratio"),
        [
            ("the page", result["page_ms"], result["floor_ms"], result["page_ratio"]),
            ("the JSON", result["json_ms"], result["floor_ms"], result["json_ratio"]),
            ("the page before any day was counted", result["uncounted_ms"], None, None),
            ("counting one closed day", result["count_day_ms"], None, None),
        ],
    )
    targets = table(
        ("target", "limit", "measured", "met"),
        [(one["name"], one["limit"], one["measured"], "yes" if one["met"] else "no") for one in result["targets"]],
    )
    words = (
        f"{result['visits']:,} visits, {result['numbers']:,} numbers, {result['days']} days counted; "
        f"a page of {result['page_bytes'] / 1024:,.0f} KB; wall-clock medians of {result['rounds']}; of processor time "
        f"the page takes {result['page_cpu_ms']:,.0f} ms, the JSON {result['json_cpu_ms']:,.0f} ms"
    )
    return "\n\n".join((words, costs, targets))


def _targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": f"{name} in ms", "limit": f"< {BELOW_MS:g}", "measured": result[key], "met": result[key] < BELOW_MS}
        for name, key in (("the page, warm,", "page_ms"), ("the JSON, warm,", "json_ms"))
    ]


def _sign_in(client: FlaskClient) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    if token is None:
        raise RingtraceError("the sign-in page holds no form")
    answer = client.post("/sign-in", data={"csrf_token": token[1], "email": EMAIL, "password": PASSWORD})
    if answer.status_code != 302:
        raise RingtraceError(f"signing in failed with status {answer.status_code}")


def _since(busy: Busy) -> str:
    return (local_day(AT, ZONE) - timedelta(days=busy.days)).isoformat()


def _page(client: FlaskClient, busy: Busy) -> bytes:
    return _got(client, f"/accuracy?from={_since(busy)}")


def _json(client: FlaskClient, busy: Busy, made: MadeSite) -> bytes:
    headers = {"Authorization": f"Bearer {made.api_token}"}
    return _got(client, f"/api/v1/reports/accuracy?from={_since(busy)}", headers)


def _got(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> bytes:
    answer = client.get(path, headers=headers)
    if answer.status_code != 200:
        raise RingtraceError(f"{path} was answered with status {answer.status_code}")
    data: bytes = answer.data
    return data


def _count(database: Database, made: MadeSite) -> tuple[int, float]:
    """Counts all closed days as the job does; how many there were, and the median of one in milliseconds."""
    with database.read() as work:
        session = work.account(made.account_id)
        days = days_to_count(session, session.get_one(Site, (made.account_id, SITE)), AT, 10_000)
    spent = []
    for day in days:
        begun = time.perf_counter()
        with database.write() as work:
            session = work.account(made.account_id)
            count_day(session, session.get_one(Site, (made.account_id, SITE)), day, AT)
        spent.append(1000.0 * (time.perf_counter() - begun))
    return len(days), statistics.median(spent)


def _bare(path: Path, made: MadeSite, busy: Busy) -> None:
    """Reads the rows of the report by the driver alone."""
    first, closed = _since(busy), local_day(AT - CLOSES_AFTER, ZONE)
    start, opened = (f"{day_start(day, ZONE):%Y-%m-%d %H:%M:%S.%f}" for day in (local_day(AT, ZONE), closed))
    begun = f"{day_start(local_day(AT, ZONE) - timedelta(days=busy.days), ZONE):%Y-%m-%d %H:%M:%S.%f}"
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute(
            "SELECT counts FROM counted_days WHERE account_id = ? AND site_id = ? AND day >= ?",
            (made.account_id, SITE, first),
        )
        for (counts,) in kept.fetchall():
            json.loads(counts)
        connection.execute(
            "SELECT source_id, visitor_id, started_at FROM visits WHERE account_id = ? AND site_id = ? "
            "AND local_day >= ? AND started_at < ?",
            (made.account_id, SITE, closed.isoformat(), start),
        ).fetchall()
        connection.execute(
            "SELECT source_id, number, started_at FROM assignments WHERE account_id = ? AND number IN "
            "(SELECT number FROM tracking_numbers WHERE account_id = ?) AND started_at >= ? AND started_at < ?",
            (made.account_id, made.account_id, opened, start),
        ).fetchall()
        connection.execute(
            "SELECT source_id, number, model_likelihood, none_likelihood, matched_by, started_at FROM calls "
            "WHERE account_id = ? AND site_id = ? AND started_at >= ? AND started_at < ?",
            (made.account_id, SITE, begun, start),
        ).fetchall()


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - begun)


def _in_turn(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians in milliseconds of wall-clock time, by name; one round that does not count warms up."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            spent[name].append(_milliseconds(work))
    return {name: statistics.median(values[1:]) for name, values in spent.items()}
