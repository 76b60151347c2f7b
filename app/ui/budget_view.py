"""Budgets and forecasts on screen. Nothing here reads a private row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import streamlit as st

from app.services.views import DatasetView, Feasibility, LedgerSummary, UserView
from app.ui import charts, layout, messages, session
from engine.privacy.plan import DEFAULT_DELTA, UnitKind

if TYPE_CHECKING:
    from engine.privacy.forecast import Forecast
    from engine.privacy.price import PlanPrice
    from engine.resources import Resources

CHOICES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
DEFAULT_CAP = 3.0
DEFAULT_RUN = 1.0
LOW, HIGH = 0.2, 5.0
EPSILON_KEY = "budget_epsilon"
"""Where the slider's ε is kept while the page is open."""


def unit_words(dataset: DatasetView) -> str:
    """Whom the guarantee protects, in words."""
    if dataset.unit is not None and dataset.unit.kind is UnitKind.PERSON:
        return f"one person (up to {messages.plural(dataset.unit.max_rows_per_unit, 'row')})"
    return "the person behind one row"


def standing(summary: LedgerSummary) -> None:
    """Total, reserved, spent and left."""
    if summary.epsilon_cap is None:
        return
    left = summary.epsilon_left if summary.epsilon_left is not None else 0.0
    figures = {
        "Total ε": summary.epsilon_cap,
        "Reserved": summary.epsilon_reserved,
        "Spent": summary.epsilon_spent,
        "Fits one more run of": left,
    }
    layout.figures({label: messages.epsilon(value) for label, value in figures.items()})
    layout.bar(
        [
            ("Spent", summary.epsilon_spent, f"ε {messages.epsilon(summary.epsilon_spent)}"),
            ("Reserved", summary.epsilon_reserved, f"ε {messages.epsilon(summary.epsilon_reserved)}"),
        ],
        summary.epsilon_cap,
    )


def cap_form(summary: LedgerSummary, declared_rows: int | None) -> tuple[float, float] | None:
    """The dataset's total; returns ε and δ when it is saved."""
    with st.form("budget_cap", border=False):
        left, right = st.columns(2)
        epsilon = left.number_input(
            "Total privacy loss ε of all runs together",
            min_value=0.01,
            max_value=100.0,
            value=summary.epsilon_cap or DEFAULT_CAP,
            step=0.5,
            key="budget_cap_epsilon",
        )
        delta = right.number_input(
            "δ",
            min_value=1e-12,
            max_value=1e-2,
            value=summary.delta or DEFAULT_DELTA,
            format="%.1e",
            step=1e-7,
            key="budget_cap_delta",
        )
        if declared_rows:
            st.caption(
                f"δ bounds the chance that the promise by ε fails. With about {declared_rows:,} rows keep it far below "
                f"1/{declared_rows:,} ≈ {1 / declared_rows:.1g}."
            )
        st.caption(
            "The total can be raised or lowered later, never below what is spent and reserved. Every change is in the "
            "audit log."
        )
        if st.form_submit_button("Save the budget", type="primary"):
            return float(epsilon), float(delta)
    return None


def unprotected_setting(user: UserView, dataset: DatasetView) -> None:
    """Whether runs without a privacy guarantee may read this table."""
    state = "allowed" if dataset.allows_unprotected else "forbidden"
    with st.expander(f"Runs without a privacy guarantee: {state}", icon=":material/gpp_bad:"):
        st.write(
            "Some methods protect nobody. They show what the same rows give without noise, for comparison inside your "
            "organisation. They have no ε, so this budget does not limit them; here you can forbid them for this table."
        )
        is_allowed = st.toggle(
            "Allow runs without a privacy guarantee on this dataset",
            dataset.allows_unprotected,
            key="budget_unprotected",
        )
        if is_allowed != dataset.allows_unprotected:
            with messages.reporting():
                session.services().datasets.allow_unprotected(user, dataset.id, is_allowed)
            st.rerun()


