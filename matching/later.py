"""A later, better answer: the same call again, as it stood when it came, with what was learnt since.

The answer it takes the place of is kept beside it. Where nothing worth telling changed nothing is written, so asking
twice is asking once. Nothing here belongs on the path of a call that is coming in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select

from core.ids import new_id
from core.time import format_time
from matching.incoming import of_call
from matching.lock import after_the_last, locked_call
from matching.models import model_in_use, model_of_version
from matching.rules.model import LikelihoodModel
from matching.rules.rank import Ranked, Ranking
from matching.score import EVIDENCE_FOR, Answer, keep_candidates, score
from store.calls import Call, CallAnswer, CallCandidate, MatchDecision
from store.sessions import AccountSession
from store.sites import TrackingSource
from store.visits import Form

Reason = Literal["ended", "form", "spam", "not_spam", "override"]
"""What was learnt: the call ended, a form came with its phone, a spam mark was set or taken off, staff decided another
call of its phone."""

NOTICEABLE = 0.005
"""Half a per cent: an answer in which no likelihood moves by as much, and the match stays, says nothing new."""
FORM_WITHIN = timedelta(days=7)
"""So long after a call a form with its phone still says who it was."""
MOST_CALLS = 20
"""Calls of one phone that are answered again at once, the newest first; a phone with more is a switchboard's."""


@dataclass(frozen=True, kw_only=True)
class LaterAnswer:
    """What happened: the model's choice now with its likelihood (0 to 1), and whether the call's credit moved.

    Of nobody from the site `visit_id` and `visitor_id` are None and `likelihood` is nobody's.
    """

    call_id: str
    reason: Reason
    visit_id: str | None
    visitor_id: str | None
    likelihood: float
    moved: bool


def answer_again(
    session: AccountSession,
    call_id: str,
    *,
    at: datetime,
    reason: Reason,
    days: int,
    model: LikelihoodModel | None = None,
) -> LaterAnswer | None:
    """Scores a call as it stood when it came, with what is known at `at`; None where that changes nothing.

    `days`: how long before the call a holder of its number may have been seen. `model`: by default the version that
    scored the call, so that the two answers differ by what was learnt and by nothing else. Keeps the answer before it
    in `CallAnswer`, the new one in the call, its candidates and its history; whom staff chose stays credited, with
    what the model gives them now. A call whose scoring had failed gets its first answer. Raises NotFound.
    """
    call = locked_call(session, call_id)
    staff = call.matched_by == "staff"
    answer = score(
        session,
        of_call(call),
        at=call.started_at,
        known_at=at,
        model=model or _model_of(session, call),
        days=days,
        visitors=(call.matched_visitor_id,) if staff and call.matched_visitor_id else (),
    )
    if call.model_version is not None:
        before = _kept(session, call)
        if not _says_more(call, before, answer.ranking):
            return None
        _keep_superseded(session, call, before)
    credited = call.matched_visitor_id
    keep_candidates(session, call, answer)
    _answer_with(session, call, answer, at=after_the_last(session, call, at), reason=reason, staff=staff)
    best = answer.ranking.best
    return LaterAnswer(
        call_id=call.call_id,
        reason=reason,
        visit_id=best.visit if best else None,
        visitor_id=best.visitor if best else None,
        likelihood=best.likelihood if best else answer.ranking.none,
        moved=call.matched_visitor_id != credited,
    )


def calls_of_form(
    session: AccountSession, *, site_id: str, visitor_id: str, phone: str, at: datetime
) -> tuple[str, ...]:
    """Calls that a form of `visitor_id`, sent at `at` with `phone` (E.164), may say something new about.

    None where this visitor had left that phone before: saying it twice is saying it once.
    """
    earlier = select(Form.form_id).where(Form.phone == phone, Form.visitor_id == visitor_id, Form.at < at).limit(1)
    if session.scalar(earlier) is not None:
        return ()
    return _calls(session, site_id, phone, Call.started_at >= at - FORM_WITHIN)


def other_calls_of_phone(session: AccountSession, call_id: str) -> tuple[str, ...]:
    """The other calls of the phone that made this one, on its site; none of a withheld caller."""
    call = session.get(Call, (session.account_id, call_id))
    if call is None or call.from_number is None:
        return ()
    return _calls(session, call.site_id, call.from_number, Call.call_id != call_id)


def _calls(session: AccountSession, site_id: str, phone: str, condition: Any) -> tuple[str, ...]:
    query = select(Call.call_id).where(Call.from_number == phone, Call.site_id == site_id, condition)
    return tuple(session.scalars(query.order_by(Call.started_at.desc(), Call.call_id.desc()).limit(MOST_CALLS)))


