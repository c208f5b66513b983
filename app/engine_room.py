"""What one process holds: settings, database, keys, counters. Flask carries it; nothing else is global."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import current_app
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app import clock
from app.outage.room import Outage
from app.quiet import Quiet
from app.secretbox import Networks, SecretBox, VisitorIds
from app.settings import Settings
from store.engine import make_engine
from store.sessions import Database

KEY = "ringtrace"


@dataclass(frozen=True, kw_only=True)
class EngineRoom:
    """Everything a request needs beside the request."""

    settings: Settings
    database: Database
    secrets: SecretBox
    visitor_ids: VisitorIds
    origins: Networks
    outage: Outage
    limiter: FixedWindowRateLimiter
    tell_time: Callable[[], datetime] = clock.now
    quiet: Quiet = field(default_factory=Quiet)

    @classmethod
    def of(cls, settings: Settings, now: Callable[[], datetime] = clock.now) -> "EngineRoom":
        """Builds it; the database is connected to when first used."""
        return cls.over(settings, Database(make_engine(settings.database_url)), now)

    @classmethod
    def over(cls, settings: Settings, database: Database, now: Callable[[], datetime] = clock.now) -> "EngineRoom":
        """Builds it over a database that is there already, for what works outside a request."""
        secrets = SecretBox(settings)
        return cls(
            settings=settings,
            database=database,
            secrets=secrets,
            visitor_ids=VisitorIds(settings),
            origins=Networks(settings),
            outage=Outage(settings, database, secrets),
            limiter=FixedWindowRateLimiter(MemoryStorage()),
            tell_time=now,
        )

    def now(self) -> datetime:
        """This moment (aware UTC)."""
        return self.tell_time()

    def within(self, name: str, who: str, per_minute: int) -> bool:
        """Counts one more `name` of `who`; False where that is more than `per_minute` allows."""
        return self.limiter.hit(RateLimitItemPerMinute(per_minute), name, who)


_in_use: ContextVar[EngineRoom | None] = ContextVar("engine_room", default=None)


@contextmanager
def in_room(room: EngineRoom) -> Iterator[None]:
    """Makes `engine_room()` this one, where no request is being answered: in jobs, for what webhooks are sent."""
    before = _in_use.set(room)
    try:
        yield
    finally:
        _in_use.reset(before)


def engine_room() -> EngineRoom:
    """The engine room in use: of the running Flask application, unless `in_room` says another."""
    return _in_use.get() or cast(EngineRoom, current_app.extensions[KEY])
