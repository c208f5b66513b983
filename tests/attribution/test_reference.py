"""The reference data: complete, consistent, and used as written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import attribution.rules.reference as reference
from attribution.rules.channel import channel_of
from attribution.rules.landing import read_landing
from attribution.rules.presets import PRESETS
from attribution.rules.query import parameter_field

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(reference.__file__).parent / "data"
SERVICES: list[dict[str, Any]] = json.loads((DATA / "services.json").read_text(encoding="utf-8"))["services"]
KINDS = {
    "search",
    "social",
    "video",
    "shopping",
    "ai",
    "email",
    "sms",
    "display",
    "payment",
    "sign_in",
    "referral",
    "browser",
}


@pytest.mark.parametrize("key", ["hosts", "names", "apps"])
def test_nothing_is_listed_twice(key: str) -> None:
    listed = [entry.lower() for service in SERVICES for entry in service.get(key, ())]
    assert sorted(set(listed)) == sorted(listed)


def test_services_use_known_words() -> None:
    for service in SERVICES:
        assert service["kind"] in KINDS
        assert {service.get("preset"), service.get("ads")} <= {None, *PRESETS}
        assert all(host == host.lower() and not host.startswith("www.") for host in service.get("hosts", ()))
        assert all(name == " ".join(name.casefold().split()) for name in service.get("names", ()))


def test_click_ids_name_known_presets_and_google_comes_first() -> None:
    ranked = sorted(reference.CLICK_IDS.values(), key=lambda kind: kind.rank)
    assert [kind.name for kind in ranked[:4]] == ["gclid", "gbraid", "wbraid", "msclkid"]
    assert {kind.preset for kind in ranked} <= {None, *PRESETS}
    assert all(kind.preset for kind in ranked if kind.paid)


def test_every_listed_host_leads_to_its_service() -> None:
    for service in SERVICES:
        for host in service.get("hosts", ()):
            found = reference.service_of_host(host.replace(".*", ".fr"))
            assert found is not None
            assert (found.name, found.kind) == (service["name"], service["kind"])


@pytest.mark.parametrize("suffix", ["com", "de", "co.uk", "com.br", "co.jp", "com.au", "ch"])
def test_country_hosts(suffix: str) -> None:
    found = reference.service_of_host(f"www.google.{suffix}")
    assert found is not None
    assert found.name == "google"


@pytest.mark.parametrize("host", ["google.xyz", "google.github.io", "google.me.uk", "google", "com", "", "x" * 300])
def test_hosts_that_are_nobody(host: str) -> None:
    assert reference.service_of_host(host) is None


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("utm_source", ("source", True)),
        ("UTM_SOURCE", ("source", False)),
        ("utm.source", ("source", False)),
        ("utm__source", ("source", False)),
        ("utm source", ("source", False)),
        ("utm_sorce", ("source", False)),
        ("umt_medium", ("medium", False)),
        ("utm_campain", ("campaign", False)),
        ("utm_campaing", ("campaign", False)),
        ("utm_kampagne", ("campaign", False)),
        ("utm_contnet", ("content", False)),
        ("utm_tem", ("term", False)),
        ("utm_keyword", ("term", False)),
        ("utm_id", None),
        ("utm_source_platform", None),
        ("utm_team", None),
        ("utm_name", None),
        ("source", None),
        ("autumn_source", None),
        ("utm", None),
        ("", None),
    ],
)
def test_parameter_names(name: str, field: tuple[str, bool] | None) -> None:
    assert parameter_field(name) == field


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        (None, None, None, "Direct"),
        ("(direct)", "(not set)", None, "Direct"),
        ("facebook", "email", None, "Organic Social"),
        ("google", "email", None, "Organic Search"),
        ("crm", "email", "shop-news", "Organic Shopping"),
        ("crm", "email", "cross-network", "Cross-network"),
        ("facebook", "display", None, "Display"),
        ("youtube", "paid", None, "Paid Video"),
        ("amazon", "paidsearch", None, "Paid Shopping"),
        ("radio", "podcast-cpm", None, "Paid Other"),
        ("firebase", "x", None, "Mobile Push Notifications"),
        ("x9", "short_video", None, "Organic Video"),
        ("x9", "social media", None, "Organic Social"),
        ("chatgpt.com", "referral", None, "AI Assistants"),
        ("chatgpt.com", "cpc", None, "Paid Other"),
        ("x9", "link", None, "Referral"),
        ("x9", "affiliates", None, "Affiliates"),
        ("x9", "y9", None, "Unassigned"),
    ],
)
def test_channels_follow_the_documented_order(
    source: str | None, medium: str | None, campaign: str | None, channel: str
) -> None:
    assert channel_of(source, medium, campaign) == channel


def test_suffixes_are_told_apart_without_a_network() -> None:
    program = (
        "import socket, sys\n"
        "def refused(*_, **__): sys.exit('the network was asked')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "from attribution.rules.reference import service_of_host\n"
        "print(service_of_host('www.google.co.uk').name, service_of_host('google.github.io'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.stdout, done.stderr) == ("google None\n", "")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("www-example-com.cdn.ampproject.org", "www.example.com"),
        ("my--shop-co-uk.translate.goog", "my-shop.co.uk"),
        ("cdn.ampproject.org", None),
        (".cdn.ampproject.org", None),
        ("a.b.cdn.ampproject.org", None),
        ("notcdn.ampproject.org", None),
        ("www.example.com", None),
    ],
)
def test_hosts_that_show_a_copy_of_another(host: str, shown: str | None) -> None:
    assert reference.behind_copy(host) == shown


def test_marks_are_no_click_ids() -> None:
    assert not set(reference.MARKS) & set(reference.CLICK_IDS)
    assert {mark.preset for mark in reference.MARKS.values()} <= {None, *PRESETS}


@pytest.mark.parametrize(
    ("query", "referrer", "preset", "medium"),
    [
        ("gad_source=1", None, "google_ads", "cpc"),
        ("gad_source=1", "https://www.google.com/", "google_ads", "cpc"),
        ("gad_source=5&gad_campaignid=7", "https://news.example/", "google_ads", "cpc"),
        ("gad_source=1", "https://www.facebook.com/", "facebook", "social"),
        ("gad_source=1", "https://acme.example/", "direct", None),
        ("gad_source=1&msclkid=x", None, "bing_ads", "cpc"),
        ("gad_source=1&utm_source=crm&utm_medium=email", None, "email", "email"),
        ("gad_source=1&utm_campaign=may", None, "google_ads", "cpc"),
        ("gad_source=", None, "direct", None),
        ("srsltid=AfmB", None, "google_organic", "organic"),
        ("srsltid=AfmB", "https://www.google.com/", "google_organic", "organic"),
        ("srsltid=AfmB", "https://www.facebook.com/", "facebook", "social"),
        ("srsltid=AfmB", "https://blog.example/", "referral", "referral"),
        ("srsltid=AfmB&gclid=x", None, "google_ads", "cpc"),
    ],
)
def test_a_mark_speaks_where_no_click_id_does(query: str, referrer: str | None, preset: str, medium: str) -> None:
    landing = read_landing(f"https://acme.example/?{query}", referrer, own_hosts=["acme.example"])
    assert (landing.preset, landing.medium) == (preset, medium)
    assert not set(landing.click_ids) & {"gad_source", "gad_campaignid", "srsltid"}


@pytest.mark.parametrize(
    "value",
    ["{keyword}", "{{ad.name}}", "{_campaign}", "${CAMPAIGN}", "__CAMPAIGN_NAME__", "%25%25ID%25%25", "*|CAMPAIGN|*",
     "[campaign_name]", " {network} "],
)  # fmt: skip
def test_a_variable_left_unfilled_says_nothing_and_is_reported(value: str) -> None:
    landing = read_landing(f"https://acme.example/?utm_medium=cpc&utm_campaign={value}", None, own_hosts=[])
    assert landing.campaign is None
    assert landing.utm["campaign"].strip()
    assert [found.kind for found in landing.findings] == ["unfilled_variable"]


@pytest.mark.parametrize("value", ["brand {keyword}", "spring-{2026}-sale", "[sale] now", "__x__", "50%25", "a*|b|*"])
def test_a_value_with_a_variable_in_it_is_a_value(value: str) -> None:
    landing = read_landing(f"https://acme.example/?utm_medium=cpc&utm_campaign={value}", None, own_hosts=[])
    assert landing.campaign == value.replace("%25", "%")


def test_versions_are_compared_number_by_number() -> None:
    assert reference._newest(["2026.11.2", "2026.11.10", "2026.9.30"]) == "2026.11.10"


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("webmail.someisp.net", "email"),
        ("webmail.someisp.co.uk", "email"),
        ("3dsecure.somebank.com", "payment"),
        ("webmail.freenet.de.someone.com", None),
        ("3dsecure.io.someone.com", None),
        ("notwebmail.someisp.net", None),
        ("webmail.com", None),
    ],
)
def test_hosts_that_say_what_they_are(host: str, kind: str | None) -> None:
    found = reference.service_of_host(host)
    assert (found.kind if found else None) == kind
