"""The one home of Bokeh: figures of reports, as JSON that BokehJS draws in a page.

Figures hold no scripts of their own (no CustomJS), so that a page may forbid `eval`. Shares and likelihoods are
fractions of 1. Colours come in as a palette, because a canvas does not know the page's style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import bokeh
from bokeh.embed import json_item
from bokeh.models import BasicTicker, ColumnDataSource, DatetimeTicker, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

from reports.rules.pool_curve import PoolCurve

BOKEH_VERSION: str = bokeh.__version__
BOKEH_JS = Path(bokeh.__file__).parent / "server/static/js/bokeh.min.js"
"""BokehJS as the installed package brings it."""

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, Arial, sans-serif"
HEIGHT = 320
FEW = 5
"""Ticks across, so that their labels stand apart on a telephone, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Colours (CSS) of a chart; `promise` is what was stated, `fact` what came of it, `off` where the two differ."""

    text: str
    quiet: str
    grid: str
    promise: str
    fact: str
    off: str


LIGHT = Palette(text="#1b2128", quiet="#56606b", grid="#e1e5ea", promise="#2448b8", fact="#00705a", off="#935300")
DARK = Palette(text="#dfe4ea", quiet="#9aa5b1", grid="#2c333b", promise="#8fabff", fact="#46cfae", off="#f0b04c")


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What was stated of `calls` answers, on average, and the share of right ones with its interval `low` to `high`.

    `label` names them on hover, `holds` says whether the two agree (None: too few answers tell).
    """

    label: str
    calls: int
    stated: float
    share: float
    low: float
    high: float
    holds: bool | None = None
    begins: date | None = None


def calibration_figure(observed: Sequence[Observed], palette: Palette = LIGHT) -> figure:
    """The reliability diagram: stated likelihood across, share of right ones up, on the diagonal where they agree."""
    plot = _plain(palette, "stated likelihood", "share that was right")
    least = min([0.5, *(o.low for o in observed), *(o.stated for o in observed)])
    start = int(least * 10) / 10 - 0.02  # likelihoods crowd near 1; the space below the least one tells nothing
    plot.x_range.start, plot.x_range.end = start, 1.02  # type: ignore[attr-defined]
    plot.y_range.start, plot.y_range.end = start, 1.02  # type: ignore[attr-defined]
    plot.xaxis.formatter = NumeralTickFormatter(format="0 %")
    plot.xaxis.ticker = plot.xgrid.ticker = BasicTicker(desired_num_ticks=FEW)
    plot.line([start, 1.02], [start, 1.02], color=palette.promise, line_width=1.5, line_dash=[4, 4])
    _marks(plot, _source(observed, palette), palette, "stated")
    return plot


def trend_figure(observed: Sequence[Observed], palette: Palette = LIGHT) -> figure:
    """Week by week: the share of right ones with its interval as a band, and what was stated as a dashed line.

    Every one of `observed` needs `begins`, oldest first. Raises ValueError where one lacks it.
    """
    plot = _plain(palette, "week of the call", "share that was right", x_axis_type="datetime")
    source = _source(observed, palette, with_time=True)
    plot.y_range.start, plot.y_range.end = 0.0, 1.02  # type: ignore[attr-defined]
    plot.xaxis.ticker = plot.xgrid.ticker = DatetimeTicker(desired_num_ticks=FEW, num_minor_ticks=0)
    plot.varea("begins", "low", "high", source=source, fill_color=palette.fact, fill_alpha=0.18)
    plot.line("begins", "share", source=source, color=palette.fact, line_width=2)
    plot.line("begins", "stated", source=source, color=palette.promise, line_width=1.5, line_dash=[4, 4])
    _marks(plot, source, palette, "begins")
    return plot


