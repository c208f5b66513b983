"""Which source serves a landing once sources without numbers have passed it on."""

from collections.abc import Collection, Sequence

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
