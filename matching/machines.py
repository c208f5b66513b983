"""Which candidates are a machine's making: by what is known of the networks they came from. See `core.crowds`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, case, func, select

from core.crowds import ELSEWHERE, GRACE, PRIOR, human_share, machine_odds, prior_odds
from core.ids import new_id
from matching.phone_history import in_parts
from store.sessions import AccountSession
from store.visits import Visitor

_LATELY, _TIME_DIGITS = timedelta(hours=1), 12
_LOOKED_AT = 100 * ELSEWHERE
"""The latest living visitors, among whom some of other networks are looked for."""


class Came(Protocol):
    """A visitor as far as it says where they came from, and whether a page of theirs showed life."""

    @property
    def origin(self) -> str | None:
        """A keyed hash of their network; None where it is not known."""

    @property
    def alive_at(self) -> datetime | None:
        """When a page of theirs first reported anything."""


class _Network(NamedTuple):
    """How many visitors came from a network, how many of the lifeless had time to show life, and how many live."""

    origin: str
    came: int
    settled: int
    living: int


def is_lifeless(visitor: Came, at: datetime) -> bool:
    """Whether no page of theirs had reported anything at `at`."""
    return visitor.alive_at is None or visitor.alive_at > at


def machines_among(
    session: AccountSession, visitors: Iterable[Came], *, site_id: str, since: datetime, at: datetime
) -> Mapping[str | None, float]:
    """By network of these visitors, log2 of the probability that a lifeless one is a person, where that is below 0.

    Counted are the site's visitors who came between `since` and `at`, from the networks of the lifeless; and those of
    the last hour from anywhere, which say whether machines are about. All as it stood at `at`. Two queries, none where
    all live, and a third where somebody is suspected.
    """
    asked = {v.origin for v in visitors if v.origin is not None and is_lifeless(v, at)}
    networks = [
        found
        for some in in_parts(sorted(asked))
        for found in _networks(session, Visitor.origin.in_(some), site_id=site_id, since=since, until=at)
    ]
    if not networks:
        return {}
    prior = prior_odds([(n.settled, n.living) for n in _lately(session, site_id=site_id, at=at)])
    odds = _machine_odds(session, networks, site_id=site_id, since=since, until=at, prior=prior)
    return {origin: human_share(odd) for origin, odd in odds.items()}


def machine_networks(session: AccountSession, *, site_id: str, since: datetime, until: datetime) -> frozenset[str]:
    """All networks of a site that were rather a machine's than people's in this time. Two queries."""
    networks = _networks(session, Visitor.origin.is_not(None), site_id=site_id, since=since, until=until, least=2)
    odds = _machine_odds(session, networks, site_id=site_id, since=since, until=until, prior=PRIOR)
    return frozenset(origin for origin in odds if origin is not None)


def _lately(session: AccountSession, *, site_id: str, at: datetime) -> list[_Network]:
    """The networks of the last hour."""
    since = at - _LATELY
    return _networks(session, _since(since), site_id=site_id, since=since, until=at)


def _since(at: datetime) -> ColumnElement[bool]:
    """Visitors' ids begin with the time they came, so the key leads there."""
    return Visitor.visitor_id >= new_id(at)[:_TIME_DIGITS]


def _networks(
    session: AccountSession,
    which: ColumnElement[bool],
    *,
    site_id: str,
    since: datetime,
    until: datetime,
    least: int = 1,
) -> list[_Network]:
    """Networks that at least so many visitors came from."""
    living = case((Visitor.alive_at <= until, 1))
    settled = case((Visitor.first_seen_at >= until - GRACE, None), (Visitor.alive_at <= until, None), else_=1)
    rows = session.execute(
        select(Visitor.origin, func.count(), func.count(settled), func.count(living))
        .where(which, *_within(site_id, since, until))
        .group_by(Visitor.origin)
        .having(func.count() >= least)
    )
    return [_Network(origin, came, lost, alive) for origin, came, lost, alive in rows if origin is not None]


def _within(site_id: str, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return Visitor.site_id == site_id, Visitor.first_seen_at >= since, Visitor.first_seen_at <= until


def _machine_odds(
    session: AccountSession,
    networks: Sequence[_Network],
    *,
    site_id: str,
    since: datetime,
    until: datetime,
    prior: float,
) -> Mapping[str | None, float]:
    """log2 of the odds of a machine, of those networks that are rather a machine's."""
    suspected = [network for network in networks if _odds(network, ELSEWHERE, prior) > 0.0]
    if not suspected:
        return {}
    # Whether this site's pages report at all: the latest who live say so.
    living = Counter(
        session.scalars(
            select(Visitor.origin)
            .where(Visitor.alive_at <= until, _since(since), *_within(site_id, since, until))
            .order_by(Visitor.visitor_id.desc())
            .limit(_LOOKED_AT)
        )
    )
    odds = {n.origin: _odds(n, living.total() - living[n.origin], prior) for n in suspected}
    return {origin: odd for origin, odd in odds.items() if odd > 0.0}


def _odds(network: _Network, living_elsewhere: int, prior: float) -> float:
    return machine_odds(
        lifeless=network.came - network.living,
        settled=network.settled,
        living=network.living,
        living_elsewhere=living_elsewhere,
        prior=prior,
    )
