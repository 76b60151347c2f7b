"""All datasets of the user."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
services = session.services()

layout.page_header("Datasets", "Private tables, who they protect, and where their budgets stand.")
if st.button("Add a dataset", type="primary", icon=":material/upload:", key="datasets_add"):
    navigation.go("upload")

datasets = services.datasets.list(user)
if not datasets:
    st.info("No datasets yet. Upload a table, or try the sample on the next screen.", icon=":material/table:")

STEP_LABELS = dict(layout.STEPS)
for dataset in datasets:
    with st.container(border=True, key=f"dataset_{dataset.id}"):
        st.subheader(dataset.name, anchor=False)
        st.caption(
            f"{dataset.filename} · {messages.plural(dataset.n_columns, 'column')} · {messages.size(dataset.size_bytes)}"
            f" · added {messages.when(dataset.created_at)}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            label = (
                "Plan a run"
                if dataset.next_step in ("model", "review")
                else f"Continue: {STEP_LABELS[dataset.next_step]}"
            )
            step = "budget" if dataset.next_step in ("model", "review") else dataset.next_step
            if st.button(label, key=f"continue_{dataset.id}", icon=":material/arrow_forward:"):
                navigation.go(step, dataset=dataset.id)
            if st.button("Ledger", key=f"ledger_{dataset.id}", icon=":material/receipt_long:"):
                navigation.go("ledger", dataset=dataset.id)
            with st.popover("Delete", icon=":material/delete:", key=f"delete_{dataset.id}"):
                st.write(
                    "The table, its drafts and the files of its runs are deleted. Its ledger and audit entries stay."
                )
                if st.button("Delete for good", type="primary", key=f"confirm_delete_{dataset.id}"):
                    with messages.reporting():
                        services.datasets.delete(user, dataset.id)
                    st.rerun()
