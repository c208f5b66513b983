"""`ringtrace demo`: prepares an instance, founds the demo business on the first start, and serves."""

import os
import socket
from collections.abc import Callable, MutableMapping
from urllib.parse import urlsplit

from app import clock
from app.accounts.hosts import require_host
from app.database import upgrade_database
from app.demo.business import OWNER_EMAIL
from app.demo.establish import Secrets, establish
from app.secretbox import SecretBox
from app.serve import check_port, serve, serves_at
from app.settings import PREFIX, Settings
from core.errors import InvalidInput
from core.ids import new_secret
from store.engine import make_engine
from store.sessions import Database

SECRET_FILE = "secret-key"  # noqa: S105 - the name of a file
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def start(*, host: str, port: int, environ: MutableMapping[str, str], say: Callable[[str], None]) -> None:
    """Prepares and serves until told to stop; `say` prints a line.

    Raises SettingsError, and Conflict where the port is taken or another account has the demo's numbers.
    """
    check_port(host, port)
    environ[f"{PREFIX}DEMO"] = "on"
    settings = _with_secret_key(environ, serves_at(host, port))
    upgrade_database(settings)
    database = Database(make_engine(settings.database_url))
    try:
        made = establish(
            database,
            SecretBox(settings),
            hosts=hosts_of(host, settings.public_base_url),
            base_url=f"{settings.public_base_url}/demo",
            days=settings.candidate_days,
            at=clock.now(),
        )
        if made is not None:
            _work_out_curves(database, made.account_id)
    finally:
        database.engine.dispose()
    for line in greeting(settings.public_base_url, made):
        say(line)
    serve(host=host, port=port, workers=1)


def _work_out_curves(database: Database, account_id: str) -> None:
    """What a night would have done: without it the accuracy page has no curves until tomorrow."""
    from app.pool_curves import make_all  # loads what a later start has no use for

    make_all(database, account_id, clock.now())


def _with_secret_key(environ: MutableMapping[str, str], address: str) -> Settings:
    """The settings; where no SECRET_KEY is set or kept yet, one is made into the instance folder (0600)."""
    settings = Settings.from_env(environ, serves_at=address)
    if settings.secret_key:
        return settings
    folder = settings.instance
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    whole = folder / f"{SECRET_FILE}.{os.getpid()}"
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(new_secret(nbytes=48) + "\n")
    # In one step, so that a start killed on the way leaves either a whole key or none.
    whole.replace(folder / SECRET_FILE)
    return Settings.from_env(environ, serves_at=address)


def hosts_of(host: str, public_base_url: str) -> list[str]:
    """The names under which the demo's pages may be opened."""
    names = ["127.0.0.1", "localhost", urlsplit(public_base_url).hostname or ""]
    names += [socket.gethostname()] if host in _EVERYWHERE else [host]
    found = []
    for name in names:
        try:
            found.append(require_host(name, "host"))
        except InvalidInput:
            continue
    return list(dict.fromkeys(found))


def greeting(base: str, made: Secrets | None) -> list[str]:
    """What is printed: where to go, and on the first start how to get in."""
    lines = ["", "Ringtrace is starting, with the demo of Brightwater Plumbing & Heating.", ""]
    lines.append(f"  Staff pages   {base}/")
    if made is not None:
        lines += [f"    e-mail      {OWNER_EMAIL}", f"    password    {made.password}"]
    lines.append(f"  Demo website  {base}/demo/")
    if made is not None:
        lines += [
            f"  API token     {made.api_token}",
            "",
            "Password and token are shown this once; they go on working.",
        ]
    else:
        lines += [
            "",
            f"The login of {OWNER_EMAIL} and the API token were shown at the first start. A new password:",
            f"  echo 'a new password' | .venv/bin/ringtrace user password {OWNER_EMAIL} --password-stdin",
        ]
    return [*lines, "Ctrl-C stops.", ""]
