"""The sending: in each serving process a thread that looks for due messages, and a few that send them.

A message that this process wrote down is looked for as soon as its transaction is over; those of other processes, and
those that are to be tried again, are found within seconds (see `app.telling.rounds`). Receivers that are slow have
threads of their own, so that they hold up nobody else. Whatever happens to the database or to a receiver, the threads
go on.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.util import Finalize
from time import monotonic
from typing import Any, Final

from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import KEY, EngineRoom
from app.metrics import delivery_tried
from app.outgoing import Outgoing, PostFailed, public_or_in
from app.secretbox import SecretBox
from app.settings import Settings
from app.telling.outbox import TOLD
from app.telling.rounds import Rounds
from app.telling.signing import signed_headers
from app.telling.tries import Outcome, Try, due_endpoints, next_due, settle, take
from store.directory import WebhookAccount
from store.sessions import Database

log = logging.getLogger("ringtrace.webhooks")

LOOK_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 15.0
"""For a receiver to answer; Standard Webhooks asks for 15 to 30."""
SLOW_SECONDS: Final = 2.0
"""Who took longer than this is slow, until the next try says otherwise."""
QUICK_THREADS: Final = 4
SLOW_THREADS: Final = 4
AT_ONCE: Final = 50
"""Messages of one endpoint in a row, before others have their turn."""

Place = tuple[str, str]
"""An account's id and an endpoint's."""


def post_of(settings: Settings) -> Outgoing:
    """Where webhooks may go, as set up."""
    return Outgoing(allowed=public_or_in(settings.webhook_networks), timeout=TIMEOUT_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look found: endpoints with something due, and by account when something is due next (None: never)."""

    places: list[Place]
    next_due: dict[str, datetime | None]


@dataclass(frozen=True, kw_only=True)
class Sender:
    """What sending needs."""

    database: Database
    secrets: SecretBox
    outgoing: Outgoing
    now: Callable[[], datetime]

    def accounts(self) -> Sequence[str]:
        """The accounts that have webhooks, or had some; sorted."""
        with self.database.read() as work:
            listed = select(WebhookAccount.account_id)
            return sorted(work.directory.scalars(listed))

    def look(self, account_ids: Collection[str]) -> Found:
        """What is due in these accounts, and when each has something due next."""
        at, found = self.now(), Found(places=[], next_due={})
        with self.database.read() as work:
            for account_id in account_ids:
                session = work.account(account_id)
                found.next_due[account_id] = due = next_due(session)
                if due is not None and due <= at:
                    found.places.extend((account_id, one) for one in due_endpoints(session, at))
        return found

    def due(self) -> list[Place]:
        """The endpoints with messages that are due, of all accounts."""
        return self.look(self.accounts()).places

    def send_next(self, place: Place) -> bool:
        """Sends the endpoint's next message that is due; False where there is none, or another process is at it."""
        account_id, endpoint_id = place
        with self.database.write() as work:
            taken = take(work.account(account_id), self.secrets, endpoint_id, at=self.now())
        if taken is None:
            return False
        outcome = self._send(taken)
        with self.database.write() as work:
            dead = settle(work.account(account_id), taken, outcome, at=self.now())
        delivery_tried("delivered" if outcome.problem is None else "dead" if dead else "failed")
        if outcome.problem is not None:
            log.warning("webhook %s did not take message %s: %s", endpoint_id, taken.message_id, outcome.problem)
        return True

    def _send(self, taken: Try) -> Outcome:
        if taken.secret is None:
            return Outcome(status=None, problem="its secret cannot be read any more; make the webhook anew")
        try:
            headers = signed_headers(taken.secret, taken.message_id, taken.payload, at=taken.at)
            status = self.outgoing.post(taken.url, taken.payload.encode(), headers)
        except PostFailed as failed:
            return Outcome(status=failed.status, problem=str(failed))
        except Exception as error:  # a message must not keep the others
            log.exception("sending message %s failed", taken.message_id)
            return Outcome(status=None, problem=f"an error here ({type(error).__name__})")
        return Outcome(status=status, problem=None)


