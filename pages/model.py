"""Step 5: the method and what to make."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(dataset, "model", "Which method?", "Every method here draws noise for all that it learns.")

methods = {info.name: info for info in services.plans.methods()}
names = list(methods)
current = dataset.draft.get("method") or services.plans.draft_plan(user, dataset.id, epsilon=1.0).method
method = st.radio(
    "Method",
    names,
    names.index(current) if current in names else 0,
    format_func=lambda name: methods[name].title,
    captions=[f"{info.summary} Best for: {info.best_for[:1].lower()}{info.best_for[1:]}." for info in methods.values()],
    key="model_method",
)
st.caption(f"Source: {methods[method].source}")

st.header("What to make", anchor=False)
automatic = st.toggle(
    "As many synthetic rows as the noisy count of private rows",
    dataset.draft.get("n_rows") is None,
    key="model_automatic_rows",
)
n_rows = None
if not automatic:
    n_rows = int(
        st.number_input(
            "Synthetic rows",
            min_value=1,
            max_value=100_000_000,
            value=dataset.draft.get("n_rows") or dataset.declared_rows or 1000,
            key="model_rows",
        )
    )
st.caption("Rows are drawn from the fitted model, so their number costs no privacy loss.")

st.header("Internal report", anchor=False)
fields = dataset.schema.fields if dataset.schema is not None else ()
unit_column = dataset.unit.id_column if dataset.unit is not None else None
targets = [field.name for field in fields if field.treatment == "synthesize" and field.name != unit_column]
target = st.selectbox(
    "Column that models should predict",
    targets,
    targets.index(dataset.draft["target"]) if dataset.draft.get("target") in targets else None,
    key="model_target",
    placeholder="None",
    help="The report trains models on synthetic rows and tests them on real rows set aside.",
)
share = st.slider(
    "Real rows set aside for the report",
    0,
    50,
    round(100 * dataset.draft.get("holdout_share", 0.2)),
    5,
    format="%d %%",
    key="model_holdout",
    help="They are not learned from. They show how close equally many real rows come.",
)

if st.button("Save and continue", type="primary", key="model_save", icon=":material/arrow_forward:"):
    with messages.reporting():
        services.datasets.save_draft(
            user, dataset.id, method=method, n_rows=n_rows, target=target, holdout_share=share / 100
        )
    navigation.go("review", dataset=dataset.id)
