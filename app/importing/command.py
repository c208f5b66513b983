"""`ringtrace import` as people meet it: a bar on stderr, and bad lines told."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from app import clock
from app.database import closing_database
from app.importing.outcome import Imported
from app.importing.run import import_trace
from app.settings import Settings


def run(settings: Settings, trace: Path, account_id: str, *, skip_bad_lines: bool, training: bool) -> Imported:
    """Imports a trace. Raises RingtraceError for everything that is expected to fail."""
    with closing_database(settings.database_url) as database, _Bar() as bar:
        imported = import_trace(
            database,
            account_id,
            trace,
            now=clock.now,
            days=settings.candidate_days,
            skip_bad_lines=skip_bad_lines,
            training=training,
            begin=bar.begin,
            step=bar.step,
        )
    if imported.bad_lines:
        were = "line was" if imported.bad_lines == 1 else "lines were"
        click.echo(f"{imported.bad_lines} bad {were} passed over: {imported.complaints[0]}", err=True)
    return imported


class _Bar:
    """A bar over the lines to be played, where somebody watches."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def begin(self, lines: int) -> None:
        """So many lines are to come."""
        self._bar = self._open.enter_context(
            click.progressbar(length=lines, label="lines", file=sys.stderr, hidden=not sys.stderr.isatty())
        )

    def step(self, lines: int) -> None:
        """So many more are done."""
        self._bar.update(lines)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()
