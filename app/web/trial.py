"""The rule tester on the Installation page: an address typed in, and in words what live traffic would make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.rule_tester import Reading, classify
from app.web.places import Places
from store.sessions import AccountSession
from store.sites import Site

MAX_TRIED = 4000
"""Characters of each field."""
MAX_SHOWN = 120
"""Characters of a value that is repeated in a sentence."""


@dataclass(frozen=True, kw_only=True)
class AskedSource:
    """One source that was asked, and what it said."""

    name: str
    said: str
    fits: bool


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was typed in (`url`, `referrer`, `agent`), how it is read, and why. Without `url` nothing was asked.

    `facts` are (label, value); `outcome` is the tracking source's name, `because` how it came to it.
    """

    url: str = ""
    referrer: str = ""
    agent: str = ""
    outcome: str = ""
    because: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    click_ids: tuple[tuple[str, str], ...] = ()
    asked: tuple[AskedSource, ...] = ()
    findings: tuple[str, ...] = ()


def trial_of(session: AccountSession, known: Places, site: Site, given: Mapping[str, str]) -> Trial:
    """The rule tester's answer to the fields of a form. One query where something was asked."""
    url, referrer, agent = (given.get(name, "").strip()[:MAX_TRIED] for name in ("url", "referrer", "agent"))
    if not url:
        return Trial(referrer=referrer, agent=agent)
    reading = classify(session, site, url=url, referrer=referrer or None, user_agent=agent or None)
    names = {s.slug: s.name for s in known.sources.values() if s.site_id == site.site_id and not s.deleted}
    return Trial(
        url=url,
        referrer=referrer,
        agent=agent,
        outcome=names.get(reading.tracking_source or "", "no tracking source"),
        because=because(reading, names),
        facts=_facts(reading, with_agent=bool(agent)),
        click_ids=tuple(reading.click_ids.items()),
        asked=tuple(
            AskedSource(
                name=names.get(one.slug, one.slug),
                fits=one.fits,
                said="does not fit" if not one.fits else "fits" if one.has_numbers else "fits, but has no numbers",
            )
            for one in reading.asked
        ),
        findings=tuple(said(f.kind, f.detail) for f in reading.findings),
    )


def because(reading: Reading, names: Mapping[str, str]) -> str:
    """Why a landing belongs to its source, in a sentence or two."""
    fitted = names.get(reading.fitted or "", reading.fitted)
    spare = names.get(reading.stepped_in or "", reading.stepped_in)
    if reading.stepped_in_because == "no_numbers":
        why = f"{fitted} fits first but has no numbers, so {spare}, marked as catch-all, steps in."
    elif reading.stepped_in_because == "nothing_fits":
        why = f"No source fits, so {spare}, marked as catch-all, steps in."
    elif reading.tracking_source is None:
        why = "No source fits and none is marked as catch-all: the page keeps its own number."
    else:
        why = f"{fitted} is the first source that fits."
        chosen = next((one for one in reading.asked if one.fits), None)
        if chosen is not None and not chosen.has_numbers:
            why += " It has no numbers and no catch-all steps in: the page keeps its own number."
    if reading.keeps:
        why += " A page of the site itself, a payment or a sign-in: a known visitor keeps the source they had."
    elif reading.returning_keeps:
        why += " A known visitor who comes back like this keeps their last source."
    return why


def _facts(reading: Reading, *, with_agent: bool) -> tuple[tuple[str, str], ...]:
    rows = [
        ("Channel", reading.channel),
        ("Source", reading.source),
        ("Medium", reading.medium),
        ("Campaign", reading.campaign),
        ("Term", reading.term),
        ("Content", reading.content),
        ("Referrer", reading.referrer_host),
    ]
    if with_agent:
        rows += [("Device", reading.device), ("Bot", "yes: gets no number" if reading.bot else "no")]
    return tuple((label, value) for label, value in rows if value)


def said(kind: str, detail: Mapping[str, Any]) -> str:
    """A finding of a landing in words."""
    got = {name: _short(value) for name, value in detail.items()}
    field, value, click = got.get("field", ""), got.get("value", ""), got.get("click_id", "")
    sentences = {
        "contradiction": f"The click id {click} and the UTM {field} “{value}” disagree: the words decide the channel, "
        "the click id the tracking source.",
        "untagged_paid_click": f"A click with {click} and no UTM tags: campaign and term are not known.",
        "internal_utm": "UTM tags on a link inside the site: they hide where the visitor came from.",
        "personal_data": f"The UTM {field} holds what looks like personal data.",
        "malformed_click_id": f"{click} holds no click id; it is not kept.",
        "misspelt_parameter": f"The parameter “{got.get('parameter', '')}” is misspelt; it is read as the UTM {field}.",
        "empty_parameter": f"The UTM {field} is empty.",
        "unfilled_variable": f"The UTM {field} still holds a variable nobody filled in: “{value}”.",
        "duplicate_parameter": f"The UTM {field} is there twice, with different values: {got.get('values', '')}.",
        "unassigned": "This source and medium belong to no channel that is known.",
    }
    details = ", ".join(f"{name} {value}" for name, value in got.items())
    return sentences.get(kind) or f"{kind.replace('_', ' ').capitalize()}{f': {details}' if details else ''}."


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
