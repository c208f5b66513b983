"""What a play leaves behind: `assignments.ndjson` and `matches.ndjson`, written as it goes, whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from core.time import format_time
from matching.rules.rank import Ranking
from reports.backtest.facts import Answer, Assigned
from reports.backtest.outcome import Judged, judge

ASSIGNMENTS, MATCHES, SUMMARY, REPORT = "assignments.ndjson", "matches.ndjson", "summary.json", "report.html"
_quoted = json.encoder.encode_basestring_ascii
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Record:
    """Hears a play and writes it into a folder, which is made where it is missing.

    The files take their names when the `with` block ends well; until then, and after a failure, earlier ones stay.
    Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.answers: list[Answer] = []
        self.assignments = 0
        self._folder = folder
        self._parts = [_part(folder / name) for name in (ASSIGNMENTS, MATCHES)]
        self._assignments, self._matches = (part.open("w", encoding="utf-8", newline="\n") for part in self._parts)

    def assigned(self, told: Assigned) -> None:
        """One line of assignments."""
        self.assignments += 1
        # By hand: one line per new visitor. Times, numbers and presets need no escaping.
        self._assignments.write(
            f'{{"at":"{format_time(told.at)}","visitor":{_quoted(told.visitor)},'
            f'"number":"{told.number}","pool":"{told.pool}"}}\n'
        )

    def answered(self, told: Answer, ranking: Ranking) -> None:
        """One line of matches."""
        self.answers.append(told)
        candidates = [{"visitor": c.visitor, "likelihood": c.likelihood} for c in ranking.candidates]
        line = {"call": told.call, "number": told.number, "candidates": candidates, "none": told.none}
        self._matches.write(_dumps(line) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._assignments.close()
        self._matches.close()
        for part, name in zip(self._parts, (ASSIGNMENTS, MATCHES), strict=True):
            if error is None:
                part.replace(self._folder / name)
            else:
                part.unlink(missing_ok=True)

    def judged(self, truth: Mapping[str, str | None]) -> Iterator[tuple[Judged, Judged]]:
        """The calls whose caller is known, as the model and as the naive rule answered, from what was written.

        Only after the `with` block. Reading again keeps a year's candidates out of memory.
        """
        with (self._folder / MATCHES).open(encoding="utf-8") as lines:
            for answer, line in zip(self.answers, lines, strict=True):
                if answer.number is None or answer.call not in truth:
                    continue
                caller = truth[answer.call]
                candidates = [(c["visitor"], c["likelihood"]) for c in json.loads(line)["candidates"]]
                yield judge(answer, caller, candidates), judge(answer, caller, (), naive=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all. What has no UTF-8 form (a lone half of a character) becomes `?`."""
    part = _part(path)
    try:
        part.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
