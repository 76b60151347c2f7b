"""All runs of the user."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
services = session.services()
layout.page_header("Runs", "Every run, what it cost, and whether its result is ready.")

runs = services.runs.list(user)
if not runs:
    st.info("No runs yet. Open a dataset to plan one.", icon=":material/play_circle:")
    navigation.link("datasets", "Go to datasets", icon="arrow_forward")

statuses = sorted({run.status for run in runs})
if len(statuses) > 1:
    chosen = st.pills("Status", statuses, selection_mode="multi", key="runs_status", format_func=str.capitalize)
    runs = [run for run in runs if not chosen or run.status in chosen]

if sum(run.status == "done" for run in runs) > 1:
    navigation.link("compare", "Compare runs side by side", icon="compare_arrows")

for run in runs:
    with st.container(border=True, key=f"run_{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            layout.status_badge(run.status)
            navigation.link("run", run.dataset_name, run=run.id)
            if run.release.state == "closed":
                st.badge("Release closed", icon=":material/lock:", color="orange")
        state = {"committed": ", charged", "reserved": ", reserved", "released": ", not charged"}
        st.caption(
            f"{run.method} · {messages.cost(run)}{state.get(run.ledger_state, '')} · {messages.when(run.created_at)}"
        )
        if run.error:
            st.caption(run.error)
        if run.status == "done":
            with st.container(horizontal=True):
                navigation.link("report", "Report", icon="lab_profile", run=run.id)
                label = "Release" if run.is_protected else "Files, for internal use"
                navigation.link("release", label, icon="download", run=run.id)
