"""The accuracy report as a table: exact for machines, safe for people."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accuracy_csv import COLUMNS, FORMULA, accuracy_csv, defused
from app.advice import advice, money, monthly, what_if
from numberpool.rules.sizing import verdict
from reports.accuracy import AccuracyReport, NumberAccuracy, SourceAccuracy
from reports.period import Period
from reports.rules.accuracy import achieved, calibration, call_figures
from reports.rules.counts import Daily
from reports.rules.pool_curve import CurvePoint, PoolCurve
from reports.rules.recommend import Asked, Money, Prices, recommend

DAILY = Daily(total=300, mean=10.0, ninetieth=14, busiest_day=20, busiest_hour=5)
EACH = Money(amount_minor=115, currency="USD")
PERIOD = Period(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 31, tzinfo=UTC), time_zone="UTC")


def curve(*points: tuple[int, float]) -> PoolCurve:
    made = tuple(
        CurvePoint(numbers=n, likelihood=s + 0.05, low=0.6, high=1.0, sure=s, sure_low=0.5, sure_high=1.0)
        for n, s in points
    )
    return PoolCurve(present=points[0][0], calls=90, expected_calls=90.0, points=made)


def source(
    numbers: int = 8, recommended: int = 10, of: PoolCurve | None = None, each: Money | None = EACH, **fields: Any
) -> SourceAccuracy:
    said = verdict(numbers, recommended)
    nothing: tuple[float | None, ...] = (0.0,) * 168
    values: dict[str, Any] = {
        "source_id": "s",
        "slug": "google_ads",
        "name": "Google Ads",
        "kind": "online",
        "deleted": False,
        "numbers": numbers,
        "unused": 0,
        "average_daily_visitors": 10.0,
        "busiest_day_visitors": 20,
        "daily": DAILY,
        "recommended_numbers": recommended,
        "verdict": said,
        "figures": call_figures([], 0.9),
        "achieved": achieved([], 0.9),
        "expected": of.at(numbers) if of else None,
        "curve": of,
        "no_curve": "" if of else "only 3 calls in the period; a prediction takes 8",
        "prices": Prices(sums=(EACH,), unknown=1),
        "recommendation": recommend(
            Asked(numbers=numbers, recommended=recommended, verdict=said, target=0.85), of, each
        ),
        "visitors_by_hour": nothing,
        "calls_by_hour": nothing,
        "numbers_detail": (),
        **fields,
    }
    return SourceAccuracy(**values)


def report(*sources: SourceAccuracy) -> AccuracyReport:
    return AccuracyReport(
        site_id="site",
        period=PERIOD,
        as_of=PERIOD.end,
        visitors_per_number=20,
        likelihood_target=0.85,
        sure_from=0.9,
        sources=sources,
        calibration=calibration([]),
    )


def number(text: str = "+12125550142", price: Money | None = EACH) -> NumberAccuracy:
    return NumberAccuracy(
        number=text,
        status="active",
        visitors=300,
        daily=DAILY,
        unused=False,
        price=price,
        figures=call_figures([], 0.9),
        achieved=achieved([], 0.9),
    )


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def said(of: SourceAccuracy) -> str:
    return advice(of, 20, 0.85).replace("\u00a0", " ")


def test_a_line_per_source_and_number() -> None:
    held = (number(), number("+442071838750", None))
    of = source(of=curve((4, 0.7), (8, 0.81), (10, 0.86)), numbers_detail=held)
    exact = read(accuracy_csv(report(of), "machines", "US"))
    assert [(row["line"], row["number"]) for row in exact] == [
        ("source", ""),
        ("number", "+12125550142"),
        ("number", "+442071838750"),
    ]
    assert tuple(exact[0]) == COLUMNS
    assert float(exact[0]["expected_likelihood"]) == of.expected.likelihood if of.expected else False
    assert (exact[0]["monthly_price_minor"], exact[0]["numbers_without_price"]) == ("115", "1")
    assert (exact[2]["monthly_price_minor"], exact[2]["numbers_without_price"]) == ("", "1")
    people = read(accuracy_csv(report(of), "people", "US"))
    assert [row["number"] for row in people] == ["", "(212) 555-0142", "'+44 20 7183 8750"]


@given(st.text())
def test_no_cell_for_people_is_a_formula_and_none_for_machines_is_changed(name: str) -> None:
    of = replace(source(), name=name)
    [exact] = read(accuracy_csv(report(of), "machines", "US"))
    assert exact["name"] == name
    [people] = read(accuracy_csv(report(of), "people", "US"))
    assert not any(cell.startswith(FORMULA) for cell in people.values())
    assert people["name"] == defused(name)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "=cmd|' /C calc'!A0"])
def test_what_begins_like_a_formula_gets_an_apostrophe(name: str) -> None:
    assert read(accuracy_csv(report(replace(source(), name=name)), "people", "US"))[0]["name"] == f"'{name}"


def test_more_numbers_with_what_they_bring_and_cost() -> None:
    of = source(8, 10, curve((4, 0.7), (8, 0.81), (10, 0.86), (20, 0.9)))
    assert said(of) == "2 more numbers on Google Ads, $2.30 a month, lift the sure matches from 81 % to 86 %."
    one = source(9, 10, curve((4, 0.7), (9, 0.81), (10, 0.811)))
    assert "follows the rule; sure matches would stay at about 81 %" in said(one)
    beyond = source(8, 10, curve((4, 0.7), (8, 0.8), (9, 0.86)))
    assert said(beyond).endswith("from 80 % to 86 % or more.")


def test_fewer_numbers_with_what_they_cost_and_save() -> None:
    of = source(12, 9, curve((8, 0.9), (9, 0.946), (12, 0.95)))
    assert said(of) == "3 fewer numbers on Google Ads cost 0.4 points of sure matches and save $3.45 a month."
    nothing = source(12, 9, curve((8, 0.9), (9, 0.95), (12, 0.95)), None)
    assert "cost no sure matches and save what they cost; no price is known here" in said(nothing)


def test_without_a_curve_it_says_why() -> None:
    assert said(source(8, 10)) == (
        "2 more numbers on Google Ads, $2.30 a month, bring it to one per 20 daily visitors. What more or fewer would "
        "bring is not known: only 3 calls in the period; a prediction takes 8."
    )
    assert "at a price that is not known here" in said(source(8, 10, each=None))
    assert said(source(10, 10)).startswith("Just right: keep 10 numbers. What more or fewer")
    assert "1 fewer number on Google Ads would still be enough and saves $1.15 a month" in said(source(2, 1))


def test_the_target_has_a_say() -> None:
    under = source(10, 10, curve((5, 0.6), (10, 0.7), (20, 0.9)))
    assert said(under).startswith("By the rule it has enough, but 75 % is expected and 85 % is wanted:")
    kept = source(10, 5, curve((5, 0.6), (10, 0.7)))
    assert "keep all 10" in said(kept)
    some = source(10, 5, curve((5, 0.6), (8, 0.8), (10, 0.9)))
    assert "Fewer still would miss the target of 85 %" in said(some)


def test_offline_and_deleted_sources_have_nothing_to_buy() -> None:
    assert said(source(1, 1, kind="offline")) == "One printed number is what it needs."
    assert "give it one" in said(source(0, 1, kind="offline"))
    assert said(source(0, 1, deleted=True)) == "Deleted; it needs no numbers."


def test_what_if() -> None:
    of = source(8, 10, curve((4, 0.7), (8, 0.81), (10, 0.86)))
    told = {n: what_if(of, n).replace("\u00a0", " ") for n in (4, 8, 10)}
    assert told[4].endswith("70 % of calls sure. 4 fewer than now; that saves $4.60 a month.")
    assert told[8] == "8 numbers: 86 % expected (60 % to 100 %), 81 % of calls sure. That is what there is now."
    assert told[10].endswith("86 % of calls sure. 2 more than now, $2.30 a month.")
    with pytest.raises(ValueError, match="without a curve"):
        what_if(source(), 3)


def test_money_keeps_its_digits() -> None:
    assert (money(Money(amount_minor=200, currency="USD")), money(EACH)) == ("$2.00", "$1.15")
    assert money(Money(amount_minor=300, currency="CHF")) == "3.00 CHF"
    assert money(Money(amount_minor=300, currency="JPY")) == "¥300"
    assert monthly(Prices(sums=(EACH,), unknown=2)) == "$1.15 + 2 unknown"
    assert (monthly(Prices(sums=(), unknown=2)), monthly(Prices(sums=(), unknown=0))) == ("not known", "")
