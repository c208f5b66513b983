"""Alarms told: who is to hear, what is due to be sent, and the sending, by e-mail and by webhook.

Each message is a row before it is sent, and is tried again with each look for a day. It may arrive twice where a
process dies between sending and noting it: its id is the same each time.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select

from app.alarm_words import said_of
from app.mail import Mail, MailFailed, MailServer, send
from app.outgoing import Outgoing, PostFailed, public_or_in
from app.secretbox import SecretBox
from app.settings import Settings
from app.telling.signing import signed_headers
from core.ids import new_id
from core.text import clean
from core.time import format_time
from reports.alarms import Changes
from store.alarms import Alarm, AlarmNotice, AlarmSettings
from store.sessions import AccountSession, Database
from store.sites import Site

log = logging.getLogger("ringtrace.alarms")

TRY_AGAIN = timedelta(minutes=10)
GIVE_UP = timedelta(days=1)
OPENED, CLOSED = "opened", "closed"
EMAIL, WEBHOOK = "email", "webhook"
Moment = Literal["opened", "closed"]


@dataclass(frozen=True, kw_only=True)
class Post:
    """The ways out: a mail server (none: e-mail cannot be sent), whose address it is, and where webhooks may go."""

    server: MailServer | None
    sender: str
    base_url: str
    outgoing: Outgoing

    @classmethod
    def of(cls, settings: Settings) -> "Post":
        """As set up."""
        return cls(
            server=settings.smtp_url,
            sender=settings.mail_from or "ringtrace@localhost",
            base_url=settings.public_base_url,
            outgoing=Outgoing(allowed=public_or_in(settings.webhook_networks)),
        )


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that is due: to whom, what it says to people, what it says to programs."""

    alarm_id: str
    moment: str
    channel: str
    subject: str
    text: str
    payload: Mapping[str, Any]
    emails: tuple[str, ...]
    webhook_url: str | None
    secret: bytes | None

    @property
    def id(self) -> str:
        """The same in every try."""
        return f"{self.alarm_id}.{self.moment}"


def note(session: AccountSession, changes: Changes, at: datetime) -> None:
    """Writes down what is to be told of these changes, and to which channels. Flushes."""
    asked = session.get(AlarmSettings, session.account_id)
    channels = [] if asked is None else [EMAIL] * bool(asked.emails) + [WEBHOOK] * bool(asked.webhook_url)
    for moment, alarms in ((OPENED, changes.opened), (CLOSED, changes.closed)):
        for alarm in alarms:
            session.add_all(
                AlarmNotice(
                    alarm_id=alarm.alarm_id, moment=moment, channel=channel, made_at=at, tries=0, next_try_at=at
                )
                for channel in channels
            )
    session.flush()


def deliver(database: Database, secrets: SecretBox, post: Post, account_id: str, at: datetime) -> int:
    """Sends what is due; returns how many messages were taken. What fails is tried again later, and logged."""
    with database.read() as work:
        session = work.account(account_id)
        due = [
            (row.alarm_id, row.moment, row.channel)
            for row in session.scalars(
                select(AlarmNotice)
                .where(AlarmNotice.next_try_at <= at)
                .order_by(AlarmNotice.made_at, AlarmNotice.alarm_id, AlarmNotice.moment.desc())
            )
        ]
    return sum(_deliver(database, secrets, post, account_id, key, at) for key in due)


def _deliver(
    database: Database, secrets: SecretBox, post: Post, account_id: str, key: tuple[str, str, str], at: datetime
) -> bool:
    with database.write() as work:
        message = _take(work.account(account_id), secrets, key, post.base_url, at)
    if message is None:
        return False
    trouble = _send(post, message, at)
    with database.write() as work:
        session = work.account(account_id)
        row = session.get_one(AlarmNotice, (account_id, *key))
        row.trouble = clean(trouble, 300)
        if trouble is None:
            row.sent_at, row.next_try_at = at, None
            _told(session, message.alarm_id, at)
    if trouble is not None:
        log.warning("an alarm of account %s could not be told by %s: %s", account_id, message.channel, trouble)
    return trouble is None


def _take(
    session: AccountSession, secrets: SecretBox, key: tuple[str, str, str], base_url: str, at: datetime
) -> Message | None:
    """Takes the message on: nobody else sends it now. None where somebody has, or nobody wants it any more."""
    row = session.get(AlarmNotice, (session.account_id, *key), with_for_update=True, populate_existing=True)
    if row is None or row.next_try_at is None or row.next_try_at > at:
        return None
    again = at + TRY_AGAIN
    row.tries, row.next_try_at = row.tries + 1, again if again <= row.made_at + GIVE_UP else None
    alarm = session.get_one(Alarm, (session.account_id, row.alarm_id))
    asked = session.get(AlarmSettings, session.account_id)
    site = session.get(Site, (session.account_id, alarm.site_id)) if alarm.site_id else None
    if asked is None or not (asked.emails if row.channel == EMAIL else asked.webhook_url):
        row.next_try_at, row.trouble = None, "nobody is to be told any more"
        return None
    said = said_of(alarm, site)
    over = "Over: " if row.moment == CLOSED else ""
    end = f"This ended at {format_time(alarm.closed_at)}." if row.moment == CLOSED and alarm.closed_at else said.todo
    lines = [said.text, end, f"{base_url}/alarms"]
    return Message(
        alarm_id=alarm.alarm_id,
        moment=row.moment,
        channel=row.channel,
        subject=f"{over}{said.title}",
        text="\n\n".join(line for line in lines if line) + "\n",
        payload={
            "type": f"alarm.{row.moment}",
            "timestamp": format_time(at),
            "data": {**rendered(alarm), "title": said.title, "text": said.text},
        },
        emails=tuple(asked.emails),
        webhook_url=asked.webhook_url,
        secret=_opened(secrets, asked),
    )


