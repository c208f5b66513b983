"""A site with a source and numbers, laid down in the database of a running server, and a look at what it keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.engine_room import EngineRoom
from core.ids import new_id
from store.calls import Call
from store.directory import NumberOwner, ProviderAccount
from store.provider_events import CallLeg, ProviderEvent
from store.sessions import AccountSession, Work
from store.sites import ProviderCredential, Site, TrackingNumber, TrackingSource
from tests.support.office import DESTINATION, OWN, Office, fresh_numbers
from tests.support.serving import Served

AT = datetime(2026, 5, 4, 13, tzinfo=UTC)
DAY = timedelta(hours=24)


@dataclass
class Desk:
    """An office with one source and its numbers, and a way into the server's own database."""

    office: Office
    room: EngineRoom
    site_id: str = ""
    source_id: str = ""
    numbers: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, server: Served, office: Office, count: int = 1) -> "Desk":
        desk = cls(office, server.app.extensions["ringtrace"])
        desk.site_id, desk.source_id = new_id(AT), new_id(AT)
        desk.numbers = fresh_numbers(count)
        with desk.work() as (work, session):
            session.add(_site(desk.site_id))
            session.flush()
            session.add(_source(desk.site_id, desk.source_id))
            session.flush()
            for number in desk.numbers:
                session.add(
                    TrackingNumber(
                        number=number,
                        source_id=desk.source_id,
                        provider="manual",
                        status="active",
                        created_at=AT,
                        status_since=AT,
                    )
                )
                work.directory.add(NumberOwner(number=number, account_id=office.account_id))
        return desk

    @property
    def number(self) -> str:
        return self.numbers[0]

    @contextmanager
    def work(self) -> Iterator[tuple[Work, AccountSession]]:
        with self.room.database.write() as work:
            yield work, work.account(self.office.account_id)

    def calls(self) -> list[Call]:
        with self.room.database.read() as work:
            return list(work.account(self.office.account_id).scalars(select(Call).order_by(Call.call_id)))

    def events(self) -> list[ProviderEvent]:
        """What was kept of webhooks, in the order in which they came."""
        with self.room.database.read() as work:
            query = select(ProviderEvent).order_by(ProviderEvent.received_at, ProviderEvent.event_id)
            return list(work.account(self.office.account_id).scalars(query))

    def event(self) -> ProviderEvent:
        [event] = self.events()
        return event

    def legs(self) -> list[CallLeg]:
        with self.room.database.read() as work:
            query = select(CallLeg).order_by(CallLeg.provider_leg_id)
            return list(work.account(self.office.account_id).scalars(query))

    def call(self) -> Call:
        [call] = self.calls()
        return call

    def retarget(self, destination: str) -> None:
        """The owner sends the source's calls elsewhere."""
        with self.work() as (_, session):
            session.get_one(TrackingSource, (session.account_id, self.source_id)).destination = destination

    def dials(self, destination: str = DESTINATION, *, base: str = "", notice: str | None = None) -> str:
        """The TwiML that connects a caller, from a server that the provider reaches at `base` (else where it is)."""
        base = base or self.office.url
        return dials(destination, f"{base}/webhooks/twilio/status", notice, f"{base}/webhooks/twilio/recording")

    def set_number(self, **fields: Any) -> None:
        with self.work() as (_, session):
            row = session.get_one(TrackingNumber, (session.account_id, self.number))
            for name, value in fields.items():
                setattr(row, name, value)

    def store_twilio(
        self, token: str, sid: str, at: datetime, previous: str | None = None, until: datetime | None = None
    ) -> None:
        """Twilio's credential as it stands after it was stored at `at`."""
        seal = self.room.secrets.seal
        with self.work() as (work, session):
            old = session.get(ProviderCredential, (session.account_id, "twilio"))
            if old is not None:
                session.delete(old)
                session.flush()
            own = session.get_one(ProviderCredential, (session.account_id, "manual"))
            own.previous_until = own.previous_until or at + timedelta(hours=24)
            session.add(
                ProviderCredential(
                    provider="twilio",
                    account_sid=sid,
                    token=seal(token),
                    previous_token=seal(previous) if previous else None,
                    previous_until=until,
                    updated_at=at,
                )
            )
            work.directory.merge(ProviderAccount(provider="twilio", account_sid=sid, account_id=session.account_id))


def _site(site_id: str) -> Site:
    return Site(
        site_id=site_id,
        key=f"k{site_id}",
        name="Acme",
        domains=["example.com"],
        numbers=[OWN],
        time_zone="America/New_York",
        country="US",
        currency="USD",
        consent_default="full",
        exclude_networks=[],
        created_at=AT,
    )


def _source(site_id: str, source_id: str) -> TrackingSource:
    return TrackingSource(
        source_id=source_id,
        site_id=site_id,
        slug="google_ads",
        name="Google Ads",
        kind="online",
        preset="google_ads",
        position=0,
        catch_all=False,
        destination=DESTINATION,
        created_at=AT,
    )


def dials(destination: str = DESTINATION, report_to: str = "", notice: str | None = None, record_to: str = "") -> str:
    """The TwiML that connects a caller; with a notice it is said first, and the call is recorded."""
    said = f"<Say>{notice}</Say>" if notice else ""
    recorded = (
        f' record="record-from-answer-dual" recordingStatusCallback="{record_to}"'
        ' recordingStatusCallbackEvent="in-progress completed absent"'
        if notice
        else ""
    )
    events = "initiated ringing answered completed"
    told = f' statusCallback="{report_to}" statusCallbackEvent="{events}"' if report_to else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}<Dial answerOnBridge="true"{recorded} timeout="30">'
        f"<Number{told}>{destination}</Number></Dial></Response>"
    )
