"""What a phone did before: its earlier calls and the forms it was left in, as known at a moment."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import case, func, or_, select

from matching.incoming import Incoming
from matching.rules.facts import EarlierCall, FormPhone, PhoneHistory, StaffDecision
from matching.rules.habits import FORM_PHONE, MAX_CALLS, MAX_CANDIDATES, SHARED_FROM, STAFF_PHONE, claim
from store.calls import Call, CallCandidate, MatchDecision
from store.sessions import AccountSession
from store.visits import Form

_NAMED = 10_000
"""Visitors named in one query: databases take some tens of thousands of values in a statement."""


def phone_history(session: AccountSession, incoming: Incoming, at: datetime) -> PhoneHistory:
    """The history of the calling phone on this site up to `at`, this call itself left out. Four queries at most.

    A phone's texts are no calls of it: a text's likelihoods say nothing that its calls do not say better.
    """
    phone = incoming.from_number
    if phone is None:
        return PhoneHistory(withheld=True)
    calls = session.execute(
        select(Call.call_id, Call.started_at, Call.number)
        .where(
            Call.from_number == phone,
            Call.site_id == incoming.site_id,
            or_(Call.started_at < at, (Call.started_at == at) & (Call.call_id < incoming.id)),
            Call.call_id != incoming.id,
        )
        .order_by(Call.started_at.desc())
        .limit(MAX_CALLS)
    ).all()
    ids = [call_id for call_id, _, _ in calls]
    races = _races(session, ids)
    decisions = _decisions(session, ids, at)
    forms = tuple(
        FormPhone(at=when, visitor=visitor)
        for visitor, when in session.execute(
            select(Form.visitor_id, Form.at).where(Form.phone == phone, Form.site_id == incoming.site_id, Form.at <= at)
        )
    )
    people = {f.visitor for f in forms} | {d.visitor for d in decisions.values() if d.visitor is not None}
    return PhoneHistory(
        calls=tuple(
            EarlierCall(at=started, races=races.get(call_id, {}), number=number, decision=decisions.get(call_id))
            for call_id, started, number in reversed(calls)
        ),
        forms=forms,
        shared=len(people) >= SHARED_FROM,
    )


def _races(session: AccountSession, call_ids: Collection[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    if call_ids:
        for call_id, visitor_id, race in session.execute(
            select(CallCandidate.call_id, CallCandidate.visitor_id, CallCandidate.race).where(
                CallCandidate.call_id.in_(call_ids), CallCandidate.rank <= MAX_CANDIDATES
            )
        ):
            found.setdefault(call_id, {})[visitor_id] = race
    return found


def _decisions(session: AccountSession, call_ids: Collection[str], at: datetime) -> dict[str, StaffDecision]:
    """What staff had decided by `at`, the latest word per call; an undone decision is none."""
    found: dict[str, StaffDecision] = {}
    if call_ids:
        for row in session.scalars(
            select(MatchDecision)
            .where(
                MatchDecision.call_id.in_(call_ids),
                or_(MatchDecision.by == "staff", MatchDecision.undo),
                MatchDecision.at <= at,
            )
            .order_by(MatchDecision.at, MatchDecision.decision_id)
        ):
            found.pop(row.call_id, None)
            if not row.undo:
                found[row.call_id] = StaffDecision(visitor=row.visitor_id)
    return found


def in_parts(visitors: Sequence[str]) -> Iterator[Sequence[str]]:
    """Visitors in portions that one query may name."""
    return (visitors[start : start + _NAMED] for start in range(0, len(visitors), _NAMED))


def other_phones(
    session: AccountSession, incoming: Incoming, visitors: Sequence[str], at: datetime
) -> dict[str, float]:
    """Per visitor, how probable it is that their own phone is known and is not this call's. Two queries.

    Asked by visitor, as the indexes lead: a site's calls and forms grow for ever, who may have called does not.
    """
    found: dict[str, float] = {}
    for some in in_parts(visitors):
        found |= _other_phones(session, incoming, some, at)
    return found


def _other_phones(
    session: AccountSession, incoming: Incoming, visitors: Sequence[str], at: datetime
) -> dict[str, float]:
    found: dict[str, float] = {}
    for visitor_id, likelihood in session.execute(
        select(
            Call.matched_visitor_id,
            func.max(case((Call.matched_by == "staff", STAFF_PHONE), else_=Call.matched_likelihood)),
        )
        .where(
            Call.matched_visitor_id.in_(visitors),
            Call.from_number.is_not(None),
            Call.from_number != incoming.from_number,
            Call.started_at < at,
            Call.matched_at <= at,
        )
        .group_by(Call.matched_visitor_id)
    ):
        if visitor_id is not None and likelihood is not None:
            found[visitor_id] = claim([likelihood])
    with_forms = (
        select(Form.visitor_id)
        .where(
            Form.visitor_id.in_(visitors),
            Form.phone.is_not(None),
            Form.phone != incoming.from_number,
            Form.at <= at,
        )
        .distinct()
    )
    return found | dict.fromkeys(session.scalars(with_forms), FORM_PHONE)
