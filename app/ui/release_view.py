"""Downloads of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from app.services.views import ArtifactView, RunView, UserView
from app.ui import messages, session
from app.ui.evidence import entry, making

if TYPE_CHECKING:
    import pandas as pd


def unit_words(certificate: dict[str, Any]) -> str:
    """Whom the certificate protects, in words."""
    unit = certificate["unit"]
    if unit["kind"] == "person":
        return f"one person (up to {messages.plural(unit['max_rows_per_unit'], 'row')})"
    return "the person behind one row"


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with dates shown without a time where none has one."""
    days = {
        str(name): column.dt.date
        for name, column in table.select_dtypes("datetime").items()
        if bool((column.dropna() == column.dropna().dt.normalize()).all())
    }
    return table.assign(**days)


def internal(
    user: UserView,
    run: RunView,
    certificate: dict[str, Any],
    preview: pd.DataFrame,
    files: dict[str, ArtifactView],
) -> None:
    """What a run without a privacy guarantee made: for its owner, and never to be released."""
    st.badge("Internal", icon=":material/lock:", color="orange")
    st.caption(
        "Nothing on this page may leave the organisation. The names of its files say so, and the audit log keeps every "
        "download."
    )
    st.subheader("Synthetic table", anchor=False)
    st.dataframe(readable(preview), hide_index=True, width="stretch", key="release_preview")
    st.caption(f"The first of {certificate['rows']['synthetic']:,} synthetic rows.")
    with st.container(horizontal=True):
        download(user, run, files, "synthetic.csv", "CSV")
        download(user, run, files, "synthetic.parquet", "Parquet")
    st.subheader("Record", anchor=False)
    place = entry.show(user, run)
    download(user, run, files, "certificate.json", "Record as JSON")
    st.caption("Such a run keeps no model, so no further rows can be drawn from it.")
    if run.note:
        st.info(run.note, icon=":material/info:")
    making.carry_out(user, run, place)


def download(
    user: UserView, run: RunView, files: dict[str, ArtifactView], kind: str, label: str, *, primary: bool = False
) -> None:
    """A button that fetches a file when it is pressed, not before."""
    if kind not in files:
        st.button(f"{label}: not made", disabled=True, key=f"release_{kind}")
        return
    view = files[kind]
    st.download_button(
        f"{label} ({messages.size(view.size_bytes)})",
        data=lambda: session.services().reports.open_artifact(user, run.id, kind).read(),
        file_name=view.filename,
        mime=view.media_type,
        key=f"release_{kind}",
        icon=":material/download:",
        type="primary" if primary else "secondary",
        on_click="ignore",
    )
