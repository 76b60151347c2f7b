"""Step 6: all choices on one screen, then the reservation."""

import streamlit as st

from app.ui import budget_view, column_editor, criteria_editor, layout, messages, navigation, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
is_protected = services.plans.is_protected(dataset.draft.get("method", ""))
layout.wizard_header(
    dataset,
    "review",
    "Review and reserve" if is_protected else "Review and start",
    "Read it once more. After this step the run starts and its cost is charged."
    if is_protected
    else "Read it once more. After this step the run starts and reads the rows without protection.",
)

with messages.reporting():
    plan = services.plans.draft_plan(user, dataset.id)
    fit = services.plans.feasibility(user, dataset.id, plan) if is_protected else None
    share = services.plans.holdout_share(user, dataset.id)
    needed = services.plans.resources(user, dataset.id, plan)
refusal = services.plans.memory_refusal(needed)
title = next(info.title for info in services.plans.methods() if info.name == plan.method)

rows_by_default = "the noisy count of private rows" if is_protected else "as many as there are private rows"
facts = {
    "Protected": budget_view.unit_words(dataset) if is_protected else "nobody: no privacy guarantee",
    "Rows, as you state them": f"about {plan.declared_rows:,}" if plan.declared_rows else "not stated",
    "Method": title,
    "Synthetic rows": f"{plan.n_rows:,}" if plan.n_rows else rows_by_default,
    "Set aside for the report": f"{100 * share:.0f} % of the private rows",
    "Part for the releasable report": f"{100 * plan.evaluation_share:.0f} % of the privacy loss",
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

if is_protected:
    st.subheader("Acceptance criteria", anchor=False)
    criteria_editor.edit(user, dataset, plan)

st.subheader("Time and memory", anchor=False)
budget_view.resources(needed, refusal)

st.subheader("Cost", anchor=False)
if fit is None:
    layout.no_guarantee()
    st.write("The ledger lists the run outside the budget. Totals do not count it, because it has no ε to count.")
else:
    budget_view.cost(fit, dataset)

can_start = (fit is None or fit.fits) and refusal is None
understood = st.checkbox(
    "I understand that this run protects nobody, and that none of its files may leave the organisation."
    if fit is None
    else "I understand that this cost is charged as soon as the run reads the table, and cannot be undone.",
    key="review_understood",
    disabled=not can_start,
)
if st.button(
    "Start the run without a privacy guarantee" if fit is None else "Reserve and start the run",
    type="primary",
    disabled=not (can_start and understood),
    key="review_submit",
    icon=":material/play_arrow:",
):
    with messages.reporting():
        run = services.runs.submit(user, dataset.id, plan)
    navigation.go("run", run=run.id)
