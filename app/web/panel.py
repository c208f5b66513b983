"""One call with its whole story, as the panel shows it: candidates, decisions, the visit, notes."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts.names import user_names
from app.web import words
from app.web.call_lines import CallScene, Line, answer_lines, decision_line
from app.web.call_sound import SoundView, leg_lines, sounds
from app.web.evidence import Waterfall, glossary, waterfall
from app.web.places import places
from app.web.shown import RowView, row_view, short
from app.web.strip import LANES, Person, Strip, strip
from app.web.visit_story import Story, story
from core.phone import for_country
from matching.rules.confidence import confidence
from reports.around import around, window
from reports.call_log import WhereNow, earlier_calls
from reports.calls import CallDetail, CallRow, Candidate, call_detail
from reports.visitors import VisitDetail, visit_detail
from store.sessions import AccountSession, Work
from store.sites import Site

SHOWN = 5
MOST = 100


@dataclass(frozen=True, kw_only=True)
class CandidateView:
    """One answer to "who was it?". `visit_id` is "" for nobody."""

    visit_id: str
    name: str
    about: str
    percent: str
    fill: float
    tone: str
    credited: bool
    confirmed: bool
    in_view: bool
    waterfall: Waterfall | None


@dataclass(frozen=True, kw_only=True)
class PanelView:
    """All of it. `answer` says in a sentence who it was; `story` is the visit of `story_of`.

    `answers`: the model's first answer and its latest, where that is another one.
    """

    row: RowView
    site: Site
    number: str
    destination: str
    answer: str
    by_staff: bool
    model_said: str
    first: tuple[CandidateView, ...]
    rest: tuple[CandidateView, ...]
    left_out: int
    glossary: tuple[tuple[str, str], ...]
    answers: tuple[Line, ...]
    strip: Strip | None
    story: Story | None
    story_of: str
    sounds: tuple[SoundView, ...]
    legs: tuple[str, ...]
    notes: tuple[Line, ...]
    history: tuple[Line, ...]
    tags: str
    amount: str
    currency: str


def panel_view(
    work: Work, session: AccountSession, call_id: str, at: datetime, *, visit_id: str | None
) -> PanelView | None:
    """The panel of a call, or None where this account has none such. `visit_id` chooses whose visit is told."""
    detail = call_detail(session, call_id)
    if detail is None:
        return None
    call, known = detail.call, places(session)
    chosen = _visit_to_tell(detail, visit_id)
    scene = CallScene(
        detail=detail,
        known=known,
        site=known.sites[call.site_id],
        now=at,
        users=user_names(work.directory, detail.user_ids),
    )
    earlier = earlier_calls(session, [call_id])
    row = row_view(
        call,
        known,
        now=at,
        earlier=earlier.get(call_id, 0) if call.from_number else None,
        candidates=len(detail.candidates),
        where=_where(detail),
    )
    told = visit_detail(session, chosen) if chosen else None
    return _view(scene, row, chosen, told, _strip(session, scene))


def _strip(session: AccountSession, scene: CallScene) -> Strip | None:
    """Who was there around the call: the likeliest candidates, and whoever it is credited to."""
    call, candidates = scene.detail.call, scene.detail.candidates
    credited = call.match.visitor_id if call.match else None
    shown = [c for c in candidates if c.rank <= LANES or c.visitor_id == credited]
    shown = shown if len(shown) <= LANES else [*shown[: LANES - 1], shown[-1]]
    start, end = window(call.started_at, [c.last_seen_at for c in shown])
    return strip(
        around(session, [c.visitor_id for c in shown], start=start, end=end),
        [
            Person(
                visitor_id=c.visitor_id,
                visit_id=c.visit_id,
                name=short(c.visitor_id),
                percent=words.percent(c.likelihood),
            )
            for c in shown
        ],
        of=len(candidates),
        called_at=call.started_at,
        time_zone=scene.site.time_zone,
    )


def _view(
    scene: CallScene, row: RowView, chosen: str | None, told: VisitDetail | None, drawn: Strip | None
) -> PanelView:
    detail, call = scene.detail, scene.detail.call
    first, rest = _split(_candidates(scene, chosen))
    staff = call.match is not None and call.match.by == "staff"
    return PanelView(
        row=row,
        site=scene.site,
        number=for_country(call.number, scene.site.country),
        destination=for_country(call.destination, scene.site.country),
        answer=_answer(scene),
        by_staff=staff,
        model_said=_model_said(scene) if staff else "",
        first=first,
        rest=rest,
        left_out=max(len(detail.candidates) - MOST, 0),
        glossary=glossary(view.waterfall for view in (*first, *rest)),
        answers=answer_lines(scene),
        strip=drawn,
        story=_story(told, scene) if told and told.site_id == call.site_id else None,
        story_of=short(told.visitor_id) if told else "",
        sounds=sounds(call.recordings),
        legs=leg_lines(call.legs),
        notes=tuple(
            Line(when=scene.when(n.at), full=scene.full(n.at), who=scene.user(n.user_id), text=n.text)
            for n in detail.notes
        ),
        history=tuple(decision_line(scene, d) for d in reversed(detail.history)),
        tags=", ".join(call.tags),
        amount=words.plain_amount(call.value.amount_minor, call.value.currency) if call.value else "",
        currency=call.value.currency if call.value else scene.site.currency,
    )


def _story(told: VisitDetail, scene: CallScene) -> Story:
    """The visit, with the call in its place."""
    call = scene.detail.call
    talk = words.duration(call.duration_seconds)
    said = f"called, {talk}" if talk else "called"
    return story(told, scene.site, at=call.started_at, icon="telephone-fill", said=said)


def _where(detail: CallDetail) -> WhereNow | None:
    """Where the credited visitor is now."""
    credited = detail.call.match.visit_id if detail.call.match else None
    found = next((c for c in detail.candidates if c.visit_id == credited), None)
    return None if found is None else WhereNow(path=found.path, left_at=found.left_at)


def _visit_to_tell(detail: CallDetail, asked: str | None) -> str | None:
    """The visit asked for if it belongs to this call, else the credited one, else the likeliest candidate's."""
    match = detail.call.match
    credited = match.visit_id if match else None
    if asked and (asked == credited or any(c.visit_id == asked for c in detail.candidates)):
        return asked
    return credited or (detail.candidates[0].visit_id if detail.candidates else None)


