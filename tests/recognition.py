"""How many bots, people and devices are recognised, on lists that their authors keep for other purposes.

`python -m tests.recognition` prints the table of docs/recognition.md.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources

from app.visitor_agent import read_agent

ON_PURPOSE = frozenset({"http-library", "browser-automation"})
"""Tags of the list of crawlers for what may ask for a number: programs of the business and its tests."""

DEVICES = {"mobile": "phone", "tablet": "tablet", "desktop": "desktop"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A user agent and what its list says about it: `device` is None for crawlers, `tags` is empty for people."""

    user_agent: str
    device: str | None = None
    tags: frozenset[str] = frozenset()

    @property
    def allowed(self) -> bool:
        """Whether it counts as no bot on purpose."""
        return not self.tags.isdisjoint(ON_PURPOSE)


@cache
def crawlers() -> tuple[Case, ...]:
    """Every instance of `crawler-user-agents`."""
    listed = json.loads((resources.files("crawleruseragents") / "crawler-user-agents.json").read_text("utf-8"))
    return tuple(
        Case(user_agent=instance, tags=frozenset(entry.get("tags", ())))
        for entry in listed
        for instance in entry["instances"]
    )


@cache
def people() -> tuple[Case, ...]:
    """Every browser of `fake-useragent`, once."""
    lines = (resources.files("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    seen = {row["useragent"].strip('"'): DEVICES[row["type"]] for row in map(json.loads, lines)}
    return tuple(Case(user_agent=text, device=device) for text, device in seen.items())


def found(cases: Iterable[Case]) -> float:
    """The share called bots."""
    called = [read_agent(case.user_agent).bot for case in cases]
    return sum(called) / len(called)


def right(cases: Iterable[Case]) -> float:
    """The share whose device is the one listed."""
    same = [read_agent(case.user_agent).device == case.device for case in cases]
    return sum(same) / len(same)


def main() -> None:
    """Prints the figures and what they were measured on."""
    bots, browsers = crawlers(), people()
    meant = [case for case in bots if not case.allowed]
    for package in ("device-detector", "crawlerdetect", "crawler-user-agents", "fake-useragent"):
        print(f"{package} {metadata.version(package)}")
    print(f"crawlers found            {found(meant):.4f} of {len(meant):,}")
    print(f"  counting libraries too  {found(bots):.4f} of {len(bots):,}")
    print(f"people called bots        {found(browsers):.4f} of {len(browsers):,}")
    print(f"devices right             {right(browsers):.4f} of {len(browsers):,}")


if __name__ == "__main__":
    main()
