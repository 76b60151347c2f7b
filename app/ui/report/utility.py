"""The report's utility part: what an analyst can do with the synthetic rows."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui import charts, layout
from app.ui.report import charts as figures
from app.ui.report.findings import Json, section, why_not

MOST_COLUMNS = 15


def show(report: Json) -> None:
    """All utility metrics, each with its charts."""
    for name, extra in EXTRAS.items():
        section(report, name, extra, expanded=name == "prediction")


def _prediction(part: Json) -> None:
    tasks = {task["target"]: task for task in (part, *part["further_targets"])}
    target = part["target"]
    if len(tasks) > 1:
        target = st.selectbox("What is predicted", list(tasks), key="report_target")
    task = tasks[target]
    st.write(
        f"Models predict **{target}** for real rows set aside, which neither the method nor the models have seen. "
        "The same models trained on real rows show what the columns can give."
    )
    scored = [model for model in task["models"] if _has_numbers(model)]
    if scored:
        label = {"auc": "Area under the ROC curve", "r2": "R²"}[task["metric"]]
        layout.chart(charts.utility_bars(scored, label), key="report_utility", alt=f"{label} of models")
    st.dataframe(_score_rows(task["models"]), hide_index=True, key="report_utility_table")
    for model in scored:
        if "roc" in model:
            _roc(model)
            break
    _importances(task["importances"])


def _has_numbers(model: Json) -> bool:
    return all(why_not(model[key]) is None for key in ("trained_on_synthetic", "trained_on_real"))


def _score_rows(models: list[Json]) -> list[Json]:
    return [
        {
            "Model": model["name"],
            "Score": score["title"],
            "Trained on synthetic": _with_interval(score, "trained_on_synthetic"),
            "Trained on real": _with_interval(score, "trained_on_real"),
            "Guessing": _number(score["baseline"]),
        }
        for model in models
        for score in model["scores"]
    ]


def _with_interval(score: Json, key: str) -> str:
    interval = score.get(f"{key}_interval")
    if why_not(score[key]) is not None or interval is None or why_not(interval) is not None:
        return _number(score[key])
    return f"{score[key]:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _number(value: Any) -> str:
    reason = why_not(value)
    return f"could not be computed: {reason}" if reason else f"{value:.3f}"


def _roc(model: Json) -> None:
    roc = model["roc"]
    across = roc["false_positive_rate"]
    names = {"Trained on synthetic": "trained_on_synthetic", "Trained on real": "trained_on_real"}
    lines = {label: (across, roc[key]) for label, key in names.items() if why_not(roc.get(key)) is None}
    st.markdown(f"**ROC curve, {model['name'].lower()}**")
    layout.chart(
        figures.curves(lines, "False positives, share", "True positives, share", diagonal=True),
        key="report_roc",
        alt="ROC curves of models trained on synthetic and on real rows",
    )


def _importances(part: Json) -> None:
    st.markdown("**What the models look at**")
    if (reason := why_not(part)) is not None:
        st.caption(f"Could not be computed: {reason}.")
        return
    columns = part["columns"][:MOST_COLUMNS]
    series = {
        label: [column[key] for column in columns]
        for label, key in (("Trained on synthetic", "trained_on_synthetic"), ("Trained on real", "trained_on_real"))
    }
    layout.chart(
        figures.bars([column["column"] for column in columns], series, "How much the score falls without the column"),
        key="report_importances",
        alt="Importance of each column to models trained on synthetic and on real rows",
    )


def _queries(part: Json) -> None:
    families = {family["title"]: family for family in part["families"] if why_not(family) is None}
    if not families:
        return
    chosen = st.segmented_control(
        "Queries", list(families), default=next(iter(families)), key="report_queries", required=True
    )
    family = families[chosen or next(iter(families))]
    quantiles = family["quantiles"]
    names = {"Synthetic": "synthetic", "Real rows set aside": "holdout"}
    lines = {
        label: (quantiles[key], [100 * level for level in quantiles["levels"]])
        for label, key in names.items()
        if why_not(quantiles.get(key)) is None and key in quantiles
    }
    layout.chart(
        figures.curves(lines, f"Error, {family['unit']}", "% of queries with at most this error"),
        key="report_query_errors",
        alt="Distribution of the errors of queries on synthetic rows and on real rows set aside",
    )
    st.markdown("**Queries with the largest errors**")
    st.dataframe(
        [
            {
                "Query": query["query"] + (f", {query['group']}" if query["group"] is not None else ""),
                "Real": _number(query["real"]),
                "Synthetic": _number(query["synthetic"]),
                "Error": _number(query["error"]),
            }
            for query in family["worst"]
        ],
        hide_index=True,
        key="report_worst_queries",
    )
    st.caption(f"{family['n']:,} random queries, drawn without looking at the synthetic rows.")


EXTRAS = {"prediction": _prediction, "queries": _queries}
