"""The rule tester: which source gets a landing, who was asked, and who stepped in."""

from collections.abc import Iterator

import pytest

from app.rule_tester import Reading, classify
from attribution.arrive import load_sources
from attribution.rules.landing import read_landing
from attribution.rules.reference import RULES_VERSION
from attribution.rules.settle import settle
from store.sessions import Database
from tests.support.rows import Business

AD = "https://example.com/?gclid=Cj0abc"


@pytest.fixture
def acme(database: Database) -> Iterator[Business]:
    with database.write() as work:
        business = Business.open(work)
        business.source("google_ads", [], position=10)
        business.source("email", ["+12125568001"], position=60)
        business.source("direct", ["+12125568002"], position=180)
        rule = {"any": [{"field": "landing_path", "op": "starts_with", "value": "/emergency"}]}
        business.source("emergency", ["+12125568003"], position=5, preset=None, rule=rule)
        business.source("billboard", ["+12125568004"], position=1, preset=None, kind="offline")
        yield business


def tried(business: Business, url: str, referrer: str | None = None, *, alone: bool = False) -> Reading:
    site = None if alone else business.site
    return classify(business.session, site, url=url, referrer=referrer, user_agent=None)


def test_it_says_who_was_asked_until_one_fits(acme: Business) -> None:
    read = tried(acme, "https://example.com/?utm_source=crm&utm_medium=email")
    assert [(a.slug, a.preset, a.fits, a.has_numbers) for a in read.asked] == [
        ("emergency", None, False, True),
        ("google_ads", "google_ads", False, False),
        ("email", "email", True, True),
    ]
    assert (read.fitted, read.tracking_source, read.stepped_in, read.stepped_in_because) == (
        "email",
        "email",
        None,
        None,
    )


def test_one_without_numbers_keeps_the_visit_unless_a_catch_all_steps_in(acme: Business) -> None:
    read = tried(acme, AD)
    assert (read.fitted, read.tracking_source, read.stepped_in) == ("google_ads", "google_ads", None)
    acme.source("spare", ["+12125568009"], position=200, preset="referral", catch_all=True)
    read = tried(acme, AD)
    assert (read.fitted, read.tracking_source) == ("google_ads", "spare")
    assert (read.stepped_in, read.stepped_in_because) == ("spare", "no_numbers")


def test_where_nothing_fits_the_catch_all_steps_in_or_nobody(acme: Business) -> None:
    social = "https://www.reddit.com/"
    read = tried(acme, "https://example.com/", social)
    assert (read.fitted, read.tracking_source, read.stepped_in_because) == (None, None, None)
    assert [a.slug for a in read.asked] == ["emergency", "google_ads", "email", "direct"]
    acme.source("spare", ["+12125568009"], position=200, preset="referral", catch_all=True)
    read = tried(acme, "https://example.com/", social)
    assert (read.fitted, read.tracking_source, read.stepped_in_because) == (None, "spare", "nothing_fits")


def test_without_a_site_the_preset_stands_for_the_source(acme: Business) -> None:
    read = tried(acme, AD, alone=True)
    assert (read.tracking_source, read.preset, read.fitted, read.asked) == ("google_ads", "google_ads", None, ())
    assert read.rules_version == RULES_VERSION


@pytest.mark.parametrize(
    ("referrer", "keeps", "returning"),
    [
        (None, False, True),
        ("https://example.com/", True, True),
        ("https://www.paypal.com/", True, True),
        ("https://www.google.com/", False, False),
    ],
)
def test_it_says_whether_a_known_visitor_keeps_their_source(
    acme: Business, referrer: str | None, keeps: bool, returning: bool
) -> None:
    read = tried(acme, "https://example.com/", referrer)
    assert (read.keeps, read.returning_keeps) == (keeps, returning)


@pytest.mark.parametrize("url", [AD, "https://example.com/emergency?gclid=x", "https://example.com/", "", "\0%%"])
def test_it_agrees_with_what_settles_live_traffic(acme: Business, url: str) -> None:
    sources = load_sources(acme.session, acme.site.site_id)
    landing = read_landing(url, None, own_hosts=acme.site.domains)
    settled = settle(landing, sources.rules, sources.with_numbers)
    assert tried(acme, url).tracking_source == (settled.slug if settled else None)
