"""Plotly figures that follow the page's theme."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from app.services.comparison_views import ComparedMeasure
    from engine.privacy.query_forecast import CurvePoint

REAL, SYNTHETIC, ACCENT = "#7A8B93", "#0B9A8F", "#E0A030"
MOST_TOP_VALUES = 15
ADVERSARIES = {"white-box": "At least, white-box", "black-box": "At least, black-box"}


def _figure(height: int) -> Figure:
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        bargap=0.15,
        dragmode=False,
    )
    return figure


def training_losses(steps: list[int], losses: dict[str, list[float | None]], last_step: int) -> Figure:
    """Losses of a training over its steps.

    Args:
        steps: number of each step.
        losses: values at these steps by name.
        last_step: number of the training's last step, where the axis ends.
    """
    figure = _figure(280)
    for (name, values), colour in zip(losses.items(), (SYNTHETIC, ACCENT), strict=False):
        figure.add_scatter(
            x=steps,
            y=values,
            name=name,
            mode="lines" if len(steps) > 1 else "markers",
            line={"color": colour, "width": 2},
            hovertemplate="step %{x:,}: %{y:.4g}<extra>" + name + "</extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="Step", range=[0, last_step], separatethousands=True)
    figure.update_yaxes(title="Loss")
    return figure


def profile_histogram(profile: dict[str, Any]) -> Figure | None:
    """The distribution of one column of the private table, for its owner."""
    figure = _figure(230)
    if profile["histogram"] is not None:
        edges, counts = profile["histogram"]["edges"], profile["histogram"]["counts"]
        labels = [_range_label(low, high) for low, high in pairwise(edges)]
        figure.add_bar(x=labels, y=counts, marker_color=REAL)
        figure.update_xaxes(tickangle=0, nticks=6)
    elif profile["top_values"]:
        shown = profile["top_values"][:MOST_TOP_VALUES][::-1]
        figure.add_bar(
            y=[_short(item["value"]) for item in shown],
            x=[item["count"] for item in shown],
            orientation="h",
            marker_color=REAL,
        )
        figure.update_layout(height=90 + 22 * len(shown))
        figure.update_yaxes(type="category")
    else:
        return None
    return figure


def _range_label(low: Any, high: Any) -> str:
    if isinstance(low, str):
        return low[:10]
    return f"{low:,.4g}–{high:,.4g}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 28 else f"{text[:27]}…"


def expected_error(columns: list[dict[str, Any]]) -> Figure:
    """Expected error per column as a share of the rows."""
    figure = _figure(90 + 26 * len(columns))
    shown = sorted(columns, key=lambda column: column["expected_distance"])
    figure.add_bar(
        y=[_short(column["name"]) for column in shown],
        x=[100 * column["expected_distance"] for column in shown],
        orientation="h",
        marker_color=SYNTHETIC,
        hovertemplate="%{y}: %{x:.2f} %<extra></extra>",
    )
    figure.update_xaxes(title="Rows in the wrong cell, %", rangemode="tozero")
    figure.update_yaxes(type="category")
    return figure


def real_and_synthetic(column: dict[str, Any]) -> Figure:
    """A column's distribution, real beside synthetic."""
    figure = _figure(300)
    labels = [_short(label) for label in column["labels"]]
    for name, key, colour in (("Real", "real", REAL), ("Synthetic", "synthetic", SYNTHETIC)):
        figure.add_bar(
            x=labels,
            y=[100 * share for share in column[key]],
            name=name,
            marker={"color": colour, "pattern": {"shape": "/" if key == "real" else "", "solidity": 0.3}},
            hovertemplate="%{x}: %{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(type="category", nticks=10)
    figure.update_yaxes(title="% of rows")
    return figure


def distance_and_ceiling(columns: list[dict[str, Any]], label: str) -> Figure:
    """Distance per column or pair, with the distance that equally many real rows reach."""
    figure = _figure(100 + 24 * len(columns))
    names = [_short(" × ".join(item["columns"]) if "columns" in item else item["name"]) for item in columns]
    figure.add_bar(
        y=names,
        x=[100 * item["distance"] for item in columns],
        orientation="h",
        marker_color=SYNTHETIC,
        name="Synthetic",
        hovertemplate="%{y}: %{x:.1f} %<extra>Synthetic</extra>",
    )
    ceilings = [_share(item["ceiling"]) for item in columns]
    if any(value is not None for value in ceilings):
        figure.add_scatter(
            y=names,
            x=ceilings,
            mode="markers",
            name="Real rows set aside",
            marker={"symbol": "line-ns-open", "size": 14, "color": ACCENT, "line": {"width": 3}},
            hovertemplate="%{y}: %{x:.1f} %<extra>Real rows set aside</extra>",
        )
    figure.update_xaxes(title=label, rangemode="tozero")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def _share(value: Any) -> float | None:
    return 100 * value if isinstance(value, int | float) else None


def association_heatmap(columns: list[str], values: list[list[float]], *, diverging: bool) -> Figure:
    """Associations between all pairs of columns."""
    figure = _figure(170 + 17 * len(columns))
    names = [_short(name) for name in columns]
    figure.add_heatmap(
        z=[[value if isinstance(value, int | float) else None for value in row] for row in values],
        x=names,
        y=names,
        colorscale="RdBu" if diverging else "Teal",
        zmin=-1 if diverging else 0,
        zmax=1,
        hovertemplate="%{y} – %{x}: %{z:.2f}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickangle=-45, type="category")
    return figure


def utility_bars(models: list[dict[str, Any]], metric: str) -> Figure:
    """Models trained on synthetic rows beside the same trained on real rows."""
    figure = _figure(300)
    names = [model["name"] for model in models]
    for label, key, colour in (
        ("Trained on synthetic rows", "trained_on_synthetic", SYNTHETIC),
        ("Trained on real rows", "trained_on_real", REAL),
    ):
        values = [model[key] for model in models]
        spans = [model.get(f"{key}_interval") or [value, value] for model, value in zip(models, values, strict=True)]
        figure.add_bar(
            x=names,
            y=values,
            name=label,
            marker={"color": colour, "pattern": {"shape": "/" if key == "trained_on_real" else "", "solidity": 0.3}},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [span[1] - value for span, value in zip(spans, values, strict=True)],
                "arrayminus": [value - span[0] for span, value in zip(spans, values, strict=True)],
            },
        )
    figure.update_layout(barmode="group")
    figure.update_yaxes(title=metric)
    return figure


def compared_runs(names: list[str], measure: ComparedMeasure) -> Figure:
    """One measure of several runs with its intervals, and what stands beside it in each report."""
    figure = _figure(150 + 46 * len(names))
    figure.update_layout(margin={"t": 64}, legend={"y": 1.02, "yanchor": "bottom"})
    factor = 100.0 if measure.unit == "share" else 1.0
    found = [(name, finding) for name, finding in zip(names, measure.findings, strict=True)]
    bars = [(name, finding, finding.value) for name, finding in found if finding.value is not None]
    spans = [finding.interval or (value, value) for _, finding, value in bars]
    figure.add_bar(
        y=[name for name, _, _ in bars],
        x=[factor * value for _, _, value in bars],
        orientation="h",
        name="Synthetic",
        marker_color=SYNTHETIC,
        error_x={
            "type": "data",
            "symmetric": False,
            "color": REAL,
            "array": [factor * max(span[1] - value, 0.0) for span, (_, _, value) in zip(spans, bars, strict=True)],
            "arrayminus": [factor * max(value - span[0], 0.0) for span, (_, _, value) in zip(spans, bars, strict=True)],
        },
    )
    beside = [(name, factor * finding.reference) for name, finding in found if finding.reference is not None]
    figure.add_scatter(
        y=[name for name, _ in beside],
        x=[value for _, value in beside],
        mode="markers",
        name=measure.reference_title,
        marker={"symbol": "line-ns-open", "size": 16, "color": ACCENT, "line": {"width": 3}},
    )
    figure.update_xaxes(title=f"{measure.title}{', %' if measure.unit == 'share' else ''}")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1])
    return figure


