"""One import: a trace into an account, in short transactions, each with the note of how far it came.

Whoever kills it loses nothing: the next run with the same file goes on after the last transaction, and comes to the
same rows as one that was never disturbed. A file that was imported whole changes nothing, one that has grown since
brings what is new.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from app.importing.outcome import Imported
from app.importing.place import make_site, site_of
from app.importing.play import play
from app.importing.survey import Survey, chunks, survey
from app.train import train
from core.errors import Conflict, NotFound, RingtraceError
from core.ids import new_id
from core.text import clean
from reports.backtest.lines import Line
from reports.backtest.trace import Trace
from store.calls import Call
from store.imports import Import
from store.sessions import AccountSession, Database
from store.sites import Account, Site

CHUNK = 500
"""Lines of one transaction: about half a second, for so long whoever else writes may have to wait on SQLite."""


class ImportFailed(RingtraceError):
    """The file cannot be read; the message says which and why."""

    code = "import"


def import_trace(
    database: Database,
    account_id: str,
    path: Path,
    *,
    now: Callable[[], datetime],
    days: int,
    skip_bad_lines: bool = False,
    training: bool = True,
    begin: Callable[[int], None] = lambda lines: None,
    step: Callable[[int], None] = lambda lines: None,
) -> Imported:
    """Imports the trace at `path` into the account, or what is missing of it; then fits the model.

    `now` tells the time, `days` how long before a call its candidates may have been seen. `begin` hears how many lines
    are to be played, `step` how many were since it was last called. Raises NotFound for an account that is not there,
    TraceError for a bad line (nothing is written then), InvalidInput and Conflict for a first line that cannot be set
    up or a history that does not fit, ImportFailed for a file that cannot be read.
    """
    try:
        surveyed = _survey(database, account_id, path, skip_bad_lines)
        import_id, site_id, made = _begin(database, account_id, path.name, surveyed, now())
        done = surveyed.taken_up.lines if surveyed.taken_up else 0
        begin(surveyed.lines - done)
        trace = Trace(path, skip_bad_lines=skip_bad_lines)
        for lines, digest in chunks(trace, done, CHUNK):
            _chunk(database, account_id, import_id, trace, lines, digest, done=done, days=days)
            done += len(lines)
            step(len(lines))
    except OSError as error:
        raise ImportFailed(f"{error.filename or path}: {error.strerror or error}") from None
    with database.read() as work:
        row = work.account(account_id).get_one(Import, (account_id, import_id))
    trained = None
    if row.ended_at is None:
        if training:
            moment = _as_of(database, account_id, row, now())
            trained = train(database, account_id, at=moment, days=days, by="command")
        with database.write() as work:
            work.account(account_id).get_one(Import, (account_id, import_id)).ended_at = now()
    return Imported(
        account_id=account_id,
        site_id=site_id,
        domain=surveyed.site.domain,
        made=made,
        lines=surveyed.lines,
        new_lines=surveyed.lines - (surveyed.taken_up.lines if surveyed.taken_up else 0),
        bad_lines=surveyed.bad_lines,
        complaints=surveyed.complaints,
        counts=row.counts,
        trained=trained,
    )


def _survey(database: Database, account_id: str, path: Path, skip_bad_lines: bool) -> Survey:
    trace = Trace(path, skip_bad_lines=skip_bad_lines)
    with database.read() as work:
        session = work.account(account_id)
        if session.get(Account, account_id) is None:
            raise NotFound(f"there is no account {account_id}")
        site = site_of(session, trace.site.domain)
        earlier = session.scalars(select(Import).where(Import.site_id == site.site_id)).all() if site else []
    return survey(trace, earlier)


def _begin(database: Database, account_id: str, name: str, surveyed: Survey, at: datetime) -> tuple[str, str, bool]:
    """The import's id, its site's, and whether the site was made now."""
    if surveyed.taken_up is not None:
        return surveyed.taken_up.import_id, surveyed.taken_up.site_id, False
    with database.write() as work:
        session = work.account(account_id)
        # Looked for again, now that nobody else writes: another run may have made it meanwhile.
        site = site_of(session, surveyed.site.domain)
        made = site is None
        if site is None:
            site = make_site(work, session, surveyed.site)
        row = Import(
            import_id=new_id(at),
            site_id=site.site_id,
            name=clean(name, 200) or "a trace",
            lines=0,
            digest=surveyed.beginning,
            counts={},
            started_at=at,
        )
        session.add(row)
        return row.import_id, site.site_id, made


def _chunk(
    database: Database,
    account_id: str,
    import_id: str,
    trace: Trace,
    lines: Sequence[Line],
    digest: bytes,
    *,
    done: int,
    days: int,
) -> None:
    """Some lines and the note that they are done, both or neither."""
    with database.write() as work:
        session = work.account(account_id)
        row = _locked(session, import_id)
        if row.lines != done:
            raise Conflict("another run imports this file at the same time; wait for it, or run this again after it")
        site = session.get_one(Site, (account_id, row.site_id))
        counts = Counter(row.counts)
        play(session, site, trace.site, lines, days=days, counts=counts, first=done)
        row.lines, row.digest, row.counts = done + len(lines), digest, dict(counts)
        row.first_at, row.last_at, row.ended_at = row.first_at or lines[0].at, lines[-1].at, None


def _locked(session: AccountSession, import_id: str) -> Import:
    return session.get_one(Import, (session.account_id, import_id), with_for_update=True)


def _as_of(database: Database, account_id: str, row: Import, now: datetime) -> datetime:
    """The moment as of which the model is fitted: the end of what the account knows.

    Older calls count less (a half-life), so a history of last year, learnt from as of today, would count for nothing.
    """
    with database.read() as work:
        last_call = work.account(account_id).scalar(select(func.max(Call.started_at)))
    known = [moment for moment in (row.last_at, last_call) if moment is not None]
    return min(max(known, default=now), now)
