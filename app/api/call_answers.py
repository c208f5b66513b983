"""Calls as the REST API shows them: the models of the document, and how the facts of `reports.calls` become them."""

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import ConfigDict, Field

from app.api.base import Answer
from app.engine_room import engine_room
from core.time import format_time
from reports.call_parts import Leg, Recording, RecordingStatus
from reports.calls import CallDetail, CallRow, Candidate, Decision, Note, Superseded

EARLIER_CANDIDATES = 5
Names = Mapping[str, str]
"""User id → name."""
Sign = Callable[[str, str], str]
"""(site id, visitor id) → the visitor's id as the outside knows it."""


class MatchAnswer(Answer):
    """Whom the call is credited to; `visit` is null where staff said nobody."""

    visit: str | None
    visitor: str | None
    likelihood: float = Field(description="What the model gives that choice, 0 to 1.")
    by: Literal["model", "staff"]
    at: str
    user: str | None
    user_name: str | None


class ChoiceAnswer(Answer):
    """The model's own choice, whatever staff made of it."""

    visit: str
    visitor: str | None
    likelihood: float


class ValueAnswer(Answer):
    """What the call was worth."""

    amount_minor: int
    currency: str


class RecordingAnswer(Answer):
    """A recording of the call."""

    id: str
    duration_seconds: int | None
    url: str = Field(description="Where its sound is, for the same token, once it is `stored`.")
    status: RecordingStatus = Field(
        description="`waiting` for its end or to be fetched, `stored` and to be heard, `failed` (given up), "
        "`deleted` by policy, or `absent`: the provider has none."
    )
    problem: str | None = Field(description="Why it could not be fetched, as far as tries went.")


class LegAnswer(Answer):
    """One attempt to reach the destination, as far as the provider told."""

    id: str
    status: str
    duration_seconds: int | None


class EvidenceAnswer(Answer):
    """One reason; `weight` is log2 against nobody, and the rows of a candidate add up."""

    name: str
    value: str
    weight: float


class CandidateAnswer(Answer):
    """A visitor who may have made the call."""

    visit: str
    visitor: str
    likelihood: float
    rank: int
    source: str | None
    last_seen_at: str
    evidence: list[EvidenceAnswer]


class DecisionAnswer(Answer):
    """One line of the history: what was credited from then on."""

    at: str
    by: Literal["model", "staff"]
    user: str | None
    user_name: str | None
    visit: str | None
    visitor: str | None
    likelihood: float
    reason: str | None
    model: str | None = Field(description="Version of the model that gave the likelihood.")
    undo: bool = Field(description="Staff took their decision back; the model's choice counts again.")


class EarlierMatch(Answer):
    """Whom an earlier answer gave the call to."""

    visit: str
    visitor: str | None
    likelihood: float


class EarlierAnswer(Answer):
    """An answer of the model that a later, better one took the place of, as it was given."""

    at: str
    reason: str | None = Field(description="What had been learnt to give it; null for the answer at the call itself.")
    model: str | None = Field(description="Version of the model that gave it.")
    none: float
    match: EarlierMatch | None
    candidates: list[CandidateAnswer] = Field(description="Its five likeliest.")


class NoteAnswer(Answer):
    """What somebody wrote about the call."""

    id: str
    at: str
    user: str | None
    user_name: str | None
    text: str


class CallItem(Answer):
    """A call as a list shows it."""

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=())

    id: str
    provider_call_id: str
    site: str
    number: str
    from_: str | None = Field(alias="from", description="Null where the caller withheld it.")
    caller: Literal["known", "withheld"]
    caller_name: str | None
    started_at: str
    duration_seconds: int | None
    status: str
    source: str
    destination: str
    match: MatchAnswer | None
    model_choice: ChoiceAnswer | None
    none: float = Field(description="How likely it is that nobody from the site called.")
    recordings: list[RecordingAnswer]
    legs: list[LegAnswer] = Field(description="The attempts to reach the destination.")
    tags: list[str]
    value: ValueAnswer | None
    spam: bool
    updated_at: str


class CallAnswer(CallItem):
    """A call with all its parts: candidates likeliest first, history, notes and earlier answers oldest first."""

    candidates: list[CandidateAnswer]
    notes: list[NoteAnswer]
    history: list[DecisionAnswer]
    answers: list[EarlierAnswer]


