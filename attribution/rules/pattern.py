"""Regular expressions that staff may write: searched in time linear in the text, whatever the pattern.

A backtracking engine can be made to run for hours by a pattern such as ``(a+)+$``, and rules run for every page
view. So patterns are compiled into an automaton whose states are followed all at once (Thompson 1968) and
remembered. What needs backtracking (back references, look-around) is refused. Case is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

MAX_PATTERN = 256
"""Longest pattern, in characters."""
MAX_STATES = 400
"""Most states of an automaton; counted repeats are written out, so this bounds them."""
MAX_TEXT = 2048
"""Characters of a text that are searched."""
_MAX_MEMORY = 4096

_BEGIN, _END, _WORD, _OTHER = range(4)
_ATOM_ESCAPES = frozenset("dDwWsS")
_COUNT = re.compile(r"\{(\d{1,9})?(,)?(\d{1,9})?\}")
_SET_OPERATION = re.compile(r"\[\^?\[|--|&&|~~|\|\|")

_Fits = Callable[[str], object]


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


@dataclass(kw_only=True)
class _State:
    """One state: it takes a character that ``fits`` to ``next``, or leads on freely where ``when`` allows."""

    fits: _Fits | None = None
    when: str | None = None
    next: list[int] = field(default_factory=list)


class _Builder:
    """A recursive-descent reader of the pattern that builds states; a fragment is (entry, exit)."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.states: list[_State] = []

    def state(self, *, fits: _Fits | None = None, when: str | None = None) -> int:
        """A new state's number. Raises ``PatternError`` when there are too many."""
        if len(self.states) >= MAX_STATES:
            raise PatternError("The pattern is too complex.")
        self.states.append(_State(fits=fits, when=when))
        return len(self.states) - 1

    def link(self, left: int, right: int) -> None:
        """Lets ``left`` lead on to ``right``."""
        self.states[left].next.append(right)

    def peek(self) -> str:
        """The next character of the pattern, empty at its end."""
        return self.pattern[self.at : self.at + 1]

    def branches(self) -> tuple[int, int]:
        """Alternatives separated by ``|``."""
        entry, leave = self.state(), self.state()
        while True:
            first, last = self.sequence()
            self.link(entry, first)
            self.link(last, leave)
            if self.peek() != "|":
                return entry, leave
            self.at += 1

    def sequence(self) -> tuple[int, int]:
        """Items one after the other, up to ``|``, ``)`` or the end."""
        entry = last = self.state()
        while self.peek() not in ("", "|", ")"):
            begin = self.at
            first, leave = self.item()
            first, leave = self.repeated(begin, first, leave)
            self.link(last, first)
            last = leave
        return entry, last

    def repeated(self, begin: int, first: int, leave: int) -> tuple[int, int]:
        """The item that began at ``begin`` with its quantifier, if one follows."""
        low, high = self.quantifier()
        if (low, high) == (1, 1):
            return first, leave
        end, entry = self.at, self.state()
        last, copies = entry, max(low, high if high is not None else low, 1)
        exits: list[int] = [entry] if low == 0 else []
        for number in range(1, copies + 1):
            if number > 1:
                self.at = begin
                first, leave = self.item()
            self.link(last, first)
            last = leave
            if number >= low and high != 0:
                exits.append(leave)
        if high is None:
            self.link(leave, first)
        self.at = end
        out = self.state()
        for state in exits:
            self.link(state, out)
        return entry, out

    def quantifier(self) -> tuple[int, int | None]:
        """How often the item before may come: least and most, None for any number."""
        sign = self.peek()
        bounds: tuple[int, int | None] = (1, 1)
        if sign and sign in "*+?":
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            self.at += 1
        elif sign == "{" and (found := _COUNT.match(self.pattern, self.at)) and found.group() != "{}":
            low, comma, high = found.groups()
            if low is None and comma is None:
                return bounds
            most = int(high) if high else (None if comma else int(low))
            bounds = (int(low or 0), most)
            self.at = found.end()
        else:
            return bounds
        if self.peek() == "?":
            self.at += 1
        if self.peek() and self.peek() in "*+":
            raise PatternError("A repeat of a repeat is not supported.")
        return bounds

    def item(self) -> tuple[int, int]:
        """One group, anchor, class, escape or character."""
        sign = self.peek()
        if sign == "(":
            return self.group()
        if sign in "^$":
            self.at += 1
            return self.condition("begin" if sign == "^" else "end")
        if sign == "[":
            return self.single(self.character_class())
        if sign == "\\":
            return self.escape()
        self.at += 1
        return self.single(sign if sign == "." else re.escape(sign))

    def group(self) -> tuple[int, int]:
        """A group, capturing or not; what looks around or back is refused."""
        self.at += 1
        if self.peek() == "?":
            if self.pattern[self.at : self.at + 2] != "?:":
                raise PatternError("Groups may begin with (?: only; look-around and flags are not supported.")
            self.at += 2
        fragment = self.branches()
        self.at += 1
        return fragment

    def escape(self) -> tuple[int, int]:
        """A backslash and what it escapes."""
        sign = self.pattern[self.at + 1]
        self.at += 2
        if sign in "bB":
            return self.condition("boundary" if sign == "b" else "inside")
        if sign == "A" or sign == "Z":
            return self.condition("begin" if sign == "A" else "end")
        if sign.isalnum() and sign not in _ATOM_ESCAPES and sign not in "nrt":
            raise PatternError(f"\\{sign} is not supported.")
        return self.single("\\" + sign)

    def character_class(self) -> str:
        """The text of a class ``[…]``."""
        end = self.at + 1
        if self.pattern[end] == "^":
            end += 1
        if self.pattern[end] == "]":
            end += 1
        while self.pattern[end] != "]":
            end += 2 if self.pattern[end] == "\\" else 1
        text = self.pattern[self.at : end + 1]
        self.at = end + 1
        if _SET_OPERATION.search(text):
            raise PatternError("Sets inside a class are not supported; escape the inner sign.")
        return text

    def single(self, atom: str) -> tuple[int, int]:
        """A state that takes one character fitting ``atom``, itself a pattern of one character."""
        entry = self.state(fits=re.compile(atom, re.IGNORECASE | re.DOTALL).fullmatch)
        leave = self.state()
        self.link(entry, leave)
        return entry, leave

    def condition(self, when: str) -> tuple[int, int]:
        """A state passed without a character, where ``when`` holds."""
        entry, leave = self.state(when=when), self.state()
        self.link(entry, leave)
        return entry, leave


