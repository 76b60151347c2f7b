"""Step 8: the internal report."""

import streamlit as st

from app.ui import layout, messages, navigation, remake, session
from app.ui.report import fidelity, findings, method, privacy, utility

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(run, "report", "Report", f"Method {run.method}, {messages.cost(run)}")
report = remake.report_or_button(user, run)
with messages.reporting():
    certificate = services.reports.certificate(user, run.id)

findings.apply_style()
st.badge("Internal", icon=":material/lock:", color="orange")
st.caption(messages.INTERNAL_NOTE)
findings.alarms(report)
findings.overview(report)

tabs = st.tabs(["Fidelity", "Utility", "Privacy", "Method"])
with tabs[0]:
    fidelity.show(report)
with tabs[1]:
    utility.show(report)
with tabs[2]:
    privacy.show(report, certificate)
with tabs[3]:
    method.show(certificate)

navigation.link("compare", "Compare with other runs", icon="compare_arrows", run=run.id)
remake.button(user, run)
release = "Go to the release" if run.is_protected else "Go to the files, for internal use"
if st.button(release, type="primary", icon=":material/download:", key="report_release"):
    navigation.go("release", run=run.id)
