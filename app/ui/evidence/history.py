"""All versions of what was declared about a dataset."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.evidence_views import DeclarationsView
from app.ui import messages, session
from app.ui.evidence import catalogue
from app.ui.evidence.declaring import Form


def show(form: Form) -> None:
    """Who saved which version and when, and the answers of one of them."""
    versions = session.services().declarations.history(form.user, form.dataset.id)
    if not versions:
        return
    titles = {framework.id: catalogue.short(framework.title) for framework in form.offered}
    with st.expander(f"History of the answers: {messages.plural(len(versions), 'version')}", icon=":material/history:"):
        st.dataframe(
            [
                {
                    "Version": version.version,
                    "Saved": messages.when(version.declared_at),
                    "By": version.declared_by,
                    "Answers": len(version.values),
                    "Frameworks": ", ".join(titles.get(name, name) for name in version.frameworks) or "none",
                }
                for version in versions
            ],
            hide_index=True,
            width="stretch",
            key="evidence_history",
        )
        by_number = {version.version: version for version in versions}
        chosen = st.selectbox(
            "Answers of version", list(by_number), index=None, key="evidence_history_version", placeholder="Choose one"
        )
        if chosen is not None:
            _answers(by_number[chosen], versions, form)


def _answers(version: DeclarationsView, versions: Sequence[DeclarationsView], form: Form) -> None:
    """The answers of one version, and which of them were new in it."""
    before = next((other.values for other in versions if other.version == version.version - 1), {})
    labels = {question.id: question.label for question in form.every_question}
    st.dataframe(
        [
            {
                "Question": labels.get(name, name),
                "Answer": ", ".join(answer) if isinstance(answer, list) else answer,
                "New in this version": "yes" if before.get(name) != answer else "",
            }
            for name, answer in version.values.items()
        ],
        hide_index=True,
        width="stretch",
        key="evidence_history_answers",
    )
