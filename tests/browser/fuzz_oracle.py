"""What must hold of a page with the script, told from the same page without it. Text is read by hand, digit by digit.

It decides only what is certain: a number that stands clear of all other digits must be swapped, digits outside any own
number must not be; between the two there is room for judgement, which the tests of single forms fill.
"""

from collections.abc import Iterator
from typing import Any

from tests.browser.fuzz import Made

NAMES = ("title", "aria-label", "alt", "href")
INLINE = {"a", "b", "em", "font", "i", "mark", "small", "span", "strong", "sup", "tspan", "u", "wbr"}
APART = set(",:;+*=#@&%$_")
CLEAR = set(" \u00a0\u202f-./()\u2011\n")


def forms(number: str) -> list[str]:
    """The digits a number may be written with; the last ones are those inside its country."""
    if number[1] == "1":
        return [start + number[2:] for start in ("", "1", "001", "0111")]
    code, inland = number[1:3], number[3:]
    return [f"0{inland}"] + [start + code + zero + inland for start in ("", "00", "011") for zero in ("", "0")]


def inland(number: str) -> str:
    """A number's digits inside its country."""
    return number[2:] if number[1] == "1" else number[3:]


def occurrences(words: str, own: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    """Where own numbers stand, with whatever between their digits may stand there: [number, places of the digits]."""
    digits = [i for i, sign in enumerate(words) if sign in "0123456789"]
    row = "".join(words[i] for i in digits)
    found = []
    for number in own:
        for form in forms(number):
            at = row.find(form)
            while at >= 0:
                places = digits[at : at + len(form)]
                between = words[places[0] : places[-1] + 1]
                if not any(sign in APART or (sign.isascii() and sign.isalpha()) for sign in between):
                    found.append((number, places))
                at = row.find(form, at + 1)
    return found


def _never(words: str, places: list[int]) -> bool:
    before, after = words[: places[0]][-1:], words[places[-1] + 1 :][:2]
    if before.isascii() and (before.isalnum() or before in ("_", "#", "=", "@")) and before:
        return True
    return after[:1].isdigit() or after[:1] in ("_", "@") or (after[:1] in ("-", ".") and after[1:].isdigit())


def _certain(words: str, places: list[int]) -> bool:
    """Whether nobody could doubt that this is the number: clear of digits, between spaces or the edges."""
    start, end = places[0], places[-1] + 1
    between = words[start:end]
    if any(sign not in CLEAR and not sign.isdigit() for sign in between) or "\n\n" in between:
        return False
    gap = 0
    for sign in between:
        gap = 0 if sign.isdigit() else gap + 1
        if gap > 4:
            return False
    before, after = words[:start].rstrip("(+"), words[end:]
    if len(words[:start]) - len(before) > 2:
        return False
    near = before[-16:] + "|" + after[:16]
    if any(sign.isdigit() or sign in "+#@=_%$&*/" for sign in near):
        return False
    return (not before or before[-1] == " ") and (not after or after[0] in " )" or after[:2] in (", ", ". "))


def wrong(
    plain: str, scripted: str, own: tuple[str, ...], shown: dict[str, str], ever: dict[str, set[str]]
) -> str | None:
    """What is wrong with some words, if anything. `shown` are the numbers of now, `ever` all that were assigned."""
    if len(plain) != len(scripted):
        return "other length"
    differ = {i for i, (a, b) in enumerate(zip(plain, scripted, strict=True)) if a != b}
    found = occurrences(plain, own)
    covered: set[int] = set()
    for number, places in found:
        if _never(plain, places):
            continue
        tail = places[-len(inland(number)) :]
        now = "".join(scripted[i] for i in tail)
        if now in {inland(one) for one in ever[number]}:
            covered |= set(tail)
        wanted = inland(shown.get(number, number))
        longest = max((other for _, other in found if other[-1] == places[-1]), key=len)
        if longest == places and _certain(plain, places) and now != wanted:
            return f"{number} shows {now} for {wanted}"
    return "touched outside of numbers" if differ - covered else None


class Pair:
    """Walks the two dumps of one moment together and collects what is wrong."""

    def __init__(self, made: Made, shown: dict[str, str]) -> None:
        self.made, self.shown = made, shown
        self.ever = {
            own: {own} | {a["numbers"][own]["e164"] for a in made.answers if own in a["numbers"]} for own in made.own
        }
        self.wrong: list[Any] = []
        self.run: list[tuple[str, str]] = []

    def judge(self, plain: Any, scripted: Any) -> list[Any]:
        """What is wrong; a difference in structure ends the walk."""
        self._walk(plain, scripted, False)
        self._flush()
        return self.wrong

    def _flush(self) -> None:
        plain, scripted = "".join(p for p, _ in self.run), "".join(s for _, s in self.run)
        # Of very long lines only the pieces next to each other are read together.
        self._words(plain, scripted, "text", len(self.run) > 25)
        self.run = []

    def _words(self, plain: str, scripted: str, where: str, lenient: bool) -> None:
        if self.made.kind == "careful":
            problem = wrong(plain, scripted, self.made.own, self.shown, self.ever)
            if problem and not (lenient and "shows" in problem):
                self.wrong.append((problem, where, plain, scripted))
        elif self.made.kind == "wild":
            same = len(plain) == len(scripted) and all(
                a == b or (a.isdigit() and b.isdigit()) for a, b in zip(plain, scripted, strict=True)
            )
            if not same:
                self.wrong.append(("other than digits", where, plain, scripted))

    def _walk(self, plain: Any, scripted: Any, off: bool) -> None:
        if type(plain) is not type(scripted):
            self.wrong.append(("structure", plain, scripted))
        elif isinstance(plain, str):
            if off:
                self._left(plain, scripted)
            else:
                self.run.append((plain, scripted))
        elif len(plain) == 1 or len(scripted) == 1 or plain[0] != scripted[0]:
            if plain != scripted:
                self.wrong.append(("structure", plain, scripted))
        else:
            self._element(plain, scripted, off)

    def _element(self, plain: list[Any], scripted: list[Any], off: bool) -> None:
        name, attributes, here_off, children, inside = plain
        here_off = off or here_off
        breaks = name.lower() not in INLINE or here_off != off
        if breaks:
            self._flush()
        self._attributes(name, attributes, scripted[1], here_off)
        others = scripted[3]
        if self.made.kind == "shapes":
            # A shorter number may leave a text empty, which the page then tidies away.
            children, others = ([one for one in each if not isinstance(one, str)] for each in (children, others))
        if len(children) != len(others) or (inside is None) != (scripted[4] is None):
            self.wrong.append(("structure", plain, scripted))
            return
        for one, other in zip(children, others, strict=True):
            self._walk(one, other, here_off)
        if breaks:
            self._flush()
        if inside:
            kept, self.run = self.run, []
            self._walk(inside, scripted[4], here_off)
            self._flush()
            self.run = kept

    def _attributes(self, name: str, plain: dict[str, str], scripted: dict[str, str], off: bool) -> None:
        if plain.keys() != scripted.keys():
            self.wrong.append(("attributes", name, plain, scripted))
            return
        for key, words in plain.items():
            if off:
                self._left(words, scripted[key])
            elif key not in NAMES or (key == "href" and not words.lower().startswith(("tel:", "sms:"))):
                if words != scripted[key]:
                    self.wrong.append(("attribute", name, key, words, scripted[key]))
            elif key == "href":
                self._link(words, scripted[key])
            else:
                self._words(words, scripted[key], key, False)

    def _link(self, plain: str, scripted: str) -> None:
        wanted = {
            f"{scheme}:{own}": f"{scheme}:{self.shown.get(own, own)}"
            for own in self.made.own
            for scheme in ("tel", "sms")
        }
        if self.made.kind != "wild" and scripted != wanted.get(plain, scripted):
            self.wrong.append(("link", plain, scripted))
        if self.made.kind == "careful" and not self.shown and plain.replace("%20", " ") != scripted.replace("%20", " "):
            self.wrong.append(("link did not return", plain, scripted))

    def _left(self, plain: str, scripted: str) -> None:
        """What moved to where it is left alone may show any number; never anything else."""
        plain, scripted = plain.replace("%20", " "), scripted.replace("%20", " ")
        if self.made.kind != "shapes" and [c for c in plain if not c.isdigit()] != [
            c for c in scripted if not c.isdigit()
        ]:
            self.wrong.append(("off", plain, scripted))


def faults(made: Made, result: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """All that is wrong with a page that was played."""
    for error in set(result["errors"]):
        yield ("error", error)
    for loud in result["loud"]:
        # A number of another length may need a sign in a node that had none of its digits.
        if made.kind != "shapes" or loud[1] != "characterData":
            yield ("edit", loud)
    asks = 1 + sum(step[0] in ("push", "consent") for step in made.steps)
    if result["asked"] > asks:
        yield ("requests", result["asked"], asks)
    for step, (name, scripted, plain, numbers) in enumerate(result["states"]):
        for problem in Pair(made, numbers).judge(plain, scripted):
            yield (step - 1, name, *problem)