def rendered(alarm: Alarm) -> dict[str, Any]:
    """An alarm as programs see it."""
    return {
        "id": alarm.alarm_id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "site": alarm.site_id,
        "opened_at": format_time(alarm.opened_at),
        "last_seen_at": format_time(alarm.last_seen_at),
        "closed_at": format_time(alarm.closed_at) if alarm.closed_at else None,
        "told_at": format_time(alarm.told_at) if alarm.told_at else None,
        "facts": alarm.facts,
    }


def _opened(secrets: SecretBox, asked: AlarmSettings) -> bytes | None:
    secret = secrets.open(asked.secret) if asked.secret else None
    return secret.encode() if secret else None


def _send(post: Post, message: Message, at: datetime) -> str | None:
    """Sends it; what went wrong, or None."""
    try:
        if message.channel == EMAIL:
            _mail(post, message, at)
        else:
            _post(post, message, at)
    except (MailFailed, PostFailed) as failed:
        return str(failed)
    except Exception as error:  # an alarm must not keep the others
        log.exception("telling an alarm failed")
        return f"an error here ({type(error).__name__})"
    return None


def _mail(post: Post, message: Message, at: datetime) -> None:
    if post.server is None:
        raise MailFailed("no mail server is set up (RINGTRACE_SMTP_URL)")
    domain = post.sender.rpartition("@")[2] or "localhost"
    send(
        post.server,
        post.sender,
        Mail(
            to=message.emails,
            subject=message.subject,
            text=message.text,
            message_id=f"{message.id}@{domain}",
            at=at,
        ),
    )


def _post(post: Post, message: Message, at: datetime) -> None:
    """In the form of the Standard Webhooks specification: id, timestamp and signature in headers."""
    if message.webhook_url is None or message.secret is None:
        raise PostFailed("the webhook has no secret that can be read; set its address again")
    body = json.dumps(message.payload, ensure_ascii=False)
    headers = signed_headers(message.secret.decode(), message.id, body, at=at)
    post.outgoing.post(message.webhook_url, body.encode(), headers)


def _told(session: AccountSession, alarm_id: str, at: datetime) -> None:
    """Notes when everybody had heard of the beginning."""
    session.flush()
    waiting = session.scalar(
        select(AlarmNotice.channel)
        .where(AlarmNotice.alarm_id == alarm_id, AlarmNotice.moment == OPENED, AlarmNotice.sent_at.is_(None))
        .limit(1)
    )
    alarm = session.get_one(Alarm, (session.account_id, alarm_id))
    if waiting is None and alarm.told_at is None:
        alarm.told_at = at


def try_out(
    session: AccountSession, secrets: SecretBox, post: Post, at: datetime, site: Site | None
) -> Callable[[], Iterable[tuple[str, str | None]]]:
    """A test message to all who are asked for: what was sent by which channel, and what went wrong, once it is called.

    Reads now; sends when called, when no transaction is open any more.
    """
    asked = session.get(AlarmSettings, session.account_id)
    alarm = Alarm(
        account_id=session.account_id,
        alarm_id=new_id(at),
        kind="test",
        subject="test",
        site_id=site.site_id if site else None,
        facts={"text": "This is a test. Alarms about numbers, calls and swaps will come this way."},
        opened_at=at,
        last_seen_at=at,
    )
    said = said_of(alarm, site)
    channels = [] if asked is None else [EMAIL] * bool(asked.emails) + [WEBHOOK] * bool(asked.webhook_url)
    messages = [
        Message(
            alarm_id=alarm.alarm_id,
            moment=OPENED,
            channel=channel,
            subject="Test of Ringtrace's alarms",
            text=f"{said.text}\n\n{post.base_url}/alarms\n",
            payload={
                "type": "alarm.test",
                "timestamp": format_time(at),
                "data": {**rendered(alarm), "title": said.title, "text": said.text},
            },
            emails=tuple(asked.emails if asked else ()),
            webhook_url=asked.webhook_url if asked else None,
            secret=_opened(secrets, asked) if asked else None,
        )
        for channel in channels
    ]
    return lambda: [(message.channel, _send(post, message, at)) for message in messages]
