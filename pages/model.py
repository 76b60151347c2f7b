"""Step 5: the method and what to make."""

import streamlit as st

from app.ui import layout, messages, navigation, released_view, session, unprotected_methods

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(dataset, "model", "Which method?", "Every method in this list draws noise for all that it learns.")

methods = {info.name: info for info in services.plans.methods()}
unprotected = [info for info in methods.values() if not info.private]
names = [info.name for info in methods.values() if info.private]
default = services.plans.default_method(user, dataset.id)
current = dataset.draft.get("method", default)
method = st.radio(
    "Method",
    names,
    names.index(current if current in names else default),
    format_func=lambda name: (
        f"{methods[name].title} · default for this table" if name == default else methods[name].title
    ),
    captions=[messages.best_for(methods[name].summary, methods[name].best_for) for name in names],
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

st.header("What matters most", anchor=False)
fields = dataset.schema.fields if dataset.schema is not None else ()
unit_column = dataset.unit.id_column if dataset.unit is not None else None
modelled = [field.name for field in fields if field.treatment == "synthesize" and field.name != unit_column]
saved_target = dataset.draft.get("target")
target = st.selectbox(
    "Column that models should predict",
    modelled,
    modelled.index(saved_target) if saved_target in modelled else None,
    key="model_target",
    placeholder="None",
    help="The report trains models on synthetic rows to predict it, and tests them on real rows set aside.",
)
kept = dataset.draft.get("important")
saved_important = kept if isinstance(kept, list) else []
important = st.multiselect(
    "Columns whose relations matter most",
    modelled,
    [name for name in modelled if name in saved_important],
    key="model_important",
    placeholder="None in particular",
)
st.caption(
    "Relations of these columns count double when the method chooses what to measure, at the same privacy loss. The "
    "plan is public: choose from what the synthetic rows are for, not from a look at the private ones."
    if methods[method].emphasises
    else "This method gives no relation more weight than another. AIM and the methods built on it do."
)

st.header("Internal report", anchor=False)
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

st.header("Releasable report", anchor=False)
evaluation_share = released_view.choose_share(dataset.draft.get("evaluation_share"))

baseline = unprotected_methods.choose(dataset, unprotected)
method = method if baseline is None else baseline
label = "Save and continue" if baseline is None else "Save and continue without a privacy guarantee"
if st.button(label, type="primary", key="model_save", icon=":material/arrow_forward:"):
    choices = {
        "method": method,
        "n_rows": n_rows,
        "target": target,
        "important": important or None,
        "holdout_share": share / 100,
        "evaluation_share": evaluation_share if baseline is None else 0.0,
    }
    with messages.reporting():
        plan = services.plans.draft_plan(user, dataset.id, **choices)
        services.plans.price(user, dataset.id, plan)
        services.datasets.save_draft(user, dataset.id, **choices)
    navigation.go("review", dataset=dataset.id)
