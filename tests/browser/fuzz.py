"""Made-up pages that live, as values: what is written in pieces, what then happens, what the server answers.

The same seed gives the same page. Three kinds: a `careful` page never takes a swapped number apart, so that all that is
promised must hold; a `wild` one does, so that only its structure is judged; on a `shapes` page the tracking numbers are
of other lengths and countries.
"""

import random
import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tests.browser.customer import assigned
from tests.browser.fuzz_words import (
    AFTER,
    BEFORE,
    BOXES,
    CAREFUL,
    GROUPS,
    INLINE,
    LINES,
    NEAR,
    ODD,
    OFF,
    OTHER,
    SAME,
    SEPARATORS,
    WHOLE,
    WILD,
    WORDS,
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A page: its seed and kind, the site's numbers, the chunks it is written in, answers to its questions, steps."""

    seed: int
    kind: str
    own: tuple[str, ...]
    chunks: list[str]
    answers: list[dict[str, Any]]
    steps: list[list[Any]]
    remembered: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """What the browser needs."""
        return {"chunks": self.chunks, "answers": self.answers, "steps": self.steps, "remembered": self.remembered}


@dataclass
class Writer:
    """Writes the parts of one page."""

    at: random.Random
    own: tuple[str, ...]
    budget: int = field(default=40)

    def number(self) -> str:
        """One of the numbers, as somebody writes it."""
        own = self.at.choice(self.own)
        code = "1" if own[1] == "1" else own[1:3]
        groups = list(self.at.choice(GROUPS[own]))
        one = self.at.choice(SEPARATORS)
        start = self.at.choice(
            ["", "", f"+{code}", f"00{code}", f"(+{code})", f"011 {code}", f"+{code} (0)", f"+{code}"]
        )
        if code == "1":
            start = start.replace(" (0)", "").replace("00", self.at.choice(["", "00"])) or self.at.choice(["", "", "1"])
        elif not start:
            groups[0] = "0" + groups[0]
        if len(groups) > 1 and self.at.random() < 0.4:
            groups[0] = f"({groups[0]})"
            one = self.at.choice([" ", "", "-", one])
        rest = groups[0] + "".join(self._gap(one) + group for group in groups[1:])
        return start + (self._gap(one) if start else "") + rest

    def text(self) -> str:
        """A line of text with numbers in it, or what looks like some, or none."""
        parts = []
        for _ in range(self.at.choice([1, 1, 1, 2, 3])):
            kind = self.at.random()
            if kind < 0.65:
                parts.append(self.at.choice(BEFORE) + self.number() + self.at.choice(AFTER))
            elif kind < 0.8:
                parts.append(self.at.choice(NEAR).format(self.number()))
            else:
                parts.append(self.at.choice(WORDS))
        return self.at.choice([" ", " ", "  and then ", " / ", ", ", " | ", "\n"]).join(parts)

    def inline(self) -> str:
        """A line as HTML: as it is, or its pieces in elements."""
        text = self.text()
        if self.at.random() < 0.45:
            return escape(text, quote=False)
        if self.at.random() < 0.2:
            name = self.at.choice(WHOLE)
            return f"<{name}>{escape(text)}</{name}>"
        cuts = sorted(self.at.sample(range(len(text) + 1), min(len(text), self.at.randint(1, 6))))
        html = ""
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            piece = escape(text[start:end])
            name = self.at.choice(INLINE)
            html += self.at.choice(
                [piece, f"<{name}>{piece}</{name}>", f"<{name}><i>{piece}</i></{name}>", f"{piece}<!-- {start} -->",
                 f"{piece}<wbr>", f'{piece}<i class="icon"></i>', f"<{name}\n>{piece}</{name}\n>"]
            )  # fmt: skip
        return html

    def line(self) -> str:
        """An element with one line."""
        name = self.at.choice(LINES)
        more = self.at.choice(
            ["", "", "", "", " hidden", f' title="{escape(self.text())}"', f" aria-label='{escape(self.text())}'"]
        )
        html = f"<{name} data-l{more}>{self.inline()}</{name}>"
        return f"<table><tr>{html}</tr></table>" if name == "td" else html

    def link(self) -> str:
        """A link, often to a number."""
        digits = self.dialled()
        href = self.at.choice(
            [f"tel:{digits}", f"tel:{digits}", f"TEL:{digits}", f"sms:{digits}", f"https://example.com/{digits}"]
        )
        return f'<p><a data-a href="{href}" title="{escape(self.text())}" data-x="{digits}">{self.inline()}</a></p>'

    def dialled(self) -> str:
        """A number as a link says it."""
        own = self.at.choice(self.own)
        return self.at.choice(
            [own, own, own[1:], own[:3] + "-" + own[3:], own[:2] + "%20" + own[2:], own + "9", "+99" + own[1:]]
        )

    def part(self, depth: int = 0) -> str:
        """Some HTML."""
        self.budget -= 1
        kind = self.at.random()
        if self.budget < 0 or kind < 0.4:
            return self.line()
        if kind < 0.5:
            return self.link()
        if kind < 0.56:
            return self._filled(self.at.choice(OFF))
        if kind < 0.72:
            return self._filled(self.at.choice(ODD))
        if kind < 0.74:
            return f'<iframe srcdoc="{escape(f"<div data-c>{self.line()}{self.line()}</div>")}"></iframe>'
        if kind < 0.77:
            return f"\n  <!-- {escape(self.number())} -->\n  "
        if depth > 5:
            return self.line()
        name = self.at.choice(BOXES)
        return f"<{name} data-c>\n{self.several(depth + 1)}</{name}>"

    def several(self, depth: int = 0) -> str:
        """Some HTML, and some more."""
        return "".join(self.part(depth) + self.at.choice(["", "\n", "  "]) for _ in range(self.at.randint(1, 4)))

    def step(self, kind: str) -> list[Any]:
        """Something the page does: its name, where, and with what."""
        name = self.at.choice(WILD if kind == "wild" and self.at.random() < 0.6 else CAREFUL)
        where = [self.at.randrange(10_000), self.at.randrange(10_000)]
        words = self.text()
        cut = self.at.randrange(len(words))
        # A number that the page is still writing is taken for whole: what follows may not change it.
        while words[:cut][-1:].isdigit():
            cut -= 1
        attribute = self.at.choice(["title", "aria-label", "alt", "href"])
        given: dict[str, list[Any]] = {
            "grow": [words[:cut], words[cut:]],
            "split": [self.at.randint(1, 12)],
            "html": [self.inline()],
            "shadow": [f"<div data-c>{self.several()}</div>"],
            "push": ["?" + self.at.choice(["", "gclid=", "utm_source="]) + str(self.at.randrange(1000))],
            "consent": [self.at.choice(["none", "source", "full"])],
            "attribute": [attribute, f"tel:{self.dialled()}" if attribute == "href" else words],
            "dropped": [attribute],
            "wildInsert": [self.at.choice(["1", " ", "+44 ", "x", words]), self.at.randrange(50)],
            "wildDelete": [self.at.randrange(50), self.at.randint(1, 5)],
            "wildWrap": [self.at.choice([*INLINE, *WHOLE, "p"])],
            **{one: [words] for one in ("text", "data", "replace", "detached", "many", "wildText")},
            **{one: [self.several(4)] for one in ("fill", "append", "prepend")},
        }
        return [name, where, *given.get(name, [])]

    def _gap(self, one: str) -> str:
        return one if self.at.random() < 0.85 else self.at.choice(SEPARATORS)

    def _filled(self, form: str) -> str:
        return form.format(
            b=self.at.choice(BOXES), t=self.line(), n=escape(self.text()), m=escape(self.text()), d=self.dialled()
        )


def page(seed: int, steps: int = 8) -> Made:
    """The page of a seed."""
    at = random.Random(seed)
    kind = at.choices(["careful", "wild", "shapes"], [7, 2, 1])[0]
    own = tuple(at.sample(sorted(SAME), at.randint(1, 3)))
    writer = Writer(at, own)
    other = at.sample(OTHER, len(OTHER))
    answers = [
        {
            "visitor": "v",
            "visit": f"visit-{i}",
            "source": "google_ads",
            "numbers": {
                one: assigned(other[(i + 2 * j) % 6] if kind == "shapes" else at.choice(SAME[one]))
                for j, one in enumerate(own)
                if at.random() < 0.9
            },
            "ttl": 1800,
        }
        for i in range(4)
    ]
    start = "<script>begin()</script>"
    places = ["", "", "", ""]
    places[at.randrange(5) % 4] = start if at.random() < 0.8 else ""
    html = (
        f"<!doctype html><html><head><meta charset=utf-8>{places[0]}<title>{escape(writer.text())}</title>"
        f'<meta name=description content="{escape(writer.text())}"><script>{PHONE}</script></head><body>{places[1]}'
        f"<div data-c>{writer.several()}</div>{writer.link()}{places[2]}{writer.line()}{writer.several()}"
        f"{places[3]}</body></html>"
    )
    # A number is not taken for one while the digits behind it are still under way.
    whole = [i for i in at.sample(range(1, len(html)), 30) if not re.sub(r"<[^<>]*(>|$)", "", html[:i])[-1:].isdigit()]
    cuts = sorted(whole[: at.choice([0, 1, 3, 8])])
    remembered = {**answers[-1], "site": "shopkey", "at": 9_000_000_000_000} if at.random() < 0.3 else None
    living = [writer.step(kind) for _ in range(steps)]
    closing = [
        ["swap", [0, 0]],
        ["consent", [0, 0], "none"],
        *([["attach", [0, 0]], ["swap", [1, 1]]] if at.random() < 0.3 else []),
    ]
    chunks = [html[start:end] for start, end in zip([0, *cuts], [*cuts, len(html)], strict=True)]
    return Made(
        seed=seed, kind=kind, own=own, chunks=chunks, answers=answers, steps=[*living, *closing], remembered=remembered
    )


PHONE = """customElements.define('x-phone', class extends HTMLElement { connectedCallback() {
  if (!this.shadowRoot) this.attachShadow({ mode: 'open' }).innerHTML =
    '<p data-l>' + this.dataset.number.replace(/[<&]/g, '') + '</p><slot></slot>' } })"""
