"""What is kept of a call so that a model can learn from it later: its scene as arrays, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.rules.cells import SOURCES, Ints, cell_of, in_places, state_of
from matching.rules.curves import Floats, hour_kind
from matching.rules.facts import CallFacts, CandidateFacts, FormPhone, NumberKind, StaffDecision
from matching.rules.features import (
    FEATURES,
    PageWords,
    columns,
    device_place,
    views_bucket,
    visits_bucket,
)
from matching.rules.ledger import Scene
from matching.rules.rank import Ranking

NEGLIGIBLE = 1e-6
"""Candidates below this likelihood teach nothing."""
UNKNOWN, SAME, OTHER = 0, 1, 2
"""How a visitor's region stands to the caller's area code."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CallLesson:
    """One call. Arrays have one row per candidate kept.

    ``known``: the phone was met before and is one person's. ``fits``: UNKNOWN, SAME or OTHER region.
    """

    call: str
    at: float
    number: str
    source: str
    kind: NumberKind
    hour: int
    caller: str | None
    known: bool
    facts: CallFacts
    forms: tuple[FormPhone, ...]
    visitors: tuple[str, ...]
    features: npt.NDArray[np.float32]
    cells: Ints
    fits: npt.NDArray[np.int8]
    on_phone: npt.NDArray[np.bool_]
    other_phone: npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """All that a fit learns from, as known at ``now`` (epoch seconds).

    ``decisions``: what staff said, by call. ``cells``, ``seconds``, ``hours``: faded exposure (see Exposure).
    ``sources``: the name of each source's place in cells. ``numbers``: each number's source and faded seconds watched.
    ``half_life``: days after which a call counts half.
    """

    now: float
    calls: Sequence[CallLesson]
    decisions: dict[str, StaffDecision]
    cells: Ints
    seconds: Floats
    hours: Floats
    sources: tuple[str, ...]
    numbers: dict[str, tuple[str, float]]
    half_life: float

    def weight(self, at: float) -> float:
        """How much a call at ``at`` still counts."""
        return float(0.5 ** (max(self.now - at, 0.0) / 86_400.0 / self.half_life))


def lesson(call: str, at: float, scene: Scene, ranking: Ranking, pages: PageWords, place: int) -> CallLesson:
    """Keep a call's scene. ``place``: that of its number's source in cells."""
    likely = {ranked.visitor for ranked in ranking.candidates if ranked.likelihood > NEGLIGIBLE}
    kept = [candidate for candidate in scene.candidates if candidate.visitor in likely]
    features = columns(kept, pages)
    facts = scene.call
    return CallLesson(
        call=call,
        at=at,
        number=facts.number,
        source=facts.source,
        kind=facts.number_kind,
        hour=hour_kind(facts.local_hour_of_week),
        caller=facts.caller,
        known=scene.history.known,
        facts=facts,
        forms=scene.history.forms,
        visitors=tuple(candidate.visitor for candidate in kept),
        features=features.astype(np.float32) if kept else np.zeros((0, len(FEATURES)), dtype=np.float32),
        cells=_cells(kept, pages, place),
        fits=np.asarray([_fits(c.region, facts) for c in kept], dtype=np.int8),
        on_phone=np.asarray([c.device == "phone" for c in kept], dtype=bool),
        # Of a phone of many people the ranking takes no notice of whose it is not.
        other_phone=np.asarray([0.0 if scene.history.shared else c.other_phone for c in kept], dtype=np.float32),
    )


def _fits(region: str | None, facts: CallFacts) -> int:
    if facts.caller is None or facts.caller_region is None or region is None:
        return UNKNOWN
    return SAME if region == facts.caller_region else OTHER


def _cells(candidates: Sequence[CandidateFacts], pages: PageWords, place: int) -> Ints:
    if not candidates:
        return np.zeros(0, dtype=np.int64)
    states = [
        state_of(
            device=device_place(c.device),
            page=pages.kind(c.last_page_path),
            views=views_bucket(c.page_views),
            visits=visits_bucket(c.visits),
            left=c.left,
            superseded=not c.shown,
            source=place,
        )
        for c in candidates
    ]
    return cell_of(
        np.asarray([c.seconds_since_seen for c in candidates]),
        _seconds([c.seconds_since_view for c in candidates]),
        _seconds([c.tel_click_seconds for c in candidates]),
        _seconds([c.form_seconds for c in candidates]),
        np.asarray(states, dtype=np.int64),
    )


def _seconds(values: Sequence[float | None]) -> Any:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def together(parts: Sequence[Lessons]) -> Lessons:
    """The lessons of several sites of an account as one. Sources keep their places by name."""
    if len(parts) == 1:
        return parts[0]
    names: dict[str, int] = {}
    cells: list[Ints] = []
    calls: list[CallLesson] = []
    for part in parts:
        places = np.asarray([names.setdefault(n, min(len(names), SOURCES - 1)) for n in part.sources], dtype=np.int64)
        cells.append(in_places(part.cells, places))
        calls += [replace(call, cells=in_places(call.cells, places)) for call in part.calls]
    found, place = np.unique(np.concatenate(cells), return_inverse=True)
    seconds = np.bincount(place, np.concatenate([part.seconds for part in parts]), minlength=len(found))
    return Lessons(
        now=max(part.now for part in parts),
        calls=tuple(sorted(calls, key=lambda call: (call.at, call.call))),
        decisions={call: said for part in parts for call, said in part.decisions.items()},
        cells=found,
        seconds=seconds.astype(np.float64),
        hours=np.sum([part.hours for part in parts], axis=0),
        sources=tuple(names),
        numbers={number: watched for part in parts for number, watched in part.numbers.items()},
        half_life=parts[0].half_life,
    )
