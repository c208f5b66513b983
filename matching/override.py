"""Staff say who made a call, and take it back. The model's own choice is kept beside theirs, as is the way there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from core.errors import InvalidInput, shown
from core.ids import is_id, new_id
from core.text import clean
from matching.lock import after_the_last, locked_call
from matching.match import explain
from store.calls import Call, CallCandidate, MatchDecision
from store.sessions import AccountSession
from store.visits import Visit

REASON_LIMIT = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchChange:
    """What happened: whom the call is credited to now, by whom, and whether that is another visitor than before.

    `likelihood` (0 to 1) is what the model gives the choice.
    """

    call_id: str
    by: Literal["model", "staff"]
    visit_id: str | None
    visitor_id: str | None
    likelihood: float
    changed: bool


def override(
    session: AccountSession,
    *,
    call_id: str,
    visit_id: str | None,
    user_id: str | None,
    reason: str | None,
    at: datetime,
) -> MatchChange:
    """Credits the call to the visitor of `visit_id`, or to nobody from the site (None), as `user_id` decided at `at`.

    Any visit of the call's site that began before the call may be chosen, also one that was no candidate: the model
    gives that one likelihood 0. A candidate stands for a visitor, so an older visit of theirs has their likelihood.
    Raises NotFound for a call that this account does not have, InvalidInput naming `visit` or `reason`.
    """
    call = locked_call(session, call_id)
    if reason is not None and len(reason) > REASON_LIMIT:
        raise InvalidInput({"reason": f"has {len(reason)} characters; at most {REASON_LIMIT} are allowed"})
    visit = None if visit_id is None else _eligible(session, call, visit_id)
    likelihood = call.none_likelihood if visit is None else _likelihood(session, call, visit.visitor_id)
    return _credit(
        session,
        call,
        MatchDecision(
            decision_id=new_id(at),
            call_id=call.call_id,
            at=at,
            by="staff",
            user_id=user_id,
            visit_id=visit.visit_id if visit else None,
            visitor_id=visit.visitor_id if visit else None,
            likelihood=likelihood,
            reason=clean(reason, REASON_LIMIT),
            model_version=call.model_version,
            undo=False,
        ),
    )


def undo(session: AccountSession, *, call_id: str, user_id: str | None, at: datetime) -> MatchChange | None:
    """Returns to the model's choice, as `user_id` wanted at `at`; None where staff had decided nothing.

    The history says that the model's choice counts again, and who wanted that. Raises NotFound.
    """
    call = locked_call(session, call_id)
    if call.matched_by != "staff":
        return None
    chosen = call.model_visit_id is not None
    return _credit(
        session,
        call,
        MatchDecision(
            decision_id=new_id(at),
            call_id=call.call_id,
            at=at,
            by="model",
            user_id=user_id,
            visit_id=call.model_visit_id,
            visitor_id=call.model_visitor_id,
            likelihood=call.model_likelihood or 0.0 if chosen else call.none_likelihood,
            reason=None,
            model_version=call.model_version,
            undo=True,
        ),
    )


def _eligible(session: AccountSession, call: Call, visit_id: str) -> Visit:
    visit = session.get(Visit, (session.account_id, visit_id)) if is_id(visit_id) else None
    if visit is None or visit.site_id != call.site_id:
        raise InvalidInput({"visit": f"{shown(visit_id)} is no visit of this call's site"})
    if visit.started_at >= call.started_at and not _is_candidate(session, call, visit_id):
        raise InvalidInput({"visit": f"{shown(visit_id)} began after the call; one that began before it is allowed"})
    return visit


def _is_candidate(session: AccountSession, call: Call, visit_id: str) -> bool:
    """Whether the model itself took the visit for one begun before the call."""
    return (
        session.scalar(
            select(CallCandidate.rank).where(CallCandidate.call_id == call.call_id, CallCandidate.visit_id == visit_id)
        )
        is not None
    )


def _likelihood(session: AccountSession, call: Call, visitor_id: str) -> float:
    """What the model gives this visitor. Their evidence is kept from now on, however low they rank."""
    candidate = session.scalar(
        select(CallCandidate).where(CallCandidate.call_id == call.call_id, CallCandidate.visitor_id == visitor_id)
    )
    if candidate is None:
        return 0.0
    if candidate.evidence is None:
        candidate.evidence = explain(session, call, visitor_id)
    return candidate.likelihood


def _credit(session: AccountSession, call: Call, decision: MatchDecision) -> MatchChange:
    """Writes the decision down and makes it the call's credit. The model's "nobody" is no match at all."""
    before = call.matched_visitor_id
    decision.at = after_the_last(session, call, decision.at)
    session.add(decision)
    matched = decision.by == "staff" or decision.visit_id is not None
    call.matched_by = decision.by if matched else None
    call.matched_visit_id = decision.visit_id
    call.matched_visitor_id = decision.visitor_id
    call.matched_likelihood = decision.likelihood if matched else None
    call.matched_at = decision.at if matched else None
    call.matched_user_id = decision.user_id if decision.by == "staff" else None
    call.updated_at = max(call.updated_at, decision.at)
    session.flush()
    return MatchChange(
        call_id=call.call_id,
        by="staff" if decision.by == "staff" else "model",
        visit_id=decision.visit_id,
        visitor_id=decision.visitor_id,
        likelihood=decision.likelihood,
        changed=before != decision.visitor_id,
    )
