"""The part of the release page that leads to the signed reports of a run."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.services.views import RunView, UserView
from app.ui import messages, navigation, session
from app.ui.evidence import files, making


def show(user: UserView, run: RunView) -> DeltaGenerator:
    """The newest report with its downloads, or a draft in one click, and the way to all versions.

    Returns:
        the place where `making.carry_out` says at the end of the page that a report is being made.
    """
    with messages.reporting():
        reports = session.services().evidence.list(user, run.id)
    newest = files.newest(reports)
    making.outcome(reports)
    if newest is not None:
        files.card(user, newest, "release")
    elif run.is_protected:
        st.write(
            "The package holds a signed report as PDF, Word and web page, a model card, the certificate, an entry for "
            "the registry of DP deployments, the synthetic table, and how to verify each of them. The first one is a "
            "draft: what only people know is still open in it."
        )
        making.button("Make the evidence package", making.Wanted(run.id), is_disabled=making.is_wanted(run))
    else:
        making.choose_record(run)
    place = st.container()
    label = "Frameworks, declarations and final report" if run.is_protected else "All versions of the record"
    if st.button(label, key="release_evidence", icon=":material/approval:"):
        navigation.go("evidence", run=run.id)
    return place
