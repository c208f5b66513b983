"""How sure it is that visitors who come from one network are a machine's making and no people.

Somebody may ask for visitor ids by the thousand. Their pages are never read: nothing reports a heartbeat, a click or
even that the page was left, as every browser does. One such visitor says nothing, for people's browsers lose reports,
and forty who came this very minute are an office that was sent a link. Several who had time to show life, among whom
nobody did, are another matter; so are fifty at once. All that only where pages of the same site are seen to live
elsewhere.
"""

import math
from collections.abc import Collection
from datetime import timedelta

GRACE = timedelta(seconds=60)
"""After this a page that anybody looked at has reported something."""
ELSEWHERE = 3
"""Visitors from other networks whose pages did report: that the site's pages do so at all."""
BURST = 50
"""So many lifeless visitors of one network, however lately they came, are a machine's …"""
BURST_PER_LIVING = 10
"""… where they are more than so many for each that lives."""
PRIOR = -7.0
"""log2 of the odds that a network is a machine's, before anything is known of it: one in a hundred."""
LIFELESS = math.log2(1 / 0.2)
"""What each lifeless visitor adds: a machine's always are, of people's one in five at worst."""
LIVING = math.log2(0.02 / 0.8)
"""What each living visitor adds: four in five of people's, of a machine's hardly any."""
SURE = 20.0
"""No odds are taken to be longer than this (log2)."""
_NETWORKS, _ROUNDS = 30, 20


def prior_odds(networks: Collection[tuple[int, int]]) -> float:
    """log2 of the odds that any network of these is a machine's, before it is looked at by itself; at least PRIOR.

    `networks`: (lifeless visitors after their grace, living ones) of each. Where many networks lose more than people's
    do, machines are about, and each of them is suspected earlier: the share of machines that makes the counts likeliest
    (expectation-maximisation of a mixture of two, Dempster, Laird and Rubin 1977). Few networks say nothing.
    """
    odds = [LIFELESS * settled + LIVING * living for settled, living in networks if settled or living]
    if len(odds) < _NETWORKS:
        return PRIOR
    share = 2.0**PRIOR
    for _ in range(_ROUNDS):
        each = [1.0 / (1.0 + 2.0 ** -(max(min(o, SURE), -SURE) + math.log2(share / (1.0 - share)))) for o in odds]
        share = min(max(math.fsum(each) / len(each), 2.0**PRIOR), 1.0 - 2.0**PRIOR)
    return max(math.log2(share / (1.0 - share)), PRIOR)


def machine_odds(*, lifeless: int, settled: int, living: int, living_elsewhere: int, prior: float = PRIOR) -> float:
    """log2 of the odds that a network's visitors whose pages never showed life are a machine's; at most SURE.

    `settled`: those of the `lifeless` who came longer than GRACE ago; `prior`: see `prior_odds`. Each visitor is one
    observation (Bayes).
    """
    if living_elsewhere < ELSEWHERE:
        return -SURE
    if lifeless >= BURST and lifeless > BURST_PER_LIVING * living:
        return SURE
    return max(min(prior + LIFELESS * settled + LIVING * living, SURE), -SURE)


def human_share(odds: float) -> float:
    """log2 of the probability that one of those visitors is a person, from the log2 odds of a machine.

    0 while they are people rather than a machine's: a lost report is no evidence against anybody.
    """
    return -math.log2(1.0 + 2.0**odds) if odds > 0.0 else 0.0
