"""A question put together with widgets, and its answers with their intervals."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.services.views import FurtherColumn
from app.ui import charts, layout, messages

MISSING = "missing"
MEASURES = {"count": "Number of rows", "share": "Share", "mean": "Mean"}
KINDS = {"measured": "measured", "bounded": "bounds only", "refused": "no interval"}
KIND_NOTES = {
    "measured": "**Measured**: the run counted these columns together, with noise of known size.",
    "bounded": "**Bounds only**: these columns were never counted together; the interval is all that is certain, "
    "and the value is the model's.",
    "refused": "**No interval**: the value is the model's guess, and nothing is known of its error.",
}
MOST_BARS = 60
CONFIDENCES = (0.9, 0.95, 0.99)


def question(columns: tuple[FurtherColumn, ...]) -> dict[str, Any] | None:
    """Widgets for a question; None while something is still to be written."""
    by_name = {column.name: column for column in columns}
    asked: dict[str, Any] = {"measure": _measure()}
    complete = True
    if asked["measure"] == "mean":
        numeric = [
            column.name for column in columns if column.ends is not None and column.type in ("integer", "number")
        ]
        if not numeric:
            st.info("No column of this table is a number, so there is no mean to ask for.", icon=":material/info:")
            return None
        asked["column"] = st.selectbox("Column", numeric, key="ask_mean_column")
    elif asked["measure"] == "share":
        asked["column"] = st.selectbox("Column", list(by_name), key="ask_share_column")
        of = _condition(by_name[asked["column"]], "ask_of", empty_label="Each of its values")
        complete = of is not None or by_name[asked["column"]].ends is None
        asked["of"] = of
    others = [name for name in by_name if name != asked.get("column")]
    asked["by"] = st.multiselect("By group", others, key="ask_by", max_selections=2, placeholder="All rows together")
    limited = st.multiselect("Conditions on", list(by_name), key="ask_where", placeholder="None: rows of all kinds")
    asked["where"] = [_condition(by_name[name], f"ask_where_{name}") for name in limited]
    complete = complete and None not in asked["where"]
    asked |= _terms()
    if not complete:
        st.caption("Choose values, or write at least one end of each range.")
        return None
    return asked


def show(answers: dict[str, Any]) -> None:
    """The answers, one alone as figures and several as a table and a chart."""
    rows, measure = answers["rows"], answers["query"]["measure"]
    level = f"{100 * answers['confidence']:.4g} % interval"
    if len(rows) == 1:
        row = rows[0]
        layout.figures(
            {
                _title(answers["query"]): _number(row["value"], measure),
                level: _interval(row, measure),
                "In the model": _number(row["modelled"], measure),
            }
        )
        st.write(row["statement"])
    else:
        _chart(answers)
        st.dataframe(_table(rows, measure, level), hide_index=True, key="ask_answers")
        kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
        st.markdown("\n".join(f"- {KIND_NOTES[kind]}" for kind in kinds))
    for note in answers["notes"]:
        st.info(note, icon=":material/straighten:")
    st.caption(answers["about"])


def _measure() -> str:
    chosen = st.segmented_control(
        "What do you want to know?",
        list(MEASURES),
        default="count",
        key="ask_measure",
        format_func=lambda name: MEASURES[name],
    )
    return chosen or "count"


def _terms() -> dict[str, Any]:
    with st.expander("How sure, and of what"):
        confidence = st.select_slider(
            "An interval holds the true value with a chance of",
            CONFIDENCES,
            value=0.95,
            key="ask_confidence",
            format_func=lambda value: f"{value:.0%}",
        )
        population = st.checkbox(
            "About the population that the table's rows are a random sample of, not about the table",
            key="ask_population",
        )
        simultaneous = st.checkbox("All intervals of an answer hold at once, not each on its own", key="ask_at_once")
    return {"confidence": confidence, "population": population, "simultaneous": simultaneous}


def _condition(column: FurtherColumn, key: str, empty_label: str = "Choose values") -> dict[str, Any] | None:
    """Widgets for a condition on one column; None while nothing is chosen."""
    if column.ends is None:
        choices = [*(column.values or ()), *([None] if column.can_be_missing else [])]
        values = st.multiselect(
            f"Values of {column.name}",
            choices,
            key=f"{key}_values",
            placeholder=empty_label,
            format_func=lambda value: MISSING if value is None else messages.cell(value),
        )
        return {"column": column.name, "values": values} if values else None
    first, second = st.columns(2)
    low = first.text_input(f"{column.name} from", key=f"{key}_low", placeholder=column.ends[0]).strip()
    high = second.text_input(f"{column.name} to", key=f"{key}_high", placeholder=column.ends[1]).strip()
    if not low and not high:
        return None
    return {"column": column.name, "minimum": low or None, "maximum": high or None}


def _chart(answers: dict[str, Any]) -> None:
    measure = answers["query"]["measure"]
    held = [row for row in answers["rows"] if row["low"] is not None]
    if not 1 < len(held) <= MOST_BARS:
        return
    factor = 100.0 if measure == "share" else 1.0
    figure = charts.answers_with_intervals(
        [_group(row) for row in held],
        [None if row["value"] is None else factor * row["value"] for row in held],
        [(factor * row["low"], factor * row["high"]) for row in held],
        [row["kind"] == "measured" for row in held],
        _title(answers["query"]) + (", %" if measure == "share" else ""),
    )
    layout.chart(figure, key="ask_chart", alt="Answers by group, with their intervals")


def _table(rows: list[dict[str, Any]], measure: str, level: str) -> list[dict[str, str]]:
    return [
        {name: _value(value) for name, value in row["group"].items()}
        | {
            "Answer": _number(row["value"], measure),
            level: _interval(row, measure),
            "In the model": _number(row["modelled"], measure),
            "How it is known": KINDS[row["kind"]],
        }
        for row in rows
    ]


def _title(query: dict[str, Any]) -> str:
    return {"count": "Rows", "share": "Share of rows", "mean": f"Mean of {query['column']}"}[query["measure"]]


def _group(row: dict[str, Any]) -> str:
    return ", ".join(_value(value) for value in row["group"].values())


def _value(value: Any) -> str:
    return MISSING if value is None else messages.cell(value)


def _interval(row: dict[str, Any], measure: str) -> str:
    if row["low"] is None:
        return "none"
    return f"{_number(row['low'], measure)} to {_number(row['high'], measure)}"


def _number(value: float | None, measure: str) -> str:
    if value is None:
        return "–"
    if measure == "count":
        return f"{value:,.0f}"
    return f"{100 * value:.1f} %" if measure == "share" else f"{value:,.4g}"
