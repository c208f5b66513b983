"""The table of landings: each row says how one address and referrer are read, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribution.rules.channel import CHANNELS
from attribution.rules.landing import read_landing
from attribution.rules.presets import PRESETS

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "landings.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_landing_is_read(case: dict[str, Any]) -> None:
    landing = read_landing(case["url"], case["referrer"], own_hosts=["acme.example"])
    read = (landing.source, landing.medium, landing.channel, landing.preset)
    assert read == (case["source"], case["medium"], case["channel"], case["preset"])
    for name in ("keeps", "referrer_host", "campaign_key"):
        if name in case:
            assert getattr(landing, name) == case[name]
    for name in ("utm", "click_ids"):
        if name in case:
            assert dict(getattr(landing, name)) == case[name]
    if "findings" in case:
        assert [found.kind for found in landing.findings] == case["findings"]


def test_the_table_covers_every_preset_and_every_channel_of_a_landing() -> None:
    assert {case["preset"] for case in CASES} == set(PRESETS)
    assert {case["channel"] for case in CASES} == set(CHANNELS) - {"Offline"}
    assert len({case["why"] for case in CASES}) == len(CASES)
