"""The report's fidelity part: how close the synthetic rows are to the real ones."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui import charts, layout
from app.ui.report import charts as figures
from app.ui.report.findings import Json, percent, section, span, why_not

MOST_BARS = 40
MOST_PAIRS = 12
MOST_CELLS = 10


def show(report: Json) -> None:
    """All fidelity metrics, each with its charts."""
    st.caption(
        "Distance: the share of rows that would have to move to another cell for both tables to count alike. The "
        "lower, the closer; real rows that were set aside show how low it can get."
    )
    for name, extra in EXTRAS.items():
        section(report, name, extra, expanded=name == "marginals")


def _marginals(part: Json) -> None:
    columns = part["columns"]
    st.markdown("**Columns**")
    layout.chart(
        charts.distance_and_ceiling(columns[:MOST_BARS], "Distance, % of rows"),
        key="report_columns",
        alt="Distance per column, with the distance of real rows set aside",
    )
    by_name = {column["name"]: column for column in columns}
    name = st.selectbox("Column", list(by_name), key="report_column")
    _distribution(by_name[name])
    if part["pairs"]:
        st.markdown("**Pairs of columns**")
        worst = sorted(part["pairs"], key=lambda pair: -pair["distance"])[:MOST_PAIRS]
        layout.chart(
            charts.distance_and_ceiling(worst, "Distance, % of rows"),
            key="report_pairs",
            alt="The pairs with the largest distance",
        )
        st.caption(f"The largest distances among {part['pairs_compared']}.")
        _worst_cells(part)
        if st.toggle("Accuracy of every pair as a matrix", key="report_matrix"):
            names = list(by_name)
            layout.chart(
                figures.heatmap(names, _accuracy(names, columns, part["pairs"]), "Teal", 0.0, 1.0),
                key="report_accuracy",
                alt="Share of rows in the right cell, for every column and pair of columns",
            )
            st.caption(
                "Share of the rows that are in the right cell: 1 less the distance; single columns on the diagonal."
            )


def _worst_cells(part: Json) -> None:
    """The cells that are farthest off, whatever the number of columns that make them."""
    cells = [cell for order in part.get("worst_cells", {}).values() if why_not(order) is None for cell in order]
    if not cells:
        return
    st.markdown("**Cells that are farthest off**")
    cells.sort(key=lambda cell: -abs(cell["difference"]))
    st.dataframe(
        [
            {
                "Where": _where(cell),
                "Real": percent(cell["real"], 2),
                "Synthetic": percent(cell["synthetic"], 2),
                "Difference": percent(cell["difference"], 2),
                "Interval": span(cell["interval"], 2),
            }
            for cell in cells[:MOST_CELLS]
        ],
        hide_index=True,
        key="report_cells",
    )
    st.caption("Shares of all rows. The intervals hold for all cells together, so a few extremes are no surprise.")


def _accuracy(names: list[str], columns: list[Json], pairs: list[Json]) -> list[list[float | None]]:
    position = {name: index for index, name in enumerate(names)}
    matrix: list[list[float | None]] = [[None for _ in names] for _ in names]
    for column in columns:
        matrix[position[column["name"]]][position[column["name"]]] = 1.0 - column["distance"]
    for pair in pairs:
        first, second = (position[name] for name in pair["columns"])
        matrix[first][second] = matrix[second][first] = 1.0 - pair["distance"]
    return matrix


def _detection(part: Json) -> None:
    model = part["models"]["boosting"]
    kinds = {"Synthetic rows against real ones": "synthetic", "Real rows set aside against real ones": "holdout"}
    series = {label: model[key] for label, key in kinds.items() if why_not(model[key]) is None}
    chosen = st.segmented_control(
        "Show", list(series), default=next(iter(series)), key="report_propensity", required=True
    )
    histogram = series[chosen or next(iter(series))]["histogram"]
    bins = [f"{place / len(histogram['real']):.2f}" for place in range(len(histogram["real"]))]
    layout.chart(
        figures.shares(
            bins, {"Real": histogram["real"], "Other": histogram["other"]}, "Chance of not being real", "% of rows"
        ),
        key="report_propensities",
        alt="How sure the model is that a row is not real, for both kinds of rows",
    )
    st.caption("Where the two lie on each other, the model cannot tell the rows apart.")
    giveaways = [column for column in part["columns"] if column["loss"] > 0.002][:5]
    if giveaways:
        st.write(
            "Columns that give synthetic rows away most: "
            + ", ".join(f"**{item['name']}**" for item in giveaways)
            + "."
        )


def _coverage(part: Json) -> None:
    columns = sorted([*part["categories"], *part["ranges"]], key=lambda column: column["covered"])[:MOST_BARS]
    if not columns:
        return
    series = {"Synthetic": [100 * column["covered"] for column in columns]}
    if all(why_not(column["ceiling"]) is None for column in columns):
        series["Real rows set aside"] = [100 * column["ceiling"] for column in columns]
    layout.chart(
        figures.bars([column["name"] for column in columns], series, "Values that occur, % of those in real rows"),
        key="report_coverage",
        alt="Share of the real values that occur in synthetic rows, per column",
    )


def _missingness(part: Json) -> None:
    columns = part["columns"][:MOST_BARS]
    if not columns:
        st.caption("No column misses a value in any of the tables.")
        return
    series = {
        "Synthetic": [100 * column["synthetic"] for column in columns],
        "Real": [100 * column["real"] for column in columns],
    }
    layout.chart(
        figures.bars([column["name"] for column in columns], series, "Missing values, % of rows"),
        key="report_missing",
        alt="Share of missing values per column, real and synthetic",
    )


def _subgroups(part: Json) -> None:
    st.markdown("**Subgroups of the wrong size**")
    st.dataframe(
        [
            {
                "Subgroup": _where(group),
                "Real": percent(group["real"], 2),
                "Synthetic": percent(group["synthetic"], 2),
                "Error": percent(group["size_error"]),
                "Interval": span(group["size_interval"]),
            }
            for group in part["by_size"]
        ],
        hide_index=True,
        key="report_subgroup_sizes",
    )
    st.markdown("**Subgroups made up otherwise inside**")
    st.dataframe(
        [
            {
                "Subgroup": _where(group),
                "Rows": group["rows_real"],
                "Distance inside": percent(group["distance"]),
                "Interval": span(group["distance_interval"]),
                "Real rows set aside": percent(group["ceiling"]),
            }
            for group in part["by_distance"]
        ],
        hide_index=True,
        key="report_subgroup_distances",
    )
    st.caption(
        f"The worst of {part['n_subgroups']:,} subgroups of one or two values; the intervals hold for all of them "
        "together."
    )


def _where(place: Json) -> str:
    return ", ".join(f"{name} = {label}" for name, label in zip(place["columns"], place["labels"], strict=True))


def _violations(part: Json) -> None:
    if part["violations"]:
        st.dataframe(
            [
                {
                    "Columns": ", ".join(found["columns"]),
                    "What is broken": found.get("rule", found["kind"]),
                    "Rows": found["rows"],
                }
                for found in part["violations"]
            ],
            hide_index=True,
            key="report_violations",
        )


def _distribution(column: Json) -> None:
    if why_not(column.get("distance")) is not None:
        st.info(f"Could not be computed: {why_not(column['distance'])}.")
        return
    name, is_line = column["name"], column["type"] in ("integer", "number", "date", "datetime")
    views = ["Shares", "Cumulative"] if is_line else ["Shares"]
    view = (
        st.segmented_control("View", views, default="Shares", key="report_view", required=True) if is_line else "Shares"
    )
    shown = {key: _cumulated(column[key]) if view == "Cumulative" else column[key] for key in ("real", "synthetic")}
    layout.chart(
        charts.real_and_synthetic(column | shown),
        key="report_distribution",
        alt=f"Distribution of {name}, real and synthetic",
    )
    st.caption(f"Missing: {percent(column['missing_real'])} real, {percent(column['missing_synthetic'])} synthetic.")


def _cumulated(shares: list[float]) -> list[float]:
    total, sums = 0.0, []
    for share in shares:
        total += share
        sums.append(total)
    return sums


def _association(part: Json) -> None:
    views = {"Real": "real", "Synthetic": "synthetic", "Difference": "difference"}
    chosen = st.segmented_control("Show", list(views), default="Difference", key="report_association", required=True)
    figure = charts.association_heatmap(
        part["columns"], part[views[chosen or "Difference"]], diverging=chosen == "Difference"
    )
    layout.chart(figure, key="report_heatmap", alt=f"Associations between columns: {chosen}")
    st.caption("Cramér's V of each pair, from 0 (none) to 1 (one decides the other).")


def _projection(part: Json) -> None:
    titles = {"real": "Real", "synthetic": "Synthetic"}
    layout.chart(
        figures.planes({title: part[key] for key, title in titles.items()}, part["edges"]),
        key="report_projection",
        alt="Real and synthetic rows in the plane of the real rows' first two principal components",
    )
    first, second = part["explained"]
    st.caption(f"The first direction holds {percent(first, 0)} of the variance, the second {percent(second, 0)}.")


def _scores(part: Json) -> None:
    rows: list[dict[str, Any]] = []
    for block, names in (
        ("quality", ("column_shapes", "column_pair_trends")),
        ("diagnostic", ("data_validity", "data_structure")),
    ):
        for name in names:
            value = part[block] if why_not(part[block]) is not None else part[block][name]
            reason = why_not(value)
            label = f"{block.capitalize()}: {name.replace('_', ' ')}"
            rows.append({"Score": label, "Value": f"could not be computed: {reason}" if reason else percent(value)})
    st.dataframe(rows, hide_index=True, key="report_scores")


EXTRAS = {
    "marginals": _marginals,
    "association": _association,
    "projection": _projection,
    "detection": _detection,
    "coverage": _coverage,
    "missingness": _missingness,
    "violations": _violations,
    "subgroups": _subgroups,
    "sdmetrics": _scores,
}