def choose_epsilon(dataset: DatasetView, summary: LedgerSummary) -> float:
    """ε of this run, on a logarithmic slider."""
    saved = float(dataset.draft.get("epsilon") or min(DEFAULT_RUN, summary.epsilon_cap or DEFAULT_RUN))
    if EPSILON_KEY not in st.session_state:
        st.session_state[EPSILON_KEY] = round(saved, 4)
    options = sorted({*CHOICES, round(saved, 4), st.session_state[EPSILON_KEY]})
    chosen: float = st.select_slider(
        "Privacy loss ε of this run", options, key=EPSILON_KEY, format_func=messages.epsilon
    )
    left, right = st.columns(2)
    left.caption("← less privacy loss, more noise")
    right.html('<p style="text-align:right;font-size:.875rem;opacity:.65;margin:0">more privacy loss, less noise →</p>')
    return float(chosen)


def advice(epsilon: float) -> None:
    """What a very small or a large ε means."""
    if epsilon >= HIGH:
        st.warning(
            "From about ε = 5 on, the bound itself says little. What protects then is how the method works, which "
            "ε does not measure. Be ready to explain the choice.",
            icon=":material/warning:",
        )
    elif epsilon <= LOW:
        st.info(
            "With so little privacy loss, expect only coarse distributions from small tables.", icon=":material/info:"
        )


def feasibility(fit: Feasibility) -> None:
    """Whether the run fits into what is left."""
    if fit.fits:
        st.caption(
            f"With this run, all runs together come to ε {messages.epsilon(fit.composed_after)} of "
            f"{messages.epsilon(fit.epsilon_cap)}."
        )
        return
    st.error(
        f"This run would bring the dataset to ε {messages.epsilon(fit.composed_after)}, above its total of "
        f"{messages.epsilon(fit.epsilon_cap)}. A run of up to ε {messages.epsilon(fit.left_epsilon)} still fits.",
        icon=":material/block:",
    )


def cost(fit: Feasibility, dataset: DatasetView) -> None:
    """What the run costs, alone and with all others."""
    layout.figures(
        {
            "This run, ε": messages.epsilon(fit.cost_epsilon),
            "All runs together, ε": f"{messages.epsilon(fit.composed_after)} of {messages.epsilon(fit.epsilon_cap)}",
        }
    )
    feasibility(fit)
    st.markdown(messages.odds_sentence(fit.composed_after, dataset.delta, unit_words(dataset)))


def resources(needed: Resources, refusal: str | None) -> None:
    """Time and memory of the run, and why it cannot be made here where that is so."""
    layout.figures(
        {"Time, about": messages.duration(needed.seconds), "Memory, about": messages.size(needed.memory_bytes)}
    )
    st.caption(
        "On one processor core, with the internal report. Estimated from the number of rows that you stated, the "
        "columns and the method; no private row is read for it."
    )
    if refusal is not None:
        st.error(refusal, icon=":material/memory:")


def split(price: PlanPrice) -> None:
    """The parts of a run's privacy loss."""
    layout.bar([(part.title, part.share, f"{100 * part.share:.0f} %") for part in price.split], 1.0)
    st.caption("Shares of μ², the quantity in which privacy loss adds up exactly.")


def expected_error(expected: Forecast, method: str) -> None:
    """Expected error per column and for a pair."""
    columns = [asdict(column) for column in expected.columns]
    worst = max(columns, key=lambda column: column["expected_distance"])
    errors = {"A count in one column": f"± {worst['expected_error_rows']:.0f} rows"}
    if expected.pair is not None:
        errors["A count in a measured pair"] = f"± {expected.pair.expected_error_rows:.0f} rows"
    layout.figures(errors)
    layout.chart(charts.expected_error(columns), key="budget_error", alt="Expected error per column")
    st.caption(
        f"From the noise this plan would draw and the {expected.declared_rows:,} rows that you stated; no private row "
        "is read for it. Relations between columns that the method leaves out add further error."
    )
    if expected.pair is not None and method == "aim":
        st.caption(
            f"The method makes up to {expected.pair.measurements:,} measurements of pairs and triples of columns, in "
            "rounds: each time those that its model explains worst. Where noise would hide what is left, it makes "
            "fewer with less noise, for the same ε."
        )
    if any(column["cells_assumed"] for column in columns):
        st.caption("Where a run learns values, or refines the cells of numbers, a typical number of cells is assumed.")
    with st.expander("As a table"):
        st.dataframe(
            [
                {
                    "Column": column["name"],
                    "Cells": column["cells"],
                    "± rows per cell": round(column["expected_error_rows"], 1),
                    "Rows in the wrong cell": f"{100 * column['expected_distance']:.2f} %",
                }
                for column in columns
            ],
            hide_index=True,
            key="budget_error_table",
        )
