"""Charts as vector or raster drawings that stay legible in black and white.

Marks, hatches and dashes carry the meaning; colour repeats it. Texts are drawn as outlines, so a drawing needs no font
where it is shown, and the same chart gives the same bytes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.reporting.document import Bars, Chart, Intervals, Lines
from app.reporting.rendering.glyphs import width, with_glyphs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 6.6
"""Inches: the width of a page's text, so that type in a figure has its true size."""

TALLEST = 8.4
"""Inches: with its caption, a figure fills at most a page."""

DOTS_PER_INCH = 200

MOST_KEPT = 32
"""Drawings that are kept: the formats of one report, made one after the other, ask for the same ones."""

INK, FAINT, GRID, ACCENT, TINT = "#1c2733", "#4a5866", "#d5dde3", "#0b5d6b", "#d7e6e9"

_DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "solid",
    (0, (5.0, 2.0)),
    (0, (1.2, 1.6)),
    (0, (7.0, 2.0, 1.2, 2.0)),
    (0, (3.0, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (9.0, 3.0)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # one more than dashes, so that pairs repeat late
_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 7.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "synthetic-data-studio",
    "path.simplify": True,
}

_lock = threading.Lock()  # the library's settings are global


@lru_cache(maxsize=MOST_KEPT)
def draw(chart: Chart, format: Literal["svg", "png"] = "svg") -> bytes:
    """A chart as a picture as wide as a page's text.

    Args:
        chart: what to draw.
        format: vectors, or an image of 200 dots per inch.
    """
    import matplotlib  # slow to load, and only needed here
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    target = BytesIO()
    with _lock, matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, _height(chart)), layout=ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02))
        FigureCanvasAgg(figure)  # measures texts alike, whatever the format
        axes = figure.subplots()
        if _is_empty(chart):
            axes.set_axis_off()
            axes.text(0.5, 0.5, "No values to draw", ha="center", va="center")
        elif isinstance(chart, Bars):
            _draw_bars(axes, chart)
        elif isinstance(chart, Intervals):
            _draw_intervals(axes, chart)
        else:
            _draw_lines(axes, chart)
        dates = {"Date": None, "Creator": None} if format == "svg" else {"Software": None}
        figure.savefig(target, format=format, dpi=DOTS_PER_INCH, metadata=dates)
    return target.getvalue()


