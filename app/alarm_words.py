"""What an alarm says to people: a title and a sentence or two. Pure; the facts are what was seen when it opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.web import words
from core.phone import for_country
from core.time import parse_time
from reports.rules.alarms import NUMBER_WITHOUT_VIEWS, SWAPS_STOPPED, UNDER_TARGET
from store.alarms import Alarm
from store.sites import Site


@dataclass(frozen=True, kw_only=True)
class Said:
    """An alarm in words. `todo` says what to do next."""

    title: str
    text: str
    todo: str


def said_of(alarm: Alarm, site: Site | None) -> Said:
    """The words of an alarm; `site` is the one that it is about, for its zone and country."""
    facts: Mapping[str, Any] = alarm.facts
    if alarm.kind == UNDER_TARGET:
        return _under_target(facts)
    if alarm.kind == NUMBER_WITHOUT_VIEWS:
        return _without_views(facts, site)
    if alarm.kind == SWAPS_STOPPED:
        return _stopped(facts, site)
    plain = alarm.kind.replace("_", " ")
    return Said(
        title=f"{plain[:1].upper()}{plain[1:]}", text=str(facts.get("text") or f"{plain}: {alarm.subject}"), todo=""
    )


def _under_target(facts: Mapping[str, Any]) -> Said:
    mean, target = words.percent(facts["mean_likelihood"]), words.percent(facts["target"])
    return Said(
        title=f"{facts['source_name']} is under its target",
        text=f"Its last {words.counted(facts['calls'], 'call')} of seven days were answered {mean} sure on average; "
        f"the target is {target}.",
        todo="The accuracy report says how many numbers would help.",
    )


def _without_views(facts: Mapping[str, Any], site: Site | None) -> Said:
    number = for_country(facts["number"], site.country if site else "US")
    return Said(
        title=f"{number} is called, but nobody sees it",
        text=f"{words.counted(facts['calls'], 'call')} in seven days came to {number} of {facts['source_name']}, and "
        "no visitor was shown it before.",
        todo="It may stand on an old print or in a directory, or have belonged to somebody else. Let it rest.",
    )


def _stopped(facts: Mapping[str, Any], site: Site | None) -> Said:
    name, last = facts.get("site_name") or "the site", facts.get("last_swap_at")
    since = f" since {words.full(parse_time(last), site.time_zone if site else 'UTC')}" if last else ""
    return Said(
        title=f"Numbers are no longer swapped on {name}",
        text=f"No visit began{since}; in each of the weeks before there were {facts['usual']} or more in these hours.",
        todo="Look whether the script tag is still on the pages.",
    )
