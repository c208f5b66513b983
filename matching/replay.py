"""Plays what the database holds of a site, in its order of time, into a learner: live history as a recorded one."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import or_, select

from matching.gather import page_path
from matching.machines import machine_networks
from matching.rules.learner import Learner
from store.calls import Call, MatchDecision
from store.sessions import AccountSession
from store.sites import TrackingSource
from store.visits import Assignment, Form, Visit, VisitEvent, Visitor

Step = Callable[[Learner], None]
Told = tuple[float, int, str, Step]
"""(epoch seconds, order among what happens at one moment, id, what is to be told)."""

_CHUNK = 2000


def replay(session: AccountSession, site_id: str, *, since: datetime, until: datetime) -> Iterator[Told]:
    """All that happened on a site in [since, until), rising; each entry tells a learner.

    Rows are streamed: memory does not grow with the history. A handful of queries.
    """
    streams = (
        _visits(session, site_id, since, until),
        _events(session, site_id, since, until),
        _assignments(session, site_id, since, until),
        _forms(session, site_id, since, until),
        _calls(session, site_id, since, until),
        _decisions(session, site_id, since, until),
    )
    return heapq.merge(*streams, key=itemgetter(0, 1, 2))


def _rows(session: AccountSession, query: Any) -> Iterator[Any]:
    return iter(session.execute(query.execution_options(yield_per=_CHUNK)))


def _visits(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    query = (
        select(
            Visit.visit_id,
            Visit.visitor_id,
            Visit.source_id,
            Visit.started_at,
            Visit.device,
            Visit.ordinal,
            Visitor.region,
        )
        .join(Visitor, Visitor.visitor_id == Visit.visitor_id)
        .where(Visit.site_id == site_id, Visit.started_at >= since, Visit.started_at < until)
        .order_by(Visit.started_at, Visit.visit_id)
    )
    for visit, visitor, source, at, device, ordinal, region in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (visitor, moment, source, device, region, visit, ordinal)) -> None:
            who, when, of, machine, where, stay, nth = row
            learner.arrived(who, when, source=of, device=machine, region=where, visit=stay, ordinal=nth)

        yield moment, 0, visit, tell


def _events(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    query = (
        select(
            VisitEvent.event_id,
            VisitEvent.visitor_id,
            VisitEvent.type,
            VisitEvent.at,
            VisitEvent.url,
            VisitEvent.number,
        )
        .join(Visit, Visit.visit_id == VisitEvent.visit_id)
        .where(Visit.site_id == site_id, VisitEvent.at >= since, VisitEvent.at < until)
        .order_by(VisitEvent.at, VisitEvent.event_id)
    )
    for event, visitor, kind, at, url, number in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (visitor, moment, kind, url, number)) -> None:
            who, when, what, where, on = row
            if what == "pageview":
                learner.viewed(who, when, page_path(where))
            elif what == "tel_click" and on is not None:
                learner.clicked(who, when, on)
            elif what == "leave":
                learner.left(who, when)
            else:
                learner.alive(who, when)

        yield moment, 1 if kind == "pageview" else 3, event, tell


def _assignments(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    machines = machine_networks(session, site_id=site_id, since=since, until=until)
    query = (
        select(
            Assignment.assignment_id,
            Assignment.visitor_id,
            Assignment.number,
            Assignment.source_id,
            Assignment.started_at,
        )
        .join(Visitor, Visitor.visitor_id == Assignment.visitor_id)
        .where(Visitor.site_id == site_id, Assignment.started_at >= since, Assignment.started_at < until)
        # Whom a machine made up is no lesson: nobody was exposed to a number.
        .where(or_(Visitor.alive_at.is_not(None), Visitor.origin.is_(None), Visitor.origin.not_in(machines)))
        .order_by(Assignment.started_at, Assignment.assignment_id)
    )
    for assignment, visitor, number, source, at in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (visitor, moment, number, source)) -> None:
            learner.shown(*row)

        yield moment, 2, assignment, tell


def _forms(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    query = (
        select(Form.form_id, Form.visitor_id, Form.at, Form.phone)
        .where(Form.site_id == site_id, Form.at >= since, Form.at < until)
        .order_by(Form.at, Form.form_id)
    )
    for form, visitor, at, phone in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (visitor, moment, phone)) -> None:
            learner.filled(*row)

        yield moment, 4, form, tell


def _calls(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    query = (
        select(Call.call_id, Call.started_at, Call.number, Call.from_number, Call.source_id, TrackingSource.kind)
        .join(TrackingSource, TrackingSource.source_id == Call.source_id)
        .where(Call.site_id == site_id, Call.started_at >= since, Call.started_at < until)
        .order_by(Call.started_at, Call.call_id)
    )
    for call, at, number, caller, source, kind in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (call, moment, number, caller, source, kind)) -> None:
            name, when, rung, by, of, what = row
            learner.called(name, when, rung, by, source=of, kind="pool" if what == "online" else "offline")

        yield moment, 5, call, tell


def _decisions(session: AccountSession, site_id: str, since: datetime, until: datetime) -> Iterator[Told]:
    query = (
        select(
            MatchDecision.decision_id,
            MatchDecision.call_id,
            MatchDecision.at,
            MatchDecision.visitor_id,
            MatchDecision.undo,
        )
        .join(Call, Call.call_id == MatchDecision.call_id)
        .where(
            Call.site_id == site_id,
            Call.started_at >= since,
            MatchDecision.at < until,
            or_(MatchDecision.by == "staff", MatchDecision.undo),
        )
        .order_by(MatchDecision.at, MatchDecision.decision_id)
    )
    for decision, call, at, visitor, undone in _rows(session, query):
        moment = at.timestamp()

        def tell(learner: Learner, row: Any = (call, moment, visitor, undone)) -> None:
            name, when, who, back = row
            if back:
                learner.undecided(name)
            else:
                learner.decided(name, when, who)

        yield moment, 6, decision, tell
