"""Each cause is named by its own facts and by no others; what is well is left alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.snippet.check_report import CheckReport
from app.snippet.diagnosis import RECENT, diagnose
from app.snippet.findings import TITLES, Diagnosis, HostSeen, PageSeen, SiteFacts, StrayTag, Words, listed
from app.snippet.page_faults import BEHIND_MS, FIGHT, LATE_MS

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
OWN, OTHER_OWN, OURS, STRANGE = "+12125550100", "+12125550101", "+12125560001", "+13105550123"
KEY = "thissite"
SITE = SiteFacts(
    key=KEY,
    base_url="https://calls.example.com",
    domains=("example.com",),
    numbers=(OWN,),
    country="US",
    consent_default="full",
    served=frozenset({OWN}),
    stocked=("Google Ads",),
    empty=("Email",),
)
TAG = {"key": KEY}


def number(**more: Any) -> dict[str, Any]:
    return {"number": OWN, "shown": OURS, "swapped": 2, "left": 0, **more}


def left(why: str = "text", **more: Any) -> dict[str, Any]:
    return number(left=1, places=[{"at": "footer > p", "text": "(212) 555-0100", "why": why}], **more)


def page(path: str = "/", ago: timedelta = timedelta(minutes=5), **report: Any) -> PageSeen:
    content = {"url": f"https://www.example.com{path}", "numbers": [number()], "tags": [TAG], **report}
    return PageSeen(page=f"www.example.com{path}", last_seen_at=NOW - ago, report=CheckReport.model_validate(content))


def host(sign: str, name: str = "www.example.com", ago: timedelta = timedelta(minutes=5)) -> HostSeen:
    return HostSeen(sign=sign, host=name, last_seen_at=NOW - ago)


SEEN = (host("loaded"), host("answered"))
HALF = {"at": "a", "text": OWN, "link": "+12125550188"}
STRANGER = {"at": "main > a", "number": STRANGE, "link": True}
ISSUED = {OURS: "Google Ads"}


def found(
    *pages: PageSeen,
    site: SiteFacts = SITE,
    hosts: tuple[HostSeen, ...] = SEEN,
    strays: tuple[StrayTag, ...] = (),
) -> Diagnosis:
    return diagnose(site, pages, hosts, strays=strays, words=Words(country="US", issued=ISSUED), at=NOW)


def kinds(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(f.kind, f.severity) for f in diagnosis.findings]


PAGES: dict[str, tuple[dict[str, Any], list[tuple[str, str]], str]] = {
    "well": ({}, [("healthy", "fine")], "every"),
    "hydrated": ({"reverted": FIGHT - 1}, [("healthy", "fine")], ""),
    "other tag": ({"tags": [TAG, {"key": "theirs"}]}, [("other_site_tag", "trouble")], "theirs"),
    "twice": ({"tags": [{**TAG, "count": 3}]}, [("duplicate_tag", "notice")], "3 times"),
    "sync in head": ({"tags": [{**TAG, "how": "sync"}]}, [("too_early", "notice")], "without async"),
    "sync in body": ({"tags": [{**TAG, "how": "sync", "where": "body"}]}, [("healthy", "fine")], ""),
    "delayed": ({"started_ms": 6200, "ready_ms": 900}, [("late", "trouble")], "6.2 s"),
    "slow network": ({"started_ms": 6200, "ready_ms": 5900}, [("healthy", "fine")], ""),
    "not swapped": ({"numbers": [left()]}, [("not_swapped", "trouble")], "(212) 556-0001"),
    "reverted": ({"numbers": [left()], "reverted": 20}, [("reverted", "trouble")], "last word"),
    "fighting": ({"reverted": FIGHT}, [("reverted", "trouble")], "again and again"),
    "reverted halfway": (
        {"numbers": [left()], "reverted": 20, "halves": [{**HALF, "link": OURS}]},
        [("reverted", "trouble")],
        "",
    ),
    "half": (
        {"halves": [HALF], "strangers": [{**STRANGER, "number": HALF["link"]}]},
        [("half_swapped", "trouble")],
        "(212) 555-0188",
    ),
    "half left": ({"halves": [{**HALF, "link": OURS}], "numbers": [left()]}, [("half_swapped", "trouble")], ""),
    "off": ({"numbers": [left("off")]}, [("switched_off", "notice")], "footer > p"),
    "off in a link": (
        {"numbers": [left("off")], "halves": [{"at": "a", "text": "(212) 555-0100", "link": OURS}]},
        [("switched_off", "notice")],
        "",
    ),
    "field": ({"numbers": [left("field")]}, [("in_form_field", "notice")], "form field"),
    "edited": ({"numbers": [left("edited")]}, [("in_form_field", "notice")], ""),
    "picture": (
        {"pictures": [{"at": "img", "text": "(212) 555-0100", "why": "text"}]},
        [("in_image", "notice")],
        "img",
    ),
    "nothing assigned": (
        {"numbers": [number(shown=None, swapped=0, left=2)]},
        [("no_rule", "notice")],
        "the source that brought them",
    ),
    "staff": (
        {"numbers": [number(shown=None, swapped=0, left=2)], "staff": True},
        [("staff_network", "notice")],
        "excluded",
    ),
    "not there": ({"numbers": [number(swapped=0)]}, [("not_found", "trouble")], "(212) 555-0100 is not"),
    "stranger instead": (
        {"numbers": [number(swapped=0)], "strangers": [STRANGER]},
        [("stranger", "trouble")],
        "dials (310) 555-0123",
    ),
    "stranger beside": ({"strangers": [{**STRANGER, "link": False}]}, [("stranger", "notice")], "shows"),
    "frozen": (
        {"numbers": [number(shown="+12125560009", swapped=0)], "strangers": [{**STRANGER, "number": "(212) 556-0001"}]},
        [("frozen_number", "trouble")],
        "Google Ads",
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_reports_is_named_by_its_one_cause(name: str) -> None:
    report, expected, word = PAGES[name]
    diagnosis = found(page(**report))
    assert kinds(diagnosis) == expected
    finding = diagnosis.findings[0]
    assert word.lower() in finding.what.lower()
    assert finding.todo
    assert (finding.page is None) == (finding.kind == "healthy")
    assert diagnosis.troubled == (expected[0][1] == "trouble")


BARE = replace(SITE, stocked=(), served=frozenset())
SITES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nothing yet": ({"hosts": ()}, [("never_loaded", "trouble")]),
    "no sources yet": ({"site": BARE, "hosts": ()}, [("never_loaded", "trouble")]),
    "no numbers": ({"site": BARE}, [("no_numbers", "trouble")]),
    "nothing listed": ({"site": replace(BARE, numbers=())}, [("no_numbers_listed", "trouble")]),
    "silent": ({"hosts": (host("loaded"),)}, [("loaded_but_silent", "trouble")]),
    "just loaded": ({"hosts": (host("loaded", ago=timedelta(seconds=3)),)}, [("healthy", "fine")]),
    "fell silent": (
        {"hosts": (host("loaded"), host("answered", ago=timedelta(days=2)))},
        [("loaded_but_silent", "notice")],
    ),
    "silent on one host": (
        {"hosts": (*SEEN, host("loaded", "m.example.com"))},
        [("loaded_but_silent", "trouble")],
    ),
    "nobody agreed": (
        {"site": replace(SITE, consent_default="none"), "hosts": (host("loaded"),)},
        [("consent_none", "notice")],
    ),
    "elsewhere": ({"hosts": (*SEEN, host("refused", "shop.example.org"))}, [("wrong_domain", "trouble")]),
    "only elsewhere": ({"hosts": (host("refused", "shop.example.org"),)}, [("wrong_domain", "trouble")]),
    "a domain added since": ({"hosts": (*SEEN, host("refused", "shop.example.com"))}, [("healthy", "fine")]),
    "a developer": ({"hosts": (*SEEN, host("refused", "localhost"))}, [("healthy", "fine")]),
    "a translated copy": ({"hosts": (*SEEN, host("refused", "example-com.translate.goog"))}, [("healthy", "fine")]),
    "long ago": ({"hosts": (*SEEN, host("refused", "old.example.org", RECENT))}, [("healthy", "fine")]),
    "another site's tag": (
        {"hosts": (), "strays": (StrayTag(site="Shop", host="www.example.com"),)},
        [("other_site_tag", "trouble")],
    ),
    "another site's tag before ours": (
        {"hosts": (host("loaded"),), "strays": (StrayTag(site="Shop", host="www.example.com"),)},
        [("other_site_tag", "trouble")],
    ),
    "another site's tag elsewhere": ({"strays": (StrayTag(site="Shop", host="x.example"),)}, [("healthy", "fine")]),
    "insecure": (
        {"site": replace(SITE, base_url="http://calls.example.com"), "hosts": ()},
        [("insecure", "trouble")],
    ),
    "insecure and used": ({"site": replace(SITE, base_url="http://calls.example.com")}, [("insecure", "notice")]),
    "on this machine": ({"site": replace(SITE, base_url="http://127.0.0.1:8000")}, [("healthy", "fine")]),
}


@pytest.mark.parametrize("name", SITES)
def test_what_is_known_of_a_site_is_named_by_its_one_cause(name: str) -> None:
    given_, expected = SITES[name]
    diagnosis = found(**given_)
    assert kinds(diagnosis) == expected
    assert all(f.page is None and f.todo for f in diagnosis.findings)


def test_a_number_no_source_replaces_is_trouble() -> None:
    site = replace(SITE, numbers=(OWN, OTHER_OWN), served=frozenset({OWN}))
    lost = {"number": OTHER_OWN, "shown": None, "swapped": 0, "left": 1}
    diagnosis = found(page(numbers=[number(), lost]), site=site)
    assert kinds(diagnosis) == [("no_rule", "trouble")]
    assert "(212) 555-0101" in diagnosis.findings[0].what


def test_a_page_without_a_number_is_no_trouble_where_others_have_one() -> None:
    diagnosis = found(page(), page("/blog", numbers=[number(swapped=0)]))
    assert kinds(diagnosis) == [("not_found", "notice")]
    assert [p.word for p in diagnosis.pages] == ["no number on it", "works"] or diagnosis.troubled == 0


def test_without_any_number_of_any_source_pages_are_not_blamed() -> None:
    diagnosis = found(page(numbers=[number(shown=None, swapped=0, left=3)]), site=BARE)
    assert kinds(diagnosis) == [("no_numbers", "trouble")]
    assert diagnosis.troubled == 0
    assert "Email waits" in diagnosis.findings[0].what


def test_what_pages_show_is_offered_where_nothing_is_listed() -> None:
    diagnosis = found(page(numbers=[], strangers=[STRANGER]), site=replace(SITE, numbers=(), served=frozenset()))
    assert kinds(diagnosis) == [("no_numbers_listed", "trouble")]
    assert STRANGE in diagnosis.findings[0].what or "(310) 555-0123" in diagnosis.findings[0].what


def test_the_worst_comes_first_and_old_reports_not_at_all() -> None:
    diagnosis = found(
        page("/fine"),
        page("/twice", tags=[{**TAG, "count": 2}]),
        page("/bad", ago=timedelta(hours=1), numbers=[left()]),
        page("/gone", ago=RECENT, numbers=[left()]),
    )
    assert [f.kind for f in diagnosis.findings] == ["not_swapped", "duplicate_tag"]
    assert [p.seen.page.removeprefix("www.example.com") for p in diagnosis.pages] == ["/bad", "/twice", "/fine"]
    assert [(p.found, p.swapped, p.left) for p in diagnosis.pages] == [(3, 2, 1), (2, 2, 0), (2, 2, 0)]


def test_what_the_owner_put_right_since_is_no_longer_told() -> None:
    stranger = page(numbers=[], strangers=[STRANGER])
    assert kinds(found(stranger)) == [("stranger", "trouble")]
    listed_now = replace(SITE, numbers=(OWN, STRANGE), served=frozenset({OWN, STRANGE}))
    assert kinds(found(stranger, site=listed_now)) == [("healthy", "fine")]
    lost = {"number": OTHER_OWN, "shown": None, "swapped": 0, "left": 1}
    assert kinds(found(page(numbers=[number(), lost]))) == [("healthy", "fine")], "it is listed no more"


def test_pages_nobody_has_looked_at_are_not_said_to_be_well() -> None:
    assert "none has told yet" in found().findings[0].what
    assert "Every page seen" in found(page()).findings[0].what


def test_every_kind_has_a_title() -> None:
    every = {f.kind for report, _, _ in PAGES.values() for f in found(page(**report)).findings}
    every |= {f.kind for given_, _ in SITES.values() for f in found(**given_).findings}
    assert every == set(TITLES)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_a_list_reads_like_one(given_: list[str], said: str) -> None:
    assert listed(given_) == said


healthy = st.fixed_dictionaries(
    {
        "url": st.just("https://example.com/"),
        "consent": st.sampled_from(["full", "source"]),
        "numbers": st.lists(
            st.fixed_dictionaries({"number": st.just(OWN), "shown": st.just(OURS), "swapped": st.integers(1, 500)}),
            min_size=1,
            max_size=1,
        ),
        "tags": st.lists(
            st.fixed_dictionaries(
                {
                    "key": st.just(KEY),
                    "how": st.sampled_from(["async", "defer"]),
                    "where": st.sampled_from(["head", "body"]),
                }
            ),
            max_size=1,
        ),
        "reverted": st.integers(0, FIGHT - 1),
        "started_ms": st.one_of(st.none(), st.floats(0, LATE_MS)),
        "ready_ms": st.one_of(st.none(), st.floats(0, BEHIND_MS)),
        "frames": st.integers(0, 9),
    }
)


@settings(deadline=None)
@given(st.lists(healthy, min_size=1, max_size=4))
def test_healthy_reports_never_make_a_finding(reports: list[dict[str, Any]]) -> None:
    pages = [page(f"/{i}", **report) for i, report in enumerate(reports)]
    assert kinds(found(*pages)) == [("healthy", "fine")]


anything = st.fixed_dictionaries(
    {},
    optional={
        "numbers": st.lists(
            st.sampled_from([number(), left(), left("off"), left("field"), number(shown=None)]), max_size=2
        ),
        "halves": st.lists(st.just(HALF), max_size=2),
        "strangers": st.lists(st.just(STRANGER), max_size=2),
        "tags": st.lists(st.sampled_from([TAG, {"key": "x"}, {**TAG, "how": "sync"}]), max_size=3),
        "reverted": st.integers(0, 40),
        "staff": st.booleans(),
        "started_ms": st.floats(0, 60_000),
    },
)


@settings(deadline=None)
@given(st.lists(anything, max_size=4), st.sampled_from([SITE, BARE, replace(SITE, numbers=())]))
def test_any_reports_can_be_read_and_every_troubled_page_says_why(
    reports: list[dict[str, Any]], site: SiteFacts
) -> None:
    diagnosis = found(*(page(f"/{i}", **report) for i, report in enumerate(reports)), site=site)
    assert diagnosis.findings
    blamed = {f.page for f in diagnosis.findings if f.severity == "trouble"}
    assert {p.seen.page for p in diagnosis.pages if p.severity == "trouble"} == blamed - {None}
