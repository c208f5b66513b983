"""How the script fares on a site: the rules that turn reports and signs of life into causes and advice. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.snippet.findings import (
    TITLES,
    Diagnosis,
    Finding,
    HostSeen,
    PageSeen,
    PageState,
    Severity,
    SiteFacts,
    StrayTag,
    Words,
    listed,
)
from app.snippet.page_faults import page_faults
from attribution.rules.landing import is_own_host

RECENT = timedelta(days=30)
"""What was seen longer ago says nothing of today's pages."""
GRACE = timedelta(seconds=10)
"""How long a page that has loaded the script has to ask for its numbers."""
STOPPED = timedelta(days=1)
"""A host that loads the script and has not asked for so long has stopped to."""
_COPIES = ("translate.goog", "googleusercontent.com", "web.archive.org", "localhost", "127.0.0.1", "::1")
"""Hosts that show copies of pages, those of developers among them: they are refused, and nobody need mind."""
_ORDER = {"trouble": 0, "notice": 1, "fine": 2}
_KINDS = {kind: place for place, kind in enumerate(TITLES)}


def diagnose(
    site: SiteFacts,
    pages: Sequence[PageSeen],
    hosts: Sequence[HostSeen],
    *,
    strays: Sequence[StrayTag] = (),
    words: Words,
    at: datetime,
) -> Diagnosis:
    """What is wrong with a site's script at `at`, and how each page stands.

    `strays`: where tags of the account's other sites were refused. `words`: forms of numbers, and the tracking numbers
    among those that pages hold unasked.
    """
    pages = [p for p in pages if p.last_seen_at > at - RECENT]
    hosts = [h for h in hosts if h.last_seen_at > at - RECENT]
    with_numbers = sum(any(n.found for n in p.report.numbers) for p in pages)
    faults = {p.page: page_faults(site, p, words, found_elsewhere=with_numbers > 0) for p in pages}
    site_wide = [*_loading(site, pages, hosts, strays, at), *_setting_up(site, pages, hosts)]
    findings = [*site_wide, *(finding for found in faults.values() for finding in found)]
    if not any(f.severity != "fine" for f in findings):
        what = "Every page seen shows each visitor the number of the source that brought them."
        if not pages:
            what = "Pages load the script and get their answers; none has told yet what it found."
        findings.append(Finding(kind="healthy", severity="fine", what=what, todo="Nothing to do."))
    states = [_state(p, faults[p.page]) for p in pages]
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], _KINDS[f.kind], f.todo, f.page or ""))),
        pages=tuple(sorted(states, key=lambda s: (_ORDER[s.severity], -s.seen.last_seen_at.timestamp(), s.seen.page))),
    )


def _state(seen: PageSeen, faults: list[Finding]) -> PageState:
    numbers = seen.report.numbers
    worst: Severity = min((f.severity for f in faults), key=lambda s: _ORDER[s], default="fine")
    word = {"trouble": "needs attention", "notice": "worth a look", "fine": "works"}[worst]
    if worst == "notice" and {f.kind for f in faults} == {"not_found"}:
        worst, word = "fine", "no number on it"
    return PageState(
        seen=seen,
        found=sum(n.found for n in numbers),
        swapped=sum(n.swapped for n in numbers),
        left=sum(n.left for n in numbers),
        severity=worst,
        word=word,
    )