class Deliveries:
    """The threads of one process. `start` may be called once."""

    def __init__(self, sender: Sender, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._sender, self._look_seconds = sender, look_seconds
        self._changed = threading.Condition()
        self._told: set[str] = set()
        self._waiting: dict[bool, deque[Place]] = {True: deque(), False: deque()}
        self._known: set[Place] = set()
        self._again: set[Place] = set()
        self._slow: set[Place] = set()
        self._rounds = Rounds()
        self._away = False
        self._stopping = threading.Event()

    def start(self) -> None:
        """Sends from now on, until `stop`."""
        event.listen(self._sender.database.engine, "checkin", self._given_back)
        self._thread("ringtrace-webhooks", self._look_on)
        for slow, count in ((False, QUICK_THREADS), (True, SLOW_THREADS)):
            for number in range(count):
                self._thread(f"ringtrace-webhooks-{'slow' if slow else 'quick'}-{number}", self._work_on, slow)

    def stop(self) -> None:
        """Takes nothing on any more. What is on its way is not waited for: it is tried again where it was not noted."""
        if self._stopping.is_set():
            return
        event.remove(self._sender.database.engine, "checkin", self._given_back)
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def wake(self, account_id: str) -> None:
        """There may be something due for this account."""
        with self._changed:
            self._told.add(account_id)
            self._changed.notify_all()

    def _thread(self, name: str, target: Callable[..., None], *args: object) -> None:
        threading.Thread(target=target, args=args, name=name, daemon=True).start()

    def _given_back(self, _connection: Any, record: Any) -> None:
        """A connection goes back to the pool: what its transaction told is committed, or was taken back."""
        for account_id in record.info.pop(TOLD, ()):
            self.wake(account_id)

    def _ends(self) -> bool:
        # A server that knows nothing of us ends by ending its main thread.
        return self._stopping.is_set() or not threading.main_thread().is_alive()

    def _look_on(self) -> None:
        look_at = monotonic()
        while not self._ends():
            with self._changed:
                if not self._told and not self._ends():
                    self._changed.wait(max(look_at - monotonic(), 0.0))
                told, self._told = self._told, set()
            everybody = monotonic() >= look_at
            if everybody:
                look_at = monotonic() + self._look_seconds
            if told or everybody:
                self._look(told, everybody)

    def _look(self, told: Collection[str], everybody: bool) -> None:
        """Looks at those who were told something and, now and then, at the others."""
        try:
            chosen = set(told)
            if everybody:
                chosen.update(self._rounds.choose(self._sender.accounts(), self._sender.now()))
            found = self._sender.look(sorted(chosen))
            self._rounds.note(found.next_due)
        except SQLAlchemyError as error:
            if not self._away:  # said once, not with every look
                log.warning("webhooks wait: the database does not answer (%s)", type(error).__name__)
            self._away = True
        except Exception:
            log.exception("looking for due webhooks failed")
        else:
            self._away = False
            with self._changed:
                for place in found.places:
                    self._enqueue(place)

    def _enqueue(self, place: Place) -> None:
        """Has it worked on by one thread, once; one that is worked on already is looked at again afterwards."""
        if place in self._known:
            self._again.add(place)
            return
        self._known.add(place)
        self._waiting[place in self._slow].append(place)
        self._changed.notify_all()

    def _work_on(self, slow: bool) -> None:
        waiting = self._waiting[slow]
        while True:
            with self._changed:
                while not waiting and not self._ends():
                    self._changed.wait(self._look_seconds)
                if self._ends():
                    return
                place = waiting.popleft()
                self._again.discard(place)
            more = self._turn(place)
            with self._changed:
                self._known.discard(place)
                if more or place in self._again:
                    self._again.discard(place)
                    self._enqueue(place)

    def _turn(self, place: Place) -> bool:
        """Sends some of what the endpoint has due; whether it may have more."""
        sent = 0
        try:
            for _ in range(AT_ONCE):
                began = monotonic()
                if self._ends() or not self._sender.send_next(place):
                    return False
                sent += 1
                if self._noted_slow(place, monotonic() - began):
                    return True
        except SQLAlchemyError as error:
            log.warning("webhooks wait: the database does not answer (%s)", type(error).__name__)
            return False
        except Exception:
            log.exception("sending webhooks failed")
            return False
        finally:
            if sent:
                self.wake(place[0])  # to see when something is due next: what failed comes again
        return True

    def _noted_slow(self, place: Place, seconds: float) -> bool:
        """Notes how long a try took; whether the endpoint was slow, so that others of its kind have their turn."""
        slow = seconds > SLOW_SECONDS
        with self._changed:
            (self._slow.add if slow else self._slow.discard)(place)
        return slow


def start_deliveries(app: Flask) -> Deliveries:
    """Starts the sending of a process that serves, and sees to it that it stops with it."""
    room: EngineRoom = app.extensions[KEY]
    sender = Sender(database=room.database, secrets=room.secrets, outgoing=post_of(room.settings), now=room.tell_time)
    deliveries = Deliveries(sender)
    deliveries.start()
    Finalize(None, deliveries.stop, exitpriority=11)
    return deliveries
