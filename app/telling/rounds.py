"""Whose messages are looked for with each look: bounded, however many accounts have webhooks. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

MOST: Final = 100
"""Accounts of one look about which nothing is known."""


class Rounds:
    """Remembers when each account has something due, as far as this process knows.

    What other processes write down is not known: for that, all accounts are gone through in turn, `most` with each
    look.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._next: dict[str, datetime] = {}
        self._reached = ""

    def choose(self, accounts: Sequence[str], at: datetime) -> list[str]:
        """Whom to look at now (`at`, aware UTC): those with something due, and whose turn it is. `accounts`: sorted."""
        begin = bisect_right(accounts, self._reached)
        turn = [*accounts[begin:], *accounts[:begin]][: self._most]
        if turn:
            self._reached = turn[-1]
        return sorted({*turn, *(account for account, due in self._next.items() if due <= at)})

    def note(self, found: Mapping[str, datetime | None]) -> None:
        """What a look found: when each account has something due next; None where it has nothing."""
        for account, due in found.items():
            if due is None:
                self._next.pop(account, None)
            else:
                self._next[account] = due
