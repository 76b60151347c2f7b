"""The error of a chosen count against ε, and the ε that an accepted error takes. Nothing here reads a private row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.services.views import DatasetView, UserView
from app.ui import charts, layout, messages, session
from app.ui.budget_view import EPSILON_KEY

if TYPE_CHECKING:
    from engine.privacy.forecast import Forecast
    from engine.privacy.plan import SynthesisPlan
    from engine.privacy.query_forecast import CellQuery, QueryForecast

ALONE = "no other column"
LARGEST_ACCEPTED = 1e9


def against_epsilon(user: UserView, dataset: DatasetView, plan: SynthesisPlan, expected: Forecast) -> None:
    """Choose what is counted, see its error at every ε, and ask which ε an error takes."""
    query = _query(expected)
    with messages.showing():
        found, curve = session.services().plans.query_forecast(user, dataset.id, plan, query)
        if found.half_width is None or found.expected_error is None:
            st.info(found.statement, icon=":material/info:")
            return
        accepted = st.number_input(
            "I accept ± rows",
            min_value=1.0,
            max_value=LARGEST_ACCEPTED,
            value=float(max(1, round(found.half_width))),
            step=10.0,
            format="%.0f",
            key=f"budget_accepted_{'_'.join(query.columns)}",
            help="How far off such a count may be, 95 times of 100.",
        )
        _inverse(user, dataset, plan, query, float(accepted))
        layout.figures(_figures(found))
        layout.chart(
            charts.error_against_epsilon(curve, found.epsilon, found.half_width, float(accepted), "rows"),
            key="budget_error_curve",
            alt=f"Error of a count by {' and '.join(query.columns)} against ε",
        )
        st.caption(_note(found))


def _query(expected: Forecast) -> CellQuery:
    from engine.privacy.query_forecast import CellQuery

    sizes = {column.name: column.cells for column in expected.columns}
    left, right = st.columns(2)
    first = left.selectbox("Rows counted by", list(sizes), key="budget_count_first")
    others = [ALONE, *(name for name in sizes if name != first)]
    second = right.selectbox("and, together with it, by", others, key="budget_count_second")
    chosen = [first] if second == ALONE else [first, second]
    cells = []
    for name, place in zip(chosen, (left, right), strict=False):
        number = place.number_input(
            f"Values of {name} added up",
            min_value=1,
            max_value=sizes[name],
            value=1,
            key=f"budget_count_values_{name}",
            help="A count of several values, or of a range, adds up the noise of as many cells.",
        )
        cells.append((name, int(number)))
    return CellQuery(tuple(cells))


def _inverse(user: UserView, dataset: DatasetView, plan: SynthesisPlan, query: CellQuery, accepted: float) -> None:
    """The ε that an accepted error takes, and a button that chooses it."""
    with messages.showing():
        epsilon = session.services().plans.epsilon_for_error(user, dataset.id, plan, query, accepted)
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.markdown(
            f"**ε = {messages.epsilon(epsilon)}** is enough: 95 of 100 such counts are then off by at most "
            f"{accepted:,.0f} rows."
        )
        right.button(
            f"Use ε = {messages.epsilon(epsilon)}",
            key="budget_use_epsilon",
            disabled=epsilon == plan.epsilon,
            on_click=_use,
            args=(user, dataset, epsilon),
            width="stretch",
        )


def _use(user: UserView, dataset: DatasetView, epsilon: float) -> None:
    """Choose an ε, and move the slider there."""
    with messages.reporting():
        session.services().datasets.save_draft(user, dataset.id, epsilon=epsilon)
        st.session_state[EPSILON_KEY] = epsilon


def _figures(found: QueryForecast) -> dict[str, str]:
    return {
        "Expected error": f"± {found.expected_error:,.0f} rows",
        "95 of 100 counts are off by at most": f"± {found.half_width:,.0f} rows",
        "As a share of the rows": f"± {100 * (found.half_width_share or 0.0):.2g} %",
    }


def _note(found: QueryForecast) -> str:
    cells = messages.plural(found.cells, "noisy count")
    assumed = " (a typical number, as the run learns or refines the cells)" if found.cells_assumed else ""
    return f"{found.statement} Such an answer adds up {cells}{assumed}. Rows that are released follow a model of them."
