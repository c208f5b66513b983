"""The production server: granian in WSGI mode."""

import os
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.settings import PREFIX, Settings, SettingsError

BLOCKING_THREADS = 16


def serves_at(host: str, port: int) -> str:
    """The address under which a server listening on host and port is reached from this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def serve(*, host: str, port: int, workers: int) -> None:
    """Serves until told to stop. Raises SettingsError where a setting forbids it."""
    settings = Settings.from_env(os.environ, serves_at=serves_at(host, port))
    if not settings.secret_key:
        raise SettingsError([f"{PREFIX}SECRET_KEY is not set; at least 16 random characters are needed"])
    if workers > 1 and settings.database_url.startswith("sqlite"):
        print("SQLite has one writer: serving with one process.", file=sys.stderr)
        workers = 1
    # The workers build their own settings from the environment, wherever they are started.
    os.environ[f"{PREFIX}PUBLIC_BASE_URL"] = settings.public_base_url
    Granian(
        "wsgi:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()