def call_item(call: CallRow, names: Names) -> CallItem:
    """The call as a list shows it."""
    return CallItem(
        id=call.call_id,
        provider_call_id=call.provider_call_id,
        site=call.site_id,
        number=call.number,
        from_=call.from_number,
        caller="withheld" if call.from_number is None else "known",
        caller_name=call.caller_name,
        started_at=format_time(call.started_at),
        duration_seconds=call.duration_seconds,
        status=call.status,
        source=call.source,
        destination=call.destination,
        match=_match(call, names),
        model_choice=_choice(call),
        none=call.none,
        recordings=[_recording(r) for r in call.recordings],
        legs=[_leg(leg) for leg in call.legs],
        tags=list(call.tags),
        value=ValueAnswer(amount_minor=call.value.amount_minor, currency=call.value.currency) if call.value else None,
        spam=call.spam,
        updated_at=format_time(call.updated_at),
    )


def call_answer(detail: CallDetail, names: Names) -> CallAnswer:
    """The call with all its parts."""
    call = detail.call
    return CallAnswer(
        **dict(call_item(call, names)),
        candidates=[candidate_answer(call.site_id, c, engine_room().visitor_ids.sign) for c in detail.candidates],
        notes=[note_answer(n, names) for n in detail.notes],
        history=[_decision(call.site_id, d, names) for d in detail.history],
        answers=[_earlier(call.site_id, a) for a in detail.answers],
    )


def note_answer(note: Note, names: Names) -> NoteAnswer:
    """A note."""
    return NoteAnswer(
        id=note.note_id,
        at=format_time(note.at),
        user=note.user_id,
        user_name=names.get(note.user_id or ""),
        text=note.text,
    )


def signed(site_id: str, visitor_id: str | None) -> str | None:
    """A visitor's id as the outside knows it."""
    return None if visitor_id is None else engine_room().visitor_ids.sign(site_id, visitor_id)


def _match(call: CallRow, names: Names) -> MatchAnswer | None:
    match = call.match
    if match is None:
        return None
    return MatchAnswer(
        visit=match.visit_id,
        visitor=signed(call.site_id, match.visitor_id),
        likelihood=match.likelihood,
        by=match.by,
        at=format_time(match.at),
        user=match.user_id,
        user_name=names.get(match.user_id or ""),
    )


def _choice(call: CallRow) -> ChoiceAnswer | None:
    if call.model_visit_id is None:
        return None
    return ChoiceAnswer(
        visit=call.model_visit_id,
        visitor=signed(call.site_id, call.model_visitor_id),
        likelihood=call.model_likelihood or 0.0,
    )


def _recording(recording: Recording) -> RecordingAnswer:
    base = engine_room().settings.public_base_url
    return RecordingAnswer(
        id=recording.recording_id,
        duration_seconds=recording.duration_seconds,
        url=f"{base}/api/v1/calls/{recording.call_id}/recordings/{recording.recording_id}",
        status=recording.status,
        problem=recording.problem,
    )


def _leg(leg: Leg) -> LegAnswer:
    return LegAnswer(id=leg.leg_id, status=leg.status, duration_seconds=leg.duration_seconds)


def candidate_answer(site_id: str, candidate: Candidate, sign: Sign) -> CandidateAnswer:
    """A candidate of a call or a text."""
    return CandidateAnswer(
        visit=candidate.visit_id,
        visitor=sign(site_id, candidate.visitor_id),
        likelihood=candidate.likelihood,
        rank=candidate.rank,
        source=candidate.source,
        last_seen_at=format_time(candidate.last_seen_at),
        evidence=[EvidenceAnswer.model_validate(row) for row in candidate.evidence or []],
    )


def _earlier(site_id: str, answer: Superseded) -> EarlierAnswer:
    match = None
    if answer.visit_id is not None:
        match = EarlierMatch(
            visit=answer.visit_id,
            visitor=signed(site_id, answer.visitor_id),
            likelihood=answer.likelihood or 0.0,
        )
    return EarlierAnswer(
        at=format_time(answer.at),
        reason=answer.reason,
        model=answer.model,
        none=answer.none,
        match=match,
        candidates=[
            candidate_answer(site_id, c, engine_room().visitor_ids.sign) for c in answer.candidates[:EARLIER_CANDIDATES]
        ],
    )


def _decision(site_id: str, decision: Decision, names: Names) -> DecisionAnswer:
    return DecisionAnswer(
        at=format_time(decision.at),
        by=decision.by,
        user=decision.user_id,
        user_name=names.get(decision.user_id or ""),
        visit=decision.visit_id,
        visitor=signed(site_id, decision.visitor_id),
        likelihood=decision.likelihood,
        reason=decision.reason,
        model=decision.model,
        undo=decision.undo,
    )
