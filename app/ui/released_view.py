"""The releasable report on screen, and the choice of what it may cost."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui.report import findings

SHARES = (0.0, 0.05, 0.1, 0.2)


def choose_share(saved: Any) -> float:
    """How much of a run's privacy loss pays for the report; 0 makes one of what costs nothing.

    Args:
        saved: what was chosen before, if anything.
    """
    before = saved if isinstance(saved, int | float) else 0.0
    chosen: float = st.select_slider(
        "Part of the run's privacy loss that pays for measurements",
        SHARES,
        min(SHARES, key=lambda share: abs(share - before)),
        format_func=lambda share: f"{100 * share:.0f} %",
        key="model_evaluation_share",
    )
    st.caption(_sentence(chosen))
    return chosen


def _sentence(share: float) -> str:
    if share == 0.0:
        return (
            "The report that may leave with the rows then says only what costs nothing: bounds that follow from the "
            "method's own noise."
        )
    return (
        f"{100 * share:.0f} % of the privacy loss measures, with noise, how far the rows lie from the private ones and "
        "how well they predict the chosen column for rows set aside. The numbers may leave with the rows. The rest of "
        "the loss pays for the rows, so they get a little noisier; the total stays the same."
    )


def show(report: dict[str, Any]) -> None:
    """All findings that may leave with the rows."""
    st.subheader("Quality, for whoever receives the rows", anchor=False)
    st.caption(
        "Every number was charged to this run, follows from what it released, or is about the synthetic rows alone. "
        "The intervals hold with 95 % confidence."
    )
    findings.apply_style()
    findings.alarms(report)
    for name in report["metrics"]:
        findings.section(report, name)
