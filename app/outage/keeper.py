"""Keeps the files of numbers up to date: at once after a change made here, within a minute after one made elsewhere."""

import logging
import threading
from collections.abc import Callable, Iterable

from sqlalchemy.exc import SQLAlchemyError

from app.outage.numbers import AccountFacts, NumberFiles, accounts_in, bring_up_to_date
from store.sessions import Database

log = logging.getLogger("ringtrace.outage")

LOOK_SECONDS = 60.0


class Keeper:
    """One thread of a process that serves. `also`: what else follows an account's facts, once its files are written."""

    def __init__(self, database: Database, files: NumberFiles) -> None:
        self._database, self._files = database, files
        self.also: list[Callable[[AccountFacts], None]] = []
        self._changed: set[str] = set()
        self._condition = threading.Condition()
        self._stopped = self._looked = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks at all accounts, and from then on at what changes."""
        self._database.on_set_up_change.append(self.changed)
        self._thread = threading.Thread(target=self._run, name="ringtrace-outage-files", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends within a moment."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    def changed(self, account_ids: Iterable[str]) -> None:
        """These accounts changed what they have set up."""
        with self._condition:
            self._changed.update(account_ids)
            self._condition.notify_all()

    def look(self, account_ids: Iterable[str] | None = None) -> None:
        """Brings the files of these accounts up to date; of all whose files are old without them."""
        try:
            if account_ids is None:
                with self._database.read() as work:
                    account_ids, always = accounts_in(work.directory), False
            else:
                always = True
            for account_id in account_ids:
                facts = bring_up_to_date(self._database, self._files, account_id, always=always or not self._looked)
                if facts is not None:
                    for follow in self.also:
                        follow(facts)
            self._looked = True
        except SQLAlchemyError as error:
            log.warning("the files for outages wait: the database does not answer (%s)", type(error).__name__)
        except OSError as error:
            log.error("the files for outages cannot be written: %s", error.strerror)
        except Exception:
            log.exception("the files for outages were not written")

    def _run(self) -> None:
        some: set[str] | None = None
        while True:
            self.look(some)
            with self._condition:
                self._condition.wait_for(lambda: self._stopped or bool(self._changed), LOOK_SECONDS)
                if self._stopped:
                    return
                some, self._changed = self._changed or None, set()
