"""The calibration report: the model's first answers against what was learnt of their calls afterwards.

Five queries however many calls there are: calls by source, later forms, first answers of the calls that have a proof,
superseded answers, and the likeliest candidates of calls that were given to nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from core.time import day_start, local_day
from reports.period import Period
from reports.rules.calibration import (
    ALARM_WEEKS,
    Judged,
    Proof,
    Reliability,
    Slip,
    Tally,
    Week,
    grouped,
    pooled,
    reliability,
    slip,
    tally,
    weeks,
)
from store.calls import Call, CallAnswer, CallCandidate, MatchDecision
from store.sessions import AccountSession
from store.sites import Site
from store.visits import Form


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvenCall:
    """A call with a proof: `said` is the visitor of the model's first answer and `truth` the real one (None: nobody).

    `from_number` is None for a withheld caller.
    """

    judged: Judged
    started_at: datetime
    from_number: str | None
    caller_name: str | None
    said: str | None
    truth: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTally:
    """How staff spoke on the calls of one source: of all `calls` they decided `decided`; `tally` has their answers."""

    source_id: str
    calls: int
    decided: int
    tally: Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationReport:
    """The report on one site over `period`, as it stood at `as_of`.

    `proof` is the kind of proof that `overall`, `by_week` and `by_version` are about; None: every kind that can judge a
    percentage, each call once. `slip` is always about all those kinds and the last weeks, from `slip_since` on.
    `by_user` are staff's decisions by who made them (None: nobody is named).
    """

    site_id: str
    period: Period
    as_of: datetime
    proof: Proof | None
    calls: int
    proven: tuple[ProvenCall, ...]
    overall: Reliability
    by_proof: Mapping[Proof, Reliability]
    by_week: tuple[Week, ...]
    by_version: Mapping[str | None, Tally]
    by_source: tuple[SourceTally, ...]
    by_user: Mapping[str | None, Tally]
    slip: Slip
    slip_since: datetime


def calibration_report(
    session: AccountSession, site: Site, period: Period, at: datetime, proof: Proof | None = None
) -> CalibrationReport:
    """The calibration of `site` over calls begun in `period`, sources by their calls."""
    since = day_start(
        local_day(period.end, period.time_zone) - timedelta(weeks=ALARM_WEEKS), period.time_zone
    )  # the alarm looks at the last weeks, however short the period
    found = proven_calls(session, site.site_id, min(since, period.start), period.end)
    proven = tuple(c for c in found if c.started_at >= period.start)
    judged = [c.judged for c in proven]
    chosen = pooled(judged) if proof is None else tuple(j for j in judged if j.proof is proof)
    by_staff = [j for j in judged if j.proof is Proof.STAFF]
    sources = _by_source(session, site.site_id, period, grouped(by_staff, lambda j: j.source_id))
    return CalibrationReport(
        site_id=site.site_id,
        period=period,
        as_of=at,
        proof=proof,
        calls=sum(s.calls for s in sources),
        proven=proven,
        overall=reliability(chosen),
        by_proof={kind: reliability([j for j in judged if j.proof is kind]) for kind in Proof},
        by_week=weeks(chosen),
        by_version={version: tally(held) for version, held in grouped(chosen, lambda j: j.version).items()},
        by_source=sources,
        by_user={user: tally(held) for user, held in grouped(by_staff, lambda j: j.user_id).items()},
        slip=slip(pooled([c.judged for c in found if c.started_at >= since])),
        slip_since=since,
    )


def proven_calls(session: AccountSession, site_id: str, start: datetime, end: datetime) -> list[ProvenCall]:
    """Calls of a site begun in [`start`, `end`) by what was learnt later, newest first; once per kind of proof."""
    within = _within(site_id, start, end)
    forms = _later_forms(session, within)
    superseded = _superseded(session, within)
    likeliest = _likeliest(session, within)
    found: list[ProvenCall] = []
    seen: set[str] = set()
    for row in session.execute(_answers(within)):
        if row.call_id in seen:
            continue  # a later answer of the model; the first one is judged
        seen.add(row.call_id)
        found += _of_staff(row)
        found += _of_spam(row)
        found += _of_form(row, forms.get(row.call_id, ()), superseded.get(row.call_id), likeliest.get(row.call_id))
    return sorted(found, key=lambda c: (c.started_at, c.judged.call_id), reverse=True)


def _within(site_id: str, start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    return [Call.site_id == site_id, Call.started_at >= start, Call.started_at < end]


def _later_form() -> ColumnElement[bool]:
    """A form of the site that brought the caller's phone after the call."""
    return and_(
        Form.account_id == Call.account_id,
        Form.phone == Call.from_number,
        Form.site_id == Call.site_id,
        Form.at > Call.started_at,
    )