def _loading(
    site: SiteFacts, pages: Sequence[PageSeen], hosts: Sequence[HostSeen], strays: Sequence[StrayTag], at: datetime
) -> list[Finding]:
    """Whether the script reaches the pages, and its questions the server."""
    found = [_stray(site, stray) for stray in strays if is_own_host(stray.host, site.domains)]
    found += [_refused(site, h.host) for h in hosts if h.sign == "refused" and not _may_be(site, h.host)]
    own = [h for h in hosts if is_own_host(h.host, site.domains)]
    asked = {h.host: h.last_seen_at for h in own if h.sign == "answered"}
    loaded = {h.host: h.last_seen_at for h in own if h.sign == "loaded"}
    for host, when in sorted(loaded.items()):
        if any(stray.host == host for stray in strays):
            continue  # of two tags the other site's came first, and ours stood back
        if host not in asked and when <= at - GRACE:
            found.append(_silent(site, host))
        elif host in asked and asked[host] < when - STOPPED:
            found.append(_silent(site, host, stopped=True))
    if _is_insecure(site.base_url):
        found.append(
            Finding(
                kind="insecure",
                severity="notice" if asked or pages else "trouble",
                what=f"The script comes from {site.base_url}, and browsers load nothing from http into https pages.",
                todo="Put a proxy that speaks https in front of Ringtrace and set RINGTRACE_PUBLIC_BASE_URL to it.",
            )
        )
    if not (pages or loaded or asked or found):
        found.append(
            Finding(
                kind="never_loaded",
                severity="trouble",
                what=f"No page of {listed(list(site.domains))} has loaded the script yet.",
                todo="Put the line above into every page (a template or a tag manager does it at once), then open one.",
            )
        )
    return found


def _may_be(site: SiteFacts, host: str) -> bool:
    return is_own_host(host, site.domains) or is_own_host(host, _COPIES)


def _is_insecure(base_url: str) -> bool:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    return parts.scheme == "http" and not (host in {"localhost", "::1"} or host.startswith("127."))


def _stray(site: SiteFacts, stray: StrayTag) -> Finding:
    return Finding(
        kind="other_site_tag",
        severity="trouble",
        what=f"Pages on {stray.host} carry the tag of the site “{stray.site}”.",
        todo=f"Put this site's tag there instead; its key is {site.key}.",
    )


def _refused(site: SiteFacts, host: str) -> Finding:
    return Finding(
        kind="wrong_domain",
        severity="trouble",
        what=f"The tag also runs on {host}, which is not one of this site's domains ({listed(list(site.domains))}): "
        "nobody is served there.",
        todo=f"Add {host} to the site's domains if it belongs to it; else take the tag off those pages.",
    )


def _silent(site: SiteFacts, host: str, *, stopped: bool = False) -> Finding:
    if site.consent_default == "none" and not stopped:
        return Finding(
            kind="consent_none",
            severity="notice",
            what=f"Pages on {host} load the script, and no visitor's consent has arrived: the site begins with none, "
            "so nothing is asked before.",
            todo="Let the consent banner call ringtrace.consent(“full”), or “source”, when a visitor agrees.",
        )
    return Finding(
        kind="loaded_but_silent",
        severity="notice" if stopped else "trouble",
        what=f"Pages on {host} load the script, but no page has asked for numbers{' lately' if stopped else ''}: they "
        "keep their own.",
        todo=f"Allow {_origin(site.base_url)} under connect-src in the pages' Content-Security-Policy. Else look for a "
        "consent banner that never calls ringtrace.consent(), or for a browser that blocks it (an ad blocker, Global "
        "Privacy Control).",
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _setting_up(site: SiteFacts, pages: Sequence[PageSeen], hosts: Sequence[HostSeen]) -> list[Finding]:
    """What is missing in Ringtrace itself."""
    found = []
    if not site.numbers:
        seen = listed(list(dict.fromkeys(s.number for p in pages for s in p.report.strangers)))
        on_pages = f" Its pages show {seen}." if seen else ""
        found.append(
            Finding(
                kind="no_numbers_listed",
                severity="trouble",
                what=f"The site has no number of its own, so there is nothing to swap.{on_pages}",
                todo="Add the numbers that stand on the pages to the site (PATCH /api/v1/sites, numbers).",
            )
        )
    elif not site.stocked and (pages or hosts):
        sources = f" {listed(list(site.empty))} {'waits' if len(site.empty) == 1 else 'wait'}." if site.empty else ""
        found.append(
            Finding(
                kind="no_numbers",
                severity="trouble",
                what=f"No tracking source of this site has an active number: every visitor sees the own one.{sources}",
                todo="Give each source its numbers (POST /api/v1/numbers).",
            )
        )
    return found
