"""What a pool knows of its numbers, and of whom it gives one to. All time is epoch seconds."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(kw_only=True, slots=True)
class PoolNumber:
    """A number that can be given, and all that its pool remembers of it.

    `last_turn`: the pool's turn at which it was last given (0: not since it joined). `level`: how many visitors it was
    given to, those taken back left out. `called_at`: when it was last called. `recent`: the policy's own memory, opaque
    to others, at most 2,000 characters. `changed_turn`: the turn at which any of this last changed.
    """

    number: str
    last_turn: int = 0
    level: int = 0
    called_at: float | None = None
    recent: str | None = None
    changed_turn: int = 0


class Newcomer(NamedTuple):
    """A visitor who holds no number of the pool yet. `region` is ISO 3166-2 or None; `device` a device class."""

    at: float
    region: str | None = None
    device: str = "other"
