"""Rules of tracking sources: which are valid, what they fit, and which source a landing gets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.rules.landing import Landing, read_landing
from attribution.rules.pattern import MAX_TEXT, Pattern, PatternError
from attribution.rules.sources import (
    PRESET_NAMES,
    PRESETS,
    RuleError,
    SourceRule,
    check_rule,
    pick_source,
    preset_position,
    rule_fits,
)

ADDRESS = (
    "https://acme.example/Preise/b%C3%BCro?plan=Pro&utm_source=Google&utm_medium=cpc&utm_campaign=roof-2026&gclid=x"
)


def landing(url: str = ADDRESS, referrer: str | None = "https://www.google.com/") -> Landing:
    return read_landing(url, referrer, own_hosts=["acme.example"])


def source(slug: str, position: int, **given: Any) -> SourceRule:
    facts: dict[str, Any] = {"kind": "online", "preset": None, "rule": None, "catch_all": False} | given
    return SourceRule(id=slug, slug=slug, position=position, **facts)


def one(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"all": [{"field": field, "op": op, "value": value}]}


@pytest.mark.parametrize(
    ("field", "op", "value", "fits"),
    [
        ("utm_source", "equals", "google", True),
        ("utm_source", "equals", "goog", False),
        ("utm_source", "contains", "oog", True),
        ("utm_source", "starts_with", "GOO", True),
        ("utm_source", "starts_with", "oo", False),
        ("utm_source", "in", ["bing", "google"], True),
        ("utm_source", "in", ["bing"], False),
        ("utm_campaign", "matches", r"^roof-\d{4}$", True),
        ("utm_campaign", "matches", r"^roof$", False),
        ("utm_term", "present", None, False),
        ("utm_term", "absent", None, True),
        ("utm_medium", "present", None, True),
        ("utm_term", "equals", "x", False),
        ("utm_content", "matches", ".*", False),
        ("click_id", "equals", "gclid", True),
        ("click_id", "in", ["msclkid", "gclid"], True),
        ("click_id", "absent", None, False),
        ("referrer_host", "equals", "google.com", True),
        ("referrer_host", "equals", "www.google.com", True),
        ("referrer_host", "contains", "bing", False),
        ("landing_path", "starts_with", "/preise", True),
        ("landing_path", "contains", "büro", True),
        ("landing_path", "contains", "b%C3%BC", True),
        ("landing_query", "contains", "plan=pro", True),
        ("channel", "equals", "Paid Search", True),
        ("channel", "equals", "Email", False),
    ],
)
def test_each_op_and_field(field: str, op: str, value: Any, fits: bool) -> None:
    check_rule(one(field, op, value))
    assert rule_fits(one(field, op, value), landing()) is fits


def test_all_needs_every_condition_and_any_one() -> None:
    yes, no = one("click_id", "present")["all"][0], one("utm_term", "present")["all"][0]
    assert rule_fits({"all": [yes, yes]}, landing())
    assert not rule_fits({"all": [yes, no]}, landing())
    assert rule_fits({"any": [no, yes]}, landing())
    assert not rule_fits({"any": [no, no]}, landing())


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (None, "rule"),
        ([], "rule"),
        ({}, "rule"),
        ({"all": [], "any": []}, "rule"),
        ({"none": []}, "rule"),
        ({"all": []}, "rule.all"),
        ({"all": {}}, "rule.all"),
        ({"all": ["x"]}, "rule.all.0"),
        ({"all": [{"field": "utm_source", "op": "present"}] * 51}, "rule.all"),
        (one("user_agent", "present"), "rule.all.0.field"),
        ({"any": [{"field": ["utm_source"], "op": "present"}]}, "rule.any.0.field"),
        (one("utm_source", "like", "x"), "rule.all.0.op"),
        ({"all": [{"field": "utm_source", "op": {}, "value": "x"}]}, "rule.all.0.op"),
        (one("utm_source", "equals"), "rule.all.0.value"),
        (one("utm_source", "equals", ""), "rule.all.0.value"),
        (one("utm_source", "equals", 5), "rule.all.0.value"),
        (one("utm_source", "equals", "x" * 513), "rule.all.0.value"),
        (one("utm_source", "in", "google"), "rule.all.0.value"),
        (one("utm_source", "in", []), "rule.all.0.value"),
        (one("utm_source", "in", [1]), "rule.all.0.value"),
        (one("utm_source", "present", "x"), "rule.all.0.value"),
        (one("channel", "equals", "Paid Serch"), "rule.all.0.value"),
        (one("utm_source", "matches", "("), "rule.all.0.value"),
        (one("utm_source", "matches", r"(a)\1"), "rule.all.0.value"),
        (one("utm_source", "matches", "a(?=b)"), "rule.all.0.value"),
        (one("utm_source", "matches", "x" * 257), "rule.all.0.value"),
        (one("utm_source", "matches", "((a{30}){30}){30}"), "rule.all.0.value"),
        ({"all": [{"field": "utm_source", "op": "present", "not": True}]}, "rule.all.0"),
    ],
)
def test_a_malformed_rule_is_refused_where_it_is_wrong(rule: Any, field: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_rule(rule)
    assert caught.value.field == field
    assert caught.value.message
    if isinstance(rule, dict):
        assert not rule_fits(rule, landing())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["all", "utm_source", "matches"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["all", "any", "field", "op", "value", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(rule=json_values)
def test_any_json_is_either_a_rule_or_refused(rule: Any) -> None:
    refusal: RuleError | None = None
    try:
        check_rule(rule)
    except RuleError as error:
        refusal = error
    if refusal is not None:
        assert refusal.field.startswith("rule")
        assert not isinstance(rule, dict) or not rule_fits(rule, landing())
    else:
        assert set(rule) <= {"all", "any"}
        rule_fits(rule, landing())


@pytest.mark.parametrize("pattern", ["(a+)+!$", "(a|a)*!", "(.*.*.*)*!", "(a?){40}a{40}!", r"(\w+\s?)*$!"])
def test_patterns_that_stall_a_backtracking_engine_do_not(pattern: str) -> None:
    tried = Pattern(pattern)
    assert not tried.search("a" * MAX_TEXT)
    # The sets of states soon repeat, so few steps are ever worked out, however long the text.
    assert len(tried._steps) <= 100


atoms = st.sampled_from(
    ["a", "b", "1", "-", ".", r"\d", r"\w", r"\s", "[ab]", "[^a]", "[a-c1]", r"\.", r"\b", "^", "$"]
)
patterns = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.tuples(inner, inner).map("|".join)
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*?", "{0}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
        | inner.map("({})".format)
    ),
    max_leaves=6,
)


@given(pattern=patterns, text=st.text(alphabet="aAbc1-. _", max_size=12))
def test_a_pattern_means_what_it_means_in_python(pattern: str, text: str) -> None:
    expected = re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None
    assert Pattern(pattern).search(text) is expected


@given(pattern=st.text(alphabet="ab(){}[]|*+?^$\\.,1-:&~=!<>", max_size=12), text=st.text(max_size=8))
def test_any_pattern_is_either_used_or_refused(pattern: str, text: str) -> None:
    line = text.replace("\n", " ")
    try:
        found = Pattern(pattern).search(line)
    except PatternError:
        return
    assert found is (re.search(pattern, line, re.IGNORECASE | re.DOTALL) is not None)


def test_the_first_in_position_order_that_fits_wins() -> None:
    ads = source("google_ads", 10, preset="google_ads")
    roof = source("roof", 5, rule=one("utm_campaign", "contains", "roof"))
    email = source("email", 1, preset="email")
    assert pick_source(landing(), [ads, email]) is ads
    assert pick_source(landing(), [ads, roof, email]) is roof
    assert pick_source(landing(), [email]) is None


def test_offline_and_bare_catch_all_sources_fit_nothing() -> None:
    billboard = source("billboard", 1, kind="offline", preset="google_ads")
    rest = source("rest", 2, catch_all=True)
    assert pick_source(landing(), [billboard, rest]) is None
    named = source("ads", 3, preset="google_ads", catch_all=True)
    assert pick_source(landing(), [billboard, rest, named]) is named


def test_equal_positions_are_settled_by_name() -> None:
    twins = [source("b", 1, preset="google_ads"), source("a", 1, preset="google_ads")]
    assert pick_source(landing(), twins) is pick_source(landing(), twins[::-1])


def test_presets_have_names_and_leave_room_between_them() -> None:
    assert PRESETS[0] == "google_ads"
    assert PRESETS[-1] == "direct"
    assert len(PRESETS) == 18
    assert [preset_position(preset) for preset in PRESETS] == list(range(10, 190, 10))
    assert all(PRESET_NAMES[preset] for preset in PRESETS)
    with pytest.raises(KeyError):
        preset_position("nonsense")
