"""How often somebody came this minute: a count for a limit that is asked with every page.

What `app.engine_room` counts with a library starts a thread to forget old counts; here the whole minute is forgotten at
once. Kept per process, safe between threads.
"""

import threading
from collections import Counter
from collections.abc import Hashable
from datetime import datetime


class Tally:
    """Counts by key in fixed windows of a minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def within(self, key: Hashable, per_minute: int, at: datetime) -> bool:
        """Counts one more of `key` at `at`; False where that is more than `per_minute` allows."""
        minute = int(at.timestamp() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, Counter()
            self._counts[key] += 1
            return self._counts[key] <= per_minute
