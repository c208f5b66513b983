"""Where pages are answered in one process: what is remembered of sites, and the one writer."""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask

from app.engine_room import EngineRoom
from app.snippet.batch import Batch, Content, OldSetUp
from app.snippet.set_ups import SetUps, SiteSetUp
from app.snippet.writer import Writer, Writes
from app.tally import Tally

_TRIES = 5
_KEY = "ringtrace-desk"


class Desk:
    """One per process."""

    def __init__(self, room: EngineRoom) -> None:
        self.room = room
        self.set_ups = SetUps(room.database, room.outage.patience)
        self.newcomers = Tally()
        # Visitors whose first question was found in the spool, so that each takes the place of one.
        self.asked_again: set[str] = set()
        self._writer: Writes = Writer(room.database, Batch(room.visitor_ids), room.outage.patience)

    def write_by(self, writer: Writes) -> None:
        """From here on another writer writes: one to compare with."""
        self._writer = writer

    def write(self, site_key: str, content: Callable[[SiteSetUp], Content], *, key: object) -> Any:
        """Has something of a page written, and returns what came of it once it is committed.

        `content` makes it from the site's set-up; where that changed in this moment, it is made once more. Contents
        with the same `key` (a visitor's id) are written one after the other. Raises what the database raises.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._writer.do(content(self.set_ups.find(site_key)), key)
            except OldSetUp:
                self.set_ups.forget(site_key)
                if not left:
                    raise
        raise AssertionError("unreachable")


def open_desk(app: Flask, room: EngineRoom) -> Desk:
    """The desk of an application."""
    desk = app.extensions[_KEY] = Desk(room)
    return desk


def desk_of(app: Flask) -> Desk:
    """The desk that was opened for an application."""
    return cast(Desk, app.extensions[_KEY])
