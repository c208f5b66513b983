import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.backup.take import make_backup
from app.doctor import machine
from app.doctor.look import look
from app.nightly_jobs import NIGHTLY
from app.provisioning.fallback import write_fallback
from app.secretbox import SecretBox
from app.settings import Settings
from core.errors import NotFound
from core.ids import new_id
from store.alarms import AlarmSettings
from store.base import Base
from store.engine import make_engine
from store.leader import leadership
from store.models import JobRun
from store.provider_events import CallRecording, ProviderEvent
from store.sessions import Database
from store.sites import ProviderCredential, Site, TrackingNumber
from store.webhooks import WebhookDelivery, WebhookEndpoint
from tests.app.backup.copies import OLD_TOOLS, given, run
from tests.reports.builders import rang
from tests.support.office import DESTINATION, Office
from tests.support.rows import Business

NOW = datetime.now(UTC)
NOBODY = "http://127.0.0.1:9"
LONG_AGO = NOW - timedelta(days=10)


class _Clinic:
    """An installation that can be made ill, and looked at."""

    def __init__(self, database: Database, url: str, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.environ = given(url, folder, BACKUP_DIR=str(folder / "backups"), PUBLIC_BASE_URL=NOBODY)
        self.settings = Settings.from_env(self.environ)
        (folder / "instance").mkdir(mode=0o700)
        office = Office.open("http://none.example", url)
        self.account_id = office.account_id

    def found(self, **more: str) -> dict[str, list[str]]:
        """Status of each check by name, the accounts' last."""
        found: dict[str, list[str]] = {}
        environ = {**self.environ, **{f"RINGTRACE_{k}": v for k, v in more.items()}}
        for one in look(environ, NOW):
            found.setdefault(one.name, []).append(one.status)
            assert (one.todo is None) == (one.status == "ok"), "whoever is told of trouble is told what to do"
        return found

    def put(self, *rows: Base) -> None:
        with self.database.write() as work:
            work.account(self.account_id).add_all(rows)

    def business(self) -> Any:
        """A site, a source with a number at Twilio and a call, of long ago."""
        with self.database.write() as work:
            session = work.account(self.account_id)
            business = Business.__new__(Business)
            business.session = session
            business.site = Site(
                site_id=new_id(LONG_AGO),
                key=new_id(LONG_AGO),
                name="Acme",
                domains=["example.com"],
                numbers=["+12125550100"],
                time_zone="UTC",
                country="US",
                currency="USD",
                consent_default="full",
                exclude_networks=[],
                created_at=LONG_AGO,
            )
            session.add(business.site)
            session.flush()
            source = business.source("google_ads", ["+12125550142"], LONG_AGO, destination=DESTINATION)
            return rang(business, source, "+12125550142", LONG_AGO).call_id

    def nights(self, at: datetime) -> None:
        """All jobs of the night were done."""
        self.put(*(JobRun(job=job, due_at=at, started_at=at, ended_at=at) for job in NIGHTLY))


@pytest.fixture
def clinic(database: Database, database_url: str, tmp_path: Path) -> _Clinic:
    global NOW
    NOW = datetime.now(UTC)  # the database's clock goes on while other tests run
    return _Clinic(database, database_url, tmp_path)


def _event(**fields: Any) -> ProviderEvent:
    return ProviderEvent(
        event_id=new_id(NOW),
        event_key=new_id(NOW).encode(),
        provider="twilio",
        kind="voice",
        fields=[],
        via="webhook",
        **{"received_at": NOW, "state": "done", **fields},
    )


def test_a_sound_installation_has_nothing_bad(clinic: _Clinic):
    make_backup(clinic.settings, clinic.folder / "backups", NOW)
    clinic.business()
    clinic.nights(NOW - timedelta(hours=8))
    found = clinic.found()
    assert "bad" not in {status for statuses in found.values() for status in statuses}
    assert found["account"] == ["ok"]
    assert found["database"] == ["ok", "ok"]
    assert found["backups"] == ["ok"]


def test_what_is_wrong_with_an_account_is_found(clinic: _Clinic):
    call_id = clinic.business()
    clinic.nights(NOW - timedelta(hours=8))
    box = SecretBox(clinic.settings)
    endpoint = WebhookEndpoint(endpoint_id=new_id(NOW), url="https://x.example", events=[], secret=box.seal("s"))
    endpoint.created_at = NOW
    clinic.put(endpoint)
    ills: dict[str, tuple[str, Callable[[], None]]] = {
        "events": ("bad", lambda: clinic.put(_event(state="failed"))),
        "webhooks": (
            "warn",
            lambda: clinic.put(
                WebhookDelivery(
                    delivery_id=new_id(NOW),
                    endpoint_id=endpoint.endpoint_id,
                    message_id="m",
                    number=1,
                    event="call.ended",
                    subject="s",
                    payload="{}",
                    made_at=NOW,
                    dead_at=NOW - timedelta(days=1),
                ),
            ),
        ),
        "recordings": (
            "warn",
            lambda: clinic.put(
                CallRecording(
                    recording_id=new_id(NOW),
                    call_id=call_id,
                    provider_recording_id="RE1",
                    status="completed",
                    made_at=NOW,
                    problem="404",
                )
            ),
        ),
        "alarms": ("bad", lambda: clinic.put(AlarmSettings(emails=["a@example.com"], updated_at=NOW))),
    }
    for name, (status, make_ill) in ills.items():
        assert name not in clinic.found()
        make_ill()
        assert clinic.found()[name] == [status]
    clinic.put(_event(state="waiting", next_try_at=NOW, received_at=NOW - timedelta(minutes=31)))
    assert clinic.found()["events"] == ["bad", "warn"]


def test_numbers_at_the_provider_need_credentials_and_answers_without_us(clinic: _Clinic):
    clinic.business()
    clinic.nights(NOW - timedelta(hours=8))
    with clinic.database.write() as work:
        session = work.account(clinic.account_id)
        session.get_one(TrackingNumber, (clinic.account_id, "+12125550142")).provider = "twilio"
    found = clinic.found()
    assert (found["provider"], found["fallback"], found["outage"]) == (["bad"], ["warn"], ["warn"])
    write_fallback(clinic.settings, "+12125550142", DESTINATION)
    box = SecretBox(clinic.settings)
    clinic.put(ProviderCredential(provider="twilio", account_sid="AC1", token=box.seal("token"), updated_at=NOW))
    found = clinic.found()
    assert "provider" not in found
    assert "fallback" not in found


def test_nights_that_were_not_done_are_told(clinic: _Clinic):
    clinic.business()
    assert clinic.found()["jobs"].count("warn") == 1 + len(NIGHTLY)
    clinic.nights(NOW - timedelta(days=3))
    assert clinic.found()["jobs"].count("warn") == 1 + len(NIGHTLY)
    clinic.nights(NOW - timedelta(hours=30))
    assert clinic.found()["jobs"].count("warn") == 1
    assert clinic.found(TRAIN_AT="off")["jobs"].count("warn") == 2


def test_whether_a_process_leads_is_asked_and_not_changed(clinic: _Clinic):
    lead = leadership(clinic.database.engine)
    assert clinic.found()["jobs"] == ["warn"]
    assert lead.hold(), "whoever looks takes nothing over"
    assert clinic.found()["jobs"] == ["ok"]
    assert lead.hold()
    lead.release()


def test_a_backup_that_is_missing_old_or_broken_is_told(clinic: _Clinic):
    folder = clinic.folder / "backups"
    assert clinic.found()["backups"] == ["bad"]
    made = make_backup(clinic.settings, folder, NOW - timedelta(hours=2))
    assert clinic.found()["backups"] == ["ok"], "nothing serves, so nothing is written"
    lead = leadership(clinic.database.engine)
    assert lead.hold()
    assert clinic.found()["backups"] == ["bad"]
    lead.release()
    folder.chmod(0o755)
    assert clinic.found()["backups"] == ["warn", "ok"], "others may read it"
    folder.chmod(0o700)
    made.path.write_bytes(made.path.read_bytes()[:-1])
    assert clinic.found()["backups"] == ["bad"]
    assert clinic.found(BACKUP_EVERY="0")["backups"] == ["warn"]


def test_programs_that_are_too_old_for_the_server_are_told(postgres_url: str, tmp_path: Path):
    engine = make_engine(postgres_url)
    clinic = _Clinic(Database(engine), postgres_url, tmp_path)
    make_backup(clinic.settings, tmp_path / "backups", NOW)
    assert clinic.found(PG_TOOLS=str(OLD_TOOLS))["backups"] == ["bad", "ok"]
    engine.dispose()


def test_keys_that_do_not_open_are_told(clinic: _Clinic):
    assert clinic.found()["secret key"] == ["ok"]
    assert clinic.found(SECRET_KEY="another key of sixteen")["secret key"] == ["bad"]
    kept = clinic.folder / "instance" / "secret-key"
    kept.write_text("x" * 40)
    kept.chmod(0o644)
    assert clinic.found()["secret key"] == ["ok", "bad"]
    kept.chmod(0o600)
    assert clinic.found()["secret key"] == ["ok", "ok"]


def test_a_disk_that_fills_is_told(clinic: _Clinic, monkeypatch: pytest.MonkeyPatch):
    for free, status in ((machine.NOTHING - 1, "bad"), (machine.LITTLE - 1, "warn"), (machine.LITTLE, "ok")):
        usage = type("Usage", (), {"free": free})()
        monkeypatch.setattr("shutil.disk_usage", lambda _path, usage=usage: usage)
        assert set(clinic.found()["disk"]) == {status}


def test_what_cannot_be_looked_at_is_a_finding_itself(tmp_path: Path):
    damaged = tmp_path / "x.db"
    damaged.write_bytes(b"what a disk left over" * 1000)
    found = {one.name: one for one in look(given(f"sqlite:///{damaged}", tmp_path), NOW)}
    assert found["database"].status == "bad"
    assert found["disk"].status == "ok", "the rest is looked at all the same"
    wrong = list(look({**given("sqlite:///x.db", tmp_path), "RINGTRACE_LOG_LEVEL": "x"}, NOW))
    assert [(one.name, one.status) for one in wrong] == [("settings", "bad")]
    assert "RINGTRACE_LOG_LEVEL" in wrong[0].says


def test_one_account_alone(clinic: _Clinic):
    found = list(look(clinic.environ, NOW, clinic.account_id))
    assert [(one.name, one.account_id) for one in found] == [("account", clinic.account_id)]
    with pytest.raises(NotFound):
        list(look(clinic.environ, NOW, "none"))


def test_the_command_tells_people_and_programs(clinic: _Clinic):
    done = run("doctor", "--json", **clinic.environ)
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (1, "bad"), "there is no backup yet"
    make_backup(clinic.settings, clinic.folder / "backups", datetime.now(UTC))
    done = run("doctor", **clinic.environ)
    assert done.returncode == 0, done.stdout
    assert "warn  address" in done.stdout
    assert clinic.account_id in done.stdout
    assert run("doctor", "--account", "none", **clinic.environ).returncode == 1
