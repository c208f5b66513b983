"""`python -m tests.fuzz`: inputs over all routes, repeatable. Prints what was found; status 1 where something was.

Inputs go in rounds, each on a fresh database (SQLite) or in fresh accounts (`--database`), so a failure that needs
what came before it in its round is had again with the same `--seed`, `--inputs` and `--round`.
"""

import argparse
import multiprocessing
import sys
import time

from store.engine import make_engine
from store.migrate import upgrade
from tests.fuzz.rounds import Task, play
from tests.fuzz.run import Outcome

ROUND = 10_000


def main() -> int:
    """Reads the command line, runs, tells."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzed inputs over all routes.")
    parser.add_argument("--inputs", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", default="1", help="another seed, other inputs (1)")
    parser.add_argument("--processes", type=int, default=1, help="at once (1)")
    parser.add_argument("--round", type=int, default=ROUND, help=f"inputs on one database ({ROUND})")
    parser.add_argument("--database", help="a PostgreSQL URL, instead of fresh SQLite files")
    parser.add_argument("--only", type=int, help="just the input of this number")
    given = parser.parse_args()
    if given.database:
        engine = make_engine(given.database)
        upgrade(engine)
        engine.dispose()
    if given.only is not None:
        tasks: list[Task] = [(given.database, given.seed, given.only, given.only + 1)]
    else:
        ends = range(0, given.inputs, given.round)
        tasks = [(given.database, given.seed, n, min(n + given.round, given.inputs)) for n in ends]
    begin, whole = time.monotonic(), Outcome()
    with multiprocessing.get_context("spawn").Pool(given.processes, maxtasksperchild=1) as pool:
        for outcome in pool.imap_unordered(play, tasks):
            whole.add(outcome)
            print("\n".join(outcome.failures), end="\n" if outcome.failures else "", flush=True)
            print(f"{whole.inputs} inputs, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    unreached = sorted(rule for rule in whole.rules if not whole.worked[rule])
    print(f"inputs {whole.inputs}, seed {given.seed}, failures {len(whole.failures)}")
    print("statuses " + ", ".join(f"{status}: {count}" for status, count in sorted(whole.statuses.items())))
    print(f"routes {len(whole.rules)}, never answered below 400: {', '.join(unreached) or 'none'}")
    print(f"slowest {whole.slowest[0] * 1000:.0f} ms: input {whole.slowest[1]}")
    return 1 if whole.failures else 0


if __name__ == "__main__":
    sys.exit(main())
