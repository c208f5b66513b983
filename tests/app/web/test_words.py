"""Values in the reader's words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import words

NOW = datetime(2026, 11, 21, 19, 2, tzinfo=UTC)  # a Saturday, 14:02 in New York
ZONE = "America/New_York"


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(), "today 14:02"),
        (timedelta(hours=14), "today 00:02"),
        (timedelta(hours=15), "yesterday 23:02"),
        (timedelta(days=3), "Wednesday 14:02"),
        (timedelta(days=7), "14 Nov 14:02"),
        (timedelta(days=365), "21 Nov 2025 14:02"),
        (timedelta(days=-1), "22 Nov 14:02"),
    ],
)
def test_when_in_the_sites_zone(ago: timedelta, said: str) -> None:
    assert words.when(NOW - ago, NOW, ZONE) == said


def test_the_full_time_names_its_zone() -> None:
    assert words.full(NOW, ZONE) == "Saturday, 21 November 2026, 14:02:00 EST"


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, ""), (0, "0:00"), (31, "0:31"), (252, "4:12"), (3723, "1:02:03"), (-5, "0:00")]
)
def test_duration(seconds: int | None, said: str) -> None:
    assert words.duration(seconds) == said


@given(st.floats(0, 1))
def test_a_percentage_never_claims_certainty_it_has_not(share: float) -> None:
    said = words.percent(share)
    assert (said == "100\u00a0%") == (share == 1)
    assert (said == "0\u00a0%") == (share == 0)


@given(st.integers(0, 10**12), st.sampled_from(["USD", "EUR", "JPY", "KWD", "CHF"]))
def test_an_amount_typed_as_it_is_shown_is_the_same_amount(minor: int, currency: str) -> None:
    assert words.read_amount(words.plain_amount(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("480", 48000),
        ("$1,200.50", 120050),
        (" 0.5 ", 50),
        ("1.234", None),
        ("-5", None),
        ("", None),
        ("१२", None),
        ("1e9", None),
        ("lots", None),
        (".", None),
    ],
)
def test_amounts_people_type(text: str, minor: int | None) -> None:
    assert words.read_amount(text, "USD") == minor


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (48000, "USD", "$480"),
        (120050, "USD", "$1,200.50"),
        (480, "JPY", "¥480"),
        (1005, "KWD", "1.005 KWD"),
        (-150, "EUR", "−€1.50"),
    ],
)
def test_money_names_its_currency(minor: int, currency: str, said: str) -> None:
    assert words.money(minor, currency) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (113, "113th")],
)
def test_places_in_a_row(count: int, said: str) -> None:
    assert words.ordinal(count) == said


@pytest.mark.parametrize(
    ("value", "said"), [(5.04, "+5.0"), (-3.1, "−3.1"), (0.0, "0.0"), (-0.04, "0.0"), (0.05, "+0.1")]
)
def test_a_weight_has_a_sign_unless_it_is_nothing(value: float, said: str) -> None:
    assert words.weight(value) == said
