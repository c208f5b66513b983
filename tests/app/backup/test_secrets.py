"""No plaintext secret in the database or in a backup, and keys can be replaced."""

import subprocess
from pathlib import Path

import requests
from sqlalchemy import LargeBinary, select

from app.backup.take import make_backup
from app.rotate_secrets import SEALED
from app.secretbox import SecretBox
from app.settings import Settings
from core.ids import new_id
from store.alarms import AlarmSettings
from store.sessions import Database
from store.sites import ProviderCredential
from store.tables import metadata
from store.webhooks import WebhookEndpoint
from tests.app.backup.copies import TOOLS, given, run, settings_of, told
from tests.support.office import PASSWORD, Office
from tests.support.rows import START
from tests.support.serving import SECRET, Served

HASHES = {
    ("api_tokens", "token_hash"),
    ("sign_ins", "secret_hash"),
    ("sign_in_tries", "email_hash"),
    ("sign_in_tries", "browser_hash"),
    ("first_answers", "asked"),
    ("imports", "digest"),
    ("imported_visitors", "key"),
    ("provider_events", "event_key"),
}
"""Columns of bytes that are digests: nothing in them can be read."""
TOKENS = ("first0000000000000000000000token", "second000000000000000000000token")
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_KEY = "another secret key, for tests only"


def test_every_column_of_bytes_is_sealed_or_a_digest():
    """A new one must be put into one of the two lists."""
    sealed = {(row.__tablename__, column.key) for row, columns in SEALED for column in columns}  # type: ignore[attr-defined]
    bytes_ = {(t.name, c.name) for t in metadata.tables.values() for c in t.columns if isinstance(c.type, LargeBinary)}
    assert bytes_ == sealed | HASHES


def _everything(database_url: str, tmp_path: Path) -> bytes:
    """All that is on the disk of the database, and all that is in a backup of it."""
    made = make_backup(settings_of(database_url, tmp_path), tmp_path / "b", START)
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        files = [path, *path.parent.glob(f"{path.name}-*"), made.path]
        return b"".join(file.read_bytes() for file in files)
    # A dump is compressed; as SQL it can be searched.
    command = [str(TOOLS / "pg_restore"), "--file=-", str(made.path)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def _secrets_of(office: Office, database: Database, settings: Settings) -> dict[str, str]:
    """Every kind of secret there is, each put in the way it comes in."""
    for token in TOKENS:
        office.api("PUT", "/providers/twilio", {"account_sid": "AC" + "1" * 32, "auth_token": token}, expect=200)
    alarms = office.api("PUT", "/alarms/settings", {"webhook_url": "https://example.com/a"}, expect=200)
    browser = requests.Session()
    page = browser.get(f"{office.url}/sign-in", timeout=30).text
    form = page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    browser.post(
        f"{office.url}/sign-in",
        data={"email": office.email, "password": PASSWORD, "csrf_token": form},
        timeout=30,
        allow_redirects=False,
    )
    cookies = {cookie.name: cookie.value or "" for cookie in browser.cookies}
    assert len(cookies) > 1, "signed in"
    box = SecretBox(settings)
    with database.write() as work:
        session = work.account(office.account_id)
        endpoint = WebhookEndpoint(endpoint_id=new_id(START), url="https://example.com/w", events=["call.ended"])
        endpoint.secret, endpoint.created_at = box.seal(WEBHOOK_SECRET), START
        session.add(endpoint)
        row = session.get_one(ProviderCredential, (office.account_id, "twilio"))
        row.next_token = box.seal("third0000000000000000000000token")
    return {
        "the account's token": office.provider_token,
        "the token": TOKENS[1],
        "the previous token": TOKENS[0],
        "the next token": "third0000000000000000000000token",
        "the API token": office.token,
        "the password": PASSWORD,
        "the alarms' secret": alarms["webhook_secret"],
        "a webhook's secret": WEBHOOK_SECRET,
        "the secret key": SECRET,
        **{f"the cookie {name}": value for name, value in cookies.items()},
    }


def test_a_dump_and_a_backup_hold_no_secret(
    server: Served, office: Office, database: Database, database_url: str, tmp_path: Path
):
    secrets = _secrets_of(office, database, settings_of(database_url, tmp_path))
    dumped = _everything(database_url, tmp_path)
    assert office.email.encode() in dumped, "the search finds what is there"
    for what, secret in secrets.items():
        for part in (secret, secret.removeprefix("whsec_"), secret.split(".")[0]):
            assert len(part) >= 8
            assert part.encode() not in dumped, what


def test_a_key_is_replaced_and_the_old_one_dropped(
    server: Served, office: Office, database: Database, database_url: str, tmp_path: Path
):
    secrets = _secrets_of(office, database, settings_of(database_url, tmp_path))
    environment = given(database_url, tmp_path)
    both = {**environment, "RINGTRACE_SECRET_KEY": NEW_KEY, "RINGTRACE_PREVIOUS_SECRET_KEYS": SECRET}
    alone = {**environment, "RINGTRACE_SECRET_KEY": NEW_KEY}
    too_early = run("rotate-secrets", **alone)
    assert too_early.returncode == 1
    assert "RINGTRACE_PREVIOUS_SECRET_KEYS" in too_early.stderr
    assert told(run("rotate-secrets", "--json", **both)) == {"renewed": 6, "unreadable": 0}
    assert told(run("rotate-secrets", "--json", **alone)) == {"renewed": 6, "unreadable": 0}
    box = SecretBox(Settings.from_env(alone))
    with database.read() as work:
        session = work.account(office.account_id)
        row = session.get_one(ProviderCredential, (office.account_id, "twilio"))
        found = [row.token, row.previous_token, row.next_token]
        found.append(session.get_one(AlarmSettings, office.account_id).secret)
        found += session.scalars(select(WebhookEndpoint.secret)).all()
        found += session.scalars(select(ProviderCredential.token).where(ProviderCredential.provider != "twilio")).all()
    names = ("the token", "the previous token", "the next token", "the alarms' secret", "a webhook's secret")
    assert [box.open(one) for one in found if one] == [
        *(secrets[name] for name in names),
        secrets["the account's token"],
    ]
