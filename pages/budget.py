"""Step 4: how much privacy loss, in all and for this run."""

import streamlit as st

from app.ui import budget_view, forecast_view, layout, messages, navigation, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(
    dataset,
    "budget",
    "How much privacy loss?",
    "First what all runs on this dataset may cost together, then what this run may cost. Nothing is spent here.",
)

summary = services.ledger.summary(user, dataset.id)
budget_view.standing(summary)
with st.expander("Budget of this dataset", expanded=summary.epsilon_cap is None, icon=":material/tune:"):
    chosen = budget_view.cap_form(summary, dataset.declared_rows)
    if chosen is not None:
        with messages.reporting():
            services.datasets.save_budget(user, dataset.id, *chosen)
        messages.saved("Budget saved")
        st.rerun()
budget_view.unprotected_setting(user, dataset)
method = dataset.draft.get("method")
if method is not None and not services.plans.is_protected(method):
    st.header("This run", anchor=False)
    layout.no_guarantee()
    st.write(f"The method chosen for this run, `{method}`, has no ε, so there is nothing to choose here.")
    if st.button("Continue", type="primary", key="budget_continue", icon=":material/arrow_forward:"):
        navigation.go("model", dataset=dataset.id)
    st.stop()
if summary.epsilon_cap is None:
    st.stop()

st.header("This run", anchor=False)
epsilon = budget_view.choose_epsilon(dataset, summary)
if epsilon != dataset.draft.get("epsilon"):
    with messages.reporting():
        services.datasets.save_draft(user, dataset.id, epsilon=epsilon)
st.markdown(messages.odds_sentence(epsilon, dataset.delta, budget_view.unit_words(dataset)))
budget_view.advice(epsilon)

with messages.reporting():
    plan = services.plans.draft_plan(user, dataset.id, epsilon=epsilon)
    price = services.plans.price(user, dataset.id, plan)
    fit = services.plans.feasibility(user, dataset.id, plan)
    expected = services.plans.forecast(user, dataset.id, plan)
budget_view.feasibility(fit)

st.subheader("What the run pays for", anchor=False)
budget_view.split(price)
st.subheader("Expected error", anchor=False)
budget_view.expected_error(expected, plan.method)
st.subheader("Which ε for which error?", anchor=False)
forecast_view.against_epsilon(user, dataset, plan, expected)

if st.button("Continue", type="primary", key="budget_continue", icon=":material/arrow_forward:", disabled=not fit.fits):
    navigation.go("model", dataset=dataset.id)