def _model_of(session: AccountSession, call: Call) -> LikelihoodModel:
    """The model that scored the call; the one in use now for a call whose scoring had failed."""
    return model_in_use(session) if call.model_version is None else model_of_version(session, call.model_version)


def _kept(session: AccountSession, call: Call) -> Sequence[Any]:
    """The candidates of the answer that counts until now, as columns."""
    return session.execute(
        select(
            CallCandidate.rank,
            CallCandidate.visit_id,
            CallCandidate.visitor_id,
            TrackingSource.slug,
            CallCandidate.likelihood,
            CallCandidate.last_seen_at,
            CallCandidate.evidence,
        )
        .outerjoin(
            TrackingSource,
            (TrackingSource.account_id == CallCandidate.account_id)
            & (TrackingSource.source_id == CallCandidate.source_id),
        )
        .where(CallCandidate.call_id == call.call_id)
        .order_by(CallCandidate.rank)
    ).all()


def _says_more(call: Call, before: Sequence[Any], ranking: Ranking) -> bool:
    """Whether the match is another one, or a likelihood moved noticeably."""
    best = ranking.best
    if (best.visit if best else None) != call.model_visit_id:
        return True
    then: Mapping[str, float] = {row.visitor_id: row.likelihood for row in before}
    now: Mapping[str, float] = {c.visitor: c.likelihood for c in ranking.candidates}
    moves = [abs(now.get(visitor, 0.0) - then.get(visitor, 0.0)) for visitor in {*then, *now}]
    return max([abs(ranking.none - call.none_likelihood), *moves]) >= NOTICEABLE


def _keep_superseded(session: AccountSession, call: Call, before: Sequence[Any]) -> None:
    """Keeps the answer that counted until now, with its own time and reason and its likeliest candidates."""
    given = session.execute(
        select(MatchDecision.at, MatchDecision.reason)
        .where(MatchDecision.call_id == call.call_id, MatchDecision.by == "model", MatchDecision.undo.is_(False))
        .order_by(MatchDecision.at.desc(), MatchDecision.decision_id.desc())
        .limit(1)
    ).one_or_none()
    last = session.scalar(select(func.max(CallAnswer.ordinal)).where(CallAnswer.call_id == call.call_id))
    session.add(
        CallAnswer(
            call_id=call.call_id,
            ordinal=1 if last is None else last + 1,
            at=given.at if given else call.started_at,
            reason=given.reason if given else None,
            model_version=call.model_version,
            none_likelihood=call.none_likelihood,
            visit_id=call.model_visit_id,
            visitor_id=call.model_visitor_id,
            likelihood=call.model_likelihood,
            candidates=[
                {
                    "rank": row.rank,
                    "visit_id": row.visit_id,
                    "visitor_id": row.visitor_id,
                    "source": row.slug,
                    "likelihood": row.likelihood,
                    "last_seen_at": format_time(row.last_seen_at),
                    "evidence": row.evidence,
                }
                for row in before[:EVIDENCE_FOR]
            ],
        )
    )


def _answer_with(
    session: AccountSession, call: Call, answer: Answer, *, at: datetime, reason: Reason, staff: bool
) -> None:
    """Makes the answer the model's choice, and the credit where staff did not decide."""
    best, none = answer.ranking.best, answer.ranking.none
    call.model_version, call.none_likelihood = answer.version, none
    call.model_visit_id = best.visit if best else None
    call.model_visitor_id = best.visitor if best else None
    call.model_likelihood = best.likelihood if best else None
    if staff:
        call.matched_likelihood = _given_to(call.matched_visitor_id, answer.ranking)
    else:
        _credit(call, best, at)
    call.updated_at = max(call.updated_at, at)
    session.add(
        MatchDecision(
            decision_id=new_id(at),
            call_id=call.call_id,
            at=at,
            by="model",
            visit_id=call.model_visit_id,
            visitor_id=call.model_visitor_id,
            likelihood=best.likelihood if best else none,
            reason=reason,
            model_version=answer.version,
        )
    )
    session.flush()


def _credit(call: Call, best: Ranked | None, at: datetime) -> None:
    """Credits the call to the model's choice; to the same visitor as before, since when it was."""
    if best is None:
        call.matched_by = call.matched_at = None
    elif call.matched_visitor_id != best.visitor or call.matched_at is None:
        call.matched_by, call.matched_at = "model", at
    call.matched_visit_id = best.visit if best else None
    call.matched_visitor_id = best.visitor if best else None
    call.matched_likelihood = best.likelihood if best else None


def _given_to(visitor_id: str | None, ranking: Ranking) -> float:
    """What the model gives whom staff chose: a visitor (0 where they are no candidate), or nobody."""
    if visitor_id is None:
        return ranking.none
    return next((c.likelihood for c in ranking.candidates if c.visitor == visitor_id), 0.0)