def _holds(when: str | None, before: int, after: int) -> bool:
    """Whether a condition holds between what stands before and after (begin, end, word or other character)."""
    if when is None:
        return True
    if when == "begin":
        return before == _BEGIN
    if when == "end":
        return after == _END
    boundary = (before == _WORD) != (after == _WORD)
    return boundary if when == "boundary" else not boundary


class Pattern:
    """A compiled pattern. ``search`` tells whether it occurs in a text."""

    def __init__(self, pattern: str) -> None:
        """Compiles ``pattern``. Raises ``PatternError`` where it is malformed, too long or not supported."""
        if not pattern or len(pattern) > MAX_PATTERN:
            raise PatternError(f"A pattern has 1 to {MAX_PATTERN} characters.")
        builder = _Builder(pattern)
        try:
            self._start, self._accept = builder.branches()
            re.compile(pattern, re.IGNORECASE | re.DOTALL)
        except IndexError:
            raise PatternError("The pattern ends too early.") from None
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(f"The pattern cannot be read: {error}.") from None
        if builder.at != len(pattern):
            raise PatternError("The pattern cannot be read.")
        self._states = builder.states
        self._open: dict[tuple[frozenset[int], int, int], tuple[frozenset[int], bool]] = {}
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern occurs anywhere in the first ``MAX_TEXT`` characters of a text."""
        text = text[:MAX_TEXT]
        here, before = frozenset((self._start,)), _BEGIN
        for character in text:
            after = _WORD if character == "_" or character.isalnum() else _OTHER
            opened, accepted = self._closure(here, before, after)
            if accepted:
                return True
            here, before = self._step(opened, character), after
        return self._closure(here, before, _END)[1]

    def _closure(self, states: frozenset[int], before: int, after: int) -> tuple[frozenset[int], bool]:
        """All consuming states reached without a character, and whether the end was."""
        key = (states, before, after)
        known = self._open.get(key)
        if known is not None:
            return known
        seen, stack = set(states), list(states)
        while stack:
            state = self._states[stack.pop()]
            if state.fits is None and _holds(state.when, before, after):
                fresh = [number for number in state.next if number not in seen]
                seen.update(fresh)
                stack += fresh
        consuming = frozenset(number for number in seen if self._states[number].fits is not None)
        if len(self._open) >= _MAX_MEMORY:
            self._open.clear()
        self._open[key] = result = (consuming, self._accept in seen)
        return result

    def _step(self, opened: frozenset[int], character: str) -> frozenset[int]:
        """The states after one character; a search may also begin at the next."""
        key = (opened, character)
        known = self._steps.get(key)
        if known is None:
            taken = {self._start}
            for number in opened:
                state = self._states[number]
                if state.fits is not None and state.fits(character):
                    taken.update(state.next)
            if len(self._steps) >= _MAX_MEMORY:
                self._steps.clear()
            self._steps[key] = known = frozenset(taken)
        return known


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Pattern:
    """The compiled pattern, remembered. Raises ``PatternError``."""
    return Pattern(pattern)
