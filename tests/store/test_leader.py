"""One leader among all that use a database, in one process and in many."""

import signal
import subprocess
import sys
from pathlib import Path

from store.engine import make_engine
from store.leader import leadership
from tests.support.serving import wait_until

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys
from store.engine import make_engine
from store.leader import leadership
lead = leadership(make_engine(sys.argv[1]))
print(lead.hold(), flush=True)
sys.stdin.read()
"""


def test_one_leads_until_it_lets_go(database_url: str) -> None:
    engines = [make_engine(database_url) for _ in range(3)]
    one, two, three = (leadership(engine) for engine in engines)
    assert one.hold()
    assert one.hold(), "holding twice is holding"
    assert not two.hold()
    assert not three.hold()
    one.release()
    assert three.hold()
    assert not one.hold()
    assert not two.hold()
    two.release()
    assert not one.hold(), "letting go of nothing changes nothing"
    three.release()
    assert two.hold()
    two.release()
    for engine in engines:
        engine.dispose()


def test_a_killed_leader_leads_no_more(database_url: str) -> None:
    engine = make_engine(database_url)
    mine = leadership(engine)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, database_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not mine.hold()
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        wait_until(mine.hold, 10, "the lock outlived its process")
        wait_until(mine.hold, 10, "the lock outlived its process")
    finally:
        other.kill()
        other.communicate()
        mine.release()
        engine.dispose()


def test_a_leader_whose_connection_is_cut_notices(postgres_url: str) -> None:
    first, second = make_engine(postgres_url), make_engine(postgres_url)
    one, two = leadership(first), leadership(second)
    assert one.hold()
    with second.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    assert not one.hold()
    assert two.hold()
    assert not one.hold()
    two.release()
    assert one.hold()
    one.release()
    first.dispose()
    second.dispose()


def test_two_databases_have_two_leaders(sqlite_url: str, postgres_url: str) -> None:
    engines = [make_engine(url) for url in (sqlite_url, postgres_url)]
    leads = [leadership(engine) for engine in engines]
    assert [lead.hold() for lead in leads] == [True, True]
    for lead, engine in zip(leads, engines, strict=True):
        lead.release()
        engine.dispose()
