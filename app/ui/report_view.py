"""The internal report on screen. What could not be computed says why."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui import charts, layout, messages

MOST_BARS = 40


def why_not(value: Any) -> str | None:
    """The reason why a part is missing, or None where it is there."""
    if isinstance(value, dict) and "unavailable" in value:
        return str(value["unavailable"])
    return None


def details(report: dict[str, Any], metric: str) -> dict[str, Any]:
    """What a metric found beside its findings, or why it could not be computed."""
    part: dict[str, Any] = report["metrics"][metric]
    found: dict[str, Any] = part.get("details", part)
    return found


def percent(value: Any, digits: int = 1) -> str:
    """A share for reading."""
    return f"{100 * value:.{digits}f} %" if isinstance(value, int | float) else "could not be computed"


def fidelity(report: dict[str, Any]) -> None:
    """Distributions and relations, with what equally many real rows reach."""
    part = details(report, "marginals")
    labels = {"1way": "One column", "2way": "Pairs of columns", "3way": "Triples of columns"}
    layout.figures({f"{label}: mean distance": percent(part[f"mean_distance_{key}"]) for key, label in labels.items()})
    for key, label in labels.items():
        ceiling = part[f"ceiling_{key}"]
        reason = why_not(ceiling)
        said = (
            f"equally many real rows set aside reach {percent(ceiling)}"
            if reason is None
            else f"no comparison: {reason}"
        )
        st.caption(f"{label}: {said}.")
    st.caption(
        "Distance: the share of rows that would have to move to another cell. The lower, the closer; real rows set "
        "aside show how low it can get."
    )
    _columns(part)
    _pairs(part)
    _associations(details(report, "association"))
    _scores(details(report, "sdmetrics"))


def _columns(part: dict[str, Any]) -> None:
    st.subheader("Columns", anchor=False)
    by_name = {column["name"]: column for column in part["columns"]}
    compared = [column for column in part["columns"] if why_not(column.get("distance")) is None]
    st.plotly_chart(
        charts.distance_and_ceiling(compared[:MOST_BARS], "Distance, % of rows"),
        key="report_columns",
        config=charts.CONFIG,
        alt="Distance per column, with the distance of real rows set aside",
    )
    name = st.selectbox("Column", list(by_name), key="report_column")
    column = by_name[name]
    if why_not(column.get("distance")) is not None:
        st.info(f"Could not be computed: {why_not(column['distance'])}.")
        return
    st.plotly_chart(
        charts.real_and_synthetic(column),
        key="report_distribution",
        config=charts.CONFIG,
        alt=f"Distribution of {name}, real and synthetic",
    )
    st.caption(f"Missing: {percent(column['missing_real'])} real, {percent(column['missing_synthetic'])} synthetic.")


def _pairs(part: dict[str, Any]) -> None:
    st.subheader("Pairs of columns", anchor=False)
    if why_not(part["pairs"]) is not None:
        st.info(f"Could not be computed: {why_not(part['pairs'])}.")
        return
    if not part["pairs"]:
        st.info("There is one column only, so there are no pairs.")
        return
    worst = sorted(part["pairs"], key=lambda pair: -pair["distance"])[:12]
    st.plotly_chart(
        charts.distance_and_ceiling(worst, "Distance, % of rows"),
        key="report_pairs",
        config=charts.CONFIG,
        alt="The twelve pairs with the largest distance",
    )
    st.caption(f"The largest distances among {part.get('pairs_compared', 'the pairs compared')}.")


def _associations(association: dict[str, Any]) -> None:
    st.subheader("Associations", anchor=False)
    if why_not(association) is not None:
        st.info(f"Could not be computed: {why_not(association)}.")
        return
    views = {"Real": "real", "Synthetic": "synthetic", "Difference": "difference"}
    chosen = st.segmented_control("Show", list(views), default="Synthetic", key="report_association", required=True)
    figure = charts.association_heatmap(
        association["columns"], association[views[chosen or "Synthetic"]], diverging=chosen == "Difference"
    )
    st.plotly_chart(figure, key="report_heatmap", config=charts.CONFIG, alt=f"Associations between columns: {chosen}")
    st.caption("Cramér's V of each pair, from 0 (none) to 1 (one decides the other).")


def _scores(scores: dict[str, Any]) -> None:
    st.subheader("sdmetrics scores", anchor=False)
    if why_not(scores) is not None:
        st.info(f"Could not be computed: {why_not(scores)}.")
        return
    rows = []
    for part, names in (
        ("quality", ("score", "column_shapes", "column_pair_trends")),
        ("diagnostic", ("score", "data_validity", "data_structure")),
    ):
        block = scores[part]
        for name in names:
            value = block if why_not(block) is not None else block[name]
            reason = why_not(value)
            label = f"{part.capitalize()}: {'overall' if name == 'score' else name.replace('_', ' ')}"
            rows.append({"Score": label, "Value": f"could not be computed: {reason}" if reason else percent(value)})
    st.dataframe(rows, hide_index=True, key="report_scores")


def utility(report: dict[str, Any]) -> None:
    """Models trained on synthetic rows, tested on real ones."""
    part = details(report, "prediction")
    if why_not(part) is not None:
        st.info(f"Could not be computed: {why_not(part)}.")
        return
    metric = {"auc": "Area under the ROC curve", "r2": "R²"}.get(part["metric"], part["metric"])
    st.write(
        f"Models predict **{part['target']}** for real rows set aside, which neither the method nor they have seen."
    )
    models = [
        model
        for model in part["models"]
        if why_not(model.get("trained_on_synthetic")) is None and why_not(model.get("trained_on_real")) is None
    ]
    if models:
        st.plotly_chart(
            charts.utility_bars(models, metric), key="report_utility", config=charts.CONFIG, alt=f"{metric} of models"
        )
    rows = []
    for model in part["models"]:
        rows.append(
            {"Model": model["name"]}
            | {
                label: _number(model.get(key))
                for label, key in (
                    ("Synthetic", "trained_on_synthetic"),
                    ("Real", "trained_on_real"),
                    ("Guessing", "baseline"),
                )
            }
        )
    st.dataframe(rows, hide_index=True, key="report_utility_table")
    st.caption(f"{metric}; bars show 95 % intervals over the rows set aside.")


def _number(value: Any) -> str:
    reason = why_not(value)
    return f"could not be computed: {reason}" if reason else f"{value:.3f}"


def privacy(report: dict[str, Any], certificate: dict[str, Any]) -> None:
    """The guarantee first, then what copies there are."""
    stated = certificate["privacy"]
    if stated["epsilon"] is None:
        st.markdown(messages.NO_GUARANTEE_NOTE)
    else:
        st.markdown(messages.odds_sentence(stated["epsilon"], stated["delta"], "the protected unit"))
    closest = details(report, "closest-record")
    st.subheader("Distance to the closest real row", anchor=False)
    if why_not(closest) is not None:
        st.info(f"Could not be computed: {why_not(closest)}.")
    else:
        low, high = closest["interval"]
        layout.figures({"Synthetic rows closer to a training row": percent(closest["share_closer_to_train"])})
        st.caption(f"95 % interval {percent(low)} to {percent(high)}, from {closest['n']:,} rows. Chance gives 50 %.")
        st.plotly_chart(
            charts.closest_record_curves(closest["quantiles"]),
            key="report_closest",
            config=charts.CONFIG,
            alt="Distances to the closest training row and the closest row set aside",
        )
        st.caption(closest["caveat"])
    copies = details(report, "copies")
    st.subheader("Exact copies", anchor=False)
    if why_not(copies) is not None:
        st.info(f"Could not be computed: {why_not(copies)}.")
        return
    expected = copies["expected_from_holdout"]
    st.write(
        f"{messages.plural(copies['synthetic_rows_equal_to_a_training_row'], 'synthetic row')} equal a training row; "
        + (
            f"by chance alone, rows set aside give {expected:,}."
            if why_not(expected) is None
            else f"no comparison: {why_not(expected)}."
        )
    )


def method(certificate: dict[str, Any]) -> None:
    """What the run did, from its certificate."""
    st.write(f"**{certificate['method']['title']}**. {certificate['method']['source']}.")
    if certificate["privacy"]["epsilon_at"]:
        st.dataframe(
            [
                {"δ": messages.delta(point["delta"]), "ε": round(point["epsilon"], 4)}
                for point in certificate["privacy"]["epsilon_at"]
            ],
            hide_index=True,
            key="report_epsilon_at",
        )
    else:
        st.markdown(messages.NO_GUARANTEE_NOTE)
    st.subheader("Where each thing was learned from", anchor=False)
    st.dataframe(
        [
            {
                "Column": column["name"],
                "Treatment": column["treatment"],
                "Values": column["domain"],
                "Known from": column["domain_source"] or "",
                "Outside values": column["outside_rule"] or "",
            }
            for column in certificate["columns"]
        ],
        hide_index=True,
        key="report_sources",
    )
    st.subheader("Every mechanism that read the rows", anchor=False)
    st.dataframe(
        [
            {
                "No.": event["sequence"],
                "Mechanism": event["mechanism"].replace("_", " "),
                "Purpose": event["purpose"],
                "Read": ", ".join(event["reads"]),
                "Noise": _noise(event),
            }
            for event in certificate["events"]
        ],
        hide_index=True,
        key="report_events",
    )


def _noise(event: dict[str, Any]) -> str:
    """Standard deviation of a mechanism's noise; counts are in rows, and gradients have no unit."""
    if multiplier := event.get("noise_multiplier"):
        return f"{multiplier:,.2f} × a clipped gradient"
    return f"{event['noise_scale']:,.1f} rows" if event["noise_scale"] else ""
