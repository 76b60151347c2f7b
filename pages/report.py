"""Step 8: the internal report."""

import streamlit as st

from app.ui import layout, messages, navigation, remake, report_view, session

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(run, "report", "Report", f"Method {run.method}, {messages.cost(run)}")
report = remake.report_or_button(user, run)
with messages.reporting():
    certificate = services.reports.certificate(user, run.id)

st.badge("Internal", icon=":material/lock:", color="orange")
st.caption(messages.INTERNAL_NOTE)

fidelity, utility, privacy, method = st.tabs(["Fidelity", "Utility", "Privacy", "Method"])
with fidelity:
    report_view.fidelity(report)
with utility:
    report_view.utility(report)
with privacy:
    report_view.privacy(report, certificate)
with method:
    report_view.method(certificate)

navigation.link("compare", "Compare with other runs", icon="compare_arrows", run=run.id)
remake.button(user, run)
release = "Go to the release" if run.is_protected else "Go to the files, for internal use"
if st.button(release, type="primary", icon=":material/download:", key="report_release"):
    navigation.go("release", run=run.id)
