"""What happened on a site so far, kept in memory and in event time.

Who saw which number, what each visitor and each telephone did: from it come the scene of a call, and the exposure from
which intensities are learnt. The nightly training and the backtest run on it; a live call gathers the very same facts
by queries (``matching/gather.py``). Times are epoch seconds (UTC), event by event in rising order.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import nan

from core.regions import region_of_number
from core.time import hour_of_week
from matching.rules.background import RECENT_SECONDS, recent
from matching.rules.cells import SOURCES, state_of
from matching.rules.exposure import Stretch
from matching.rules.facts import (
    CallFacts,
    CandidateFacts,
    EarlierCall,
    FormPhone,
    NumberKind,
    PhoneHistory,
    StaffDecision,
)
from matching.rules.features import OTHER_PAGE, PageWords, device_place, views_bucket, visits_bucket
from matching.rules.habits import (
    FORM_PHONE,
    MAX_CALLS,
    MAX_CANDIDATES,
    PAGE_OPEN,
    SHARED_FROM,
    STAFF_PHONE,
    claim,
    region_share,
)

DAY = 86_400.0
_DIGITS = 6
"""Microseconds: what differences of epoch seconds are good for, and what the database keeps."""
_PHONE_DAYS = 400.0
"""A telephone that was not met for so long is forgotten."""


@dataclass(slots=True)
class _Holding:
    """A number a visitor was shown; ``state`` as exposure counts it now."""

    source: str
    place: int
    state: int = 0
    click: float = nan


@dataclass(slots=True)
class _Person:
    """A visitor."""

    seen: float
    device: str | None = None
    region: str | None = None
    visit: str = ""
    source: str | None = None
    visits: int = 0
    views: int = 0
    path: str | None = None
    page: int = OTHER_PAGE
    left: bool = False
    viewed: float = nan
    form: float = nan
    holdings: dict[str, _Holding] = field(default_factory=dict)
    phones: set[str] = field(default_factory=set)
    claims: dict[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Call:
    at: float
    number: str
    caller: str | None
    best: str | None
    first: tuple[str, float] | None
    races: Mapping[str, float]


@dataclass(slots=True)
class _Phone:
    calls: list[str] = field(default_factory=list)
    forms: list[tuple[float, str]] = field(default_factory=list)
    met: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that the ranking needs of a call."""

    call: CallFacts
    candidates: tuple[CandidateFacts, ...]
    history: PhoneHistory


