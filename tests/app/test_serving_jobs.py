"""What a serving process loads and starts, and what commands leave alone."""

import subprocess
import sys
from pathlib import Path

from tests.support.serving import ServeProcess, environ

ROOT = Path(__file__).resolve().parents[2]
SCORES = """
import sys, threading
from werkzeug.serving import make_server
import wsgi
from sqlalchemy import select
from store.calls import Call
from store.models import ModelVersion
from matching.models import keep, use
from tests.support.models import fitted
from tests.support.office import Office
from datetime import UTC, datetime

server = make_server("127.0.0.1", 0, wsgi.app, threaded=True)
room = wsgi.app.extensions["ringtrace"]
threading.Thread(target=server.serve_forever, daemon=True).start()
office = Office.open(f"http://127.0.0.1:{server.server_port}", sys.argv[1])
with room.database.write() as work:
    session = work.account(office.account_id)
    row = keep(session, fitted("learnt"), at=datetime.now(UTC), by="nightly")
    use(session, row.model_id, at=datetime.now(UTC), user_id=None, reason=None)
site = office.site()
[number] = office.source(site)["pool"]
assert office.swap(site).status_code == 200
object.__setattr__(room.settings, "public_base_url", office.url)
_, answer = office.ring(number)
assert answer.status_code == 200, answer.text
with room.database.read() as work:
    [call] = work.account(office.account_id).scalars(select(Call)).all()
jobs = sorted(t.name for t in threading.enumerate() if t.name == "APScheduler")
print(call.model_version, len(jobs), "numpy" in sys.modules, "sklearn" in sys.modules, "scipy" in sys.modules)
"""
COMMANDS = """
import sys
from click.testing import CliRunner
from app.cli import main
done = CliRunner().invoke(main, ["db", "upgrade"])
assert done.exit_code == 0, done.output
print("apscheduler" in sys.modules)
"""


def _python(script: str, database_url: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ(database_url)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_server_scores_with_what_was_learnt_without_the_learning_library(sqlite_url: str) -> None:
    assert _python(SCORES, sqlite_url, sqlite_url) == ["learnt", "1", "True", "False", "False"]


def test_commands_start_no_jobs(sqlite_url: str) -> None:
    assert _python(COMMANDS, sqlite_url) == ["False"]


def test_a_server_with_jobs_stops_like_any_other(sqlite_url: str) -> None:
    server = ServeProcess(sqlite_url).wait()
    server.stop()
    # `stop` waits ten seconds and then kills; a server that was killed says so.
    assert server.process.returncode is not None
    assert server.process.returncode >= 0
