"""Figures of reports as JSON: what they hold, and that no script of theirs would need `eval`."""

import json
from datetime import date, timedelta

import pytest

from reports.charts import (
    BOKEH_JS,
    BOKEH_VERSION,
    DARK,
    LIGHT,
    Observed,
    as_json_item,
    calibration_figure,
    trend_figure,
)

OBSERVED = [
    Observed(
        label=f"band {i}",
        calls=20 + i,
        stated=0.6 + i / 10,
        share=0.55 + i / 10,
        low=0.45 + i / 10,
        high=0.65 + i / 10,
        holds=i != 1,
        begins=date(2026, 3, 2) + timedelta(weeks=i),
    )
    for i in range(3)
]


def test_the_library_is_where_it_is_said_to_be() -> None:
    assert BOKEH_VERSION.encode() in BOKEH_JS.read_bytes()[:2_000_000]


@pytest.mark.parametrize("draw", [calibration_figure, trend_figure])
def test_a_figure_holds_what_was_observed_and_no_script(draw) -> None:  # type: ignore[no-untyped-def]
    item = as_json_item(draw(OBSERVED), "here")
    text = json.dumps(item)
    assert item["target_id"] == "here"
    for said in ("band 0", "band 2", "0.55", "90 % interval"):
        assert said in text
    for script in ("CustomJS", "FuncTick", "<script"):
        assert script not in text


def test_what_does_not_hold_has_a_colour_of_its_own_in_each_scheme() -> None:
    for palette, other in ((LIGHT, DARK), (DARK, LIGHT)):
        text = json.dumps(as_json_item(calibration_figure(OBSERVED, palette), "here"))
        assert text.count(f'"{palette.off}"') == 1
        assert text.count(f'"{palette.fact}"') >= 2
        assert other.fact not in text


def test_the_scale_reaches_what_is_least_and_never_cuts_it() -> None:
    low = Observed(label="low", calls=20, stated=0.2, share=0.1, low=0.02, high=0.3)
    figure = calibration_figure([low])
    assert figure.x_range.start <= 0.02
    assert calibration_figure(OBSERVED).x_range.start == pytest.approx(0.38)
    assert calibration_figure([]).x_range.start == pytest.approx(0.48)


def test_a_trend_needs_its_weeks() -> None:
    with pytest.raises(ValueError, match="week"):
        trend_figure([Observed(label="x", calls=1, stated=0.5, share=0.5, low=0.1, high=0.9)])
