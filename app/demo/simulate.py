"""Writes a simulated business to files: ``python -m app.demo.simulate KIND SEED OUT_DIR``.

The directory gets ``trace.ndjson.gz`` and ``truth.ndjson``, ready for a backtest.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from app.demo.simulator import KINDS, Simulated, sample, simulate


def write(simulated: Simulated, path: Path) -> None:
    """Writes trace and truth into the directory ``path``, made where missing. ``OSError`` where it cannot.

    The same history gives the same bytes.
    """
    path.mkdir(parents=True, exist_ok=True)
    with (path / "trace.ndjson.gz").open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        for line in (simulated.site, *simulated.lines):
            packed.write(json.dumps(line).encode() + b"\n")
    with (path / "truth.ndjson").open("w", encoding="utf-8") as truth:
        for call, visitor in simulated.truth.items():
            truth.write(json.dumps({"call": call, "visitor": visitor}) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when the files are written."""
    parser = argparse.ArgumentParser(prog="python -m app.demo.simulate", description="Simulate a business.")
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("seed", type=int, metavar="SEED", help="draws the business and its history")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="where the files go")
    asked = parser.parse_args(arguments)
    write(simulate(sample(asked.kind, asked.seed), asked.seed), asked.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
