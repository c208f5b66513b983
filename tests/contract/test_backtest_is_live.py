"""One history, told three ways, comes to the same: played by the backtest, imported, and lived through over HTTP.

The same numbers are shown to the same visitors, and every call gets the same likelihoods within 1e-9.
"""

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from app.demo.simulator import sample, simulate
from app.importing.calls import provider_call_id
from app.importing.place import make_site
from app.importing.play import key_of
from app.importing.run import import_trace
from app.visitor_agent import read_agent
from core.ids import new_id
from core.time import parse_time
from matching.rules.rank import Ranking
from reports.backtest import lines as backtest_lines
from reports.backtest.facts import Answer, Assigned
from reports.backtest.run import Setting, play
from reports.backtest.site import Pools
from store.calls import Call, CallAnswer, CallCandidate
from store.imports import ImportedVisitor
from store.sessions import AccountSession, Database
from store.sites import Account, TrackingSource
from store.visits import Assignment
from tests.support.office import Office
from tests.support.serving import Served, served

NEAR = 1e-9
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
Line = dict[str, Any]
Likelihoods = dict[str | None, float]
"""By visitor of the trace; None is nobody."""


@dataclass(frozen=True)
class Story:
    """A trace, and the names in it."""

    path: Path
    site: Line
    lines: list[Line]

    @property
    def visitors(self) -> set[str]:
        return {line["visitor"] for line in self.lines if line["type"] == "pageview"}

    @property
    def calls(self) -> list[str]:
        return [line["id"] for line in self.lines if line["type"] == "call"]


@dataclass
class Outcome:
    """What came of it: who was first shown which number of each pool and when; who may have made each call."""

    shown: set[tuple[str, str, str, datetime]] = field(default_factory=set)
    answers: dict[str, Likelihoods] = field(default_factory=dict)
    numbers: dict[str, str | None] = field(default_factory=dict)


def told(folder: Path, kind: str, seed: int, days: int) -> Story:
    """The first days of a simulated business, with what a page would not be answered for mixed in."""
    simulated = simulate(sample(kind, seed), seed)
    end = parse_time(simulated.site["start"]) + timedelta(days=days)
    kept = [dict(line) for line in simulated.lines if parse_time(line["at"]) < end]
    view = next(line for line in kept if line["type"] == "pageview")
    place = kept.index(view)
    kept[place:place] = [
        {**view, "visitor": "robot", "user_agent": ROBOT},
        {**view, "visitor": "elsewhere", "url": "https://another.example/"},
        {"type": "heartbeat", "at": view["at"], "visitor": "nobody"},
    ]
    path = folder / "trace.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in (simulated.site, *kept)))
    return Story(path=path, site=dict(simulated.site), lines=kept)


# By the backtest


class _Ears:
    def __init__(self) -> None:
        self.outcome = Outcome()
        self._pools: set[tuple[str, str]] = set()

    def assigned(self, told: Assigned) -> None:
        if (told.visitor, told.pool) not in self._pools:
            self._pools.add((told.visitor, told.pool))
            self.outcome.shown.add((told.visitor, told.pool, told.number, told.at))

    def answered(self, told: Answer, ranking: Ranking) -> None:
        self.outcome.numbers[told.call] = told.number
        self.outcome.answers[told.call] = {c.visitor: c.likelihood for c in ranking.candidates} | {None: ranking.none}


def by_backtest(story: Story) -> Outcome:
    ears = _Ears()
    play(Setting(trace=story.path, numbers={}, learning=False), ears, agents=read_agent)
    return ears.outcome


# By the import


def by_import(story: Story, database: Database) -> Outcome:
    at = parse_time(story.site["end"])
    account_id = new_id(at)
    with database.write() as work:
        work.account(account_id).add(Account(name="Acme", created_at=at))
    done = import_trace(database, account_id, story.path, now=lambda: at, days=60, training=False)
    with database.read() as work:
        session = work.account(account_id)
        by_key = {key_of(name): name for name in story.visitors}
        names = {row.visitor_id: by_key[row.key] for row in session.scalars(select(ImportedVisitor))}
        calls = {provider_call_id(done.site_id, name): name for name in story.calls}
        return _kept(session, story, names, calls)


def _kept(session: AccountSession, story: Story, names: Mapping[str, str], calls: Mapping[str, str]) -> Outcome:
    """What the database holds; `names`: visitors by our ids, `calls`: by the provider's."""
    pools = {s.source_id: s.slug for s in session.scalars(select(TrackingSource))}
    outcome = Outcome()
    for row in session.scalars(select(Assignment)):
        outcome.shown.add((names[row.visitor_id], pools[row.source_id], row.number, row.started_at))
    for name in story.calls:
        outcome.numbers[name], outcome.answers[name] = None, {None: 1.0}
    for call in session.scalars(select(Call)):
        name = calls[call.provider_call_id]
        outcome.numbers[name] = call.number
        outcome.answers[name] = {names[v]: p for v, p in _first_answer(session, call)} | {
            None: _first_none(session, call)
        }
    return outcome


