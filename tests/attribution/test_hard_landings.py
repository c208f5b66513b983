"""Landings as they really look, judged as a careful marketer would; written down before the rules were looked at.

`hard_landings.json` is the first table; `unseen_landings.json` was written against finished rules by somebody who had
not seen them, and says in its head how they did at the first pass.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attribution.rules.landing import Landing, read_landing

FOLDER = Path(__file__).parent / "cases"
UNSEEN: dict[str, Any] = json.loads((FOLDER / "unseen_landings.json").read_text(encoding="utf-8"))
TABLES: dict[str, list[dict[str, Any]]] = {
    "hard": json.loads((FOLDER / "hard_landings.json").read_text(encoding="utf-8")),
    "unseen": UNSEEN["cases"],
}
LEAST = {"hard": {"keeps": 50}, "unseen": {"keeps": 10}}
"""How many cases of a table must ask for a field, where that is not 50."""
SHARE = 0.95
"""At least this share of a table's cases must be read as expected, whatever is added to it."""

tables = pytest.mark.parametrize("table", TABLES)


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


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{table}-{case['name']}") for table, cases in TABLES.items() for case in cases]
)
def test_a_hard_landing_is_read_as_a_marketer_would(case: dict[str, Any]) -> None:
    assert wrong_fields(case) == {}, case["why"]


@tables
def test_nearly_all_hard_landings_are_right(table: str) -> None:
    cases = TABLES[table]
    wrong = [case["name"] for case in cases if wrong_fields(case)]
    share = 1 - len(wrong) / len(cases)
    assert share >= SHARE, f"{len(cases) - len(wrong)} of {len(cases)} ({share:.3f}) are right; wrong: {wrong}"


@tables
def test_the_table_is_large_and_says_why(table: str) -> None:
    cases = TABLES[table]
    assert len(cases) >= 140
    assert all(case["why"] and case["expect"] for case in cases)
    assert max(Counter(case["name"] for case in cases).values()) == 1
    asked = Counter(field for case in cases for field in case["expect"])
    for field in ("source", "medium", "channel", "preset", "keeps"):
        assert asked[field] >= LEAST[table].get(field, 50)


def test_the_first_pass_is_told_as_it_was() -> None:
    told, cases = UNSEEN["first_pass"], {case["name"]: case for case in UNSEEN["cases"]}
    assert told["right"] + len(told["wrong"]) == told["cases"] <= len(cases)
    assert told["share"] == round(told["right"] / told["cases"], 3)
    assert [sum(pair[i] for pair in told["by_field"].values()) for i in (0, 1)] == [
        told["fields_right"],
        told["fields"],
    ]
    assert set(told["corrected"]) <= set(told["wrong"]) <= set(cases)
    for name, fields in told["corrected"].items():
        assert {field: cases[name]["expect"][field] for field in fields} == {f: now for f, (_, now) in fields.items()}
