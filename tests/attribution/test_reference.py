"""The reference data: complete, consistent, and used as written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import attribution.rules.reference as reference
from attribution.rules.channel import channel_of
from attribution.rules.presets import PRESETS
from attribution.rules.query import parameter_field

DATA = Path(reference.__file__).parent / "data"
SERVICES: list[dict[str, Any]] = json.loads((DATA / "services.json").read_text(encoding="utf-8"))["services"]
KINDS = {"search", "social", "video", "shopping", "ai", "email", "sms", "display", "payment", "referral", "browser"}


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
