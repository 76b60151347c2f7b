"""The choice of laws, standards and guides that a report is arranged for."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.evidence_views import FrameworkView
from app.ui.evidence.draft import Draft

COLUMNS = 2


def choose(frameworks: Sequence[FrameworkView], draft: Draft) -> None:
    """A card per framework, which says what its annex can state and what none can."""
    for start in range(0, len(frameworks), COLUMNS):
        row = frameworks[start : start + COLUMNS]
        for place, framework in zip(st.columns(COLUMNS), row, strict=False):
            with place.container(border=True, height="stretch", key=f"evidence_card_{framework.id}"):
                _card(framework, draft)


def _card(framework: FrameworkView, draft: Draft) -> None:
    key = f"evidence_framework_{draft.revision}_{framework.id}"
    st.checkbox(
        f"**{framework.title}**",
        framework.id in draft.frameworks,
        key=key,
        on_change=_keep,
        args=(draft, framework.id, key),
    )
    st.caption(framework.reference)
    st.markdown(f":material/check: **Can say:** {framework.can_say}")
    st.markdown(f":material/block: **Cannot say:** {framework.cannot_say}")


def _keep(draft: Draft, framework_id: str, key: str) -> None:
    """Keep the choice before anything else of the page runs."""
    draft.choose(framework_id, is_chosen=bool(st.session_state.get(key)))
