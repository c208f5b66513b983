"""Phone numbers as they come from outside: callers who hide, numbers written in odd ways."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.phone import caller_of, country_of, dialled, e164

WITHHELD = [
    "",
    "anonymous",
    "restricted",
    "unavailable",
    "unknown",
    "private",
    "blocked",
    "withheld",
    "+266696687",
    "+7378742833",
    "+2562533",
    "+8656696",
    "+86282452253",
    "client:alice",
    "sip:+12125550199@example.com",
]


@pytest.mark.parametrize("spelling", WITHHELD)
def test_a_withheld_caller_is_nobody_in_every_spelling(spelling: str) -> None:
    for text in (spelling, spelling.upper(), spelling.title(), f" {spelling} ", spelling.lstrip("+"), f"+{spelling}"):
        assert caller_of(text) is None


def test_keypad_spellings_hide_behind_no_formatting() -> None:
    assert caller_of("+266 696 687") is None
    assert caller_of("+86 (282) 452-253") is None
    assert caller_of("8656696") is None


@pytest.mark.parametrize(
    "text", [None, "+", "911", "0000000000", "+10000000000", "00442071838750", "+1", "x", "1" * 500]
)
def test_what_is_no_telephone_number_is_no_caller(text: str | None) -> None:
    assert caller_of(text) is None


@pytest.mark.parametrize(
    "text", ["+12125550199", " 12125550199", "12125550199", "+1 (212) 555-0199", "+1.212.555.0199", " +12125550199 "]
)
def test_a_number_is_the_same_caller_however_it_is_written(text: str) -> None:
    assert caller_of(text) == "+12125550199"
    assert dialled(text) == "+12125550199"


def test_a_real_number_that_spells_restricted_after_its_country_code_is_a_caller() -> None:
    assert caller_of("+17378742833") == "+17378742833"


def test_the_number_that_rings_may_spell_anything() -> None:
    assert dialled("+86282452253") == "+86282452253"
    assert dialled(None) is None
    assert dialled("anonymous") is None


@example("+31000000000")
@given(st.text(max_size=80) | st.from_regex(r"\+?[0-9 ().-]{0,40}", fullmatch=True))
def test_a_caller_is_none_or_a_number_that_reads_the_same_again(text: str) -> None:
    found = caller_of(text)
    assert found is None or (e164(found) == found and caller_of(found) == found and found.isascii())
    rings = dialled(text)
    assert rings is None or dialled(rings) == rings


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12125550100", "US"),
        ("+15550100", "US"),
        ("+493012345678", "DE"),
        ("+447700900123", "GB"),
        ("+14165550123", "CA"),
        ("+99912345678", None),
        ("12", None),
    ],
)
def test_the_country_a_number_is_at_home_in(number: str, country: str | None) -> None:
    assert country_of(number) == country
