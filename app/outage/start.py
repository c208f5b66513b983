"""Starts, in a process that serves, what outages need: the files of numbers, the spool and its replay."""

import logging
from functools import partial
from multiprocessing.util import Finalize

from flask import Flask

from app.engine_room import KEY, EngineRoom
from app.outage.calls import WEBHOOK, take_from_spool
from app.outage.replay import Replay
from app.provisioning.fallback import Fallbacks
from app.snippet.desk import desk_of
from app.snippet.spooled import writers

log = logging.getLogger("ringtrace.outage")


class OutageWork:
    """The threads of one process."""

    def __init__(self, app: Flask) -> None:
        room: EngineRoom = app.extensions[KEY]
        watch = self._watch = room.outage.watch
        self._outage = room.outage
        self.replay = Replay(
            room.outage.spool,
            {WEBHOOK: partial(take_from_spool, room), **writers(desk_of(app))},
            lambda: watch.away,
        )
        watch.on_return.append(self.replay.wake)
        fallbacks = Fallbacks(room.settings)
        room.outage.keeper.also.append(
            lambda facts: fallbacks.write({n: facts.numbers[n].destination for n in facts.serving})
        )

    def start(self) -> None:
        """From now on files are kept up to date, and what waits in the spool is replayed."""
        try:
            self._outage.spool.reserve()
        except OSError as error:
            log.error("the spool cannot be made: %s", error.strerror)
        self._watch.prepare()
        self._outage.keeper.start()
        self.replay.start()

    def stop(self) -> None:
        """Ends both, within seconds."""
        self.replay.stop()
        self._outage.keeper.stop()
        self._outage.spool.close()


def start_outage(app: Flask) -> OutageWork:
    """Starts it, and sees to it that it stops with the process."""
    work = OutageWork(app)
    work.start()
    Finalize(None, work.stop, exitpriority=12)
    return work
