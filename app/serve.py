"""The production server: granian in WSGI mode."""

import os
import socket
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.metrics_folder import prepare as prepare_metrics
from app.settings import PREFIX, Settings, SettingsError
from app.threads import THREADS
from core.errors import Conflict


def serves_at(host: str, port: int) -> str:
    """The address under which a server listening on host and port is reached from this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def check_port(host: str, port: int) -> None:
    """Raises Conflict where nobody can listen there, before anything else is done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Conflict(
            f"cannot listen on {host}:{port} ({reason}); choose another with --port (PORT=8001 for make run)"
        ) from None


def serve(*, host: str, port: int, workers: int) -> None:
    """Serves until told to stop. Raises SettingsError where a setting forbids it, Conflict where the port is taken."""
    settings = Settings.from_env(os.environ, serves_at=serves_at(host, port))
    if not settings.secret_key:
        raise SettingsError([f"{PREFIX}SECRET_KEY is not set; at least 16 random characters are needed"])
    check_port(host, port)
    if workers > 1 and settings.database_url.startswith("sqlite"):
        print("SQLite has one writer: serving with one process.", file=sys.stderr)
        workers = 1
    prepare_metrics(settings.instance, workers)
    # The workers build their own settings from the environment, wherever they are started.
    os.environ[f"{PREFIX}PUBLIC_BASE_URL"] = settings.public_base_url
    Granian(
        "wsgi:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        log_level=LogLevels.error,
        log_access=False,
    ).serve()
