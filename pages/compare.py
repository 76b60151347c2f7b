"""Reports of several runs of one dataset side by side."""

import streamlit as st

from app.services.comparison import FEWEST_RUNS, MOST_RUNS
from app.ui import compare_view, layout, messages, navigation, session

user = session.require_user()
services = session.services()
layout.page_header("Compare runs", f"Reports of {FEWEST_RUNS} to {MOST_RUNS} runs of one dataset, side by side.")

done = [run for run in services.runs.list(user) if run.status == "done"]
asked = {run.id: run for run in done if run.id in st.query_params.get_all("run")}
counts = {run.dataset_id: sum(other.dataset_id == run.dataset_id for other in done) for run in done}
names = {run.dataset_id: run.dataset_name for run in done if counts[run.dataset_id] >= FEWEST_RUNS}
if not names:
    st.info("Two finished runs of one dataset are needed. Plan another one.", icon=":material/compare_arrows:")
    navigation.link("runs", "Go to runs", icon="arrow_back")
    st.stop()

first = next((run.dataset_id for run in asked.values()), st.query_params.get("dataset", ""))
datasets = list(names)
dataset_id = datasets[0]
if len(datasets) > 1:
    dataset_id = st.selectbox(
        "Dataset",
        datasets,
        datasets.index(first) if first in datasets else 0,
        format_func=lambda key: names[key],
        key="compare_dataset",
    )
runs = {compare_view.label(run): run for run in done if run.dataset_id == dataset_id}
chosen = st.multiselect(
    "Runs",
    list(runs),
    [label for label, run in runs.items() if run.id in asked][:MOST_RUNS],
    max_selections=MOST_RUNS,
    key=f"compare_runs_{dataset_id}",
    placeholder=f"Choose {FEWEST_RUNS} to {MOST_RUNS} runs",
)
if len(chosen) < FEWEST_RUNS:
    st.caption(f"Choose at least {FEWEST_RUNS} runs.")
    st.stop()
st.query_params.run = [runs[label].id for label in chosen]

st.badge("Internal", icon=":material/lock:", color="orange")
st.caption(f"{messages.INTERNAL_NOTE} {compare_view.CHOOSING}")
with messages.reporting():
    comparison = services.reports.compare(user, [runs[label].id for label in chosen])
compare_view.show(comparison)
