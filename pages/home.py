"""Home: where things stand, and what to do next."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
services = session.services()
datasets = services.datasets.list(user)
runs = services.runs.list(user)

layout.page_header(f"Hello, {user.username}", "Make synthetic tables whose privacy loss is stated and true.")

with st.container(horizontal=True):
    if st.button("Add a dataset", type="primary", icon=":material/upload:", key="home_add"):
        navigation.go("upload")
    if st.button("Try the sample table", icon=":material/science:", key="home_sample"):
        with messages.reporting(), st.spinner("Reading the sample table"):
            sample = services.datasets.register_sample(user)
        navigation.go("columns", dataset=sample.id)

counts = {
    "Datasets": len(datasets),
    "Runs at work": sum(not run.is_finished for run in runs),
    "Runs done": sum(run.status == "done" for run in runs),
    "Runs failed": sum(run.status == "failed" for run in runs),
}
layout.figures({label: f"{count:,}" for label, count in counts.items()})

st.header("Budgets", anchor=False)
if not datasets:
    st.write(
        f"No datasets yet. Upload a table of up to {services.settings.max_upload_mb:,} MiB, or try the sample: "
        "simulated patient encounters that belong to nobody."
    )
for dataset in datasets[:5]:
    summary = services.ledger.summary(user, dataset.id)
    with st.container(border=True, key=f"budget_{dataset.id}"):
        navigation.link("ledger", dataset.name, icon="table", dataset=dataset.id)
        if summary.epsilon_cap is None:
            st.caption("No budget set yet. Nothing was spent.")
            continue
        left = max(summary.epsilon_cap - summary.epsilon_spent - summary.epsilon_reserved, 0.0)
        layout.bar(
            [
                ("Spent", summary.epsilon_spent, f"ε {messages.epsilon(summary.epsilon_spent)}"),
                ("Reserved", summary.epsilon_reserved, f"ε {messages.epsilon(summary.epsilon_reserved)}"),
            ],
            summary.epsilon_cap,
        )
        st.caption(
            f"ε {messages.epsilon(left)} of {messages.epsilon(summary.epsilon_cap)} is neither spent nor reserved."
        )

st.header("Recent runs", anchor=False)
if not runs:
    st.write("No runs yet.")
for run in runs[:5]:
    with st.container(horizontal=True, vertical_alignment="center", key=f"recent_{run.id}"):
        layout.status_badge(run.status)
        cost = messages.NO_GUARANTEE if run.epsilon is None else f"ε {messages.epsilon(run.epsilon)}"
        navigation.link("run", f"{run.dataset_name}: {run.method}, {cost}", run=run.id)
        st.caption(messages.when(run.created_at))
