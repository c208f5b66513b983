"""Alarms told, from the look to the mailbox and the webhook, on both databases."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.accounts.alarm_settings import set_alarm_settings
from app.alarms import GIVE_UP, Post, deliver, note
from app.mail import MailServer
from app.outgoing import Outgoing
from app.regular_jobs import Around, alarms, count_days
from app.secretbox import SecretBox
from app.settings import Settings
from reports.alarms import Changes, clear_alarm, raise_alarm
from store.alarms import Alarm, AlarmNotice
from store.counts import CountedDay
from store.sessions import Database
from tests.reports.builders import rang, visits_on
from tests.support.post import MailBox, Receiver, mail_server, receiver
from tests.support.rows import Business
from tests.support.serving import environ

AT = datetime(2026, 4, 15, 15, tzinfo=UTC)
NUMBER = "+12125560001"


@dataclass
class Desk:
    """An account whose alarms go to a mailbox and a webhook."""

    database: Database
    settings: Settings
    box: MailBox
    hook: Receiver
    post: Post
    account_id: str = ""
    secret: str = ""
    at: datetime = AT
    secrets: SecretBox = field(init=False)

    def __post_init__(self) -> None:
        self.secrets = SecretBox(self.settings)

    def tell_to(self, *emails: str, webhook: bool = True) -> None:
        with self.database.write() as work:
            secret = set_alarm_settings(
                work.account(self.account_id),
                self.secrets,
                emails=emails,
                # A name, as people have one; it leads to loopback here.
                webhook_url=self.hook.url.replace("127.0.0.1", "localhost") if webhook else None,
                at=AT,
            )
            self.secret = secret or self.secret

    def deliver(self) -> int:
        return deliver(self.database, self.secrets, self.post, self.account_id, self.at)

    def around(self) -> Around:
        return Around(
            database=self.database,
            settings=self.settings,
            account_id=self.account_id,
            at=self.at,
            should_stop=lambda: False,
        )

    def raises(self) -> None:
        with self.database.write() as work:
            session = work.account(self.account_id)
            row = raise_alarm(session, "odd_thing", "x", site_id=None, facts={"text": "Something is odd."}, at=self.at)
            assert row is not None
            note(session, Changes(opened=(row,)), self.at)

    def clears(self) -> None:
        with self.database.write() as work:
            session = work.account(self.account_id)
            row = clear_alarm(session, "odd_thing", "x", at=self.at)
            assert row is not None
            note(session, Changes(closed=(row,)), self.at)


@pytest.fixture
def desk(database: Database, database_url: str) -> Iterator[Desk]:
    with mail_server() as box, receiver() as hook:
        settings = Settings.from_env(
            environ(
                database_url,
                RINGTRACE_SMTP_URL=f"smtp://127.0.0.1:{box.port}",
                RINGTRACE_MAIL_FROM="alarms@example.com",
                RINGTRACE_PUBLIC_BASE_URL="https://calls.example.com",
            )
        )
        post = Post(
            server=MailServer.of(f"smtp://127.0.0.1:{box.port}"),
            sender="alarms@example.com",
            base_url="https://calls.example.com",
            outgoing=Outgoing(allowed=lambda address: address.is_loopback),
        )
        made = Desk(database, settings, box, hook, post)
        with database.write() as work:
            business = Business.open(work)
            made.account_id = business.session.account_id
            ads = business.source("google_ads", [NUMBER], name="Google Ads")
            (visitor,) = visits_on(business, ads, AT - timedelta(days=8), 1)
            for hour in range(12):
                rang(business, ads, NUMBER, AT - timedelta(days=1, hours=hour), [(visitor, 0.7)])
        yield made


def test_from_the_look_to_the_mailbox_and_the_webhook_once(desk: Desk) -> None:
    desk.tell_to("anna@example.com", "desk@example.com")
    assert alarms(desk.around(), desk.post) == "1 begun, 0 over, 2 told"
    [message] = desk.box.mails
    assert message["Subject"] == "Google Ads is under its target"
    text = message.get_content()  # type: ignore[attr-defined]
    assert "12 calls of seven days were answered 70\u00a0% sure on average; the target is 90\u00a0%." in text
    assert "https://calls.example.com/alarms" in text
    [(_, headers, body)] = desk.hook.posts
    # Whoever uses the published library can check it; it holds against the clock, so the signature is checked alone.
    told = json.loads(body)
    assert headers["webhook-signature"] == Webhook(desk.secret).sign(headers["webhook-id"], AT, body.decode())
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert (told["type"], told["timestamp"]) == ("alarm.opened", "2026-04-15T15:00:00.000Z")
    assert (told["data"]["kind"], told["data"]["facts"]["source"]) == ("under_target", "google_ads")
    desk.at += timedelta(minutes=10)
    assert alarms(desk.around(), desk.post) == "0 begun, 0 over, 0 told"
    with desk.database.read() as work:
        [alarm] = work.account(desk.account_id).scalars(select(Alarm))
        assert (alarm.told_at, alarm.last_seen_at) == (AT, desk.at)
    desk.at = AT + timedelta(days=9)
    assert alarms(desk.around(), desk.post) == "0 begun, 1 over, 2 told"
    assert desk.box.mails[1]["Subject"] == "Over: Google Ads is under its target"
    assert json.loads(desk.hook.posts[1][2])["type"] == "alarm.closed"
    assert desk.hook.posts[1][1]["webhook-id"] != headers["webhook-id"]


def test_what_fails_is_tried_again_with_the_same_id_until_a_day_is_over(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.tell_to("anna@example.com")
    desk.hook.status = 500
    desk.raises()
    with caplog.at_level(logging.WARNING, "ringtrace.alarms"):
        assert desk.deliver() == 1, "the mail is through"
    assert "answered 500" in caplog.text
    assert desk.deliver() == 0, "not before its time"
    assert len(desk.hook.posts) == 1
    with desk.database.read() as work:
        [alarm] = work.account(desk.account_id).scalars(select(Alarm).where(Alarm.kind == "odd_thing"))
        assert alarm.told_at is None
    for _ in range(3):
        desk.at += timedelta(minutes=10)
        desk.deliver()
    assert len({headers["webhook-id"] for _, headers, _ in desk.hook.posts}) == 1
    assert len(desk.hook.posts) == 4
    assert len(desk.box.mails) == 1
    desk.hook.status = 200
    desk.at += timedelta(minutes=10)
    assert desk.deliver() == 1
    with desk.database.read() as work:
        [alarm] = work.account(desk.account_id).scalars(select(Alarm).where(Alarm.kind == "odd_thing"))
        assert alarm.told_at == desk.at
    desk.hook.status = 500
    desk.clears()
    tries = 0
    for _ in range(200):
        before = len(desk.hook.posts)
        desk.deliver()
        tries += len(desk.hook.posts) - before
        desk.at += timedelta(minutes=10)
    assert tries == GIVE_UP // timedelta(minutes=10) + 1


def test_whoever_is_taken_off_the_list_hears_no_more(desk: Desk) -> None:
    desk.tell_to("anna@example.com")
    desk.raises()
    desk.tell_to(webhook=False)
    assert desk.deliver() == 0
    assert (desk.box.mails, desk.hook.posts) == ([], [])
    with desk.database.read() as work:
        notices = list(work.account(desk.account_id).scalars(select(AlarmNotice)))
        assert [n.next_try_at for n in notices] == [None, None]


def test_nobody_is_told_where_nobody_is_named(desk: Desk) -> None:
    assert alarms(desk.around(), desk.post) == "1 begun, 0 over, 0 told"
    assert (desk.box.mails, desk.hook.posts) == ([], [])


def test_a_webhook_never_goes_into_a_private_network(desk: Desk) -> None:
    desk.tell_to("anna@example.com")
    desk.raises()
    assert deliver(desk.database, desk.secrets, Post.of(desk.settings), desk.account_id, desk.at) == 1
    assert desk.hook.posts == []
    with desk.database.read() as work:
        troubles = {n.channel: n.trouble for n in work.account(desk.account_id).scalars(select(AlarmNotice))}
    assert troubles == {"email": None, "webhook": "localhost is not on the public internet"}


def test_days_are_counted_by_the_minutes(desk: Desk) -> None:
    said = count_days(desk.around())
    assert said == "8 days counted"
    assert count_days(desk.around()) == "0 days counted"
    with desk.database.read() as work:
        assert len(list(work.account(desk.account_id).scalars(select(CountedDay)))) == 8
