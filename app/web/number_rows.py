"""Numbers and their changes as the pages show them: every value in words, ready to be escaped by the template. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.web import words
from app.web.places import Places
from core.phone import for_country
from numberpool.in_use import ACTIVE, QUARANTINED, RELEASED, RESTING
from store.provisioning import NumberChange
from store.sites import TrackingNumber

STATES = {
    ACTIVE: ("shown to visitors", "sure", "check-circle"),
    RESTING: ("rests", "likely", "pause-circle"),
    QUARANTINED: ("in quarantine", "unsure", "hourglass-split"),
    RELEASED: ("released", "nobody", "dash-circle"),
}
"""Words, a status colour and an icon for each status."""
DONE_BY = {"staff": "staff", "api": "the API", "system": "Ringtrace"}


@dataclass(frozen=True, kw_only=True)
class NumberRow:
    """A number as the table shows it: `notes` are what to know of it, `calls` those of the last 30 days."""

    number: str
    shown: str
    source: str
    hue: int
    state: str
    tone: str
    icon: str
    since: str
    since_full: str
    price: str
    provider: str
    calls: int
    last_call: str
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One change: when, what became of what, who did it and why."""

    when: str
    full: str
    what: str
    who: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """The account's own clock and country: those of its first site."""

    at: datetime
    zone: str
    country: str

    @classmethod
    def of(cls, known: Places, at: datetime) -> "Place":
        """Of the account's places; `at` is now."""
        site = next(iter(known.sites.values()), None)
        return cls(at=at, zone=site.time_zone if site else "UTC", country=site.country if site else "US")

    def when(self, moment: datetime) -> str:
        """Such as "today 14:02"."""
        return words.when(moment, self.at, self.zone)


def sentences(rows: Sequence[TrackingNumber]) -> list[str]:
    """What the page says before it shows anything."""
    counts = {status: sum(row.status == status for row in rows) for status in STATES}
    said = [f"{words.counted(counts[ACTIVE], 'number is', 'numbers are')} shown to visitors."]
    if counts[QUARANTINED]:
        said.append(f"{words.counted(counts[QUARANTINED], 'is', 'are')} in quarantine.")
    if counts[RESTING]:
        said.append(f"{words.counted(counts[RESTING], 'rests', 'rest')}.")
    costs: dict[str, int] = {}
    for row in rows:
        if row.monthly_price_minor is not None and row.price_currency and row.provider_sid:
            costs[row.price_currency] = costs.get(row.price_currency, 0) + row.monthly_price_minor
    if costs:
        whole = " and ".join(words.money(minor, currency) for currency, minor in sorted(costs.items()))
        said.append(f"They cost {whole} a month.")
    return said


def in_order(rows: Sequence[TrackingNumber], known: Places) -> list[TrackingNumber]:
    """By source, as the sources stand; shown ones first, released ones last."""
    order = {source_id: index for index, source_id in enumerate(known.sources)}
    ranks = {status: index for index, status in enumerate(STATES)}
    return sorted(rows, key=lambda r: (r.status == RELEASED, order.get(r.source_id, 0), ranks[r.status], r.number))


def fits(row: TrackingNumber, known: Places, source: str, status: str) -> bool:
    """Whether a number is of this source (slug) and this status; empty for any."""
    return (not source or known.sources[row.source_id].slug == source) and (not status or row.status == status)


def number_row(
    row: TrackingNumber,
    known: Places,
    place: Place,
    calls: Mapping[str, tuple[int, datetime]],
    strays: Mapping[str, Sequence[datetime]],
) -> NumberRow:
    """A number with its `calls` of late (how many, the last) and `strays`, its calls without views, both by number."""
    source = known.sources[row.source_id]
    state, tone, icon = STATES[row.status]
    count, last = calls.get(row.number, (0, None))
    heard = sum(call >= row.status_since for call in strays.get(row.number, ()))
    price = row.monthly_price_minor
    return NumberRow(
        number=row.number,
        shown=for_country(row.number, place.country),
        source=source.name,
        hue=source.hue,
        state=state,
        tone=tone,
        icon=icon,
        since=place.when(row.status_since),
        since_full=words.full(row.status_since, place.zone),
        price=words.money(price, row.price_currency) if price is not None and row.price_currency else "",
        provider={"twilio": "Twilio", "manual": "brought along"}.get(row.provider, row.provider),
        calls=count,
        last_call=place.when(last) if last else "",
        notes=tuple(_notes(row, place, heard)),
    )


def _notes(row: TrackingNumber, place: Place, heard: int) -> list[str]:
    notes = []
    if row.status == QUARANTINED:
        until = row.quarantined_until
        notes.append(f"until {words.date(until, place.zone)}" if until else "until staff end it")
        notes.append(words.counted(heard, "call without views", "calls without views"))
    if row.release_at is not None:
        notes.append(f"goes back to the provider on {words.date(row.release_at, place.zone)}")
    if row.printed:
        notes.append("printed")
    return notes


def change_row(row: NumberChange, known: Places, people: Mapping[str, str], place: Place) -> ChangeRow:
    """A change in words; `people` are names by user id."""
    parts = []
    if row.from_status is None:
        parts.append(f"new, {STATES[row.to_status][0]}")
    elif row.from_status != row.to_status:
        parts.append(f"{STATES[row.from_status][0]} → {STATES[row.to_status][0]}")
    if row.from_source_id not in {None, row.to_source_id}:
        parts.append(f"{known.sources[row.from_source_id or ''].name} → {known.sources[row.to_source_id].name}")
    who = DONE_BY[row.by]
    name = people.get(row.user_id) if row.user_id else None
    return ChangeRow(
        when=place.when(row.at),
        full=words.full(row.at, place.zone),
        what="; ".join(parts) or "stays as it is",
        who=f"{name}, through the API" if name and row.by == "api" else name or who,
        why=row.reason or "",
    )
