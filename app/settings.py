"""Settings: one typed loader over the environment it is handed. Every problem is reported at once."""

import hashlib
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from app.mail import MailServer
from core.errors import shown
from store.engine import check_url

PREFIX = "RINGTRACE_"
PROJECT = Path(__file__).resolve().parent.parent

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """One or more settings are wrong; the message names each with what was given and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this installation is set up. `docs/settings.md` documents each name."""

    instance: Path
    recordings_dir: Path
    database_url: str
    secret_key: str | None
    previous_secret_keys: tuple[str, ...]
    public_base_url: str
    geo_database: Path | None
    region_header: str | None
    trusted_proxies: tuple[Network, ...]
    webhook_networks: tuple[Network, ...]
    api_calls_per_minute: int
    new_visitors_per_minute: int
    new_visitors_per_minute_and_network: int
    candidate_days: int
    quarantine_days: int
    rest_days: int
    train_at: time | None
    backup_dir: Path | None
    backup_every: int
    pg_tools: Path | None
    smtp_url: MailServer | None
    mail_from: str | None
    log_level: str
    log_format: str
    metrics_token: str | None
    demo: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, serves_at: str = "http://127.0.0.1:8000") -> "Settings":
        """Reads `RINGTRACE_…` from `environ`. Raises SettingsError with all problems at once.

        `serves_at` is the address the server listens on, the default of PUBLIC_BASE_URL.
        """
        read = _Reader(environ)
        instance = read("INSTANCE_DIR", PROJECT / "instance", _directory, "a folder")
        settings = cls(
            instance=instance,
            recordings_dir=read("RECORDINGS_DIR", instance / "recordings", _directory, "a folder"),
            database_url=read(
                "DATABASE_URL",
                f"sqlite:///{instance / 'ringtrace.db'}",
                _database_url,
                "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE",
                secret=True,
            ),
            secret_key=read("SECRET_KEY", _kept_key(instance), _key, "at least 16 characters", secret=True),
            previous_secret_keys=read(
                "PREVIOUS_SECRET_KEYS",
                (),
                lambda text: tuple(_key(k.strip()) for k in text.split(",")),
                "keys of at least 16 characters, separated by commas",
                secret=True,
            ),
            public_base_url=read(
                "PUBLIC_BASE_URL",
                serves_at,
                _base_url,
                "an http or https address without query, such as https://calls.example.com",
            ),
            geo_database=read("GEO_DATABASE", None, _file, "a readable MMDB file"),
            region_header=read("REGION_HEADER", None, _header, "the name of a header"),
            trusted_proxies=read(
                "TRUSTED_PROXIES",
                (),
                _networks,
                "networks separated by commas, such as 10.0.0.0/8,127.0.0.1",
            ),
            webhook_networks=read(
                "WEBHOOK_NETWORKS",
                (),
                _networks,
                "networks separated by commas, such as 10.0.0.0/8,127.0.0.1",
            ),
            api_calls_per_minute=read("API_CALLS_PER_MINUTE", 6000, _count, "a whole number from 1"),
            new_visitors_per_minute=read("NEW_VISITORS_PER_MINUTE", 600, _count, "a whole number from 1"),
            new_visitors_per_minute_and_network=read(
                "NEW_VISITORS_PER_MINUTE_AND_NETWORK", 1800, _count, "a whole number from 1"
            ),
            candidate_days=read("CANDIDATE_DAYS", 60, _count, "a whole number of days from 1"),
            quarantine_days=read("QUARANTINE_DAYS", 7, _days, "a whole number of days from 0 to 365"),
            rest_days=read("REST_DAYS", 30, _days, "a whole number of days from 0 to 365"),
            train_at=read("TRAIN_AT", time(3, 30), _time_of_day, "a time from 00:00 to 23:59, or off"),
            backup_dir=read("BACKUP_DIR", None, _directory, "a folder"),
            backup_every=read("BACKUP_EVERY", 60, _pace, "a whole number of seconds from 0 to 86400"),
            pg_tools=read("PG_TOOLS", None, _folder, "a folder that is there"),
            smtp_url=read(
                "SMTP_URL",
                None,
                MailServer.of,
                "smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT",
                secret=True,
            ),
            mail_from=read("MAIL_FROM", None, _mail_address, "an e-mail address"),
            log_level=read("LOG_LEVEL", "INFO", _level, "DEBUG, INFO, WARNING or ERROR"),
            log_format=read("LOG_FORMAT", "text", _log_format, "text or json"),
            metrics_token=read("METRICS_TOKEN", None, _key, "at least 16 characters", secret=True),
            demo=read("DEMO", False, _flag, "on or off"),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings

    @property
    def outage(self) -> Path:
        """The folder of what goes on without the database: one per database, for servers may share an instance."""
        digest = hashlib.sha256(make_url(self.database_url).set(password=None).render_as_string().encode())
        return self.instance / "outage" / digest.hexdigest()[:16]

    @property
    def https(self) -> bool:
        """Whether the outside reaches us over https (then cookies are `Secure` and `__Host-`)."""
        return self.public_base_url.startswith("https://")


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def __call__(
        self,
        name: str,
        default: Any,
        parse: Callable[[str], Any],
        allowed: str,
        *,
        secret: bool = False,
    ) -> Any:
        text = self.environ.get(PREFIX + name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError:
            given = "what was given (not shown, it may hold a secret)" if secret else shown(text)
            self.problems.append(f"{PREFIX}{name}: {given} is not allowed; allowed is {allowed}")
            return default


def _kept_key(instance: Path) -> str | None:
    """The key that an earlier `ringtrace demo` made for this instance."""
    try:
        return (instance / "secret-key").read_text().strip() or None
    except OSError:
        return None


def _database_url(text: str) -> str:
    if check_url(text):
        raise ValueError
    return text


def _key(text: str) -> str:
    if len(text) < 16:
        raise ValueError
    return text


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    _ = parts.port  # raises ValueError where it is no port
    return text.rstrip("/")


def _directory(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError
    return path


def _folder(text: str) -> Path:
    path = _directory(text)
    if not path.is_dir():
        raise ValueError
    return path


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError
    return path


def _header(text: str) -> str:
    if not text.replace("-", "").isalnum():
        raise ValueError
    return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(","))


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _days(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 365:
        raise ValueError
    return value


def _pace(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 86_400:
        raise ValueError
    return value


def _time_of_day(text: str) -> time | None:
    if text.lower() == "off":
        return None
    value = time.fromisoformat(text.rjust(5, "0"))
    if len(text) > 5 or ":" not in text or value.tzinfo is not None:
        raise ValueError
    return value


def _mail_address(text: str) -> str:
    name, at, domain = text.partition("@")
    if not name or not at or "." not in domain.strip(".") or not text.isascii() or any(c in text for c in " <>,;:\r\n"):
        raise ValueError
    return text


def _level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError
    return text.upper()


def _log_format(text: str) -> str:
    if text.lower() not in {"text", "json"}:
        raise ValueError
    return text.lower()


def _flag(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError
    return known[text.lower()]