def curve_figure(curve: PoolCurve, present: int, target: float, palette: Palette = LIGHT) -> figure:
    """Numbers across, expected likelihood up with its interval as a band; a dot at the `present` numbers.

    Dashed is the share of calls with a sure match, a thin line the likelihood that is wanted.
    """
    plot = _plain(palette, "numbers", "share of calls")
    points = [curve.at(present), *curve.points] if present else list(curve.points)
    names = ("numbers", "likelihood", "low", "high", "sure", "sure_low", "sure_high")
    drawn = {name: [getattr(point, name) for point in curve.points] for name in names}
    source = ColumnDataSource(drawn)
    least = min(target, *(min(p.low, p.sure) for p in points))
    plot.y_range.start, plot.y_range.end = max(0.0, int(least * 10) / 10 - 0.02), 1.02  # type: ignore[attr-defined]
    plot.xaxis.ticker = plot.xgrid.ticker = BasicTicker(desired_num_ticks=FEW, mantissas=[1, 2, 5], min_interval=1)
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.line([curve.least, curve.most], [target, target], color=palette.quiet, line_width=1)
    plot.varea("numbers", "low", "high", source=source, fill_color=palette.fact, fill_alpha=0.18)
    plot.line("numbers", "likelihood", source=source, color=palette.fact, line_width=2)
    plot.line("numbers", "sure", source=source, color=palette.promise, line_width=1.5, line_dash=[4, 4])
    dots = plot.scatter("numbers", "likelihood", source=source, size=7, color=palette.fact, line_color=palette.text)
    renderers: list[Any] = [dots]
    if present:
        now = ColumnDataSource({name: [getattr(curve.at(present), name)] for name in names})
        renderers.append(
            plot.scatter("numbers", "likelihood", source=now, size=13, color=palette.off, line_color=palette.text)
        )
    plot.add_tools(
        HoverTool(
            renderers=renderers,
            tooltips=[
                ("numbers", "@numbers{0,0}"),
                ("expected likelihood", "@likelihood{0.0 %}"),
                ("90 % interval", "@low{0.0 %} to @high{0.0 %}"),
                ("sure matches", "@sure{0.0 %}"),
            ],
        )
    )
    return plot


def as_json_item(plot: figure, target: str) -> dict[str, Any]:
    """The figure as `Bokeh.embed.embed_item` takes it, for the element with the id `target`."""
    return dict(json_item(plot, target))  # type: ignore[arg-type]


def _plain(palette: Palette, across: str, up: str, **more: Any) -> figure:
    """An empty figure in the page's style: no toolbar, no dragging, a transparent ground."""
    plot = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_right=16,
        **more,
    )
    for axis, name in ((plot.xaxis, across), (plot.yaxis, up)):
        axis.axis_label = name
        axis.axis_label_text_color = palette.quiet
        axis.axis_label_text_font_style = "normal"
        axis.axis_line_color = axis.major_tick_line_color = palette.grid
        axis.minor_tick_line_color = None
        axis.major_label_text_color = palette.text
        axis.axis_label_text_font = axis.major_label_text_font = FONT
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
    plot.yaxis.formatter = NumeralTickFormatter(format="0 %")
    plot.grid.grid_line_color = palette.grid
    return plot


def _source(observed: Sequence[Observed], palette: Palette, *, with_time: bool = False) -> ColumnDataSource:
    colours = [palette.off if o.holds is False else palette.fact for o in observed]
    data: dict[str, list[Any]] = {
        "label": [o.label for o in observed],
        "calls": [o.calls for o in observed],
        "stated": [o.stated for o in observed],
        "share": [o.share for o in observed],
        "low": [o.low for o in observed],
        "high": [o.high for o in observed],
        "colour": colours,
    }
    if with_time:
        data["begins"] = [_milliseconds(o.begins) for o in observed]
    return ColumnDataSource(data)


def _milliseconds(day: date | None) -> float:
    """The moment a time axis places the day at."""
    if day is None:
        raise ValueError("a trend needs the week of everything observed")
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def _marks(plot: figure, source: ColumnDataSource, palette: Palette, across: str) -> None:
    """Dots with their intervals, and the exact numbers on hover."""
    plot.segment(x0=across, y0="low", x1=across, y1="high", source=source, line_color="colour", line_width=1.5)
    dots = plot.scatter(across, "share", source=source, size=9, color="colour", line_color=palette.text)
    plot.add_tools(
        HoverTool(
            renderers=[dots],
            tooltips=[
                ("", "@label"),
                ("calls", "@calls{0,0}"),
                ("stated", "@stated{0.0 %}"),
                ("right", "@share{0.0 %}"),
                ("90 % interval", "@low{0.0 %} to @high{0.0 %}"),
            ],
        )
    )
