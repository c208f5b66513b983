from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, String, Text, cast, func, select

from core.ids import new_id
from store.calls import Call, CallAnswer
from store.messages import Message
from store.provider_events import CallRecording
from store.sessions import Database
from store.tables import metadata
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.backup.copies import given, run, told
from tests.support.office import OWN, Office
from tests.support.serving import Served

PHONE, EMAIL = "+12125550187", "Anna.Field_1@example.org"
SAID = ["+12125550187", "12125550187", "2125550187", "(212) 555-0187", "212-555-0187", "+1 212-555-0187"]
AT = datetime(2026, 3, 20, 12, tzinfo=UTC)


def _hits(database: Database, *words: str) -> dict[str, int]:
    """In which text columns of the whole database a word stands, and in how many rows."""
    found = {}
    with database.engine.connect() as connection:
        for table in metadata.tables.values():
            for column in table.columns:
                if isinstance(column.type, String | JSON):
                    for word in words:
                        where = cast(column, Text).icontains(word, autoescape=True)
                        count = connection.scalar(select(func.count()).select_from(table).where(where))
                        if count:
                            found[f"{table.name}.{column.name}"] = count
    return found


def _differing(before: Any, after: Any, place: str = "") -> list[str]:
    """Where two figures differ."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return [found for key in before for found in _differing(before[key], after[key], f"{place}.{key}")]
    if isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        return [f for i, pair in enumerate(zip(before, after, strict=True)) for f in _differing(*pair, f"{place}[{i}]")]
    return [] if before == after else [f"{place}: {before} -> {after}"]


class _Known:
    """A person who opened pages, sent a form, called twice and is mentioned wherever staff can write."""

    def __init__(self, office: Office, database: Database) -> None:
        self.office, self.database = office, database
        self.site = office.site()
        self.number = office.source(self.site)["pool"][0]
        url = f"https://example.com/?gclid=Cj0abc&utm_content={EMAIL.replace('@', '%40')}"
        swapped = office.swap(self.site, url).json()
        self.visitor = swapped["visitor"].partition(".")[0]
        form = {"type": "form", "age_ms": 0, "url": f"https://example.com/thanks?mail={EMAIL}", "number": None}
        assert office.events(self.site, swapped, {**form, "phone": PHONE, "email": EMAIL}).status_code == 202
        assert office.events(self.site, swapped, {"type": "tel_click", "number": self.number, "age_ms": 0}).ok
        self.sid, answer = office.ring(self.number, PHONE, CallerName="Anna Field")
        assert answer.ok
        self.other, _ = office.ring(self.number, "+12125550188")
        self.call = office.call_of(self.sid)
        path = f"/calls/{self.call['id']}"
        office.api("POST", f"{path}/notes", {"text": f"call back {SAID[3]} or {EMAIL}"}, expect=201)
        office.api("PATCH", path, {"tags": [f"vip {SAID[5]}", "lead"]}, expect=200)
        elsewhere = f"/calls/{office.call_of(self.other)['id']}/notes"
        office.api("POST", elsewhere, {"text": f"sent by {PHONE}"}, expect=201, headers={"Idempotency-Key": "a"})
        self._rows()

    def _rows(self) -> None:
        """What the world tells and is told, as it is kept."""
        with self.database.write() as work:
            session = work.account(self.office.account_id)
            endpoint = WebhookEndpoint(
                endpoint_id=new_id(AT), url="https://x.example", events=[], secret=b"s", created_at=AT
            )
            message = Message(
                message_id=new_id(AT),
                provider="twilio",
                provider_message_id="SM1",
                site_id=self.site["id"],
                number=self.number,
                from_number=PHONE,
                body="it is me",
                at=AT,
                local_day=AT.date(),
                none_likelihood=0.1,
                candidates=[{"visitor": self.visitor, "likelihood": 0.9}],
            )
            message.source_id = session.scalars(select(Call.source_id).limit(1)).one()
            recording = CallRecording(
                recording_id=new_id(AT), call_id=self.call["id"], provider_recording_id="RE1", status="completed"
            )
            recording.made_at = AT
            earlier = CallAnswer(
                call_id=self.call["id"],
                ordinal=99,
                at=AT,
                none_likelihood=0.5,
                visitor_id=self.visitor,
                candidates=[{"visitor": self.visitor}],
            )
            session.add_all([endpoint, message, recording, earlier])
            session.flush()
            session.add(
                WebhookDelivery(
                    delivery_id=new_id(AT),
                    endpoint_id=endpoint.endpoint_id,
                    message_id="msg_1",
                    number=1,
                    event="call.ended",
                    subject=self.call["id"],
                    payload=f'{{"from": "{PHONE}", "visitor": "{self.visitor}"}}',
                    made_at=AT,
                )
            )

    def figures(self) -> Any:
        """What reports say."""
        day = datetime.now(UTC)
        period = f"from={(day - timedelta(days=2)).date()}&to={(day + timedelta(days=2)).date()}"
        accuracy = self.office.api("GET", f"/reports/accuracy?site={self.site['id']}&{period}", expect=200)
        accuracy.pop("as_of")
        with self.database.read() as work:
            session = work.account(self.office.account_id)
            tables = [t for t in metadata.tables if t in {"visits", "visitors", "assignments", "calls", "messages"}]
            rows = {
                t: session.connection().scalar(select(func.count()).select_from(metadata.tables[t])) for t in tables
            }
        return accuracy, rows


@pytest.fixture
def known(server: Served, office: Office, database: Database) -> _Known:
    made = _Known(office, database)
    # Some figures are per hour gone by: both times they are asked for at the same moment.
    server.clock.frozen = datetime.now(UTC)
    return made


def _erase(known: _Known, database_url: str, tmp_path: Path, *words: str) -> Any:
    account = ("--account", known.office.account_id)
    return run("erase", *account, *words, "--json", **given(database_url, tmp_path))


def test_nothing_names_the_caller_any_more_and_the_counts_stay(known: _Known, database_url: str, tmp_path: Path):
    assert len(_hits(known.database, *SAID)) >= 7
    before = known.figures()
    counted = told(_erase(known, database_url, tmp_path, "--phone", PHONE))
    assert counted == {"visitors": 1, "visits": 1, "calls": 1, "messages": 1, "erased": False}
    assert _hits(known.database, *SAID), "counting changes nothing"
    done = told(_erase(known, database_url, tmp_path, "--phone", PHONE, "--yes"))
    assert {name: done[name] for name in counted} == {**counted, "erased": True}
    assert _hits(known.database, *SAID, "Anna Field") == {}
    assert _hits(known.database, known.visitor) == {}, "whoever sent the form with this number is the same person"
    assert _differing(before, known.figures()) == []
    call = known.office.call_of(known.sid)
    assert (call["from"], call["caller"], call["caller_name"]) == (None, "withheld", None)
    assert call["match"]["visitor"] not in {None, known.visitor}
    assert known.office.call_of(known.other)["from"] == "+12125550188"
    log = known.office.api("GET", "/audit?about=account.erase", expect=200)["items"]
    assert log[0]["details"]["calls"] == 1
    assert told(_erase(known, database_url, tmp_path, "--phone", PHONE, "--yes"))["calls"] == 0


def test_by_address_every_text_is_searched(known: _Known, database_url: str, tmp_path: Path):
    assert _hits(known.database, EMAIL, "Field_1%40example").keys() >= {"forms.email", "call_notes.text", "visits.utm"}
    before = known.figures()
    done = told(_erase(known, database_url, tmp_path, "--email", EMAIL.lower(), "--yes"))
    assert (done["visitors"], done["calls"]) == (1, 0)
    assert _hits(known.database, EMAIL, EMAIL.replace("@", "%40"), known.visitor) == {}
    assert _differing(before, known.figures()) == []


def test_by_visitor_the_id_itself_goes(known: _Known, database_url: str, tmp_path: Path):
    assert len(_hits(known.database, known.visitor)) >= 7
    before = known.figures()
    done = told(_erase(known, database_url, tmp_path, "--visitor", f"{known.visitor}.mac", "--yes"))
    assert (done["visitors"], done["visits"], done["calls"]) == (1, 1, 0)
    assert _hits(known.database, known.visitor) == {}
    assert _differing(before, known.figures()) == []
    anew = known.office.swap(known.site, visitor=known.visitor).json()["visitor"]
    assert not anew.startswith(known.visitor)


def test_an_accounts_own_number_is_nobodys(known: _Known, database_url: str, tmp_path: Path):
    for number in (known.number, OWN):
        refused = _erase(known, database_url, tmp_path, "--phone", number, "--yes")
        assert refused.returncode == 1
        assert "own" in refused.stderr or "itself" in refused.stderr
    for words in ((), ("--phone", PHONE, "--email", EMAIL), ("--phone", "none"), ("--email", "nobody")):
        assert _erase(known, database_url, tmp_path, *words).returncode == 1
    assert _hits(known.database, PHONE)


def test_another_account_keeps_what_it_knows(known: _Known, database_url: str, tmp_path: Path):
    other = Office.open(known.office.url, database_url)
    source = other.source(other.site(domains=["other.example"]))
    sid, _ = other.ring(source["pool"][0], PHONE)
    told(_erase(known, database_url, tmp_path, "--phone", PHONE, "--yes"))
    assert other.call_of(sid)["from"] == PHONE
