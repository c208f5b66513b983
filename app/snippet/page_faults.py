"""What is wrong on one page, by what the page reported: each fault under its own cause, none under a second one."""

import re
from collections.abc import Iterator
from dataclasses import replace

from app.snippet.check_report import Half, NumberFound, Place
from app.snippet.findings import Finding, PageSeen, Severity, SiteFacts, Words, listed
from core.phone import e164

LATE_MS = 4000
"""From when on a script that starts is late, counted from the beginning of the navigation."""
BEHIND_MS = 2000
"""How long after the page itself: a slow network is nobody's fault here."""
FIGHT = 5
"""How often a page may write an old number back while it starts (hydration) before that is worth a word."""


def page_faults(site: SiteFacts, seen: PageSeen, words: Words, *, found_elsewhere: bool) -> list[Finding]:
    """Everything found on one page. `found_elsewhere`: some other page has one of the site's numbers."""
    now, listed_since = _up_to_date(site, seen)
    faults = [*_tags(site, now), *_numbers(site, now, words)]
    if site.numbers and not listed_since:
        faults += _absent(site, now, words, found_elsewhere=found_elsewhere)
    return faults


def _up_to_date(site: SiteFacts, seen: PageSeen) -> tuple[PageSeen, bool]:
    """The report without what the owner has put right since, and whether that was a number that is listed now."""
    report = seen.report
    strangers = tuple(s for s in report.strangers if e164(s.number, site.country) not in site.numbers)
    numbers = tuple(n for n in report.numbers if n.number in site.numbers)
    kept = report.model_copy(update={"strangers": strangers, "numbers": numbers})
    return replace(seen, report=kept), len(strangers) < len(report.strangers)


def _finding(seen: PageSeen, kind: str, severity: Severity, what: str, todo: str) -> Finding:
    return Finding(kind=kind, severity=severity, what=what, todo=todo, page=seen.page)


def _tags(site: SiteFacts, seen: PageSeen) -> Iterator[Finding]:
    report = seen.report
    others = [tag.key for tag in report.tags if tag.key != site.key]
    own = next((tag for tag in report.tags if tag.key == site.key), None)
    if others:
        yield _finding(
            seen,
            "other_site_tag",
            "trouble",
            f"Beside this site's tag there is one with the key {listed(others)}; whichever comes first decides.",
            f"Take the other tag out; this site's key is {site.key}.",
        )
    if own and own.count > 1:
        yield _finding(
            seen,
            "duplicate_tag",
            "notice",
            f"The tag is there {own.count} times. Only the first one works; nothing is counted twice.",
            "Keep one: usually both the template and a tag manager or plugin put it in.",
        )
    if own and own.how == "sync" and own.where == "head":
        yield _finding(
            seen,
            "too_early",
            "notice",
            "The tag stands in the head without async: the browser waits for it before it shows anything, and the "
            "script runs before there is a number to swap.",
            'Write <script async src="…"> as in the line above.',
        )
    started, ready = report.started_ms, report.ready_ms
    if started is not None and started > LATE_MS and started - (ready or 0) > BEHIND_MS:
        yield _finding(
            seen,
            "late",
            "trouble",
            f"The page began to load the script {started / 1000:.1f} s after it was opened; until then everybody saw "
            "the page's own number.",
            "Take the script out of what delays it: a cache or speed plugin (“delay JavaScript”), or a late trigger of "
            "the tag manager.",
        )


def _numbers(site: SiteFacts, seen: PageSeen, words: Words) -> Iterator[Finding]:
    report = seen.report
    due = [n for n in report.numbers if n.shown is not None]
    left = [(n, p) for n in due for p in n.places if p.why == "text"]
    halves = [half for half in report.halves if not _kept_off(half, report.numbers)]
    if report.staff:
        if any(n.left for n in report.numbers):
            yield _finding(
                seen,
                "staff_network",
                "notice",
                "The last look came from one of the site's excluded networks, where everybody sees the own numbers.",
                "Open the page from outside the office (a phone without Wi-Fi) to see what visitors see.",
            )
        left = []
    if report.reverted and (left or report.reverted >= FIGHT):
        yield _reverted(seen, words, left)
    elif halves:
        yield from (_half(seen, half, words) for half in halves)
    elif left:
        yield from _not_swapped(seen, left, words)
    if not report.staff:
        yield from _kept(seen, due, words)
        yield from _unassigned(site, seen, words)
    if report.pictures and any(n.shown for n in report.numbers):
        place = report.pictures[0]
        yield _finding(
            seen,
            "in_image",
            "notice",
            f"A picture ({place.at}) is described with {place.text}. If the number is painted in it, visitors still "
            "see the old one: only its description can be swapped.",
            "Write the number as text instead of painting it.",
        )


def _kept_off(half: Half, numbers: tuple[NumberFound, ...]) -> bool:
    """Whether the difference comes from a place that is kept from the script, which is a finding of its own."""
    kept = {p.text for n in numbers for p in n.places if p.why != "text"}
    return half.text in kept or half.link in kept


