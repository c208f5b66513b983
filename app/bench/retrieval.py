"""One call among ten million assignments: finding who may have made it, weighing and wording it, and the memory held.

The floor of the finding is the bare query by index for the same holders with their latest visits, by the driver alone
(number and time lead to assignments, these to visitors, these to visits); it knows no clicks, forms, other calls or
earlier calls of the phone, which ours asks for besides. The floor of the weighing is a bare dot product of as many
rows.
"""

import json
import os
import secrets
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from app.bench.holders import ACCOUNT, AT, CALL, NUMBER, WINDOW_DAYS, Made
from app.bench.turns import in_turn
from app.settings import PREFIX
from core.errors import RingtraceError
from matching.gather import gather
from matching.incoming import of_call
from matching.rules.model import prior
from matching.rules.rank import rank
from matching.score import EVIDENCE_FOR
from store.calls import Call
from store.engine import make_engine
from store.sessions import Database

_BARE = """
SELECT v.visitor_id, v.region, v.last_seen_at, w.visit_id, w.source_id, w.last_seen_at, w.page_views, w.device
FROM assignments a
JOIN visitors v ON v.account_id = a.account_id AND v.visitor_id = a.visitor_id
JOIN visits w ON w.account_id = v.account_id AND w.visitor_id = v.visitor_id
WHERE a.account_id = ? AND a.number = ? AND a.started_at <= ? AND v.last_seen_at >= ? AND w.started_at <= ?
"""
_SCORER_SECONDS = 120


def retrieval(made: Made, rounds: int) -> dict[str, Any]:
    """Milliseconds of processor time to gather a call's scene, and to rank it with evidence; their floors."""
    engine = make_engine(f"sqlite:///{made.path}")
    at, since = (f"{moment:%Y-%m-%d %H:%M:%S.%f}" for moment in (AT, AT - timedelta(days=WINDOW_DAYS)))
    try:
        with closing(sqlite3.connect(made.path)) as bare, Database(engine).read() as work:
            session = work.account(ACCOUNT)
            call = session.get_one(Call, (ACCOUNT, CALL))
            scene = gather(session, of_call(call), at=AT, days=WINDOW_DAYS)
            model, weights = prior(), np.asarray(prior().weights)
            features = model.featurize(scene.candidates)
            spent = in_turn(
                {
                    "bare_ms": lambda: bare.execute(_BARE, (ACCOUNT, NUMBER, at, since, at)).fetchall(),
                    "gather_ms": lambda: gather(session, of_call(call), at=AT, days=WINDOW_DAYS),
                    "dot_ms": lambda: features @ weights,
                    "rank_ms": lambda: rank(
                        model, scene.call, scene.candidates, scene.history, evidence_for=EVIDENCE_FOR
                    ),
                },
                rounds,
            )
            rows = len(bare.execute(_BARE, (ACCOUNT, NUMBER, at, since, at)).fetchall())
    finally:
        engine.dispose()
    if rows != len(scene.candidates):
        raise RingtraceError(f"the bare query finds {rows} holders, ours {len(scene.candidates)}")
    return {
        "assignments": made.assignments,
        "bytes": made.bytes,
        "candidates": len(scene.candidates),
        **spent,
        "gather_ratio": spent["gather_ms"] / spent["bare_ms"],
        "rank_ratio": spent["rank_ms"] / max(spent["dot_ms"], 1e-6),
    }


def memory(made: Made, folder: Path) -> dict[str, Any]:
    """What a process holds that scored one call of this database. Raises RingtraceError where it fails."""
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith(PREFIX)},
        f"{PREFIX}INSTANCE_DIR": str(folder),
        f"{PREFIX}DATABASE_URL": f"sqlite:///{made.path}",
        f"{PREFIX}SECRET_KEY": secrets.token_urlsafe(32),
    }
    done = subprocess.run(  # noqa: S603 - our own module, no shell, no word of it from outside
        [sys.executable, "-m", "app.bench.scorer", ACCOUNT, CALL, str(WINDOW_DAYS)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=_SCORER_SECONDS,
    )
    if done.returncode != 0:
        raise RingtraceError(f"the scoring process failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
