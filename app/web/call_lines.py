"""The lines of a call's history, and of its answers, in the reader's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.web import words
from app.web.places import Places
from app.web.shown import short
from reports.calls import CallDetail, Decision
from store.sites import Site

SINCE = {
    "ended": "since the call ended",
    "form": "since a form came with the caller's phone",
    "spam": "since the call was marked as spam",
    "not_spam": "since the spam mark was taken off",
    "override": "since staff decided another call of this phone",
}
"""Why the model answered again, in words."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the history, or a note."""

    when: str
    full: str
    who: str
    text: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CallScene:
    """A call with what it takes to put it into words."""

    detail: CallDetail
    known: Places
    site: Site
    now: datetime
    users: Mapping[str, str]

    def when(self, at: datetime) -> str:
        """A moment in the site's words."""
        return words.when(at, self.now, self.site.time_zone)

    def full(self, at: datetime) -> str:
        """All of a moment."""
        return words.full(at, self.site.time_zone)

    def user(self, user_id: str | None) -> str:
        """A staff member's name."""
        return self.users.get(user_id or "", "staff")


def decision_line(scene: CallScene, d: Decision) -> Line:
    """One line of the history."""
    whom = short(d.visitor_id) if d.visit_id else "nobody from the site"
    if d.undo:
        who, text = scene.user(d.user_id), f"took the decision back; the model's choice counts: {whom}"
    elif d.by == "staff":
        who, text = scene.user(d.user_id), f"chose {whom}; the model gives that {words.percent(d.likelihood)}"
    else:
        since = SINCE.get(d.reason or "", "")
        who, text = "the model", f"chose {whom}, {words.percent(d.likelihood)}{', ' + since if since else ''}"
    reason = d.reason if d.by == "staff" else None
    return Line(when=scene.when(d.at), full=scene.full(d.at), who=who, text=text, reason=reason or "")


def answer_lines(scene: CallScene) -> tuple[Line, ...]:
    """What the model said first, and what it says now; nothing where it was asked once."""
    given = [d for d in scene.detail.history if d.by == "model" and not d.undo]
    if not scene.detail.answers or not given:
        return ()
    first, now, call = scene.detail.answers[0], given[-1], scene.detail.call
    return (
        Line(
            when=scene.when(first.at),
            full=scene.full(first.at),
            who="First answer",
            text=_said(first.visitor_id if first.visit_id else None, first.likelihood, first.none),
        ),
        Line(
            when=scene.when(now.at),
            full=scene.full(now.at),
            who="What we know now",
            text=_said(call.model_visitor_id if call.model_visit_id else None, call.model_likelihood, call.none),
            reason=SINCE.get(now.reason or "", ""),
        ),
    )


def _said(visitor_id: str | None, likelihood: float | None, none: float) -> str:
    if visitor_id is None:
        return f"nobody from the site, {words.percent(none)}"
    return f"{short(visitor_id)}, {words.percent(likelihood or 0.0)}"
