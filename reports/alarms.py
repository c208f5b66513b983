"""Alarms: what is looked at, what was found, and the one open row about each thing that is wrong."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, select

from core.ids import new_id
from core.time import format_time, local_day
from reports.accuracy_facts import grouped, outcomes_of
from reports.period import Period
from reports.rules.accuracy import achieved
from reports.rules.alarms import (
    LEAST_USUAL,
    LONGEST_SILENCE,
    LOOK_BACK,
    LOOKED_FOR,
    NUMBER_WITHOUT_VIEWS,
    SWAPS_STOPPED,
    UNDER_TARGET,
    WEEKS,
    State,
    number_without_views,
    swaps_stopped,
    under_target,
)
from store.alarms import Alarm
from store.calls import Call, CallCandidate
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource
from store.visits import Visit


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was seen of one thing. `facts` are plain JSON."""

    kind: str
    subject: str
    site_id: str
    state: State
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Alarms that began and alarms that ended."""

    opened: tuple[Alarm, ...] = ()
    closed: tuple[Alarm, ...] = ()


def look(session: AccountSession, at: datetime) -> list[Finding]:
    """Looks at every site of the account as of `at`. Reads only; some queries a site."""
    found: list[Finding] = []
    for site in session.scalars(select(Site).order_by(Site.site_id)).all():
        sources = session.scalars(
            select(TrackingSource).where(TrackingSource.site_id == site.site_id, TrackingSource.deleted_at.is_(None))
        ).all()
        found += _targets(session, site, sources, at)
        found += _numbers(session, site, sources, at)
        found.append(_swaps(session, site, at))
    return found


def keep(session: AccountSession, findings: Iterable[Finding], at: datetime) -> Changes:
    """Opens and closes the alarms that the findings are about; those about things that are gone end, too. Flushes."""
    opened, closed, seen = [], [], set()
    standing = {(row.kind, row.subject): row for row in open_alarms(session) if row.kind in LOOKED_FOR}
    for one in findings:
        seen.add((one.kind, one.subject))
        row = standing.get((one.kind, one.subject))
        if one.state is State.RAISE and row is None:
            opened.append(_open(session, one.kind, one.subject, one.site_id, one.facts, at))
        elif one.state is State.CLEAR and row is not None:
            row.closed_at = at
            closed.append(row)
        elif row is not None:
            row.last_seen_at = at
    for key, row in standing.items():
        if key not in seen:
            row.closed_at = at
            closed.append(row)
    session.flush()
    return Changes(opened=tuple(opened), closed=tuple(closed))


def raise_alarm(
    session: AccountSession, kind: str, subject: str, *, site_id: str | None, facts: Mapping[str, Any], at: datetime
) -> Alarm | None:
    """Opens an alarm of any other kind, or notes that it still stands; the alarm where it is new. Flushes.

    `facts` may hold `text`, a sentence for people.
    """
    row = _standing(session, kind, subject)
    if row is not None:
        row.last_seen_at = at
        session.flush()
        return None
    row = _open(session, kind, subject, site_id, facts, at)
    session.flush()
    return row


def clear_alarm(session: AccountSession, kind: str, subject: str, *, at: datetime) -> Alarm | None:
    """Ends such an alarm; None where there was none. Flushes."""
    row = _standing(session, kind, subject)
    if row is not None:
        row.closed_at = at
        session.flush()
    return row


def open_alarms(session: AccountSession) -> Sequence[Alarm]:
    """What is wrong now, the latest first."""
    return session.scalars(
        select(Alarm).where(Alarm.closed_at.is_(None)).order_by(Alarm.opened_at.desc(), Alarm.alarm_id.desc())
    ).all()


def past_alarms(session: AccountSession, most: int) -> Sequence[Alarm]:
    """What was wrong, the latest first."""
    return session.scalars(
        select(Alarm)
        .where(Alarm.closed_at.is_not(None))
        .order_by(Alarm.opened_at.desc(), Alarm.alarm_id.desc())
        .limit(most)
    ).all()


def _standing(session: AccountSession, kind: str, subject: str) -> Alarm | None:
    return session.scalar(select(Alarm).where(Alarm.kind == kind, Alarm.subject == subject, Alarm.closed_at.is_(None)))


def _open(
    session: AccountSession, kind: str, subject: str, site_id: str | None, facts: Mapping[str, Any], at: datetime
) -> Alarm:
    row = Alarm(
        alarm_id=new_id(at),
        kind=kind,
        subject=subject,
        site_id=site_id,
        facts=dict(facts),
        opened_at=at,
        last_seen_at=at,
    )
    session.add(row)
    return row


def _targets(
    session: AccountSession, site: Site, sources: Collection[TrackingSource], at: datetime
) -> Iterable[Finding]:
    period = Period(start=at - LOOK_BACK, end=at, time_zone=site.time_zone)
    outcomes = grouped(outcomes_of(session, site.site_id, period))
    for source in sources:
        if source.kind != "online":
            continue
        held = [outcome for of in outcomes.get(source.source_id, {}).values() for outcome in of]
        figures = achieved(held, site.sure_from)
        yield Finding(
            kind=UNDER_TARGET,
            subject=source.source_id,
            site_id=site.site_id,
            state=under_target(figures.calls, figures.likelihood, site.likelihood_target),
            facts={
                "source": source.slug,
                "source_name": source.name,
                "calls": figures.calls,
                "mean_likelihood": figures.likelihood,
                "target": site.likelihood_target,
            },
        )


def _numbers(
    session: AccountSession, site: Site, sources: Collection[TrackingSource], at: datetime
) -> Iterable[Finding]:
    shown = exists().where(
        CallCandidate.account_id == session.account_id,
        CallCandidate.account_id == Call.account_id,
        CallCandidate.call_id == Call.call_id,
    )
    calls = session.execute(
        select(Call.number, func.count(), func.sum(case((shown, 1), else_=0)))
        .where(
            Call.site_id == site.site_id,
            Call.started_at >= at - LOOK_BACK,
            Call.started_at <= at,
            Call.spam.is_(False),
        )
        .group_by(Call.number)
    )
    counted = {number: (count - seen, seen) for number, count, seen in calls}
    online = {source.source_id: source for source in sources if source.kind == "online"}
    numbers = session.execute(
        select(TrackingNumber.number, TrackingNumber.source_id).where(
            TrackingNumber.source_id.in_(online), TrackingNumber.status != "released"
        )
    )
    for number, source_id in numbers:
        unseen, seen = counted.get(number, (0, 0))
        yield Finding(
            kind=NUMBER_WITHOUT_VIEWS,
            subject=number,
            site_id=site.site_id,
            state=number_without_views(unseen, seen),
            facts={
                "number": number,
                "calls": unseen,
                "source": online[source_id].slug,
                "source_name": online[source_id].name,
            },
        )


def _swaps(session: AccountSession, site: Site, at: datetime) -> Finding:
    last = _last_visit(session, site, at)
    silence = at - last if last is not None else timedelta()
    since = at - min(silence, LONGEST_SILENCE)
    first = session.scalar(select(func.min(Visit.local_day)).where(Visit.site_id == site.site_id))
    weeks = [
        _visits(session, site, since - timedelta(weeks=back), at - timedelta(weeks=back))
        for back in range(1, WEEKS + 1)
        if first is not None and first <= local_day(since - timedelta(weeks=back), site.time_zone)
    ]
    return Finding(
        kind=SWAPS_STOPPED,
        subject=site.site_id,
        site_id=site.site_id,
        state=swaps_stopped(silence, weeks),
        facts={
            "site_name": site.name,
            "last_swap_at": format_time(last) if last else None,
            "usual": min(weeks, default=LEAST_USUAL),
        },
    )


def _last_visit(session: AccountSession, site: Site, at: datetime) -> datetime | None:
    """When the site's latest visit began; by its local day first, as the index has it."""
    day = session.scalar(
        select(func.max(Visit.local_day)).where(
            Visit.site_id == site.site_id, Visit.local_day <= local_day(at, site.time_zone) + timedelta(days=1)
        )
    )
    if day is None:
        return None
    return session.scalar(
        select(func.max(Visit.started_at)).where(Visit.site_id == site.site_id, Visit.local_day == day)
    )


def _visits(session: AccountSession, site: Site, start: datetime, end: datetime) -> int:
    """Visits begun in [start, end], but not more than are of interest."""
    days = (local_day(start, site.time_zone), local_day(end, site.time_zone))
    some = (
        select(Visit.visit_id)
        .where(
            Visit.account_id == session.account_id,
            Visit.site_id == site.site_id,
            Visit.local_day.between(*days),
            Visit.started_at >= start,
            Visit.started_at <= end,
        )
        .limit(LEAST_USUAL)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0
