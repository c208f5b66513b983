"""A provider's own list of calls: what is asked of it and what it may answer, in nobody's dialect."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from numberpool.provider import Failed


@dataclass(frozen=True, kw_only=True)
class ListedCall:
    """A call as the provider's list has it: numbers and status in the provider's spelling, times aware UTC.

    `parent_sid` is set for a leg that a call made; `duration_seconds` comes with an end.
    """

    sid: str
    parent_sid: str | None
    account_sid: str
    caller: str
    number: str
    status: str
    direction: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    caller_name: str | None


@dataclass(frozen=True, kw_only=True)
class CallPage:
    """A part of the list; `following` asks for the next one, None at the end."""

    calls: tuple[ListedCall, ...]
    following: str | None


class CallList(Protocol):
    """A provider's list of calls, with the credentials of one account. Raises nothing for what it is told."""

    @property
    def account_sid(self) -> str:
        """Whose calls these are at the provider."""

    def page(self, *, since: datetime, before: datetime, following: str | None = None) -> CallPage | Failed:
        """Calls that began at or after `since` and before `before` (aware UTC), a page of them."""
