"""Landings as they really look, judged as a careful marketer would; written down before the rules were looked at."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attribution.rules.landing import Landing, read_landing

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "hard_landings.json").read_text(encoding="utf-8")
)
SHARE = 0.95
"""At least this share of the cases must be read as expected, whatever is added to the table."""


def land(case: dict[str, Any]) -> Landing:
    return read_landing(case["url"], case["referrer"], own_hosts=case["domains"])


def wrong_fields(case: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field to (expected, read) where the two differ."""
    landing = land(case)
    kinds = [found.kind for found in landing.findings]
    wrong: dict[str, tuple[Any, Any]] = {}
    for name, expected in case["expect"].items():
        if name == "findings":
            right, read = set(expected) <= set(kinds), kinds
        elif name == "no_findings":
            right, read = not set(expected) & set(kinds), kinds
        else:
            read = getattr(landing, name)
            right = read == expected
        if not right:
            wrong[name] = (expected, read)
    return wrong


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_hard_landing_is_read_as_a_marketer_would(case: dict[str, Any]) -> None:
    assert wrong_fields(case) == {}, case["why"]


def test_nearly_all_hard_landings_are_right() -> None:
    wrong = [case["name"] for case in CASES if wrong_fields(case)]
    share = 1 - len(wrong) / len(CASES)
    assert share >= SHARE, f"{len(CASES) - len(wrong)} of {len(CASES)} ({share:.3f}) are right; wrong: {wrong}"


def test_the_table_is_large_and_says_why() -> None:
    assert len(CASES) >= 140
    assert all(case["why"] and case["expect"] for case in CASES)
    assert max(Counter(case["name"] for case in CASES).values()) == 1
    asked = Counter(field for case in CASES for field in case["expect"])
    assert min(asked[field] for field in ("source", "medium", "channel", "preset", "keeps")) >= 50
