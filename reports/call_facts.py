"""A call as reports and pages see it: plain frozen facts. Likelihoods are probabilities, times aware UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from reports.call_parts import Leg, Recording


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Whom a call is credited to. `likelihood` (0 to 1) is what the model gives that choice, whoever made it.

    Of a staff decision for nobody `visit_id` and `visitor_id` are None.
    """

    visit_id: str | None
    visitor_id: str | None
    likelihood: float
    by: Literal["model", "staff"]
    at: datetime
    user_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRow:
    """One call as a list shows it. `from_number` is None for a withheld caller; `none` the likelihood of nobody.

    `match` is None where the model says nobody and staff decided nothing. `model_*` is the model's own choice, whatever
    staff made of it. `channel` and `campaign` are those of the visit the call is credited to. `recordings` and `legs`
    are what the provider told of them.
    """

    call_id: str
    provider_call_id: str
    site_id: str
    source_id: str
    source: str
    source_name: str
    number: str
    destination: str
    from_number: str | None
    caller_name: str | None
    started_at: datetime
    status: str
    duration_seconds: int | None
    spam: bool
    value: Money | None
    updated_at: datetime
    none: float
    match: Match | None
    model_visit_id: str | None
    model_visitor_id: str | None
    model_likelihood: float | None
    channel: str | None
    campaign: str | None
    tags: tuple[str, ...]
    recordings: tuple[Recording, ...] = ()
    legs: tuple[Leg, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A visitor who may have made the call, by their latest visit begun before it.

    `evidence` rows are `{"name", "value", "weight"}`, weights log2 against nobody; None where it was not kept. `path`,
    `left_at` and `device` say how that visit stands now.
    """

    visit_id: str
    visitor_id: str
    likelihood: float
    rank: int
    source: str | None
    last_seen_at: datetime
    evidence: list[dict[str, Any]] | None
    path: str | None = None
    left_at: datetime | None = None
    device: str = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One line of a call's history. `undo`: staff took their decision back, so the model's choice counts again."""

    at: datetime
    by: Literal["model", "staff"]
    user_id: str | None
    visit_id: str | None
    visitor_id: str | None
    likelihood: float
    reason: str | None
    model: str | None
    undo: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Superseded:
    """An answer of the model that a later, better one took the place of, as it was given at `at`.

    `reason`: what had been learnt to give it (None: it is the answer at the call itself). `visit_id` is None where
    nobody was likelier; `candidates` are its likeliest.
    """

    at: datetime
    reason: str | None
    model: str | None
    none: float
    visit_id: str | None
    visitor_id: str | None
    likelihood: float | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What somebody wrote about the call."""

    note_id: str
    at: datetime
    user_id: str | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallDetail:
    """A call with its candidates (likeliest first), its history, its notes and its earlier answers (oldest first)."""

    call: CallRow
    candidates: tuple[Candidate, ...]
    history: tuple[Decision, ...]
    notes: tuple[Note, ...]
    answers: tuple[Superseded, ...]

    @property
    def user_ids(self) -> set[str]:
        """Everybody of staff who is named in it."""
        match = (self.call.match.user_id,) if self.call.match else ()
        named = (*match, *(d.user_id for d in self.history), *(n.user_id for n in self.notes))
        return {user_id for user_id in named if user_id is not None}
