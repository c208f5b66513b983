"""`ringtrace import`: a recorded history in the database, once, whole, and as if it had come by itself."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, inspect, select

from app.accounts.numbers import add_number
from app.accounts.sites import create_site
from app.cli import main
from app.demo.simulator import sample, simulate
from app.importing import run as importing
from app.importing.calls import provider_call_id
from app.importing.outcome import Imported
from app.importing.play import key_of
from app.importing.run import import_trace
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.time import format_time, parse_time
from matching.models import in_use, keep, use, versions
from matching.rules.model import prior
from numberpool.sources import create_source
from reports.accuracy import accuracy_report
from reports.backtest.trace import TraceError
from reports.counts import count_day, days_to_count
from reports.period import period_asked_for
from store.base import Tenant
from store.calls import Call, CallAnswer, CallCandidate, MatchDecision
from store.counts import CountedDay
from store.engine import make_engine
from store.imports import Import, ImportedVisitor
from store.sessions import AccountSession, Database
from store.sites import Account, Site, TrackingNumber, TrackingSource
from store.tables import Base
from store.visits import Assignment, Form, Visit, VisitEvent, Visitor
from tests.reports.backtest.traces import ADS, MAIL, START, call, event, override, site, told, view, write
from tests.support.models import Fitted, fitted
from tests.support.serving import wait_until

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANNA, BEN = "+12125556001", "+13105556002"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HOUR, DAY = 3600, 86_400
LINES: list[dict[str, Any]] = [
    site(),
    view(0, "anna", ADS + "a1"),
    event("heartbeat", 30, "anna"),
    view(40, "anna", "https://shop.example/prices?x=1", referrer="https://shop.example/"),
    view(50, "ben", MAIL, ip_region="US-CA"),
    view(55, "robot", ADS + "r", user_agent=ROBOT),
    view(56, "stray", "https://another.example/"),
    event("heartbeat", 57, "stray"),
    event("tel_click", 60, "anna"),
    call(65, "c1", {"visitor": "anna"}, **{"from": ANNA, "duration_s": 90.4}),
    view(70, "carl", ADS + "c1"),
    event("heartbeat", 80, "ben"),
    call(90, "c2", {"visitor": "ben"}, **{"from": None}),
    *(view(100 + i, f"crowd{i}", ADS + f"x{i}") for i in range(6)),
    call(200, "c3", {"pool": "google_ads", "slot": "random", "key": "k"}, **{"from": BEN}),
    call(210, "c4", {"number": "+12125550999"}, **{"from": ANNA}),
    event("form", 300, "crowd0", phone=BEN, email="ben@example.net"),
    override(400, "c3", "crowd0"),
    override(410, "c4", None),
    override(420, "c2", None),
    override(430, "c1", "never"),
    view(2 * HOUR, "anna", "https://shop.example/"),
    call(2 * HOUR + 20, "c5", {"visitor": "anna"}, **{"from": ANNA}),
    view(2 * DAY, "anna", MAIL),
    view(2 * DAY + 10, "ben", "https://shop.example/contact", ip_region=None),
    event("form", 2 * DAY + 20, "ben", phone=None, email=None),
    call(2 * DAY + 60, "c6", {"visitor": "ben"}, **{"from": BEN}),
    override(2 * DAY + 90, "c6", "ben"),
]
CALLS = ("c1", "c2", "c3", "c5", "c6")
NAMES = ("anna", "ben", "carl", *(f"crowd{i}" for i in range(6)))


def account(database: Database, at: datetime = START) -> str:
    account_id = new_id(at)
    with database.write() as work:
        work.account(account_id).add(Account(name="Acme", created_at=at))
    return account_id


def load(database: Database, account_id: str, path: Path, **more: Any) -> Imported:
    return import_trace(database, account_id, path, now=lambda: NOW, **{"days": 60, "training": False, **more})


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "trace.ndjson", LINES)


def rows(database: Database, account_id: str) -> dict[str, list[Any]]:
    """Everything an account holds, table by table, ids replaced by what they stand for, in no order."""
    with database.read() as work:
        session = work.account(account_id)
        names = _names(session)
        found = {}
        for mapper in sorted(Base.registry.mappers, key=lambda m: m.class_.__name__):
            if issubclass(mapper.class_, Tenant):
                columns = [c.key for c in inspect(mapper.class_).column_attrs if c.key not in _RANDOM]
                table = session.scalars(select(mapper.class_)).all()
                texts = (str([(c, getattr(row, c)) for c in columns]) for row in table)
                # Also those inside JSON.
                found[mapper.class_.__name__] = sorted(_ID.sub(lambda m: names.get(m[0], m[0]), text) for text in texts)
    return found


_ID = re.compile("[0-9a-f]{32}")
_RANDOM = {
    "account_id",
    "change_id",
    "event_id",
    "decision_id",
    "assignment_id",
    "form_id",
    "import_id",
    "entry_id",
    "key",
}


def _names(session: AccountSession) -> dict[str, str]:
    names = {row.site_id: row.name for row in session.scalars(select(Site))}
    names |= {row.source_id: row.slug for row in session.scalars(select(TrackingSource))}
    visitors = {key_of(name): name for name in NAMES}
    for row in session.scalars(select(ImportedVisitor)):
        names[row.visitor_id] = visitors[row.key]
    for visit in session.scalars(select(Visit)):
        names[visit.visit_id] = f"{names[visit.visitor_id]} {visit.ordinal}"
    for found in session.scalars(select(Call)):
        names[found.call_id] = names[found.provider_call_id.removeprefix("import-")] = (
            f"call {found.started_at} {found.number}"
        )
    return names


def test_a_history_is_there_as_if_it_had_come_by_itself(database: Database, trace: Path):
    account_id = account(database)
    done = load(database, account_id, trace)
    assert (done.made, done.lines, done.new_lines, done.bad_lines) == (True, len(LINES) - 1, len(LINES) - 1, 0)
    assert dict(done.counts) == {
        "page_views": 13,
        "visits": 12,
        "visitors": 9,
        "heartbeats": 2,
        "tel_clicks": 1,
        "forms": 2,
        "calls": 5,
        "overrides": 3,
        "later_answers": done.counts["later_answers"],
        "calls_elsewhere": 1,
        "bot_page_views": 1,
        "foreign_pages": 1,
        "unknown_visitors": 2,
        "unknown_calls": 1,
    }
    with database.read() as work:
        session = work.account(account_id)
        _check_place(session, done.site_id)
        _check_visits(session)
        _check_calls(session, done.site_id)


def _check_place(session: AccountSession, site_id: str) -> None:
    made = session.get_one(Site, (session.account_id, site_id))
    assert (made.domains, made.numbers) == (["shop.example"], ["+12125550100"])
    assert (made.time_zone, made.country, made.created_at) == ("America/New_York", "US", START)
    sources = {s.slug: s for s in session.scalars(select(TrackingSource))}
    assert {(s.slug, s.name, s.destination) for s in sources.values()} == {
        ("google_ads", "Google Ads", "+12125550100"),
        ("email", "Email", "+12125550100"),
    }
    numbers = session.scalars(select(TrackingNumber).order_by(TrackingNumber.number)).all()
    assert [n.number[-3:] for n in numbers] == ["101", "102", "103", "111", "112"]
    assert {(n.provider, n.status) for n in numbers} == {("manual", "active")}


def _check_visits(session: AccountSession) -> None:
    names = _names(session)
    visits = {names[v.visit_id]: v for v in session.scalars(select(Visit))}
    first = visits["anna 1"]
    assert (first.landing_url, first.touch_source, first.channel) == (ADS + "a1", "google", "Paid Search")
    assert (first.page_views, first.last_path, first.device) == (2, "/prices", "desktop")
    assert first.last_seen_at == START + timedelta(seconds=60)
    assert names[visits["anna 2"].source_id] == "google_ads", "a direct return keeps the source"
    assert names[visits["anna 3"].source_id] == "email"
    assert str(first.local_day) == "2026-03-02"
    held = [(names[a.visitor_id], a.number[-3:]) for a in session.scalars(select(Assignment)) if a.ended_at is None]
    assert {n for v, n in held if v == "anna"} == {"101", "112"}
    assert {n for v, n in held if v == "ben"} == {"111"}
    visitor = {names[v.visitor_id]: v for v in session.scalars(select(Visitor))}["ben"]
    assert (visitor.region, visitor.visits) == ("US-CA", 2)
    click = session.scalars(select(VisitEvent).where(VisitEvent.type == "tel_click")).one()
    assert (click.number, click.at) == ("+12125550101", START + timedelta(seconds=60))
    assert {(names[f.visitor_id], f.phone) for f in session.scalars(select(Form))} == {("crowd0", BEN), ("ben", None)}


def _check_calls(session: AccountSession, site_id: str) -> None:
    names = _names(session)
    calls = {c.provider_call_id: c for c in session.scalars(select(Call))}
    assert calls.keys() == {provider_call_id(site_id, name) for name in CALLS}
    first = calls[provider_call_id(site_id, "c1")]
    assert (first.number, first.from_number, first.destination) == ("+12125550101", ANNA, "+12125550100")
    assert (first.status, first.duration_seconds, str(first.local_day)) == ("completed", 90, "2026-03-02")
    assert (names[first.matched_visitor_id], first.matched_by, first.model_version) == (
        "anna",
        "model",
        prior().version,
    )
    assert first.matched_at == first.started_at
    assert calls[provider_call_id(site_id, "c2")].from_number is None
    assert calls[provider_call_id(site_id, "c2")].matched_visit_id is None
    third = calls[provider_call_id(site_id, "c3")]
    assert (names[third.matched_visitor_id], third.matched_by, third.matched_user_id) == ("crowd0", "staff", None)
    staff = session.scalars(select(MatchDecision).where(MatchDecision.by == "staff")).all()
    assert {(d.reason, d.user_id) for d in staff} == {("imported", None)}
    assert sorted(d.at for d in staff) == [START + timedelta(seconds=s) for s in (400, 420, 2 * DAY + 90)]
    again = session.scalars(select(CallAnswer.call_id)).all()
    assert third.call_id in again, "the form that came after the call says something of it"
    assert len(session.scalars(select(CallCandidate).where(CallCandidate.call_id == third.call_id)).all()) >= 3


def test_its_visitors_count_for_the_accuracy_report(database: Database, trace: Path):
    account_id = account(database)
    done = load(database, account_id, trace)
    with database.read() as work:
        session = work.account(account_id)
        of = session.get_one(Site, (account_id, done.site_id))
        period = period_asked_for("2026-03-02", "2026-03-03", of.time_zone, NOW)
        report = {s.slug: s for s in accuracy_report(session, of, period, NOW).sources}
    assert report["google_ads"].average_daily_visitors == 8
    assert (report["google_ads"].figures.calls, report["email"].figures.calls) == (3, 1)


# Broken off, repeated, gone on with


def _undisturbed(database: Database, trace: Path) -> dict[str, list[Any]]:
    """The rows of one run, in an account of its own whose numbers are given up afterwards."""
    account_id = account(database)
    load(database, account_id, trace)
    found = rows(database, account_id)
    _free_numbers(database)
    return found


def _free_numbers(database: Database) -> None:
    from store.directory import NumberOwner

    with database.write() as work:
        for row in work.directory.scalars(select(NumberOwner)):
            work.directory.delete(row)


class Killed(BaseException):
    """As `kill -9` would, nothing catches it."""


def _dying(monkeypatch: pytest.MonkeyPatch, at_chunk: int, after: int | None) -> None:
    """The run dies in this chunk after so many of its lines, or (None) with its last line, before the note of it."""
    real, chunks = importing.play, 0

    def play(*places: Any, **more: Any) -> None:
        nonlocal chunks
        chunks += 1
        *head, lines = places
        if chunks == at_chunk:
            real(*head, lines[:after], **more)
            raise Killed
        real(*head, lines, **more)

    monkeypatch.setattr(importing, "play", play)


@pytest.mark.parametrize("after", [0, 2, None])
@pytest.mark.parametrize("at_chunk", [1, 2, 4, 7])
def test_wherever_it_breaks_off_the_next_run_comes_to_the_same_rows(
    sqlite_url: str, trace: Path, monkeypatch: pytest.MonkeyPatch, at_chunk: int, after: int | None
):
    engine = make_engine(sqlite_url)
    database = Database(engine)
    expected = _undisturbed(database, trace)
    account_id = account(database)
    with monkeypatch.context() as patch:
        patch.setattr(importing, "CHUNK", 5)
        _dying(patch, at_chunk, after)
        with pytest.raises(Killed):
            load(database, account_id, trace)
    with database.read() as work:
        assert work.account(account_id).scalar(select(Import.lines)) == 5 * (at_chunk - 1)
    done = load(database, account_id, trace)
    assert (done.made, done.new_lines) == (False, done.lines - 5 * (at_chunk - 1))
    assert rows(database, account_id) == expected
    engine.dispose()


def test_broken_off_after_every_chunk(database: Database, trace: Path, monkeypatch: pytest.MonkeyPatch):
    expected = _undisturbed(database, trace)
    account_id = account(database)
    monkeypatch.setattr(importing, "CHUNK", 4)

    def die(_lines: int) -> None:
        raise Killed

    for _ in range((len(LINES) - 1 + 3) // 4):
        with pytest.raises(Killed):
            load(database, account_id, trace, step=die)
    assert load(database, account_id, trace).new_lines == 0
    assert rows(database, account_id) == expected


def test_twice_is_once_packed_or_not(database: Database, trace: Path, tmp_path: Path):
    account_id = account(database)
    assert load(database, account_id, trace).changed
    before = rows(database, account_id)
    packed = tmp_path / "other name.gz"
    packed.write_bytes(gzip.compress(b"".join(json.dumps(line, indent=None).encode() + b"  \n" for line in LINES)))
    for path in (trace, packed):
        again = load(database, account_id, path)
        assert (again.changed, again.new_lines) == (False, 0)
        assert "nothing changed" in again.said()[0]
        assert rows(database, account_id) == before


def test_a_file_that_has_grown_brings_what_is_new(database: Database, trace: Path, tmp_path: Path):
    expected = _undisturbed(database, trace)
    account_id = account(database)
    path = write(tmp_path / "grows.ndjson", LINES[:12])
    load(database, account_id, path)
    write(path, LINES)
    assert load(database, account_id, path).new_lines == len(LINES) - 12
    assert _but_import(rows(database, account_id)) == _but_import(expected)


def _but_import(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {table: kept for table, kept in found.items() if table != "Import"}


def test_another_history_of_the_site_comes_after_and_knows_its_visitors(
    database: Database, trace: Path, tmp_path: Path
):
    account_id = account(database)
    load(database, account_id, trace)
    early = write(tmp_path / "early", [site(), view(DAY, "anna"), view(9 * DAY, "anna")])
    with pytest.raises(Conflict, match=r"trace\.ndjson.*2026-03-04T05:01:30"):
        load(database, account_id, early)
    later = write(tmp_path / "later", [site(), view(9 * DAY, "anna"), call(9 * DAY + 9, "c9", {"visitor": "anna"})])
    done = load(database, account_id, later)
    assert (done.made, done.counts.get("visitors", 0), done.counts["visits"], done.counts["calls"]) == (False, 0, 1, 1)
    with database.read() as work:
        numbers = work.account(account_id).scalars(select(Call.number).order_by(Call.started_at.desc()).limit(1))
        assert numbers.one() == "+12125550112", "anna was last shown this one"
    assert not load(database, account_id, trace).changed, "what was imported stays imported"


def test_two_runs_at_once_do_not_play_a_line_twice(database: Database, trace: Path, monkeypatch: pytest.MonkeyPatch):
    account_id = account(database)
    monkeypatch.setattr(importing, "CHUNK", 5)
    turns: list[int] = []

    def other_run(lines: int) -> None:
        turns.append(lines)
        if len(turns) == 1:
            load(database, account_id, trace)

    with pytest.raises(Conflict, match="another run"):
        load(database, account_id, trace, step=other_run)
    with database.read() as work:
        assert work.account(account_id).scalar(select(func.count()).select_from(Call)) == len(CALLS)


# Where it goes


def test_a_site_that_is_there_keeps_its_own_set_up(database: Database, trace: Path):
    account_id = account(database)
    with database.write() as work:
        session = work.account(account_id)
        fields = {"name": "Shop", "domains": ["www.shop.example"], "numbers": ["+12125550777"]}
        there = create_site(work, session, fields, START)
        planned = {"site": there.site_id, "name": "Ads", "kind": "online", "destination": "+12125550777"}
        ads = create_source(session, {**planned, "preset": "google_ads"}, START)
        for number in ("+12125550101", "+12125550102"):
            add_number(work, session, number=number, source=ads.source_id, provider="manual", at=START)
    done = load(database, account_id, trace)
    assert (done.made, done.site_id) == (False, there.site_id)
    assert (done.counts["calls"], done.counts["calls_elsewhere"], done.counts["visitors"]) == (3, 3, 9)
    with database.read() as work:
        session = work.account(account_id)
        assert session.scalars(select(Site)).one().numbers == ["+12125550777"]
        assert session.scalar(select(func.count()).select_from(TrackingSource)) == 1
        assert session.scalar(select(func.count()).select_from(TrackingNumber)) == 2
        assert {c.destination for c in session.scalars(select(Call))} == {"+12125550777"}


def test_a_number_of_another_account_is_refused_before_anything_is_written(database: Database, trace: Path):
    other, account_id = account(database), account(database)
    load(database, other, trace)
    before = rows(database, account_id)
    with pytest.raises(Conflict, match=r"\+12125550101"):
        load(database, account_id, trace)
    assert rows(database, account_id) == before


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"pools": {"google_ads": ["+12"]}}, "google_ads"),
        ({"fallback_number": "+12"}, "fallback_number"),
        ({"domain": "no host"}, "domains"),
    ],
)
def test_a_first_line_that_cannot_be_set_up_writes_nothing(
    database: Database, tmp_path: Path, wrong: dict[str, Any], says: str
):
    account_id = account(database)
    path = write(tmp_path / "t", [site(**wrong), *LINES[1:]])
    with pytest.raises(InvalidInput, match=says):
        load(database, account_id, path)
    with database.read() as work:
        assert work.account(account_id).scalar(select(Site.site_id)) is None


def test_an_account_that_is_not_there(database: Database, trace: Path):
    with pytest.raises(NotFound, match="no account"):
        load(database, "nobody", trace)


# Bad lines


def test_a_bad_line_is_named_and_nothing_is_written(database: Database, tmp_path: Path):
    account_id = account(database)
    path = write(tmp_path / "t", LINES)
    path.write_text(path.read_text() + '{"type": "call"}\n')
    with pytest.raises(TraceError, match=f"t, line {len(LINES) + 1}: ") as refused:
        load(database, account_id, path)
    assert refused.value.line == len(LINES) + 1
    with database.read() as work:
        assert work.account(account_id).scalar(select(Site.site_id)) is None
    done = load(database, account_id, path, skip_bad_lines=True)
    assert (done.bad_lines, done.counts["calls"]) == (1, len(CALLS))
    assert done.complaints[0].startswith(f"line {len(LINES) + 1}: ")


def test_bad_lines_in_the_middle_and_a_run_that_broke_off(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    engine = make_engine(sqlite_url)
    database = Database(engine)
    path = tmp_path / "t"
    texts = [json.dumps(line) for line in LINES]
    path.write_text("\n".join([*texts[:5], "not JSON", *texts[5:9], "{}", *texts[9:]]) + "\n")
    monkeypatch.setattr(importing, "CHUNK", 5)
    expected = _undisturbed(database, write(tmp_path / "clean", LINES))
    account_id = account(database)
    with monkeypatch.context() as patch:
        _dying(patch, 3, 1)
        with pytest.raises(Killed):
            load(database, account_id, path, skip_bad_lines=True)
    done = load(database, account_id, path, skip_bad_lines=True)
    assert done.bad_lines == 2
    assert _but_import(rows(database, account_id)) == _but_import(expected)
    engine.dispose()


# The model


def test_each_call_is_matched_by_the_model_of_its_moment(database: Database, trace: Path):
    account_id = account(database)
    with database.write() as work:
        session = work.account(account_id)
        for day, version in ((1, "first"), (90, "much later")):
            at = START + timedelta(days=day)
            use(session, keep(session, fitted(version), at=at, by="command").model_id, at=at, user_id=None, reason="")
    done = load(database, account_id, trace)
    with database.read() as work:
        found = work.account(account_id).execute(select(Call.provider_call_id, Call.model_version)).all()
    versions = {row[0]: row[1] for row in found}
    assert versions[provider_call_id(done.site_id, "c1")] == prior().version
    assert versions[provider_call_id(done.site_id, "c6")] == "first"


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[..., Fitted | None]], None]]:
    """Says what learning comes to."""

    def say(refit: Callable[..., Fitted | None]) -> None:
        module = types.ModuleType("matching.learn")
        module.refit = refit  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "matching.learn", module)

    return say


def test_at_the_end_the_model_is_fitted_as_of_the_histories_end(
    database: Database, trace: Path, learn: Callable[[Callable[..., Fitted | None]], None]
):
    asked: list[datetime] = []

    def refit(session: AccountSession, *, at: datetime, **_more: Any) -> Fitted:
        asked.append(at)
        assert session.scalar(select(func.count()).select_from(Call)) == len(CALLS)
        return fitted("2026-03-04")

    learn(refit)
    account_id = account(database)
    done = load(database, account_id, trace, training=True)
    assert asked == [parse_time(told(2 * DAY + 90))]
    assert done.trained is not None
    assert done.trained.used
    with database.read() as work:
        assert in_use(work.account(account_id)).model.version == "2026-03-04"
    assert load(database, account_id, trace, training=True).trained is None
    assert len(asked) == 1


def test_a_run_that_died_in_training_trains_again(
    database: Database, trace: Path, learn: Callable[[Callable[..., Fitted | None]], None]
):
    def die(*_places: Any, **_more: Any) -> Fitted:
        raise Killed

    account_id = account(database)
    learn(die)
    with pytest.raises(Killed):
        load(database, account_id, trace, training=True)
    learn(lambda *_places, **_more: fitted("2026-03-04"))
    done = load(database, account_id, trace, training=True)
    assert (done.new_lines, done.changed) == (0, True)
    with database.read() as work:
        assert in_use(work.account(account_id)).model.version == "2026-03-04"


# From the command line


def run(database_url: str, tmp_path: Path, *arguments: Any) -> Result:
    settings = {"RINGTRACE_DATABASE_URL": database_url, "RINGTRACE_INSTANCE_DIR": str(tmp_path)}
    return CliRunner().invoke(main, ["import", *map(str, arguments)], env=settings)


@pytest.fixture
def account_id(sqlite_url: str) -> str:
    engine = make_engine(sqlite_url)
    made = account(Database(engine))
    engine.dispose()
    return made


def test_the_command_tells_programs_and_people(sqlite_url: str, account_id: str, trace: Path, tmp_path: Path):
    done = run(sqlite_url, tmp_path, trace, "--account", account_id, "--no-train", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["calls"], answer["visitors"], answer["site_made"], answer["changed"]) == (5, 9, True, True)
    assert (answer["lines"], answer["bad_lines"], answer["model"]) == (len(LINES) - 1, 0, None)
    again = run(sqlite_url, tmp_path, trace, "--account", account_id)
    assert (again.exit_code, again.stdout) == (0, f"all {len(LINES) - 1} lines were imported before; nothing changed\n")


def test_what_was_passed_over_is_said(sqlite_url: str, account_id: str, trace: Path, tmp_path: Path):
    trace.write_text(trace.read_text() + "no\n")
    refused = run(sqlite_url, tmp_path, trace, "--account", account_id)
    assert refused.exit_code == 1
    assert refused.stderr == f"Error: trace.ndjson, line {len(LINES) + 1}: is not valid JSON: 'no'\n"
    done = run(sqlite_url, tmp_path, trace, "--account", account_id, "--skip-bad-lines", "--no-train")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"1 bad line was passed over: line {len(LINES) + 1}: ")
    assert "5 calls, 9 visitors" in done.stdout
    assert "passed over: 1 page views of bots" in done.stdout


@pytest.mark.parametrize(("path", "who"), [("missing.ndjson", None), (".", None), ("trace.ndjson", "nobody")])
def test_expected_failures_are_one_line(
    sqlite_url: str, account_id: str, trace: Path, tmp_path: Path, path: str, who: str | None
):
    done = run(sqlite_url, tmp_path, tmp_path / path, "--account", who or account_id)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_killed_for_good_the_next_run_comes_to_the_same_rows(sqlite_url: str, account_id: str, tmp_path: Path):
    crowd = [view(i, f"anna{i}" if i % 3 else "anna", ADS + f"x{i}") for i in range(1, 3000)]
    path = write(tmp_path / "long.ndjson", [site(), *crowd, call(3000, "c1", {"visitor": "anna"})])
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "import", str(path), "--account", account_id, "--no-train"],
        env={**os.environ, "RINGTRACE_DATABASE_URL": sqlite_url, "RINGTRACE_INSTANCE_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    engine = make_engine(sqlite_url)
    database = Database(engine)
    wait_until(lambda: _lines(database, account_id) > 0, 60, "nothing was imported")
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = _lines(database, account_id)
    done = load(database, account_id, path)
    assert (done.new_lines, killed_at % importing.CHUNK) == (3000 - killed_at, 0)
    with database.read() as work:
        session = work.account(account_id)
        for table, count in ((Visitor, 2001), (Assignment, 2001), (VisitEvent, 2999), (Call, 1)):
            assert session.scalar(select(func.count()).select_from(table)) == count
        given: Sequence[Any] = session.execute(
            select(Assignment.number, func.count()).group_by(Assignment.number).order_by(Assignment.number)
        ).all()
        assert [count for _, count in given] == [667, 667, 667], "no turn was taken twice or lost"
    engine.dispose()


def _lines(database: Database, account_id: str) -> int:
    with database.read() as work:
        return work.account(account_id).scalar(select(Import.lines)) or 0


def test_a_history_that_came_along_leaves_a_fitted_model_that_scores(sqlite_url: str, tmp_path: Path):
    """With the very learning: nothing stands in."""
    simulated = simulate(sample("clinic", 1), 1)
    lines = [line for line in simulated.lines if line["at"] < _after_days(simulated.site["start"], 2)]
    path = tmp_path / "clinic.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in (simulated.site, *lines)), encoding="utf-8")
    engine = make_engine(sqlite_url)
    database = Database(engine)
    account_id = account(database, _moment(simulated.site["start"]))
    done = load(database, account_id, path, training=True)
    assert done.trained is not None
    assert done.trained.version is not None
    assert done.trained.training["calls"] >= 15
    with database.read() as work:
        session = work.account(account_id)
        kept = versions(session)
        assert [version.version for version in kept] == [done.trained.version]
        assert in_use(session).model.version == (done.trained.version if done.trained.used else prior().version)
    engine.dispose()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _after_days(text: str, days: int) -> str:
    return format_time(_moment(text) + timedelta(days=days))


def test_days_that_were_counted_before_an_import_are_counted_anew(database: Database, tmp_path: Path):
    account_id = account(database)
    load(database, account_id, write(tmp_path / "trace.ndjson", LINES[:12]))

    def visits() -> dict[date, int]:
        with database.write() as work:
            session = work.account(account_id)
            of = session.scalars(select(Site)).one()
            for day in days_to_count(session, of, NOW, 1000):
                count_day(session, of, day, NOW)
            rows = session.scalars(select(CountedDay))
            return {row.day: row.visits for row in rows if row.visits}

    before = visits()
    load(database, account_id, write(tmp_path / "trace.ndjson", LINES))
    with database.read() as work:
        session = work.account(account_id)
        live = Counter(session.scalars(select(Visit.local_day).where(Visit.source_id.is_not(None))))
        left = set(session.scalars(select(CountedDay.day)))
    assert before.keys() & live.keys()
    assert not left & live.keys(), "the days that were touched are not kept"
    assert visits() == dict(live)
