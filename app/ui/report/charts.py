"""Figures of the report. Shapes and patterns tell series apart as well as colours, so that they print in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.ui.charts import ACCENT, REAL, SYNTHETIC

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["bars", "curves", "estimates", "heatmap", "planes", "shares"]

COLOURS = (SYNTHETIC, REAL, ACCENT)
PATTERNS = ("", "/", "x")
DASHES = ("solid", "dash", "dot")
SYMBOLS = ("circle", "diamond-open", "line-ns-open")
MOST_NAME = 34

Estimate = tuple[float, float, float]
"""A number with the ends of its interval."""


def _figure(height: int) -> Figure:
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        bargap=0.2,
        dragmode=False,
        showlegend=True,
    )
    return figure


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_title: str,
    y_title: str,
    *,
    logarithmic: bool = False,
    diagonal: bool = False,
) -> Figure:
    """Lines of several series.

    Args:
        lines: horizontal and vertical coordinates by name.
        x_title: title of the horizontal axis.
        y_title: title of the vertical axis.
        logarithmic: whether both axes are; points at zero are left out then.
        diagonal: whether to draw what guessing gives.
    """
    figure = _figure(320)
    for (name, (across, up)), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        points = [(x, y) for x, y in zip(across, up, strict=True) if not logarithmic or (x > 0 and y > 0)]
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
            hovertemplate="%{x:.3g}, %{y:.3g}<extra>" + name + "</extra>",
        )
    if diagonal:
        ends = [1e-3, 1.0] if logarithmic else [0.0, 1.0]
        figure.add_scatter(
            x=ends, y=ends, name="Guessing", mode="lines", line={"color": ACCENT, "dash": "dot", "width": 1.5}
        )
    kind = "log" if logarithmic else "linear"
    figure.update_xaxes(title=x_title, type=kind)
    figure.update_yaxes(title=y_title, type=kind)
    return figure


def bars(names: Sequence[str], series: Mapping[str, Sequence[float | None]], title: str) -> Figure:
    """Horizontal bars side by side, the first name on top.

    Args:
        names: of the groups.
        series: one number per group by name.
        title: title of the axis.
    """
    figure = _figure(90 + (16 + 12 * len(series)) * len(names))
    for (label, values), colour, pattern in zip(series.items(), COLOURS, PATTERNS, strict=False):
        figure.add_bar(
            y=[_short(name) for name in names],
            x=list(values),
            name=label,
            orientation="h",
            marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.3}},
            hovertemplate="%{y}: %{x:.3g}<extra>" + label + "</extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(title=title)
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def shares(labels: Sequence[str], series: Mapping[str, Sequence[float]], x_title: str, y_title: str) -> Figure:
    """Upright bars of shares, in per cent, side by side.

    Args:
        labels: of the cells, from left to right.
        series: a share per cell by name.
        x_title: title of the horizontal axis.
        y_title: title of the vertical axis.
    """
    figure = _figure(300)
    for (name, values), colour, pattern in zip(series.items(), COLOURS, PATTERNS, strict=False):
        figure.add_bar(
            x=list(labels),
            y=[100 * value for value in values],
            name=name,
            marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.3}},
            hovertemplate="%{x}: %{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(title=x_title, type="category", nticks=10)
    figure.update_yaxes(title=y_title)
    return figure


def estimates(
    names: Sequence[str], series: Mapping[str, Sequence[Estimate | None]], title: str, *, line_at: float | None = None
) -> Figure:
    """Numbers with their intervals, several per row, the first row on top.

    Args:
        names: of the rows.
        series: per name of a series, its estimate in each row; None where there is none.
        title: title of the axis.
        line_at: where to draw a line across all rows, such as at 0.
    """
    figure = _figure(100 + (18 + 13 * len(series)) * len(names))
    offsets = [0.22 * (position - (len(series) - 1) / 2) for position in range(len(series))]
    for (label, values), colour, symbol, offset in zip(series.items(), COLOURS, SYMBOLS, offsets, strict=False):
        rows = [(row, value) for row, value in enumerate(values) if value is not None]
        figure.add_scatter(
            x=[value[0] for _, value in rows],
            y=[row + offset for row, _ in rows],
            name=label,
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10, "line": {"color": colour, "width": 2}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [max(value[2] - value[0], 0.0) for _, value in rows],
                "arrayminus": [max(value[0] - value[1], 0.0) for _, value in rows],
                "color": colour,
                "thickness": 1.8,
                "width": 4,
            },
            customdata=[[names[row], *value[1:]] for row, value in rows],
            hovertemplate="%{customdata[0]}: %{x:.3g} (95 %: %{customdata[1]:.3g} to %{customdata[2]:.3g})<extra>"
            + label
            + "</extra>",
        )
    if line_at is not None:
        figure.add_vline(x=line_at, line={"color": "#7A8B93", "width": 1})
    figure.update_xaxes(title=title)
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[_short(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    return figure


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MOST_NAME else f"{text[: MOST_NAME - 1]}…"


def heatmap(
    names: Sequence[str], values: Sequence[Sequence[float | None]], colours: str, lowest: float, highest: float
) -> Figure:
    """A square of numbers over columns.

    Args:
        names: of the columns.
        values: a number per pair of columns; None where there is none.
        colours: name of the colour scale.
        lowest: number of its first colour.
        highest: number of its last colour.
    """
    figure = _figure(170 + 17 * len(names))
    shown = [_short(name) for name in names]
    figure.add_heatmap(
        z=[list(row) for row in values],
        x=shown,
        y=shown,
        colorscale=colours,
        zmin=lowest,
        zmax=highest,
        hovertemplate="%{y} – %{x}: %{z:.2f}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickangle=-45, type="category")
    return figure


def planes(tables: Mapping[str, Sequence[Sequence[float]]], edges: Sequence[Sequence[float]]) -> Figure:
    """Where the rows of several tables lie in a plane, as lines of equal density.

    Args:
        tables: share of rows per cell by name, shape (across, up).
        edges: borders of the cells across and up.
    """
    figure = _figure(420)
    middles = [[(low + high) / 2 for low, high in pairwise(border)] for border in edges]
    for (name, cells), colour, dash in zip(tables.items(), COLOURS[1::-1], ("dash", "solid"), strict=False):
        figure.add_contour(
            z=[list(row) for row in zip(*cells, strict=True)],
            x=middles[0],
            y=middles[1],
            name=name,
            contours={"coloring": "none", "start": 0.001, "end": 0.02, "size": 0.004},
            line={"color": colour, "dash": dash, "width": 2, "smoothing": 1.0},
            showlegend=True,
            hoverinfo="skip",
        )
    figure.update_xaxes(title="First direction", zeroline=False)
    figure.update_yaxes(title="Second direction", zeroline=False)
    return figure
