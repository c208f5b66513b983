"""A likelihood model for pools of other sizes. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from math import log2

from matching.rules.model import LikelihoodModel


def for_sizes(model: LikelihoodModel, present: Mapping[str, int], sizes: Mapping[str, int]) -> LikelihoodModel:
    """The model as it would be with `sizes` numbers by source in the place of the `present` ones.

    Calls by nobody come to a source, not to each of its numbers: with double the numbers each of them rings half as
    often. What was learnt of single numbers beyond that stays with them.
    """
    background = model.background
    sources = dict(background.sources)
    for source, size in sizes.items():
        sources[source] = sources.get(source, 0.0) - log2(size / present[source])
    return replace(model, background=replace(background, sources=sources))
