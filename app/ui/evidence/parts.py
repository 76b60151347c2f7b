"""The parts of the evidence page, of which one is shown at a time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.evidence_views import EvidenceView
from app.ui.evidence import catalogue
from app.ui.evidence.declaring import Form

FRAMEWORKS, ANSWERS, REPORTS = "frameworks", "answers", "reports"
PART = "evidence_part"


def choose(form: Form, reports: Sequence[EvidenceView]) -> str:
    """The part to show; the address keeps it, and what stands in each of them is said beside its name."""
    every = catalogue.asked(form.groups)
    labels = {
        FRAMEWORKS: f"Frameworks · {len(form.frameworks)}",
        ANSWERS: f"Answers · {len(catalogue.answered(every, form.draft.answers))}/{len(every)}",
        REPORTS: f"Reports · {len(reports)}",
    }
    chosen = st.segmented_control(
        "Part of the evidence",
        list(labels),
        default=REPORTS if reports else FRAMEWORKS,
        required=True,
        format_func=labels.__getitem__,
        key=PART,
        label_visibility="collapsed",
        width="stretch",
    )
    return chosen or FRAMEWORKS


def go_on(label: str, part: str) -> None:
    """A button to the next part."""
    st.button(
        label, key="evidence_go_on", icon=":material/arrow_forward:", on_click=_open, args=(part,), type="secondary"
    )


def _open(part: str) -> None:
    st.session_state[PART] = part