class Ledger:
    """The state of one site. ``days``: how long ago a holder of a number may have been seen to be a candidate."""

    def __init__(self, *, time_zone: str, pages: PageWords, days: float = 60.0) -> None:
        self.time_zone = time_zone
        self.days = days
        self.sources: dict[str, int] = {}
        self.numbers: dict[str, tuple[str, float]] = {}
        self._kinds: dict[str | None, int] = {}
        self._pages = pages
        self._people: dict[str, _Person] = {}
        self._holders: dict[str, dict[str, _Person]] = {}
        self._phones: dict[str, _Phone] = {}
        self._calls: dict[str, _Call] = {}
        self._decisions: dict[str, StaffDecision] = {}
        self._recent: deque[tuple[float, str, str | None, float]] = deque()
        self._stretches: list[Stretch] = []

    # What visitors do

    def arrived(
        self,
        visitor: str,
        at: float,
        *,
        source: str | None,
        device: str | None,
        region: str | None,
        visit: str | None = None,
        ordinal: int | None = None,
    ) -> None:
        """A visit begins, before its first page view; ``ordinal`` where earlier ones were not told here.

        ``region`` None leaves what was known.
        """
        person = self._people.get(visitor)
        if person is None:
            person = self._people[visitor] = _Person(seen=at)
        else:
            self._close(person, at)
        person.visits = ordinal or person.visits + 1
        person.visit = visit or f"{visitor}.{person.visits}"
        person.source, person.device, person.region = source, device, region or person.region
        person.views, person.left = 0, False

    def viewed(self, visitor: str, at: float, path: str | None) -> None:
        """A page view of ``path``."""
        person = self._people.get(visitor)
        if person is None:
            return
        self._close(person, at)
        person.views += 1
        person.path, person.viewed, person.left = path, at, False
        kind = self._kinds.get(path)
        if kind is None:
            if len(self._kinds) > 50_000:
                self._kinds.clear()
            kind = self._kinds[path] = self._pages.kind(path)
        person.page = kind
        self._restate(person)

    def alive(self, visitor: str, at: float) -> None:
        """A life sign without news."""
        person = self._people.get(visitor)
        if person is None:
            return
        self._close(person, at)
        if person.left:
            person.left = False
            self._restate(person)

    def leave(self, visitor: str, at: float) -> None:
        """The page was closed."""
        person = self._people.get(visitor)
        if person is not None:
            self._close(person, at)
            person.left = True
            self._restate(person)

    def shown(self, visitor: str, at: float, number: str, source: str) -> None:
        """The visitor is shown this number of this source from now on."""
        person = self._people.get(visitor)
        if person is None:
            return
        if number not in person.holdings:
            self._close(person, at)
            person.holdings[number] = _Holding(source=source, place=self.place_of(source))
            self._holders.setdefault(number, {})[visitor] = person
            self.numbers.setdefault(number, (source, at))
        self._restate(person)

    def place_of(self, source: str) -> int:
        """The source's place in states; beyond as many as a state can tell apart, all share the last."""
        return self.sources.setdefault(source, min(len(self.sources), SOURCES - 1))

    def clicked(self, visitor: str, at: float, number: str) -> None:
        """A tel: click on this number; a life sign."""
        person = self._people.get(visitor)
        if person is None:
            return
        self.alive(visitor, at)
        holding = person.holdings.get(number)
        if holding is not None:
            holding.click = at

    def filled(self, visitor: str, at: float, phone: str | None) -> None:
        """A form was sent, with this phone number in it or none; a life sign."""
        person = self._people.get(visitor)
        if person is None:
            return
        self.alive(visitor, at)
        person.form = at
        if phone is not None:
            person.phones.add(phone)
            known = self._phones.setdefault(phone, _Phone())
            known.forms.append((at, visitor))
            known.met = at

    def _close(self, person: _Person, at: float) -> None:
        """Ends the stretch that went on until this life sign."""
        if at > person.seen:
            for holding in person.holdings.values():
                self._stretches.append((person.seen, at, person.viewed, holding.click, person.form, holding.state))
            person.seen = at

    def _restate(self, person: _Person) -> None:
        for holding in person.holdings.values():
            holding.state = state_of(
                device=device_place(person.device),
                page=person.page,
                views=views_bucket(person.views),
                visits=visits_bucket(person.visits),
                left=person.left,
                superseded=not _is_shown(person, holding),
                source=holding.place,
            )

    # Calls

    def scene(self, at: float, number: str, caller: str | None, *, source: str, kind: NumberKind = "pool") -> Scene:
        """What is known of a call that comes in now; the future is not in here yet."""
        oldest = at - self.days * DAY
        people = [(v, p) for v, p in self._holders.get(number, {}).items() if p.seen >= oldest]
        candidates = tuple(self._facts(visitor, person, number, caller, at) for visitor, person in people)
        region = region_of_number(caller)
        others = [call for call in self._lately(at) if call[1] != number]
        moment = datetime.fromtimestamp(at, UTC)
        facts = CallFacts(
            at=moment,
            caller=caller,
            local_hour_of_week=hour_of_week(moment, self.time_zone),
            number=number,
            source=source,
            number_kind=kind,
            caller_region=region,
            region_share=region_share(region, [c.region for c in candidates]),
            recent_nobody=recent((round(at - when, _DIGITS), none) for when, _, _, none in others),
            recent_calls_other_numbers=len({n for _, n, who, _ in others if who is not None and who == caller}),
        )
        return Scene(call=facts, candidates=candidates, history=self.history(caller))

    def _facts(self, visitor: str, person: _Person, number: str, caller: str | None, at: float) -> CandidateFacts:
        holding = person.holdings[number]
        since = round(at - person.seen, _DIGITS)
        return CandidateFacts(
            visitor=visitor,
            visit=person.visit,
            source=person.source,
            last_seen_at=datetime.fromtimestamp(person.seen, UTC),
            seconds_since_seen=since,
            seconds_since_view=self._within(at - person.viewed),
            page_open=not person.left and since <= PAGE_OPEN,
            left=person.left,
            shown=_is_shown(person, holding),
            last_page_path=person.path,
            page_views=person.views or 1,
            visits=person.visits,
            tel_click_seconds=self._within(at - holding.click),
            form_seconds=self._within(at - person.form),
            device=person.device,  # type: ignore[arg-type]
            region=person.region,
            other_phone=_other_phone(person, caller) if caller is not None else 0.0,
        )

    def _within(self, seconds: float) -> float | None:
        """None for what never happened (NaN) or lies beyond the window."""
        return round(seconds, _DIGITS) if seconds <= self.days * DAY else None

    def _lately(self, at: float) -> Iterable[tuple[float, str, str | None, float]]:
        while self._recent and self._recent[0][0] < at - RECENT_SECONDS:
            self._recent.popleft()
        return self._recent

    def history(self, caller: str | None) -> PhoneHistory:
        """What the calling phone did so far."""
        if caller is None:
            return PhoneHistory(withheld=True)
        phone = self._phones.get(caller)
        if phone is None:
            return PhoneHistory()
        calls = tuple(
            EarlierCall(
                at=datetime.fromtimestamp(self._calls[call].at, UTC),
                races=self._calls[call].races,
                number=self._calls[call].number,
                decision=self._decisions.get(call),
            )
            for call in phone.calls[-MAX_CALLS:]
        )
        forms = tuple(FormPhone(at=datetime.fromtimestamp(at, UTC), visitor=visitor) for at, visitor in phone.forms)
        people = {form.visitor for form in forms}
        people |= {call.decision.visitor for call in calls if call.decision and call.decision.visitor is not None}
        return PhoneHistory(calls=calls, forms=forms, shared=len(people) >= SHARED_FROM)

    def called(
        self,
        call: str,
        at: float,
        number: str,
        caller: str | None,
        *,
        best: tuple[str, float] | None,
        none: float,
        races: Mapping[str, float],
    ) -> None:
        """Remembers a call as it was answered: whom the model chose and how likely, and the races of the likeliest."""
        top = dict(list(races.items())[:MAX_CANDIDATES])
        self._calls[call] = _Call(
            at=at, number=number, caller=caller, best=best[0] if best else None, first=best, races=top
        )
        self._recent.append((at, number, caller, none))
        if caller is not None:
            phone = self._phones.setdefault(caller, _Phone())
            phone.calls.append(call)
            phone.met = at
            if best is not None and best[0] in self._people:
                self._people[best[0]].claims[call] = (caller, best[1])

    def reraced(self, call: str, races: Mapping[str, float]) -> None:
        """A better model sees an earlier call's race differently."""
        known = self._calls.get(call)
        if known is not None:
            known.races = dict(list(races.items())[:MAX_CANDIDATES])

    def decided(self, call: str, visitor: str | None) -> None:
        """Staff credit a call to a visitor, or to nobody (None)."""
        known = self._calls.get(call)
        if known is None:
            return
        self._decisions[call] = StaffDecision(visitor=visitor)
        for person in filter(None, (self._people.get(v) for v in (known.best, visitor) if v is not None)):
            person.claims.pop(call, None)
        if visitor in self._people and known.caller is not None:
            self._people[visitor].claims[call] = (known.caller, STAFF_PHONE)
        known.best = visitor

    def undecided(self, call: str) -> None:
        """Staff take their word back: the model's choice counts again."""
        known = self._calls.get(call)
        if known is None or self._decisions.pop(call, None) is None:
            return
        if known.best in self._people:
            self._people[known.best].claims.pop(call, None)
        known.best = known.first[0] if known.first else None
        if known.first is not None and known.caller is not None and known.first[0] in self._people:
            self._people[known.first[0]].claims[call] = (known.caller, known.first[1])

    def decision(self, call: str) -> StaffDecision | None:
        """What staff said of a call so far."""
        return self._decisions.get(call)

    # Nights

    def stretches(self, now: float) -> list[Stretch]:
        """The stretches that ended since this was last asked, and those that are still going on, up to ``now``."""
        found, self._stretches = self._stretches, []
        for person in self._people.values():
            if now > person.seen:
                for holding in person.holdings.values():
                    found.append((person.seen, now, person.viewed, holding.click, person.form, holding.state))
        return found

    def forget(self, now: float) -> None:
        """Drops visitors beyond the window, and telephones and calls beyond theirs."""
        gone = [v for v, person in self._people.items() if person.seen < now - self.days * DAY]
        for visitor in gone:
            for number in self._people.pop(visitor).holdings:
                self._holders[number].pop(visitor, None)
        for name in [n for n, phone in self._phones.items() if phone.met < now - _PHONE_DAYS * DAY]:
            del self._phones[name]
        for call in [c for c, known in self._calls.items() if known.at < now - _PHONE_DAYS * DAY]:
            del self._calls[call]
            self._decisions.pop(call, None)

    def phones_met(self) -> Iterable[tuple[str, list[str]]]:
        """Telephones that called, each with its calls in order."""
        return ((name, phone.calls) for name, phone in self._phones.items() if phone.calls)

    def last_seen(self, number: str) -> str | None:
        """The holder of the number who gave the latest life sign."""
        holders = self._holders.get(number)
        return max(holders, key=lambda visitor: (holders[visitor].seen, visitor)) if holders else None


def _is_shown(person: _Person, holding: _Holding) -> bool:
    """Whether this is what the latest visit shows: its own source's number, or the only kind the visitor has."""
    return holding.source == person.source or all(h.source != person.source for h in person.holdings.values())


def _other_phone(person: _Person, caller: str) -> float:
    if not person.phones and not person.claims:
        return 0.0
    if any(phone != caller for phone in person.phones):
        return FORM_PHONE
    return claim(likelihood for phone, likelihood in person.claims.values() if phone != caller)