def answers_with_intervals(
    names: list[str], values: list[float | None], spans: list[tuple[float, float]], known: list[bool], label: str
) -> Figure:
    """Answers by group with their intervals.

    Args:
        names: the groups, in the order in which they are shown from the top.
        values: their answers; None where only the interval is known.
        spans: lower and upper end of each interval.
        known: whether an interval comes from a measurement; the others are bounds.
        label: what the numbers are.
    """
    figure = _figure(110 + 26 * len(names))
    kinds = ((True, "Measured, with noise", SYNTHETIC), (False, "Bounds only", REAL))
    for is_known, name, colour in kinds:
        shown = [place for place, each in enumerate(known) if each is is_known]
        if not shown:
            continue
        centres = [sum(spans[at]) / 2.0 if (value := values[at]) is None else value for at in shown]
        figure.add_scatter(
            y=[_short(names[at]) for at in shown],
            x=centres,
            name=name,
            mode="markers",
            marker={"color": colour, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [spans[at][1] - centre for at, centre in zip(shown, centres, strict=True)],
                "arrayminus": [centre - spans[at][0] for at, centre in zip(shown, centres, strict=True)],
                "thickness": 2,
            },
            customdata=[spans[at] for at in shown],
            hovertemplate="%{y}: %{x:,.4~g} (%{customdata[0]:,.4~g} to %{customdata[1]:,.4~g})<extra></extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title=label)
    figure.update_yaxes(type="category", autorange="reversed", categoryorder="array", categoryarray=names)
    return figure


def error_against_epsilon(
    points: Sequence[CurvePoint], epsilon: float, half_width: float, accepted: float, unit: str
) -> Figure:
    """Expected error and half-width of the 95 % interval of one query against ε, both on logarithmic axes.

    Args:
        points: the curve.
        epsilon: ε that is chosen now.
        half_width: half-width there.
        accepted: error that is accepted, where a horizontal line stands.
        unit: of the errors.
    """
    figure = _figure(340)
    curves = (
        ("95 of 100 off by at most", [point.half_width for point in points], SYNTHETIC),
        ("Expected error", [point.expected_error for point in points], REAL),
    )
    for name, values, colour in curves:
        figure.add_scatter(
            x=[point.epsilon for point in points],
            y=values,
            name=name,
            mode="lines",
            line={"color": colour, "width": 2},
            hovertemplate="ε %{x:.3g}: ± %{y:,.4g} " + unit + "<extra>" + name + "</extra>",
        )
    ends = [points[0].epsilon, points[-1].epsilon]
    line = {"color": ACCENT, "width": 2, "dash": "dot"}
    figure.add_scatter(x=ends, y=[accepted, accepted], name="Accepted", mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=[epsilon],
        y=[half_width],
        name="Chosen ε",
        mode="markers",
        marker={"color": SYNTHETIC, "size": 12, "line": {"color": ACCENT, "width": 2}},
        hovertemplate="ε %{x:.3g}: ± %{y:,.4g} " + unit + "<extra>Chosen ε</extra>",
    )
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    figure.update_xaxes(title="Privacy loss ε", type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_yaxes(title=f"± {unit}", type="log", tickformat=",.3~g", nticks=8)
    figure.update_layout(showlegend=True, margin={"t": 56}, legend={"y": 1.02, "yanchor": "bottom"})
    return figure


def audit_bounds(methods: list[str], claimed: float, at_least: dict[str, list[float]]) -> Figure:
    """What every method claims, and what adversaries proved that it loses at least.

    Args:
        methods: names.
        claimed: the ε that all of them claimed.
        at_least: proven ε of each method, by the adversary's label.
    """
    figure = _figure(130 + 46 * len(methods))
    figure.update_layout(barmode="group", margin={"t": 64}, legend={"y": 1.02, "yanchor": "bottom"})
    for (label, values), colour in zip(at_least.items(), (SYNTHETIC, REAL), strict=True):
        figure.add_bar(
            y=methods,
            x=values,
            orientation="h",
            name=label,
            marker_color=colour,
            text=[f"{value:.2f}" if value else "nothing proven" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: ε ≥ %{x:.2f}<extra>" + label + "</extra>",
        )
    figure.add_scatter(
        y=methods,
        x=[claimed] * len(methods),
        mode="markers",
        name="Claimed",
        marker={"symbol": "line-ns-open", "size": 20, "color": ACCENT, "line": {"width": 3}},
        hovertemplate="%{y}: ε = %{x:g}<extra>Claimed</extra>",
    )
    figure.update_xaxes(
        title="ε", range=[0, max(claimed, *(value for part in at_least.values() for value in part)) * 1.08]
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