def _superseded(session: AccountSession, call: Call) -> CallAnswer | None:
    return session.scalar(select(CallAnswer).where(CallAnswer.call_id == call.call_id, CallAnswer.ordinal == 1))


def _first_none(session: AccountSession, call: Call) -> float:
    first = _superseded(session, call)
    return first.none_likelihood if first else call.none_likelihood


def _first_answer(session: AccountSession, call: Call) -> list[tuple[str, float]]:
    """What was said when the call came: later, better answers are no part of a backtest."""
    first = _superseded(session, call)
    if first is not None:
        return [(kept["visitor_id"], kept["likelihood"]) for kept in first.candidates]
    rows = session.execute(
        select(CallCandidate.visitor_id, CallCandidate.likelihood).where(CallCandidate.call_id == call.call_id)
    )
    return [(visitor_id, likelihood) for visitor_id, likelihood in rows]


# Over HTTP


class _World:
    """Visitors with browsers, telephones and a front desk, on a server whose clock they set."""

    def __init__(self, server: Served, office: Office, story: Story) -> None:
        self.server, self.office, self.story = server, office, story
        trace = backtest_lines.site(story.site)
        self.fallback, self.pools = trace.fallback_number, Pools(trace, "longest_rested")
        self.origin = f"https://{trace.domain}"
        with self._room.database.write() as work:
            site = make_site(work, work.account(office.account_id), trace)
            self.site_id, self.key = site.site_id, site.key
        self.http = requests.Session()
        self.signed: dict[str, str] = {}
        self.visits: dict[str, str] = {}
        self.agents: dict[str, dict[str, str]] = {}
        self.shown: dict[str, str | None] = {}
        self.calls: dict[str, str] = {}
        self.ends: list[tuple[datetime, str, dict[str, str]]] = []

    @property
    def _room(self) -> Any:
        return self.server.app.extensions["ringtrace"]

    def live(self) -> Outcome:
        for line in self.story.lines:
            at = parse_time(line["at"])
            self._hang_up(at)
            self.server.clock.frozen = at
            getattr(self, f"_{line['type']}")(line)
        self._hang_up(None)
        with self._room.database.read() as work:
            names = {self._room.visitor_ids.verify(self.site_id, signed): v for v, signed in self.signed.items()}
            return _kept(work.account(self.office.account_id), self.story, names, {s: c for c, s in self.calls.items()})

    def _post(self, path: str, visitor: str, body: Line) -> requests.Response:
        return self.http.post(f"{self.server.url}{path}", json=body, headers=self.agents[visitor], timeout=30)

    def _pageview(self, line: Line) -> None:
        visitor = line["visitor"]
        region = {"X-Region": line["ip_region"]} if line["ip_region"] else {}
        self.agents[visitor] = {"Origin": self.origin, "User-Agent": line["user_agent"], **region}
        body = {
            "site": self.key,
            "visitor": self.signed.get(visitor),
            "url": line["url"],
            "referrer": line["referrer"] or "",
            "numbers": [self.fallback],
        }
        answer = self._post("/v1/swap", visitor, body)
        if visitor == "elsewhere":
            assert answer.status_code == 403
            return
        assert answer.status_code == 200, answer.text
        swapped = answer.json()
        if visitor == "robot":
            assert swapped["visitor"] is None
            return
        self.signed[visitor], self.visits[visitor] = swapped["visitor"], swapped["visit"]
        self.shown[visitor] = next((one["e164"] for one in swapped["numbers"].values()), None)

    def _report(self, line: Line, event: Line) -> None:
        visitor = line["visitor"]
        if visitor not in self.signed:
            return
        body = {"site": self.key, "visitor": self.signed[visitor], "visit": self.visits[visitor], "events": [event]}
        answer = self._post("/v1/events", visitor, body)
        assert answer.status_code == 202, answer.text

    def _heartbeat(self, line: Line) -> None:
        self._report(line, {"type": "heartbeat", "age_ms": 0})

    def _tel_click(self, line: Line) -> None:
        number = self.shown.get(line["visitor"]) or self.fallback
        self._report(line, {"type": "tel_click", "number": number, "age_ms": 0})

    def _form(self, line: Line) -> None:
        self._report(line, {"type": "form", "phone": line["phone"], "email": line["email"], "age_ms": 0})

    def _call(self, line: Line) -> None:
        number = self._rings(line)
        if number is None:
            return
        sid = self.calls[line["id"]] = f"CA{len(self.calls):032x}"
        call = {"CallSid": sid, "From": line["from"] or "anonymous", "To": number, "Direction": "inbound"}
        assert self._webhook("voice", {**call, "CallStatus": "ringing"}).status_code == 200
        end = parse_time(line["at"]) + timedelta(seconds=line["duration_s"])
        status = {**call, "CallStatus": "completed", "CallDuration": str(round(line["duration_s"]))}
        heapq.heappush(self.ends, (end, sid, status))

    def _rings(self, line: Line) -> str | None:
        dials = line["dials"]
        if "visitor" in dials:
            return self.shown.get(dials["visitor"])
        if "number" in dials:
            return dials["number"] if self.pools.owner(dials["number"]) else None
        return self.pools.slot(dials["pool"], dials.get("key") or line["id"])

    def _hang_up(self, until: datetime | None) -> None:
        """The calls that end by then do."""
        while self.ends and (until is None or self.ends[0][0] <= until):
            self.server.clock.frozen, _, status = heapq.heappop(self.ends)
            assert self._webhook("status", status).status_code == 204

    def _webhook(self, kind: str, params: dict[str, str]) -> requests.Response:
        url = f"{self.server.url}/webhooks/twilio/{kind}"
        signature = RequestValidator(self.office.provider_token).compute_signature(url, params)
        return self.http.post(url, data=params, headers={"X-Twilio-Signature": signature}, timeout=30)

    def _override(self, line: Line) -> None:
        if line["call"] not in self.calls:
            return
        with self._room.database.read() as work:
            session = work.account(self.office.account_id)
            sid = self.calls[line["call"]]
            call_id = session.scalar(select(Call.call_id).where(Call.provider_call_id == sid))
        visit = None if line["visitor"] is None else self.visits[line["visitor"]]
        self.office.api("PUT", f"/calls/{call_id}/match", {"visit": visit, "reason": "knows them"}, expect=200)


