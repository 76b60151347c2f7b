"""The choice of a method that protects nobody: apart from all others, and only after it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.services.views import DatasetView
from app.ui import messages, navigation

if TYPE_CHECKING:
    from engine.synthesizers.registry import MethodInfo


def choose(dataset: DatasetView, methods: Sequence[MethodInfo]) -> str | None:
    """The section at the end of the model step; gives the name of a method where one is chosen in place of the others.

    Args:
        dataset: what it says, and whether it allows such methods.
        methods: those without a privacy guarantee.
    """
    st.header("For internal comparison only: no privacy guarantee", anchor=False)
    if not dataset.allows_unprotected:
        st.write("Runs without a privacy guarantee are forbidden on this dataset.")
        navigation.link("budget", "Change this on the budget step", icon="arrow_back", dataset=dataset.id)
        return None
    names = [info.name for info in methods]
    saved = dataset.draft.get("method")
    wanted = st.checkbox(
        "Take a method that protects nobody in place of the one above. I will not pass its files on.",
        saved in names,
        key="model_unprotected",
    )
    if not wanted:
        return None
    st.error(messages.NO_GUARANTEE_NOTE, icon=":material/gpp_bad:")
    titles = {info.name: info.title for info in methods}
    chosen: str = st.radio(
        "Method without a privacy guarantee",
        names,
        names.index(saved) if saved in names else 0,
        format_func=titles.__getitem__,
        captions=[messages.best_for(info.summary, info.best_for) for info in methods],
        key="model_unprotected_method",
    )
    st.caption(
        f"Source: {next(info.source for info in methods if info.name == chosen)}. No ε is asked for, and none is "
        "charged. Without a number of rows above, it makes as many as there are private rows. It draws no rows with "
        "fixed values later."
    )
    return chosen
