"""What a look at an installation finds, and what looks have in common."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app.secretbox import SecretBox
from app.settings import Settings
from store.sessions import Database

Status = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked at, how it is, and what to do where it is not well."""

    name: str
    status: Status
    says: str
    todo: str | None = None
    account_id: str | None = None

    def told(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "name": self.name,
            "status": self.status,
            "says": self.says,
            "todo": self.todo,
            "account": self.account_id,
        }

    def line(self) -> str:
        """For people."""
        whose = f" (account {self.account_id})" if self.account_id else ""
        return f"{self.status:<4}  {self.name}{whose}: {self.says}" + (f"\n      {self.todo}" if self.todo else "")


@dataclass(frozen=True, kw_only=True)
class Patient:
    """The installation that is looked at, at `at` (aware UTC)."""

    settings: Settings
    database: Database
    at: datetime

    @property
    def box(self) -> SecretBox:
        """What opens its secrets."""
        return SecretBox(self.settings)


def ok(name: str, says: str, account_id: str | None = None) -> Finding:
    """It is well."""
    return Finding(name=name, status="ok", says=says, account_id=account_id)


def warn(name: str, says: str, todo: str, account_id: str | None = None) -> Finding:
    """It may become trouble."""
    return Finding(name=name, status="warn", says=says, todo=todo, account_id=account_id)


def bad(name: str, says: str, todo: str, account_id: str | None = None) -> Finding:
    """It is trouble."""
    return Finding(name=name, status="bad", says=says, todo=todo, account_id=account_id)


def looked(name: str, look: Callable[[], Iterable[Finding]], account_id: str | None = None) -> Iterator[Finding]:
    """What a look finds; one that fails is a finding itself, and keeps no other from being done."""
    try:
        yield from look()
    except Exception as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        yield bad(
            name, f"could not be looked at: {why[:200]}", "see whether the database and the disk answer", account_id
        )


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
