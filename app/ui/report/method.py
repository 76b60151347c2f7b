"""What a run did, from its certificate."""

from __future__ import annotations

import streamlit as st

from app.ui import messages
from app.ui.report.findings import Json


def show(certificate: Json) -> None:
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


def _noise(event: Json) -> str:
    """Standard deviation of a mechanism's noise; counts are in rows, and gradients have no unit."""
    if multiplier := event.get("noise_multiplier"):
        return f"{multiplier:,.2f} × a clipped gradient"
    return f"{event['noise_scale']:,.1f} rows" if event["noise_scale"] else ""
