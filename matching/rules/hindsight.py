"""What is learnt after a call, as the ranking can use it: later facts of the phone, and a spam mark."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from matching.rules.evidence import Evidence
from matching.rules.facts import PhoneHistory
from matching.rules.rank import Ranking

SPAM = 0.99
"""How likely nobody from the site made a call that was marked as spam, where the race does not say more."""
MOST_SURE = 1.0 - 1e-6
"""Marks are made by people, who err; agreement upon agreement stops here."""


def as_if_before(history: PhoneHistory, at: datetime) -> PhoneHistory:
    """The history of a phone in which what came after the call at `at` can be used for that call.

    Whose phone it is does not depend on when we learn it, so a later form or call speaks as an earlier one does. How
    soon the phone rings again matters only by its distance. Therefore what is nearer than the nearest call, and all
    that came later, is put that distance before the call, in its own order. Nothing later: the history as it is.
    """
    rang, left = [call.at for call in history.calls], [form.at for form in history.forms]
    if all(when <= at for when in (*rang, *left)):
        return history
    last = at - min(abs(when - at) for when in rang or left)
    late = sorted({when for when in (*rang, *left) if when > last})
    step = timedelta(microseconds=1)
    places = {when: last + step * place for place, when in enumerate(late, start=1)}
    return replace(
        history,
        calls=tuple(replace(call, at=places.get(call.at, call.at)) for call in history.calls),
        forms=tuple(replace(form, at=places.get(form.at, form.at)) for form in history.forms),
    )


def with_spam(ranking: Ranking) -> Ranking:
    """The ranking once the call was marked as spam: nobody holds at least SPAM, the rest keeps its proportions.

    The mark is a witness who knows more than the race, like a decision by staff; where the race agreed already, the
    two add up by Bayes' rule. Every candidate gets the same row, and the same part in `race`: the phone's next call
    begins with it. Likelihoods and `none` go on summing to 1, evidence to log2(likelihood / none).
    """
    named = math.fsum(candidate.likelihood for candidate in ranking.candidates)
    if named <= 0.0:
        return ranking
    none = max(ranking.none, 1e-300)  # log2 of nothing is no weight
    agreed = none * SPAM / (none * SPAM + named * (1.0 - SPAM))
    held = max(none, min(max(SPAM, agreed), MOST_SURE))
    weight = min(math.log2((1.0 - held) / held) + math.log2(none / named), 0.0) if held < 1.0 else 0.0
    factor = 2.0**weight
    total = none + named * factor
    row = Evidence("spam", "the call was marked as spam", weight)
    return Ranking(
        none=none / total,
        candidates=tuple(
            c._replace(
                likelihood=c.likelihood * factor / total,
                race=c.race + weight,
                evidence=(*c.evidence, row) if c.evidence else (),
            )
            for c in ranking.candidates
        ),
    )