def _reverted(seen: PageSeen, words: Words, left: list[tuple[NumberFound, Place]]) -> Finding:
    number, place = (words.number(left[0][0].number), f" ({left[0][1].at})") if left else ("the old number", "")
    ending = "and has the last word." if left else "again and again; the script keeps putting the right one back."
    return _finding(
        seen,
        "reverted",
        "trouble",
        f"The page wrote {number} back{place} {seen.report.reverted} times {ending}",
        "A framework owns this text (React, Vue, a slider). Let it render the number from ringtrace.numbers(), "
        "and render it again at the document's event ringtrace:swapped.",
    )


def _half(seen: PageSeen, half: Half, words: Words) -> Finding:
    return _finding(
        seen,
        "half_swapped",
        "trouble",
        f"A link ({half.at}) reads {words.number(half.text)} and dials {words.number(half.link)}.",
        "Write the same number into the text and the tel: address of the link.",
    )


def _not_swapped(seen: PageSeen, left: list[tuple[NumberFound, Place]], words: Words) -> Iterator[Finding]:
    for number in dict.fromkeys(n for n, _ in left):
        places = [p.at for n, p in left if n == number]
        yield _finding(
            seen,
            "not_swapped",
            "trouble",
            f"{words.number(number.number)} should read {words.number(number.shown or '')} and does not: "
            f"{listed(places)}.",
            "Write the number there in one piece as on other pages, or call ringtrace.swap() after it was put in.",
        )


def _kept(seen: PageSeen, due: list[NumberFound], words: Words) -> Iterator[Finding]:
    for kind, whys in (("switched_off", {"off"}), ("in_form_field", {"field", "edited"})):
        places = [(n, p) for n in due for p in n.places if p.why in whys]
        if not places:
            continue
        where = listed([p.at for _, p in places])
        number = words.number(places[0][0].number)
        if kind == "switched_off":
            what = f"{number} stays as it is inside data-ringtrace=“off” ({where})."
            todo = "If calls from there should be counted, take the attribute off; else all is as you want it."
        else:
            what = f"{number} stands in a form field or editable text ({where}), which is never changed."
            todo = "Show the number as text beside the field if calls from there should be counted."
        yield _finding(seen, kind, "notice", what, todo)


def _unassigned(site: SiteFacts, seen: PageSeen, words: Words) -> Iterator[Finding]:
    if not site.stocked:
        return  # said once for the whole site
    for number in seen.report.numbers:
        if not number.found or number.shown is not None:
            continue
        spoken = words.number(number.number)
        if number.number not in site.served:
            yield _finding(
                seen,
                "no_rule",
                "trouble",
                f"{spoken} is on the page, and no tracking source with numbers of its own replaces it.",
                f"Give {spoken} a tracking source: one with this target, or one for all numbers of the site.",
            )
        else:
            without = f" ({listed(list(site.empty))})" if site.empty else ""
            yield _finding(
                seen,
                "no_rule",
                "notice",
                f"The last visitor looked at saw {spoken}: the source that brought them has no numbers.",
                f"Give sources without numbers{without} some of their own, or mark one source as catch-all.",
            )


def _absent(site: SiteFacts, seen: PageSeen, words: Words, *, found_elsewhere: bool) -> Iterator[Finding]:
    """Numbers of the page that are not the site's, and pages with none of them."""
    report = seen.report
    found = any(n.found for n in report.numbers)
    explained = {_ending(text) for half in report.halves for text in (half.text, half.link)}
    strangers = [s for s in report.strangers if _ending(s.number) not in explained]
    for stranger in strangers:
        there = f"{words.number(stranger.number)} ({stranger.at})"
        known = words.issued.get(e164(stranger.number, site.country) or "")
        if known is not None:
            yield _finding(
                seen,
                "frozen_number",
                "trouble",
                f"The page itself holds {there}, a tracking number of {known}: everybody who calls it there is counted "
                "for that source.",
                "Write the business's own number there; empty the cache that kept a swapped page.",
            )
            continue
        yield _finding(
            seen,
            "stranger",
            "notice" if found else "trouble",
            f"The page {'dials' if stranger.link else 'shows'} {there}, which is none of the site's numbers.",
            "If it is the business's, add it to the site's numbers; if not, data-ringtrace=“off” on its element ends "
            "this hint.",
        )
    if not found and not strangers and not report.halves:
        frames = " It holds frames of other domains, which cannot be looked into." if report.frames else ""
        spoken = listed([words.number(n) for n in site.numbers])
        yield _finding(
            seen,
            "not_found",
            "notice" if found_elsewhere else "trouble",
            f"{spoken} {'is' if len(site.numbers) == 1 else 'are'} not on the page.{frames}",
            "Nothing to do for a page without a phone number; else write the number as the site's list has it.",
        )


def _ending(number: str) -> str:
    return re.sub(r"\D", "", number)[-7:]
