"""Step 2: what the columns are."""

from dataclasses import replace

import streamlit as st

from app.services.rule_checks import with_field
from app.ui import column_editor, layout, messages, navigation, rules_editor, session

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(
    dataset,
    "columns",
    "What are the columns?",
    "Say for each column which values it can hold and what should happen to it. Nothing is decided by looking at "
    "the rows for you.",
)

schema = dataset.schema or services.datasets.propose_schema(user, dataset.id)
profiles = {column["name"]: column for column in services.datasets.profile(user, dataset.id)["columns"]}
confirmed = set(dataset.confirmed)

with st.expander("Import a schema file", icon=":material/upload_file:", expanded=False):
    st.write("A Frictionless Table Schema or SDV metadata, as JSON, that covers every column of the table.")
    if schema.rules:
        st.caption(f"The file also replaces the {messages.plural(len(schema.rules), 'rule')} stated below.")
    schema_file = st.file_uploader("Schema file", type=["json"], key="columns_schema_file", max_upload_size=1)
    if st.button("Use this schema", disabled=schema_file is None, key="columns_use_schema") and schema_file is not None:
        with messages.reporting():
            services.datasets.import_schema(user, dataset.id, schema_file.getvalue(), schema_file.name)
        messages.saved("Schema imported; all columns are confirmed")
        st.rerun()

total = len(schema.names)
st.progress(len(confirmed) / total, text=f"{len(confirmed)} of {total} columns confirmed")
column_editor.overview(schema, profiles, confirmed)

open_names = [field.name for field in schema.fields if field.name not in confirmed]
ready = [name for name in open_names if column_editor.is_ready(schema.field(name), profiles[name])]
with st.container(horizontal=True, vertical_alignment="center"):
    if st.button(
        f"Confirm {messages.plural(len(ready), 'column')} that needs no review"
        if len(ready) == 1
        else f"Confirm {len(ready)} columns that need no review",
        disabled=not ready,
        key="columns_confirm_ready",
        icon=":material/done_all:",
    ):
        with messages.reporting():
            services.datasets.save_schema(user, dataset.id, schema, confirmed | set(ready))
        st.rerun()
    if st.button(
        "Continue", type="primary", disabled=bool(open_names), key="columns_continue", icon=":material/arrow_forward:"
    ):
        navigation.go("protect", dataset=dataset.id)
st.caption("What must hold between columns in every row, such as an order of dates, is stated [below](#rules).")

st.header("One column", anchor=False)
only_open = st.toggle("Only columns that wait for confirmation", key="columns_only_open", value=False)
names = open_names if only_open and open_names else list(schema.names)
name = st.selectbox("Column", names, key="columns_selected")
changed = column_editor.edit(schema.field(name), profiles[name], name in confirmed)
if changed is not None:
    with messages.showing():
        services.datasets.save_schema(user, dataset.id, with_field(schema, changed), confirmed | {name})
        messages.saved(f"Column {name} confirmed")
        st.rerun()
column_editor.show_profile(profiles[name])

st.header("Rules that every row keeps", anchor="rules")
rules = rules_editor.edit(schema, dataset.unit.id_column if dataset.unit is not None else None, confirmed)
if rules is not None:
    with messages.showing():
        services.datasets.save_schema(user, dataset.id, replace(schema, rules=rules), confirmed)
        messages.saved("Rule added" if len(rules) > len(schema.rules) else "Rule removed")
        st.rerun()
