"""`/alarms`: what is wrong now, what was, and who hears of it."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.alarm_settings import get_alarm_settings, set_alarm_settings
from app.alarm_words import Said, said_of
from app.alarms import EMAIL, Post, try_out
from app.engine_room import engine_room
from app.outgoing import public_or_in
from app.web.asking import changing, looking, noted, now, say
from app.web.places import Places, places
from core.errors import InvalidInput
from reports.alarms import open_alarms, past_alarms
from reports.rules.alarms import NUMBER_WITHOUT_VIEWS, SWAPS_STOPPED, UNDER_TARGET
from store.alarms import Alarm, AlarmNotice, AlarmSettings
from store.sessions import AccountSession
from store.sites import Site

MOST_PAST = 50
UTC = "UTC"


@dataclass(frozen=True, kw_only=True)
class AlarmRow:
    """An alarm as the page shows it; `zone` is the clock its times are told in, `url` where to look."""

    alarm: Alarm
    said: Said
    zone: str
    url: str


def alarms() -> str:
    """The page."""
    with looking() as (_, session):
        known = places(session)
        standing, past = open_alarms(session), past_alarms(session, MOST_PAST)
        asked, trouble = get_alarm_settings(session), _trouble(session)
    return _page(known, [_row(known, a) for a in standing], [_row(known, a) for a in past], asked, trouble)


def _page(
    known: Places, standing: list[AlarmRow], past: list[AlarmRow], asked: AlarmSettings | None, trouble: dict[str, str]
) -> str:
    room = engine_room()
    return render_template(
        "alarms.html",
        here="alarms",
        known=known,
        standing=standing,
        past=past,
        most=MOST_PAST,
        emails=", ".join(asked.emails) if asked else "",
        webhook_url=asked.webhook_url or "" if asked else "",
        trouble=trouble,
        mail=room.settings.smtp_url is not None,
        at=now(),
    )


def rows_of(session: AccountSession, known: Places, site: Site) -> list[AlarmRow]:
    """The alarms that stand about a site or about the account as a whole, for other pages. One query."""
    return [_row(known, alarm) for alarm in open_alarms(session) if alarm.site_id in {None, site.site_id}]


def _row(known: Places, alarm: Alarm) -> AlarmRow:
    site = known.sites.get(alarm.site_id or "") or next(iter(known.sites.values()), None)
    return AlarmRow(alarm=alarm, said=said_of(alarm, site), zone=site.time_zone if site else UTC, url=_url(alarm, site))


def _url(alarm: Alarm, site: Site | None) -> str:
    if site is None:
        return ""
    if alarm.kind == UNDER_TARGET:
        return url_for("web.accuracy", site=site.site_id, source=alarm.facts.get("source"), _anchor="depth")
    if alarm.kind == NUMBER_WITHOUT_VIEWS:
        return url_for("web.calls", number=alarm.subject)
    if alarm.kind == SWAPS_STOPPED:
        return url_for("web.installation", site_id=site.site_id)
    return url_for("web.numbers") if alarm.kind.startswith("number_") else ""


def _trouble(session: AccountSession) -> dict[str, str]:
    """By channel, why the latest message that was not taken was not; empty where all were."""
    rows = session.scalars(
        select(AlarmNotice)
        .where(AlarmNotice.sent_at.is_(None), AlarmNotice.trouble.is_not(None))
        .order_by(AlarmNotice.made_at.desc())
        .limit(MOST_PAST)
    ).all()
    return {row.channel: row.trouble or "" for row in reversed(rows)}


def keep_settings() -> Response:
    """Sets who hears of alarms."""
    emails = [part.strip() for part in request.form.get("emails", "").replace(";", ",").split(",") if part.strip()]
    try:
        with changing() as (_, session):
            secret = set_alarm_settings(
                session,
                engine_room().secrets,
                emails=emails,
                webhook_url=request.form.get("webhook_url", "").strip() or None,
                at=now(),
                allowed=public_or_in(engine_room().settings.webhook_networks),
            )
            noted(session, "alarms.settings", None, emails=len(emails), webhook=bool(request.form.get("webhook_url")))
    except InvalidInput as error:
        say(f"That was not kept: {error.message}", alarm=True)
        return _home()
    told = f" The webhook is signed with {secret}; this is shown once." if secret else ""
    say(f"Kept.{told}" if emails or request.form.get("webhook_url", "").strip() else "Kept: nobody is told of alarms.")
    return _home()


def test() -> Response:
    """Sends a message to everybody who would hear of an alarm."""
    room = engine_room()
    with looking() as (_, session):
        site = next(iter(places(session).sites.values()), None)
        sending = try_out(session, room.secrets, Post.of(room.settings), now(), site)
    outcomes = list(sending())
    failed = [f"{_channel(channel)}: {trouble}" for channel, trouble in outcomes if trouble is not None]
    if not outcomes:
        say("Nobody is to be told yet: set an address or a webhook first.", alarm=True)
    elif failed:
        say(f"The test did not get through. {'; '.join(failed)}.", alarm=True)
    else:
        say(f"The test was sent by {' and '.join(_channel(channel) for channel, _ in outcomes)}.")
    return _home()


def _channel(channel: str) -> str:
    return "e-mail" if channel == EMAIL else "webhook"


def _home() -> Response:
    return redirect(url_for("web.alarms"), code=303)


def add_routes(web: Blueprint) -> None:
    """The page and its two forms."""
    web.add_url_rule("/alarms", view_func=alarms)
    web.add_url_rule("/alarms/settings", view_func=keep_settings, methods=["POST"])
    web.add_url_rule("/alarms/test", view_func=test, methods=["POST"])