@pytest.fixture
def world_server(database_url: str) -> Iterator[Served]:
    more = {
        "REGION_HEADER": "X-Region",
        "TRUSTED_PROXIES": "127.0.0.1",
        "NEW_VISITORS_PER_MINUTE": "1000000",
        "API_CALLS_PER_MINUTE": "1000000",
    }
    with served(database_url, **{f"RINGTRACE_{name}": value for name, value in more.items()}) as running:
        yield running


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.shown == other.shown
    assert one.numbers == other.numbers
    for call, expected in one.answers.items():
        found = other.answers[call]
        # A superseded answer keeps its likeliest candidates only.
        assert found.keys() <= expected.keys()
        assert len(found) == len(expected) or len(found) > 20
        for visitor, likelihood in found.items():
            assert likelihood == pytest.approx(expected[visitor], abs=NEAR), (call, visitor)


def test_the_same_history_by_backtest_import_and_http(
    world_server: Served, database_url: str, database: Database, tmp_path: Path
):
    story = told(tmp_path, "clinic", 2, days=2)
    kinds = {line["type"] for line in story.lines}
    assert kinds == {"pageview", "heartbeat", "tel_click", "form", "call", "override"}
    callers = [line["from"] for line in story.lines if line["type"] == "call"]
    assert len(callers) > 30
    assert None in callers
    assert len(set(callers)) < len(callers) - 1, "somebody calls again"
    played = by_backtest(story)
    assert {number for number in played.numbers.values() if number}
    assert len({pool for _, pool, _, _ in played.shown}) == 3
    lived = _World(world_server, Office.open(world_server.url, database_url), story).live()
    assert_same(played, lived)
    with database.write() as work:
        # The same numbers cannot be of two accounts; the lived history stays, its numbers are let go.
        from store.directory import NumberOwner

        for row in work.directory.scalars(select(NumberOwner)):
            work.directory.delete(row)
    assert_same(played, by_import(story, database))


@pytest.mark.parametrize(
    ("kind", "seed", "days"), [("form_heavy", 2, 3), ("many_pools", 2, 3), ("withheld", 1, 3), ("franchise", 1, 4)]
)
def test_the_same_history_by_backtest_and_import(kind: str, seed: int, days: int, sqlite_url: str, tmp_path: Path):
    from store.engine import make_engine

    story = told(tmp_path, kind, seed, days)
    engine = make_engine(sqlite_url)
    played, imported = by_backtest(story), by_import(story, Database(engine))
    engine.dispose()
    assert len(played.answers) > 25
    assert_same(played, imported)
