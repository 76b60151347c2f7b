"""The part of the release page that leads to the signed reports of a run."""

from __future__ import annotations

import streamlit as st

from app.services.views import RunView, UserView
from app.ui import messages, navigation, session
from app.ui.evidence import files, making


def show(user: UserView, run: RunView) -> None:
    """The newest report with its downloads, or a draft in one click, and the way to all versions."""
    with messages.reporting():
        reports = session.services().evidence.list(user, run.id)
    newest = files.newest(reports)
    making.made_before(reports)
    if newest is not None:
        files.card(user, newest, "release")
    else:
        _first(run)
    label = "Declare, finalise, all versions" if run.is_protected else "All versions of the record"
    navigation.link("evidence", label, icon="approval", run=run.id)
    making.carry_out(user, run)


def _first(run: RunView) -> None:
    if not run.is_protected:
        making.choose_record(run)
        return
    st.write(
        "The package holds a signed report as PDF, Word and web page, a model card, the certificate, an entry for the "
        "registry of DP deployments, the synthetic table, and how to verify each of them. The first one is a draft: "
        "what only people know is declared on the evidence page, and a final report follows."
    )
    making.button("Make the evidence package", making.Wanted(run.id), is_disabled=making.is_wanted(run))