def font_folder() -> Path:
    """Where the fonts of the figures lie, which documents use too."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _is_empty(chart: Chart) -> bool:
    return not (any(heights for _, heights in chart.series) if isinstance(chart, Lines) else chart.labels)


def _height(chart: Chart) -> float:
    if isinstance(chart, Lines):
        return 2.7
    n_lines = sum(label.count("\n") + 1 for label in _labels(chart.labels))
    extra = 0.25 if isinstance(chart, Intervals) or chart.limit is not None else 0.0
    return min(TALLEST, 0.5 + extra + max(0.1 * len(chart.labels) + 0.125 * n_lines, 0.5))


def _draw_bars(axes: Axes, chart: Bars) -> None:
    places = range(len(chart.labels))
    lengths = [value if math.isfinite(value) else 0.0 for value in chart.values]
    axes.barh(places, lengths, height=0.62, color=TINT, edgecolor=ACCENT, linewidth=0.7, hatch="////")
    size = _prepare_rows(axes, chart.labels, chart.axis)
    for place, reach, text in zip(places, lengths, chart.texts, strict=True):
        at = max(reach, 0.0)
        axes.annotate(
            _short(text, 14),
            (at, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=size,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    axes.axvline(0.0, color=FAINT, linewidth=0.8)
    if chart.limit is not None and math.isfinite(chart.limit):
        _draw_limit(axes, chart.limit, chart.limit_label)
    axes.margins(x=0.02)


def _draw_limit(axes: Axes, limit: float, label: str) -> None:
    axes.axvline(limit, color=INK, linewidth=1.2, linestyle=(0, (4.0, 2.0)))
    low, high = axes.get_xlim()
    is_right = limit > (low + high) / 2
    shown = _short(label, 24)
    axes.annotate(
        f"{shown} ▾" if is_right else f"▾ {shown}",
        (limit, 1.0),
        (3.5 if is_right else -3.5, 2),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="right" if is_right else "left",
        va="bottom",
        fontweight="bold",
    )


def _draw_intervals(axes: Axes, chart: Intervals) -> None:
    from matplotlib.lines import Line2D

    places = range(len(chart.labels))
    _prepare_rows(axes, chart.labels, chart.axis)
    axes.hlines(places, chart.lows, chart.highs, color=ACCENT, linewidth=1.4)
    for ends in (chart.lows, chart.highs):
        axes.plot(ends, places, "|", color=ACCENT, markersize=6, markeredgewidth=1.4)
    axes.plot(_with_gaps(chart.values), places, "o", color=ACCENT, markersize=4.5)
    handles = [Line2D([], [], color=ACCENT, marker="o", markersize=4.5, linewidth=1.4, label="Value with its interval")]
    if any(value is not None for value in chart.references):
        mark = Line2D([], [], linestyle="none", marker="D", color=INK, markerfacecolor="white", markersize=4.5)
        axes.plot(_with_gaps(chart.references), places, "D", color=INK, markerfacecolor="white", markersize=4.5)
        mark.set_label(_short(chart.reference_label, 28))
        handles.append(mark)
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, borderaxespad=0.2)


def _with_gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _prepare_rows(axes: Axes, labels: Sequence[str], axis: str) -> float:
    """Names on the left, from top to bottom, and the common axis below; gives the size of type for that many rows."""
    size = min(7.5, 7.5 * 40 / max(len(labels), 1))
    axes.set_yticks(range(len(labels)), _labels(labels), fontsize=size, linespacing=0.95)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_xlabel(_short(axis, 44))
    axes.xaxis.set_major_formatter(_tick_text)
    axes.spines["left"].set_visible(False)
    return size


def _draw_lines(axes: Axes, chart: Lines) -> None:
    if chart.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(lambda value, position: "")
    axes.xaxis.set_major_formatter(_tick_text)
    axes.yaxis.set_major_formatter(_tick_text)
    axes.set_xlabel(_short(chart.x_axis, 44))
    axes.set_ylabel(_wrapped(chart.y_axis, 18, 2))
    axes.grid(axis="both")
    axes.margins(x=0.01, y=0.06)
    ends = []
    for number, (name, heights) in enumerate(chart.series):
        dash, marker = _DASHES[number % len(_DASHES)], _MARKERS[number % len(_MARKERS)]
        axes.plot(
            chart.x,
            heights,
            color=ACCENT if number % 2 == 0 else INK,
            linestyle=dash,
            linewidth=1.3,
            marker=marker,
            markersize=4,
            markerfacecolor="white",
            markevery=max(1, math.ceil(len(chart.x) / 6)),
        )
        finite = [(x, y) for x, y in zip(chart.x, heights, strict=True) if math.isfinite(x) and math.isfinite(y)]
        if finite:
            ends.append((*finite[-1], name, number))
    _label_ends(axes, ends)


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, int]]) -> None:
    """Write each curve's name at its end, apart from the others, tied to it by a line of its own dashes."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    gap = 0.13 if len(ends) <= 4 else min(0.08, 0.9 / len(ends))
    spread = _spread([(y - low) / (high - low) for _, y, _, _ in ends], gap)
    for (x, y, name, number), at in zip(ends, spread, strict=True):
        axes.annotate(
            _wrapped(name, 12.5, 2 if len(ends) <= 4 else 1),
            (x, y),
            (1.06, at),
            xycoords="data",
            textcoords="axes fraction",
            va="center",
            linespacing=0.95,
            arrowprops={
                "relpos": (0.0, 0.5),
                "arrowstyle": "-",
                "color": ACCENT if number % 2 == 0 else INK,
                "linestyle": _DASHES[number % len(_DASHES)],
                "linewidth": 0.8,
                "shrinkA": 1.5,
                "shrinkB": 1.0,
            },
        )


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights moved as little as is needed to be a gap apart, from the lowest up, and then down from the highest."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + gap)
    if order:
        moved[order[-1]] = min(moved[order[-1]], 1.0)
    for above, below in pairwise(order[::-1]):
        moved[below] = min(moved[below], moved[above] - gap)
    return moved


def _labels(labels: Sequence[str]) -> list[str]:
    """Names in at most two lines; in a longer one, where there are many."""
    room, n_lines = (15, 2) if len(labels) <= 20 else (18, 1)
    return [_wrapped(label, room, n_lines) for label in labels]


def _wrapped(label: str, room: float, n_lines: int) -> str:
    lines = [""]
    for word in with_glyphs(label).split():
        longer = f"{lines[-1]} {word}".strip()
        if width(longer) <= room or not lines[-1] or len(lines) == n_lines:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(_short(line, room) for line in lines)


def _short(text: str, room: float) -> str:
    """A text that is at most so wide, in units of the size of type."""
    shown = with_glyphs(text)
    if width(shown) <= room:
        return shown
    while width(shown) > room - 1:
        shown = shown[:-1]
    return f"{shown.rstrip()}…"


def _tick_text(value: float, position: float | None = None) -> str:
    """A number of an axis, as 0.01, 1,000 or 1e−6."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    text = f"{value:,.6g}" if -3 <= exponent < 7 else f"{value / 10.0**exponent:.3g}e{exponent}"
    return text.replace("-", "\N{MINUS SIGN}")
