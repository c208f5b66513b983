"""Small traces made by hand, and what answers their calls where the answer itself is not the point."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from matching.rules.rank import Ranked, Ranking
from reports.backtest.facts import Answer, Assigned
from reports.backtest.play import Player
from reports.backtest.run import Setting
from reports.backtest.site import Pools, resized
from reports.backtest.trace import Trace

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
HUMAN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0 Safari/537.36"
BOT = "bot"
ADS = "https://shop.example/?utm_source=google&utm_medium=cpc&gclid="
MAIL = "https://shop.example/?utm_medium=email&utm_source=news"


def numbers(first: int, count: int) -> list[str]:
    return [f"+1212555{first + i:04d}" for i in range(count)]


def site(**more: Any) -> dict[str, Any]:
    pools = more.pop("pools", {"google_ads": numbers(101, 3), "email": numbers(111, 2)})
    return {
        "type": "site",
        "domain": "shop.example",
        "time_zone": "America/New_York",
        "start": told(0),
        "end": told(86400 * 30),
        "pools": [{"pool": p, "rule": "words", "count": len(n), "numbers": n} for p, n in pools.items()],
        "fallback_number": "+12125550100",
        **more,
    }


def told(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def view(at: float, visitor: str, url: str = "https://shop.example/", **more: Any) -> dict[str, Any]:
    fields = {"referrer": "", "user_agent": HUMAN, "ip_region": "US-NY"}
    return {"type": "pageview", "at": told(at), "visitor": visitor, "url": url, **fields, **more}


def event(kind: str, at: float, visitor: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "at": told(at), "visitor": visitor, **more}


def call(at: float, name: str, dials: Any, **more: Any) -> dict[str, Any]:
    fields = {"from": "+12125556789", "duration_s": 60, "dials": dials}
    return {"type": "call", "id": name, "at": told(at), **fields, **more}


def override(at: float, name: str, visitor: str | None) -> dict[str, Any]:
    return {"type": "override", "at": told(at), "call": name, "visitor": visitor}


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


class Agent(NamedTuple):
    bot: bool
    device: str


def agents(user_agent: str) -> Agent:
    return Agent(user_agent == BOT, "desktop")


class Told:
    """Keeps what a play says; answers each call with even odds between its holders and nobody."""

    def __init__(self) -> None:
        self.assignments: list[Assigned] = []
        self.answers: dict[str, Answer] = {}
        self.log: list[tuple[Any, ...]] = []
        self._holders: dict[str, list[str]] = {}

    def assigned(self, told: Assigned) -> None:
        self.assignments.append(told)

    def answered(self, told: Answer, ranking: Ranking) -> None:
        self.answers[told.call] = told

    def tick(self, at: float) -> None:
        pass

    def shown(self, visitor: str, at: float, number: str, source: str) -> None:
        self.log.append(("shown", visitor, number, source))
        if visitor not in self._holders.setdefault(number, []):
            self._holders[number].append(visitor)

    def arrived(self, visitor: str, at: float, **more: Any) -> None:
        self.log.append(("arrived", visitor, more["source"], more["region"]))

    def viewed(self, visitor: str, at: float, path: str) -> None:
        self.log.append(("viewed", visitor, path))

    def alive(self, visitor: str, at: float) -> None:
        self.log.append(("alive", visitor))

    def clicked(self, visitor: str, at: float, number: str) -> None:
        self.log.append(("clicked", visitor, number))

    def filled(self, visitor: str, at: float, phone: str | None) -> None:
        self.log.append(("filled", visitor, phone))

    def called(self, call: str, at: float, number: str, caller: str | None, *, source: str) -> Ranking:
        self.log.append(("called", call, number, caller, source))
        holders = self._holders.get(number, [])
        even = 1.0 / (len(holders) + 1)
        return Ranking(none=even, candidates=tuple(Ranked(v, "", even, i + 1, (), 0.0) for i, v in enumerate(holders)))

    def decided(self, call: str, at: float, visitor: str | None) -> None:
        self.log.append(("decided", call, visitor))


def played(
    path: Path, lines: Sequence[dict[str, Any]], *, policy: str = "longest_rested", sizes: dict[str, int] | None = None
) -> tuple[Told, Player]:
    """The lines through pools and visits, answered by `Told`."""
    trace = Trace(write(path / "trace.ndjson", lines))
    ears, of = Told(), resized(trace.site, sizes or {})
    player = Player(of, Pools(of, policy), ears, agents=agents, ears=ears)
    for line in trace:
        player.play(line)
    player.finish()
    return ears, player


def setting(path: Path, lines: Sequence[dict[str, Any]], **more: Any) -> Setting:
    return Setting(trace=write(path, lines), **{"numbers": {}, **more})
