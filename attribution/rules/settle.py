"""Which source serves a landing once sources without numbers have passed it on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from attribution.rules.landing import Landing
from attribution.rules.sources import SourceRule, pick_source


def settle(landing: Landing, sources: Sequence[SourceRule], with_numbers: Collection[str]) -> SourceRule | None:
    """The first source that fits; where it has no numbers, or none fits, the site's `catch_all`.

    Without a `catch_all` that has numbers the source that fits keeps the visit, and the page keeps its own number.
    `with_numbers` holds the ids of the sources that have an active number.
    """
    return stand_in(pick_source(landing, sources), sources, with_numbers)


def stand_in(
    source: SourceRule | None, sources: Sequence[SourceRule], with_numbers: Collection[str]
) -> SourceRule | None:
    """`source` while it has numbers, else the `catch_all` that has some, else `source` all the same."""
    if source is not None and source.id in with_numbers:
        return source
    spare = next((s for s in sources if s.catch_all and s.kind == "online" and s.id in with_numbers), None)
    return spare or source


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a visit's source comes to.

    `source`: the one that gets the visit, None where none fits and nobody stands in. `kept`: the visit has no source of
    its own and keeps the visitor's last known one. `known`: the visitor's last known source from here on.
    """

    source: SourceRule | None
    kept: bool
    known: SourceRule | None


def without_own_source(landing: Landing) -> bool:
    """Whether a landing is direct, or from an own page or a return: one that keeps the last known source."""
    return landing.keeps or landing.preset == "direct"


def settle_visit(
    landing: Landing, known: SourceRule | None, sources: Sequence[SourceRule], with_numbers: Collection[str]
) -> Settled:
    """The source of a visit that begins with this landing, for a visitor whose last known source is `known`.

    A kept source without numbers is stood in for like any other, and stays the known one.
    """
    if known is not None and without_own_source(landing):
        return Settled(source=stand_in(known, sources, with_numbers), kept=True, known=known)
    source = settle(landing, sources, with_numbers)
    return Settled(source=source, kept=False, known=source or known)