def _answers(within: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    """Answers of the model to calls that have some proof, the first one of each call before its later ones."""
    return (
        select(
            Call.call_id,
            Call.started_at,
            Call.local_day,
            Call.source_id,
            Call.from_number,
            Call.caller_name,
            Call.spam,
            Call.model_version,
            Call.none_likelihood,
            Call.matched_by,
            Call.matched_visitor_id,
            Call.matched_at,
            Call.matched_user_id,
            MatchDecision.at,
            MatchDecision.visitor_id,
            MatchDecision.likelihood,
            MatchDecision.model_version.label("version"),
        )
        .join(
            MatchDecision,
            and_(MatchDecision.account_id == Call.account_id, MatchDecision.call_id == Call.call_id),
        )
        .where(
            *within,
            or_(Call.matched_by == "staff", Call.spam.is_(True), exists().where(_later_form())),
            MatchDecision.by == "model",
            MatchDecision.undo.is_(False),
        )
        .order_by(MatchDecision.at, MatchDecision.decision_id)
    )


def _later_forms(
    session: AccountSession, within: Sequence[ColumnElement[bool]]
) -> dict[str, list[tuple[datetime, str]]]:
    """(when, visitor) of the later forms with the caller's phone, by call."""
    rows = session.execute(select(Call.call_id, Form.at, Form.visitor_id).join(Form, _later_form()).where(*within))
    found: dict[str, list[tuple[datetime, str]]] = {}
    for call_id, at, visitor_id in rows:
        found.setdefault(call_id, []).append((at, visitor_id))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Best:
    """The likeliest visitor of an answer (None where it had no candidate), and what it gave nobody."""

    visitor_id: str | None
    likelihood: float
    none: float | None


def _superseded(session: AccountSession, within: Sequence[ColumnElement[bool]]) -> dict[str, _Best]:
    """The first answer to calls with a later form that were answered again since, by call."""
    rows = session.execute(
        select(CallAnswer.call_id, CallAnswer.none_likelihood, CallAnswer.candidates)
        .join(Call, and_(Call.account_id == CallAnswer.account_id, Call.call_id == CallAnswer.call_id))
        .where(*within, exists().where(_later_form()))
        .order_by(CallAnswer.call_id, CallAnswer.ordinal)
    )
    found: dict[str, _Best] = {}
    for call_id, none, candidates in rows:
        if call_id not in found:
            best: Mapping[str, Any] = max(candidates, key=lambda c: float(c["likelihood"]), default={})
            visitor_id = best.get("visitor_id", best.get("visitor"))
            found[call_id] = _Best(visitor_id=visitor_id, likelihood=float(best.get("likelihood", 0.0)), none=none)
    return found


def _likeliest(session: AccountSession, within: Sequence[ColumnElement[bool]]) -> dict[str, _Best]:
    """The likeliest candidate of calls with a later form, as it stands now, by call."""
    rows = session.execute(
        select(CallCandidate.call_id, CallCandidate.visitor_id, CallCandidate.likelihood, Call.none_likelihood)
        .join(Call, and_(Call.account_id == CallCandidate.account_id, Call.call_id == CallCandidate.call_id))
        .where(*within, CallCandidate.rank == 1, exists().where(_later_form()))
    )
    return {row[0]: _Best(visitor_id=row[1], likelihood=row[2], none=row[3]) for row in rows}


def _of_staff(row: Any) -> Iterator[ProvenCall]:
    """Staff said who it was, after the answer; a decision that was taken back is no proof."""
    if row.matched_by == "staff" and row.matched_at > row.at:
        yield _proven(row, Proof.STAFF, row.likelihood, row.visitor_id, row.matched_visitor_id, row.matched_user_id)


def _of_spam(row: Any) -> Iterator[ProvenCall]:
    """Marked as spam, so nobody's. No call arrives marked."""
    if row.spam:
        yield _proven(row, Proof.SPAM, row.likelihood, row.visitor_id, None)


def _of_form(
    row: Any, forms: Sequence[tuple[datetime, str]], superseded: _Best | None, likeliest: _Best | None
) -> Iterator[ProvenCall]:
    """A visitor left the caller's phone after the answer.

    Not where several visitors did (a switchboard's phone, or one person's two browsers: it cannot be told), nor where
    people marked the call as spam.
    """
    truth = {visitor_id for at, visitor_id in forms if at > row.at}
    best = superseded or likeliest
    if row.spam or len(truth) != 1 or best is None or best.visitor_id is None:
        return
    none = row.likelihood if row.visitor_id is None else best.none
    likelihood = best.likelihood if row.visitor_id is None else row.likelihood
    if none is None or none >= 1.0:
        return
    said = row.visitor_id or best.visitor_id
    yield _proven(row, Proof.FORM, min(1.0, likelihood / (1.0 - none)), said, truth.pop())


def _proven(
    row: Any, proof: Proof, stated: float, said: str | None, truth: str | None, user_id: str | None = None
) -> ProvenCall:
    return ProvenCall(
        judged=Judged(
            call_id=row.call_id,
            day=row.local_day,
            proof=proof,
            stated=stated,
            right=said == truth,  # by visitor: the candidate stands for the person, whichever visit is pointed at
            source_id=row.source_id,
            version=row.version or row.model_version,
            user_id=user_id,
        ),
        started_at=row.started_at,
        from_number=row.from_number,
        caller_name=row.caller_name,
        said=said,
        truth=truth,
    )


def _by_source(
    session: AccountSession, site_id: str, period: Period, decided: Mapping[str, Sequence[Judged]]
) -> tuple[SourceTally, ...]:
    """Calls of the period by source, the source with most of them first."""
    rows = session.execute(
        select(Call.source_id, func.count(), func.sum(case((Call.matched_by == "staff", 1), else_=0)))
        .where(*_within(site_id, period.start, period.end))
        .group_by(Call.source_id)
    )
    found = [
        SourceTally(source_id=source, calls=calls, decided=int(by_staff), tally=tally(decided.get(source, ())))
        for source, calls, by_staff in rows
    ]
    return tuple(sorted(found, key=lambda s: (-s.calls, s.source_id)))
