"""Step 6: all choices on one screen, then the reservation."""

import streamlit as st

from app.ui import budget_view, column_editor, layout, messages, navigation, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(
    dataset,
    "review",
    "Review and reserve",
    "Read it once more. After this step the run starts and its cost is charged.",
)

with messages.reporting():
    plan = services.plans.draft_plan(user, dataset.id)
    fit = services.plans.feasibility(user, dataset.id, plan)
    share = services.plans.holdout_share(user, dataset.id)
    needed = services.plans.resources(user, dataset.id, plan)
refusal = services.plans.memory_refusal(needed)
title = next(info.title for info in services.plans.methods() if info.name == plan.method)

facts = {
    "Protected": budget_view.unit_words(dataset),
    "Rows, as you state them": f"about {plan.declared_rows:,}" if plan.declared_rows else "not stated",
    "Method": title,
    "Synthetic rows": f"{plan.n_rows:,}" if plan.n_rows else "the noisy count of private rows",
    "Set aside for the report": f"{100 * share:.0f} % of the private rows",
    "Column to predict": plan.target or "none",
    "Relations that matter most": f"those of {', '.join(plan.important)}" if plan.important else "none in particular",
}
with st.container(border=True):
    for label, value in facts.items():
        left, right = st.columns([2, 3], wrap=False)
        left.markdown(f":gray[{label}]")
        right.markdown(value)
with st.expander(f"Columns: {len(plan.synthesized_names())} synthesized of {len(plan.schema.names)}"):
    st.dataframe(
        [
            {
                "Column": field.name,
                "Treatment": column_editor.TREATMENTS[field.treatment],
                "Values": column_editor.describe_domain(field),
                "Known from": column_editor.known_from(field),
            }
            for field in plan.schema.fields
        ],
        hide_index=True,
        key="review_columns",
    )
if plan.schema.rules:
    modelled = set(plan.synthesized_names())
    with st.expander(f"Rules that every synthetic row keeps: {len(plan.schema.rules)}"):
        st.dataframe(
            [
                {
                    "Rule": rule.describe(),
                    "Known from": "I declare it",
                    "In this run": "kept" if modelled.issuperset(rule.columns) else "passed over: not synthesized",
                }
                for rule in plan.schema.rules
            ],
            hide_index=True,
            key="review_rules",
        )

st.subheader("Time and memory", anchor=False)
budget_view.resources(needed, refusal)

st.subheader("Cost", anchor=False)
layout.figures(
    {
        "This run, ε": messages.epsilon(fit.cost_epsilon),
        "All runs together, ε": f"{messages.epsilon(fit.composed_after)} of {messages.epsilon(fit.epsilon_cap)}",
    }
)
budget_view.feasibility(fit)
st.markdown(messages.odds_sentence(fit.composed_after, dataset.delta, budget_view.unit_words(dataset)))

can_start = fit.fits and refusal is None
understood = st.checkbox(
    "I understand that this cost is charged as soon as the run reads the table, and cannot be undone.",
    key="review_understood",
    disabled=not can_start,
)
if st.button(
    "Reserve and start the run",
    type="primary",
    disabled=not (can_start and understood),
    key="review_submit",
    icon=":material/play_arrow:",
):
    with messages.reporting():
        run = services.runs.submit(user, dataset.id, plan)
    navigation.go("run", run=run.id)
