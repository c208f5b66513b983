"""The demo's telephone: who calls, how long they talk, and what the front desk writes down about it. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.demo.business import BILLBOARD
from app.demo.facts import Called, Decided, Ended, Fact, Noted, Person
from app.demo.traffic import AREA_CODES, FAR_AREA_CODES
from core.time import zone

_WITHHELD = 0.06
_FIRST = ("Anna", "Luis", "Priya", "Tom", "Grace", "Marcus", "Ellen", "Victor", "Rosa", "Sam", "Helen", "Omar")
_LAST = ("Field", "Ortega", "Nair", "Becker", "Liu", "Hale", "Novak", "Reed", "Santos", "Weiss", "Cole", "Haddad")
_JOBS: tuple[tuple[str, int, int, str], ...] = (
    ("water heater", 145_000, 240_000, "Wants the 50 gallon tank replaced, quote sent."),
    ("drain", 18_000, 42_000, "Kitchen sink, second floor. Booked for tomorrow morning."),
    ("emergency", 38_000, 95_000, "Burst pipe in the basement, sent Dave right away."),
    ("boiler", 22_000, 60_000, "Yearly boiler check, asks for a Saturday."),
    ("leak", 16_000, 48_000, "Leak under the bathroom sink, shut the valve for now."),
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A telephone: its number (E.164, None where it is always withheld) and the name the provider knows."""

    number: str | None
    name: str | None


def caller_for(rng: random.Random, region: str) -> Caller:
    """The telephone of somebody from a region; mobiles often keep the number of where their owner lived before."""
    if rng.random() < _WITHHELD:
        return Caller(number=None, name=None)
    area = rng.choice(FAR_AREA_CODES if rng.random() < 0.08 else AREA_CODES[region])
    name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}" if rng.random() < 0.45 else None
    # 555-0100 to 555-0199 are kept for fiction; the low ones here are the business's, the high ones the live demo's.
    return Caller(number=f"+1{area}5550{rng.randint(120, 179)}", name=name)


class Desk:
    """The front desk: takes calls and numbers them."""

    def __init__(self, *, rng: random.Random, time_zone: str) -> None:
        self.rng = rng
        self.time_zone = time_zone
        self._next = 0

    def call(
        self, at: datetime, *, by: Person | None, source: str, caller: Caller, slot: int = 0, spam: bool = False
    ) -> Iterator[Fact]:
        """One call from ringing to what was written down about it."""
        number, self._next = self._next, self._next + 1
        yield Called(
            at=at,
            call=number,
            by=by,
            source=source,
            slot=slot,
            caller=caller.number,
            caller_name=caller.name,
        )
        status, seconds = (("completed", self.rng.randint(1, 4))) if spam else self._talk(at)
        end = at + timedelta(seconds=seconds)
        yield Ended(at=end, call=number, status=status, seconds=seconds)
        if spam:
            if self.rng.random() < 0.7:
                yield Noted(at=end + timedelta(minutes=4), call=number, spam=True)
        elif status == "completed":
            yield from self._write_down(end, number, seconds, by, source)

    def _talk(self, at: datetime) -> tuple[str, int]:
        local = at.astimezone(zone(self.time_zone))
        staffed = 7 <= local.hour < (19 if local.weekday() < 5 else 16)
        kind = self.rng.random()
        if kind < (0.07 if staffed else 0.4):
            return "no-answer", self.rng.randint(22, 34)
        if kind < (0.1 if staffed else 0.43):
            return ("busy", 0) if self.rng.random() < 0.6 else ("canceled", self.rng.randint(3, 12))
        return "completed", int(min(self.rng.lognormvariate(5.0, 0.75), 1500)) + 12

    def _write_down(self, end: datetime, number: int, seconds: int, by: Person | None, source: str) -> Iterator[Fact]:
        tag, low, high, note = self.rng.choice(_JOBS)
        later = end + timedelta(minutes=self.rng.uniform(2, 25))
        chance = self.rng.random()
        if seconds > 100 and chance < 0.42:
            cents = self.rng.randrange(low, high, 500)
            yield Noted(at=later, call=number, tags=("booked", tag), cents=cents, note=note if chance < 0.22 else None)
        elif chance < 0.6:
            yield Noted(at=later, call=number, tags=("quote",) if seconds > 60 else ("call back",))
        if by is None and source != BILLBOARD and self.rng.random() < 0.6:
            yield Decided(at=later, call=number, reason="A customer of ours for years, had the number saved.")
        elif by is not None and self.rng.random() < 0.14:
            yield Decided(at=later, call=number, reason="Said on the phone which page they were looking at.")


def strangers(desk: Desk, day: date) -> Iterator[Fact]:
    """Who calls on a day without having been on the site: the billboard, old customers, sales calls."""
    rng = desk.rng

    def at(first: int, last: int) -> datetime:
        moment = time(rng.randint(first, last - 1), rng.randint(0, 59), rng.randint(0, 59))
        return datetime.combine(day, moment, tzinfo=zone(desk.time_zone)).astimezone(UTC)

    for _ in range(rng.choice((0, 1, 1, 2))):
        yield from desk.call(at(8, 19), by=None, source=BILLBOARD, caller=caller_for(rng, "US-NY"))
    if rng.random() < 0.6:
        source, slots = rng.choice((("google_ads", 2), ("google_organic", 1), ("direct", 1)))
        caller = caller_for(rng, "US-NY")
        yield from desk.call(at(8, 18), by=None, source=source, slot=rng.randrange(slots), caller=caller)
    if day.weekday() < 5 and rng.random() < 0.7:
        dialler = Caller(number=f"+18005550{rng.randint(120, 124)}", name=None)
        start = at(10, 16)
        for step, source in enumerate(rng.sample(("google_ads", "google_organic", "email", "direct"), 2)):
            yield from desk.call(start + timedelta(minutes=2 * step), by=None, source=source, caller=dialler, spam=True)
