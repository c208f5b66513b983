"""Somebody asks for visitor ids by the thousand: honest callers are told as well as before, and pools stay even."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import func, select

from app.secretbox import VisitorIds
from app.settings import Settings
from app.snippet.batch import Batch, Content
from app.snippet.opening import OpenedPage, Opening, targets_of
from app.snippet.page import PageEvent
from app.snippet.reporting import Reporting
from app.snippet.set_ups import SiteSetUp
from attribution.arrive import Browser, load_sources
from core.crowds import BURST, ELSEWHERE, human_share, machine_odds
from core.ids import new_id
from core.time import local_day
from matching.match import match_call
from matching.rules.model import prior
from store.calls import Call
from store.sessions import Database
from store.sites import Account, Site, TrackingSource
from store.visits import Assignment, Visitor
from tests.support.rows import START, Business

POOL = [f"+1212555{n}" for n in range(1000, 1040)]
PAGE = "https://example.com/?gclid=Cj0abc"
VISITOR_IDS = VisitorIds(Settings.from_env({"RINGTRACE_SECRET_KEY": "a secret key for tests only"}))


@dataclass
class Town:
    """A site with one pool, and people and machines that come to it."""

    database: Database
    account_id: str = ""
    site_id: str = ""
    source_id: str = ""
    set_up: SiteSetUp | None = None
    batch: Batch = field(default_factory=lambda: Batch(VISITOR_IDS))
    people: list[str] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.database.write() as work:
            office = Business.open(work)
            source = office.source("google_ads", POOL)
            self.account_id, self.site_id = office.session.account_id, office.site.site_id
            self.source_id = source.source_id
        with self.database.read() as work:
            session = work.account(self.account_id)
            site = session.get_one(Site, (self.account_id, self.site_id))
            sources = load_sources(session, self.site_id)
            version = session.get_one(Account, self.account_id).set_up_version
            self.set_up = SiteSetUp(site=site, sources=sources, version=version, looked_at=0.0)

    def write(self, contents: Sequence[Content]) -> Sequence[OpenedPage]:
        with self.database.write() as work:
            outcomes, committed = self.batch(work, contents)
        committed()
        return outcomes

    def opening(self, origin: str, at: datetime) -> Opening:
        assert self.set_up is not None
        return Opening(
            set_up=self.set_up,
            visitor_id=None,
            url=PAGE,
            referrer=None,
            numbers=targets_of(self.set_up, ["+12125550100"]),
            browser=Browser(device="phone", region=None, user_agent="Mozilla/5.0", origin=origin),
            at=at,
            event_id=new_id(at),
        )

    def person(self, origin: str, at: datetime) -> str:
        """Somebody comes, reads for half a minute, and leaves."""
        assert self.set_up is not None
        (opened,) = self.write([self.opening(origin, at)])
        events = [PageEvent(type="heartbeat")]
        browser = Browser(device="phone", region=None, user_agent=None)
        later = at + timedelta(seconds=30)
        self.write(
            [
                Reporting(
                    set_up=self.set_up,
                    visitor_id=opened.visitor_id,
                    visit_id=opened.visit_id,
                    events=events,
                    browser=browser,
                    at=later,
                )
            ]
        )
        self.people.append(opened.visitor_id)
        self.shown[opened.visitor_id] = opened.numbers["+12125550100"][0]
        return opened.visitor_id

    def calls(self, visitor_id: str, at: datetime) -> float:
        """They call; how likely it is held to have been them."""
        with self.database.write() as work:
            session = work.account(self.account_id)
            source = session.get_one(TrackingSource, (self.account_id, self.source_id))
            call = Call(
                call_id=new_id(at),
                provider="twilio",
                provider_call_id=new_id(at),
                site_id=self.site_id,
                source_id=source.source_id,
                number=self.shown[visitor_id],
                destination=source.destination,
                from_number=None,
                started_at=at,
                local_day=local_day(at, "America/New_York"),
                status="ringing",
                updated_at=at,
            )
            session.add(call)
            session.flush()
            match_call(session, call, at=at, model=prior(), days=60)
            session.flush()
            return call.model_likelihood if call.model_visitor_id == visitor_id else 0.0

    def spread(self) -> int:
        """The most people on one number less the fewest."""
        held = Counter(dict.fromkeys(POOL, 0))
        held.update(self.shown.values())
        return max(held.values()) - min(held.values())


def day(town: Town, *, flood: int) -> tuple[float, int]:
    """Four hundred people in four hours, every fifth of whom calls; meanwhile so many false ids from 50 networks.

    Returns the callers' mean likelihood and the spread of people over numbers.
    """
    told, step = [], timedelta(seconds=36)
    networks = count()
    for place in range(400):
        at = START + place * step
        # The machine is at it from the second half hour on.
        if flood and place >= 50:
            share = flood // 350 + 1
            contents = [town.opening(f"machine {next(networks) % 50}", at) for _ in range(share)]
            town.write(contents)
        person = town.person(f"home {place}", at + timedelta(seconds=1))
        if place % 5 == 0:
            told.append(town.calls(person, at + timedelta(seconds=34)))
    return math.fsum(told) / len(told), town.spread()


def test_ten_thousand_false_visitors_change_next_to_nothing(database: Database) -> None:
    quiet, flooded = Town(database), Town(database)
    likelihood, spread = day(quiet, flood=0)
    # As many as it takes on the one, enough to tell on the other: each is a visitor, a visit and an event.
    flood = 10_000 if database.engine.dialect.name == "sqlite" else 4_000
    with_flood, spread_with = day(flooded, flood=flood)
    with database.read() as work:
        came = work.account(flooded.account_id).scalar(select(func.count()).select_from(Visitor))
        held = work.account(flooded.account_id).scalar(select(func.count()).select_from(Assignment))
    assert came is not None
    assert came >= flood
    assert held == came, "everybody keeps a number"
    assert likelihood > 0.5
    assert with_flood >= likelihood - 0.01
    assert spread <= 1
    assert spread_with <= spread + 2


def test_forty_people_behind_one_address_are_counted_like_any(sqlite_url: str, database: Database) -> None:
    town = Town(database)
    for place in range(20):
        town.person(f"home {place}", START + timedelta(minutes=place))
    office = START + timedelta(hours=1)
    opened = town.write([town.opening("office", office) for _ in range(40)])
    held = Counter(page.numbers["+12125550100"][0] for page in opened)
    assert len(held) == 40
    with database.read() as work:
        session = work.account(town.account_id)
        turn = session.get_one(TrackingSource, (town.account_id, town.source_id)).turn
    assert turn == 60


@pytest.mark.parametrize(
    ("lifeless", "settled", "living", "elsewhere", "machine"),
    [
        (4, 4, 0, ELSEWHERE, True),
        (2, 2, 0, ELSEWHERE, False),
        (40, 2, 0, ELSEWHERE, False),
        (BURST, 0, 0, ELSEWHERE, True),
        (12, 12, 28, 1000, False),
        (5 * BURST, 0, BURST, 1000, False),
        (100 * BURST, 100 * BURST, 0, ELSEWHERE - 1, False),
    ],
)
def test_what_makes_a_machine(*, lifeless: int, settled: int, living: int, elsewhere: int, machine: bool) -> None:
    odds = machine_odds(lifeless=lifeless, settled=settled, living=living, living_elsewhere=elsewhere)
    assert (odds > 0) is machine
    assert human_share(odds) <= 0
