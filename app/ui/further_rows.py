"""Drawing further rows from the model that a run has paid for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.services.further_rows import most_rows
from app.services.views import FurtherColumn, RunView, UserView
from app.ui import messages, release_view, session

MISSING = "missing"
DEFAULT_ROWS = 1_000


def show(user: UserView, run: RunView, certificate: dict[str, Any], *, neutralise_formulas: bool) -> None:
    """Choose a number and fixed values, look at a few such rows, and download them."""
    st.write(
        "The run paid for its model once. Rows drawn from the model read no private row, so **any number of further "
        f"rows adds nothing to ε = {messages.epsilon(run.epsilon)}**. A column can have one value in every row; the "
        "others then follow what the model has learned about such rows."
    )
    written = [column for column in certificate["columns"] if column["treatment"] != "drop"]
    modelled = [column["name"] for column in written if column["cells"] is not None]
    n_rows = st.number_input(
        "Further rows",
        min_value=1,
        max_value=most_rows(len(certificate["columns"])),
        value=DEFAULT_ROWS,
        step=1_000,
        key="further_rows",
    )
    names = st.multiselect(
        "Columns with a fixed value", modelled, key="further_columns", placeholder="None: rows of all kinds"
    )
    with messages.showing():
        given = _given(user, run, names)
        if given is None:
            return
        if given:
            preview = session.services().further_rows.preview(user, run.id, given)
            st.dataframe(release_view.readable(preview), hide_index=True, width="stretch", key="further_preview")
            st.caption("A few such rows, drawn anew at each look.")
        _download(user, run, int(n_rows), given, neutralise_formulas)


def _given(user: UserView, run: RunView, names: list[str]) -> dict[str, Any] | None:
    """The fixed value of each chosen column; None while one is still to be written."""
    if not names:
        return {}
    columns = {column.name: column for column in session.services().further_rows.columns(user, run.id)}
    given = {name: _value(columns[name]) for name in names}
    if empty := [name for name, value in given.items() if value == ""]:
        st.caption(f"Write a value for {' and '.join(empty)}.")
        return None
    return given


def _value(column: FurtherColumn) -> Any:
    """A widget for one column; None means missing, an empty text that nothing was written yet."""
    key = f"further_value_{column.name}"
    if column.ends is None:
        choices = [*(column.values or ()), *([None] if column.can_be_missing else [])]
        return st.selectbox(
            column.name, choices, key=key, format_func=lambda value: MISSING if value is None else messages.cell(value)
        )
    lowest, highest = column.ends
    place, is_missing = st.container(), False
    if column.can_be_missing:
        place, beside = st.columns([4, 1], vertical_alignment="bottom")
        is_missing = beside.checkbox("Missing", key=f"{key}_missing")
    written = place.text_input(column.name, key=key, placeholder=f"{lowest} to {highest}", disabled=is_missing)
    return None if is_missing else written.strip()


def _download(user: UserView, run: RunView, n_rows: int, given: dict[str, Any], neutralise_formulas: bool) -> None:
    st.download_button(
        f"Draw {messages.plural(n_rows, 'row')} (CSV)",
        data=lambda: session.services().further_rows.draw_csv(
            user, run.id, n_rows, given, neutralise_formulas=neutralise_formulas
        ),
        file_name=f"run-{run.id[:8]}-further_rows.csv",
        mime="text/csv",
        key="further_download",
        icon=":material/download:",
        on_click="ignore",
    )
