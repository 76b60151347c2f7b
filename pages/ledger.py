"""The ledger of one dataset: every charge, by whom, and what they compose to."""

import streamlit as st

from app.ui import budget_view, layout, messages, navigation, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
summary = services.ledger.summary(user, dataset.id)
entries = services.ledger.entries(user, dataset.id)

layout.page_header(
    f"Ledger of {dataset.name}",
    "Every privacy loss that this dataset has taken on. Entries are never changed or removed.",
)
if summary.epsilon_cap is None:
    st.info("No budget is set for this dataset, and nothing was spent.", icon=":material/receipt_long:")
    navigation.link(dataset.next_step, "Continue with the dataset", icon="arrow_forward", dataset=dataset.id)
    if not entries:
        st.stop()
else:
    budget_view.standing(summary)
    st.caption(
        f"Composed exactly at δ = {messages.delta(summary.delta)}. Without composition the entries would add up to "
        f"ε {messages.epsilon(summary.sum_of_epsilons)}."
    )
n_outside = sum(entry.state == "outside" for entry in entries)
if n_outside:
    st.warning(
        f"{messages.plural(n_outside, 'run')} below had **no privacy guarantee** and no ε, so no total counts "
        f"{'it' if n_outside == 1 else 'them'}. If a file of such a run leaves the organisation, the total says "
        "nothing any more about what is known of the rows.",
        icon=":material/gpp_bad:",
    )
if entries:
    st.dataframe(
        [
            {
                "Time": messages.when(entry.created_at),
                "User": entry.username,
                "State": "outside the budget" if entry.state == "outside" else entry.state,
                "ε of the run": messages.NO_GUARANTEE if entry.epsilon is None else f"{entry.epsilon:.4g}",
                "δ": "" if entry.delta is None else messages.delta(entry.delta),
                "Note": entry.note,
                "Run": entry.run_id[:8],
            }
            for entry in entries
        ],
        hide_index=True,
        width="stretch",
        key="ledger_entries",
    )
else:
    st.write(f"No runs on this dataset. Budget untouched: ε {messages.epsilon(summary.epsilon_cap)}.")
if st.button("Plan a run", type="primary", icon=":material/arrow_forward:", key="ledger_plan"):
    navigation.go("budget", dataset=dataset.id)
