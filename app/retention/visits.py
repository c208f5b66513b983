"""Old visits: those that no call or text refers to are removed, the others are emptied of what says who it was.

Days are counted before their visits go, and closed: reports over them stay what they were.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update

from attribution.rules.forgotten import forget_click_ids, forget_person
from core.time import local_day
from reports.counts import count_day
from store.calls import Call, CallCandidate
from store.counts import CountedDay
from store.imports import ImportedVisitor
from store.messages import Message
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Assignment, Form, Visit, VisitEvent, Visitor

UNTOUCHED = {"synchronize_session": False}


def old_days(session: AccountSession, site: Site, before: datetime) -> Sequence[date]:
    """The local days of a site that ended before, and have visits that are to be removed or emptied."""
    return session.scalars(
        select(Visit.local_day)
        .where(Visit.site_id == site.site_id, Visit.local_day < _first_kept(site, before), or_(~referred(), full()))
        .distinct()
        .order_by(Visit.local_day)
    ).all()


def count_old(session: AccountSession, site: Site, before: datetime) -> tuple[int, int]:
    """How many visits there are to be removed, and how many to be emptied."""
    old = (Visit.site_id == site.site_id, Visit.local_day < _first_kept(site, before))
    removed = session.scalar(select(func.count()).select_from(Visit).where(*old, ~referred()))
    emptied = session.scalar(select(func.count()).select_from(Visit).where(*old, referred(), full()))
    return removed or 0, emptied or 0


def close_day(session: AccountSession, site: Site, day: date, at: datetime) -> None:
    """Counts a day while its visits are all there; it is never counted again. Flushes."""
    row = session.get(CountedDay, (session.account_id, site.site_id, day))
    if row is not None and row.closed:
        return
    count_day(session, site, day, at)
    session.get_one(CountedDay, (session.account_id, site.site_id, day)).closed = True
    session.flush()


def remove_some(session: AccountSession, site: Site, day: date, before: datetime, most: int) -> int:
    """Removes up to `most` visits of a day with all that hangs on them; returns how many."""
    rows = session.execute(
        select(Visit.visit_id, Visit.visitor_id)
        .where(Visit.site_id == site.site_id, Visit.local_day == day, ~referred())
        .limit(most)
    ).all()
    visits = [row.visit_id for row in rows]
    _forget_pages(session, visits)
    session.execute(delete(Visit).where(Visit.visit_id.in_(visits)).execution_options(**UNTOUCHED))
    _remove_visitors(session, sorted({row.visitor_id for row in rows}), before)
    return len(visits)


def empty_some(session: AccountSession, site: Site, day: date, before: datetime, most: int) -> int:
    """Empties up to `most` visits of a day that calls and texts refer to; returns how many."""
    visits = session.scalars(
        select(Visit).where(Visit.site_id == site.site_id, Visit.local_day == day, referred(), full()).limit(most)
    ).all()
    empty(session, visits)
    _forget_networks(session, sorted({visit.visitor_id for visit in visits}), before)
    return len(visits)


def empty(session: AccountSession, visits: Sequence[Visit]) -> None:
    """Takes from visits what says who it was: pages, forms, click ids, browser. The campaign stays. Flushes."""
    _forget_pages(session, [visit.visit_id for visit in visits])
    for visit in visits:
        visit.landing_url, visit.referrer = forget_person(visit.landing_url, visit.referrer)
        visit.click_ids = forget_click_ids(visit.click_ids)
        visit.user_agent = visit.last_path = visit.last_viewed_at = None
    session.flush()


def referred() -> ColumnElement[bool]:
    """A call or text refers to the visit: it is matched with it, or the visitor may have been the caller."""
    pairs = (
        (Call, Call.matched_visit_id),
        (Call, Call.model_visit_id),
        (CallCandidate, CallCandidate.visit_id),
        (Message, Message.matched_visit_id),
    )
    return or_(
        *(
            exists(select(1).select_from(table).where(table.account_id == Visit.account_id, column == Visit.visit_id))
            for table, column in pairs
        )
    )


def full() -> ColumnElement[bool]:
    """The visit was not emptied yet."""
    return or_(Visit.last_viewed_at.is_not(None), Visit.user_agent.is_not(None), Visit.last_path.is_not(None))


def _first_kept(site: Site, before: datetime) -> date:
    return local_day(before, site.time_zone)


def _forget_pages(session: AccountSession, visits: list[str]) -> None:
    for table in (VisitEvent, Form):
        session.execute(delete(table).where(table.visit_id.in_(visits)).execution_options(**UNTOUCHED))


def _remove_visitors(session: AccountSession, visitors: list[str], before: datetime) -> None:
    """Visitors without a visit go, with the numbers they were shown; of the others, numbers of long ago."""
    gone = session.scalars(
        select(Visitor.visitor_id).where(
            Visitor.visitor_id.in_(visitors),
            ~exists(
                select(1)
                .select_from(Visit)
                .where(Visit.account_id == Visitor.account_id, Visit.visitor_id == Visitor.visitor_id)
            ),
        )
    ).all()
    session.execute(
        delete(Assignment)
        .where(
            Assignment.visitor_id.in_(visitors),
            or_(Assignment.visitor_id.in_(gone), Assignment.ended_at < before),
        )
        .execution_options(**UNTOUCHED)
    )
    for table in (ImportedVisitor, Visitor):
        session.execute(delete(table).where(table.visitor_id.in_(gone)).execution_options(**UNTOUCHED))
    _forget_networks(session, visitors, before)


def _forget_networks(session: AccountSession, visitors: list[str], before: datetime) -> None:
    """Nobody asks any more from which network a visitor came who was last seen long ago."""
    session.execute(
        update(Visitor)
        .where(Visitor.visitor_id.in_(visitors), Visitor.last_seen_at < before, Visitor.origin.is_not(None))
        .values(origin=None)
        .execution_options(**UNTOUCHED)
    )
