"""`/retention`: for how long the account keeps what. What other days would remove is shown before they are kept."""

from dataclasses import asdict, dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.engine_room import engine_room
from app.retention.nightly import foresee
from app.retention.policy import MOST_DAYS, NAMES, Policy, policy_of, policy_with, set_policy
from app.web.asking import changing, looking, now, person, say
from core.errors import InvalidInput, shown

WORDS = {
    "visits_days": ("Visits", "pages, forms and numbers shown; a visit that a call refers to keeps its campaign only"),
    "calls_days": ("Calls", "with their candidates, history, tags, notes and recordings"),
    "messages_days": ("Texts", "with who may have sent them"),
    "recordings_days": ("Recordings", "the sound; that there was one stays with the call"),
    "events_days": ("Events", "what the telephony provider told, as it came"),
    "audit_days": ("Activity", "who did what"),
}
GOES = {
    "visits_days": ("visits", "visits emptied"),
    "calls_days": ("calls",),
    "messages_days": ("messages",),
    "recordings_days": ("recordings",),
    "events_days": ("events",),
    "audit_days": ("audit",),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of thing: its field, words, the days as the form shows them, and how many would go tonight."""

    field: str
    title: str
    about: str
    days: str
    going: int
    emptied: int


def retention() -> str:
    """The page."""
    with looking() as (_, session):
        policy = policy_of(session)
        return _page(policy, foresee(session, policy, now()), asked=None)


def keep_retention() -> Response | str:
    """Shows what the days that were asked for would remove; keeps them once that was confirmed."""
    days = engine_room().settings.candidate_days
    try:
        wanted = {name: _days(name) for name in NAMES if name in request.form}
        with looking() as (_, session):
            before, asked = policy_of(session), policy_with(session, wanted, days)
            if asked != before and request.form.get("sure") != "yes":
                return _page(asked, foresee(session, asked, now()), asked=asked)
        with changing() as (_, session):
            set_policy(session, wanted, candidate_days=days, by="person", user_id=person().user_id, at=now())
    except InvalidInput as error:
        say(f"That was not kept: {error.message}", alarm=True)
    else:
        say("Nothing changed." if asked == before else "Kept: the next night removes what is older.")
    return redirect(url_for("web.retention"), code=303)


def _days(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidInput({name: f"{shown(text)} is no number of days"}) from None


def _page(policy: Policy, foreseen: dict[str, int], *, asked: Policy | None) -> str:
    days = asdict(policy)
    return render_template(
        "retention.html",
        here="retention",
        rows=[
            Row(
                field=name,
                title=title,
                about=about,
                days="" if days[name] is None else str(days[name]),
                going=foreseen[GOES[name][0]],
                emptied=foreseen[GOES[name][1]] if len(GOES[name]) > 1 else 0,
            )
            for name, (title, about) in WORDS.items()
        ],
        asked=asked is not None,
        going=sum(count for name, count in foreseen.items() if name != "visits emptied"),
        most=MOST_DAYS,
        nights=engine_room().settings.train_at,
    )


def add_routes(web: Blueprint) -> None:
    """The page and its form."""
    web.add_url_rule("/retention", view_func=retention)
    web.add_url_rule("/retention", view_func=keep_retention, methods=["POST"])
