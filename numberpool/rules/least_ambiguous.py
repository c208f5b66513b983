"""The allocation policy by which a call is least ambiguous.

Two visitors of one number are confused when one calls after the other has come: the later one was seen last. So a
number is the better, the longer nobody came to it, and above all nobody whom the matcher could not tell from the
newcomer by the caller's area code. Giving each number to the regions in turn does both at once. Where no region tells
anybody apart, the policy is `longest_rested`, to the number.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from numberpool.rules.facts import Newcomer, PoolNumber

SLACK = 2
"""A number is given only while it was given to at most so many more than the one given to fewest.

So levels differ by at most 3, and what two numbers get within any time by at most 6.
"""
COOL = 120.0
"""Seconds after a call for which a number is not given, while another can be: its caller may ring again."""
SOON = 300
"""Seconds that make no difference to how long ago somebody came: most calls come within minutes of the visit."""
LONGEST = 2**20
"""Seconds (12 days) after which it makes no difference any more how long ago somebody came."""
CELLS = 64
"""Regions remembered of each number, those of the last visitors; with them `recent` has at most 1,300 characters."""
_UNKNOWN = ""
_LAST_SECOND = 2**36 - 1
_REGION = re.compile(r"[A-Z0-9-]{1,10}", re.ASCII)
_ENTRY = re.compile(r"[A-Z0-9-]{0,10}=[1-9a-f][0-9a-f]{0,8}", re.ASCII)

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class LeastAmbiguous:
    """Chooses the number that neither anybody nor somebody of the newcomer's region came to for longest.

    Of each number it remembers when somebody of each region last came, in `recent`. What counts is
    (a + SOON) · (s + SOON), with a and s the seconds since anybody and since somebody of the same region came: half of
    each's logarithm, for an area code tells two regions apart only so far, as people keep their numbers when they move.
    (In simulations other weights of the region, from 1/3 to 2/3, did about as well, and without it nothing was gained.)
    All in integers, so that state read again gives the same.
    """

    def __init__(self, numbers: Sequence[PoolNumber]) -> None:
        self._numbers = sorted(numbers, key=lambda n: n.number)
        self._place = {n.number: place for place, n in enumerate(self._numbers)}
        # What is written of each number in `recent`, by region.
        self._memory: list[dict[str, str]] = [{} for _ in self._numbers]
        size = len(self._numbers)
        self._level, self._turn, self._came = (np.zeros(size, np.int64) for _ in range(3))
        self._called = np.full(size, -np.inf)
        self._last_call = -np.inf
        # When somebody of this region last came to each number (0: not remembered); and to how many numbers.
        self._of_region: dict[str, Integers] = {}
        self._remember_it: dict[str, int] = {}
        self._never_given = size
        for number in self._numbers:
            self.changed(number)

    def choose(self, newcomer: Newcomer) -> PoolNumber | None:
        """The number on which this newcomer would be least ambiguous; None where there is none."""
        if len(self._numbers) < 2:
            return self._numbers[0] if self._numbers else None
        standing = self._standing()
        can: Flags = standing <= standing.min() + SLACK
        if self._last_call > newcomer.at - COOL:
            cool = can & (self._called <= newcomer.at - COOL)
            can = cool if cool.any() else can
        region = _region(newcomer.region)
        if region and len(self._of_region) > (region in self._of_region):
            can = self._best(can, region, int(newcomer.at))
        return self._longest_rested(can, standing)

    def given(self, number: PoolNumber, newcomer: Newcomer) -> None:
        """Somebody of the newcomer's region came to it."""
        place = self._place[number.number]
        self._stands(place, number)
        memory, region = self._memory[place], _region(newcomer.region)
        at = min(max(int(newcomer.at), 1), _LAST_SECOND)
        if (before := memory.pop(region, None)) is not None:
            at = max(at, _time(before))
        memory[region] = f"{region}={at:x}"
        self._came[place] = max(int(self._came[place]), at)
        self._note(place, region, at)
        if len(memory) > CELLS:
            dropped = next(iter(memory))
            del memory[dropped]
            self._note(place, dropped, 0)
            self._came[place] = max(map(_time, memory.values()))
        number.recent = " ".join(memory.values())

    def changed(self, number: PoolNumber) -> None:
        """Its state is read again."""
        place = self._place[number.number]
        self._stands(place, number)
        called = self._called[place] = -np.inf if number.called_at is None else number.called_at
        self._last_call = max(self._last_call, called)
        memory = _read(number.recent)
        for region in self._memory[place].keys() - memory.keys():
            self._note(place, region, 0)
        for region, entry in memory.items():
            self._note(place, region, _time(entry))
        self._memory[place], self._came[place] = memory, max(map(_time, memory.values()), default=0)

    def _stands(self, place: int, number: PoolNumber) -> None:
        self._never_given += bool(self._turn[place]) - bool(number.last_turn)
        self._level[place], self._turn[place] = number.level, number.last_turn

    def _standing(self) -> Integers:
        """The level at which each number stands: one never given stands with those given to fewest."""
        if self._never_given in (0, len(self._numbers)):
            return self._level
        new = self._turn == 0
        return np.where(new, np.maximum(self._level, self._level[~new].min()), self._level)

    def _best(self, can: Flags, region: str, now: int) -> Flags:
        """Those of the numbers that can be given on which somebody of this region would be least ambiguous."""
        since = _since(self._came, now)
        same = self._of_region.get(region)
        score = since * can
        if same is not None:
            score *= _since(same, now)
        best: Flags = score == score.max()
        return best

    def _longest_rested(self, can: Flags, standing: Integers) -> PoolNumber:
        """The rule `longest_rested` over some of the numbers."""
        places = np.flatnonzero(can)
        for order in (standing, self._turn, self._level):
            if len(places) == 1:
                break
            values = order[places]
            places = places[values == values.min()]
        return self._numbers[int(places[0])]

    def _note(self, place: int, region: str, at: int) -> None:
        """Somebody of this region last came at `at`; 0: nobody is remembered."""
        if not region:
            return
        times = self._of_region.get(region)
        if times is None:
            times = self._of_region[region] = np.zeros(len(self._numbers), np.int64)
            self._remember_it[region] = 0
        self._remember_it[region] += bool(at) - bool(times[place])
        times[place] = at
        if not self._remember_it[region]:
            del self._of_region[region], self._remember_it[region]


@lru_cache(maxsize=8192)
def _region(region: str | None) -> str:
    """The region as it is remembered; what has no form of one is unknown."""
    return region if region is not None and _REGION.fullmatch(region) else _UNKNOWN


def _since(times: Integers, now: int) -> Integers:
    """Seconds since then, as far as they make a difference."""
    since = now - times
    np.minimum(since, LONGEST, out=since)
    np.maximum(since, 0, out=since)
    since += SOON
    return since


def _time(entry: str) -> int:
    return int(entry[entry.index("=") + 1 :], 16)


def _read(recent: str | None) -> dict[str, str]:
    """What is remembered by region, the one that came last at the end; anything else is passed over.

    An entry is `REGION=time`, with the time in hexadecimal epoch seconds and no region for those unknown.
    """
    memory: dict[str, str] = {}
    for entry in recent.split() if recent else ():
        region = entry.partition("=")[0]
        if _ENTRY.fullmatch(entry):
            memory.pop(region, None)
            memory[region] = entry
    return memory
