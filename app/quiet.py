"""A bounded memory of what need not be done again for a while."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta


class Quiet:
    """Until when which thing rests: kept per process, safe between threads, at most `most` things (latest stay)."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._until: OrderedDict[Hashable, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def rests(self, key: Hashable, at: datetime) -> bool:
        """Whether `key` is to be left alone at `at`."""
        with self._lock:
            return self._rests(key, at)

    def rest(self, key: Hashable, until: datetime) -> None:
        """Leaves `key` alone until then."""
        with self._lock:
            self._rest(key, until)

    def first(self, key: Hashable, at: datetime, within: timedelta) -> bool:
        """Whether this is the first of `key` for so long; if so, it rests from now on."""
        with self._lock:
            if self._rests(key, at):
                return False
            self._rest(key, at + within)
            return True

    def __len__(self) -> int:
        return len(self._until)

    def _rests(self, key: Hashable, at: datetime) -> bool:
        until = self._until.get(key)
        return until is not None and at < until

    def _rest(self, key: Hashable, until: datetime) -> None:
        self._until[key] = until
        self._until.move_to_end(key)
        while len(self._until) > self._most:
            self._until.popitem(last=False)
