"""`/alarms`: what is or was wrong with numbers, calls and swaps, and who hears of it."""

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select

from app.accounts.alarm_settings import get_alarm_settings, set_alarm_settings
from app.alarm_words import said_of
from app.alarms import rendered
from app.api.auth import noted, reading, writing
from app.api.base import Answer, Body, Text, api_blueprint
from app.api.paging import Page, PageQuery, page_of
from app.engine_room import engine_room
from app.outgoing import public_or_in
from store.alarms import Alarm, AlarmSettings
from store.paging import newest_first
from store.sites import Site

bp = api_blueprint("alarms")


class AlarmQuery(PageQuery):
    """Which alarms."""

    state: Literal["open", "closed"] | None = Field(default=None, description="Both where it is left out.")
    kind: str | None = Field(default=None, max_length=40)


class AlarmAnswer(Answer):
    """An alarm: `subject` is the source's id, the number or the site's id that it is about."""

    id: str
    kind: str = Field(description="`under_target`, `number_without_views`, `swaps_stopped`, and others.")
    subject: str
    site: str | None
    title: str
    text: str
    opened_at: str
    last_seen_at: str
    closed_at: str | None = Field(description="Null while it stands.")
    told_at: str | None = Field(description="When everybody who is to hear of it had heard.")
    facts: dict[str, Any]


class AlarmPage(Page):
    """A page of alarms."""

    items: list[AlarmAnswer]


class AlarmSettingsBody(Body):
    """Who hears of alarms."""

    emails: Annotated[list[Annotated[Text, Field(max_length=320)]], Field(max_length=20)] = Field(default_factory=list)
    webhook_url: Annotated[Text, Field(max_length=2000)] | None = Field(
        default=None, description="Gets `alarm.opened` and `alarm.closed` in the Standard Webhooks form."
    )


class AlarmSettingsAnswer(Answer):
    """Who hears of alarms."""

    emails: list[str]
    webhook_url: str | None
    webhook_secret: str | None = Field(
        default=None, description="Signs what is sent; shown once, when the address is new."
    )


@bp.get("/alarms", responses={200: AlarmPage})
def list_alarms(query: AlarmQuery) -> dict[str, Any]:
    """The alarms of the account, newest first."""
    with reading() as session:
        statement = select(Alarm)
        if query.state is not None:
            is_open = Alarm.closed_at.is_(None)
            statement = statement.where(is_open if query.state == "open" else ~is_open)
        if query.kind is not None:
            statement = statement.where(Alarm.kind == query.kind)
        rows = session.scalars(
            newest_first(statement, Alarm.opened_at, Alarm.alarm_id, after=query.after(), limit=query.limit + 1)
        ).all()
        sites = {site.site_id: site for site in session.scalars(select(Site))}
        return page_of(
            rows, query.limit, lambda a: (a.opened_at, a.alarm_id), lambda a: _answer(a, sites.get(a.site_id or ""))
        )


@bp.get("/alarms/settings", responses={200: AlarmSettingsAnswer})
def get_settings() -> dict[str, Any]:
    """Who hears of alarms."""
    with reading() as session:
        return _settings(get_alarm_settings(session), None)


@bp.put("/alarms/settings", responses={200: AlarmSettingsAnswer})
def put_settings(body: AlarmSettingsBody) -> dict[str, Any]:
    """Sets who hears of alarms. A new webhook address gets a new secret."""
    room = engine_room()
    with writing() as (_, session):
        secret = set_alarm_settings(
            session,
            room.secrets,
            emails=body.emails,
            webhook_url=body.webhook_url,
            at=room.now(),
            allowed=public_or_in(room.settings.webhook_networks),
        )
        noted(session, "alarms.settings", None, emails=len(body.emails), webhook=body.webhook_url is not None)
        return _settings(get_alarm_settings(session), secret)


def _settings(row: AlarmSettings | None, secret: str | None) -> dict[str, Any]:
    return AlarmSettingsAnswer(
        emails=row.emails if row else [], webhook_url=row.webhook_url if row else None, webhook_secret=secret
    ).json_ready()


def _answer(alarm: Alarm, site: Site | None) -> dict[str, Any]:
    said = said_of(alarm, site)
    return AlarmAnswer(**rendered(alarm), title=said.title, text=said.text).json_ready()