def _candidates(scene: CallScene, chosen: str | None) -> list[CandidateView]:
    """Everybody it may have been, nobody among them, the likeliest first; whom staff chose is there in any case."""
    call = scene.detail.call
    match = call.match
    staff = match is not None and match.by == "staff"
    credited = match.visitor_id if match else None
    found = [
        (c.likelihood, _candidate(scene, c, chosen, credited is not None and c.visitor_id == credited, staff))
        for c in scene.detail.candidates[:MOST]
    ]
    if staff and match and match.visit_id and not any(view.credited for _, view in found):
        view = CandidateView(
            visit_id=match.visit_id,
            name=short(match.visitor_id),
            about="was no candidate: this number had not been shown to them",
            percent=words.percent(match.likelihood),
            fill=match.likelihood * 100,
            tone="unsure",
            credited=True,
            confirmed=True,
            in_view=match.visit_id == chosen,
            waterfall=None,
        )
        found.append((match.likelihood, view))
    nobody = CandidateView(
        visit_id="",
        name="nobody from the site",
        about="somebody without a visit: the number from elsewhere, or from long ago",
        percent=words.percent(call.none),
        fill=round(call.none * 100, 1),
        tone="nobody",
        credited=match is None or match.visit_id is None,
        confirmed=staff and match is not None and match.visit_id is None,
        in_view=False,
        waterfall=None,
    )
    found.append((call.none, nobody))
    return [view for _, view in sorted(found, key=lambda pair: -pair[0])]


def _candidate(scene: CallScene, c: Candidate, chosen: str | None, credited: bool, staff: bool) -> CandidateView:
    before = scene.detail.call.started_at - c.last_seen_at
    page = f"on {c.path}" if c.path else "on the site"
    seen = "when the call came" if before.total_seconds() < 60 else f"{words.span(before)} before"
    device = f", {c.device}" if c.device != "other" else ""
    return CandidateView(
        visit_id=c.visit_id,
        name=short(c.visitor_id),
        about=f"{page} {seen}{device}",
        percent=words.percent(c.likelihood),
        fill=round(c.likelihood * 100, 1),
        tone=str(confidence(c.likelihood, 0.0, sure=scene.site.sure_from, likely=scene.site.likely_from)),
        credited=credited,
        confirmed=credited and staff,
        in_view=c.visit_id == chosen,
        waterfall=waterfall(c.evidence),
    )


def _split(views: list[CandidateView]) -> tuple[tuple[CandidateView, ...], tuple[CandidateView, ...]]:
    """The likeliest few; nobody and the credited one are always among them."""
    first = [v for i, v in enumerate(views) if i < SHOWN or v.credited or not v.visit_id]
    return tuple(first), tuple(v for v in views if v not in first)


def _answer(scene: CallScene) -> str:
    match = scene.detail.call.match
    if match is None:
        return "nobody from the site" if scene.detail.candidates else "nobody from the site held this number"
    who = short(match.visitor_id) if match.visit_id else "nobody from the site"
    return who


def _model_said(scene: CallScene) -> str:
    """Who decided, and what the model would have."""
    call = scene.detail.call
    return f"by {scene.user(call.match.user_id if call.match else None)}. {_model_chose(call)}"


def _model_chose(call: CallRow) -> str:
    if call.match is not None and call.match.visitor_id == call.model_visitor_id:
        return "The model agrees."
    if call.model_visit_id is None:
        return f"The model chose nobody from the site, {words.percent(call.none)}."
    return f"The model chose {short(call.model_visitor_id)}, {words.percent(call.model_likelihood or 0.0)}."
