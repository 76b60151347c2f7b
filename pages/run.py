"""Step 7: one run while it works, and after."""

import streamlit as st

from app.ui import layout, live_run, messages, navigation, session

RESUME_HELP = "Goes on from the last checkpoint. It was charged already; resuming costs nothing further."

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(run, "run", "Run", f"Method {run.method}, {messages.cost(run)}")

live_run.show(user, run)
if run.release.state == "closed":
    st.warning("The release is closed: an acceptance criterion is not met.", icon=":material/lock:")

if run.status == "done":
    with st.container(horizontal=True):
        if st.button("Read the report", type="primary", icon=":material/lab_profile:", key="run_report"):
            navigation.go("report", run=run.id)
        release = "Go to the release" if run.is_protected else "Go to the files, for internal use"
        if st.button(release, icon=":material/download:", key="run_release"):
            navigation.go("release", run=run.id)
elif run.is_finished:
    with st.container(horizontal=True):
        if run.can_resume and st.button(
            "Resume this run", type="primary", icon=":material/resume:", key="run_resume", help=RESUME_HELP
        ):
            with messages.reporting():
                services.runs.resume(user, run.id)
            st.rerun()
        if st.button("Plan another run", icon=":material/replay:", key="run_again"):
            navigation.go("budget", dataset=run.dataset_id)
st.caption(
    "You can leave or close this page. The run goes on, and this address brings you back to it."
    if not run.is_finished
    else f"Submitted {messages.when(run.created_at)} · finished {messages.when(run.finished_at)}"
)
