"""A process that scores and does nothing else: started as the server is, it answers one call and says what it took.

Run by the benchmark as ``python -m app.bench.scorer ACCOUNT CALL DAYS`` with the settings of its installation; prints
one JSON object. Only Linux tells the memory a process holds now; elsewhere it is the most it ever held.
"""

import json
import resource
import sys
from pathlib import Path

import wsgi
from app.engine_room import KEY, EngineRoom
from matching.match import match_call
from matching.rules.model import prior
from store.calls import Call


def main() -> None:
    """Answers the call and prints memory in MB, the model's version, and whether scikit-learn was loaded."""
    account, call_id, days = sys.argv[1:]
    room: EngineRoom = wsgi.app.extensions[KEY]
    with room.database.write() as work:
        session = work.account(account)
        call = session.get_one(Call, (account, call_id))
        match_call(session, call, at=call.started_at, model=prior(), days=int(days))
        version = call.model_version
    told = {"memory_mb": _memory(), "sklearn": "sklearn" in sys.modules, "model_version": version}
    sys.stdout.write(json.dumps(told) + "\n")


def _memory() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmRSS:"))
        return int(held.split()[1]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


if __name__ == "__main__":
    main()
