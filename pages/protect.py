"""Step 3: who is protected."""

import streamlit as st

from app.ui import layout, messages, navigation, session
from engine.privacy.plan import UnitKind, UnitOfProtection

user = session.require_user()
services = session.services()
dataset = layout.open_dataset(user)
layout.wizard_header(
    dataset,
    "protect",
    "Who is protected?",
    "The guarantee speaks about one unit: what the file says hardly changes whether that unit is in the table or not.",
)

KINDS = {
    UnitKind.PERSON: "A person, who may have several rows",
    UnitKind.ROW: "One row (each row is about somebody else)",
}
saved = dataset.unit
kinds = list(KINDS)
kind = st.radio(
    "Unit of protection",
    kinds,
    kinds.index(saved.kind) if saved is not None else None,
    format_func=KINDS.__getitem__,
    key="protect_kind",
)

id_column, most_rows = None, 1
if kind is UnitKind.PERSON:
    names = list(dataset.columns)
    current = saved.id_column if saved is not None else None
    id_column = st.selectbox(
        "Column that tells persons apart",
        names,
        names.index(current) if current in names else None,
        key="protect_id_column",
        help="It is read only to bound the rows of a person. Its values are never synthesized.",
    )
    most_rows = st.number_input(
        "Most rows that one person may have",
        min_value=1,
        max_value=1000,
        value=saved.max_rows_per_unit if saved is not None and saved.kind is UnitKind.PERSON else None,
        key="protect_most_rows",
        placeholder="Decide from what you know, not from the table",
    )
    st.caption(
        "Of a person with more rows, that many are kept at random before anything is measured. The more rows one "
        "person may have, the more noise every count needs."
    )
elif kind is UnitKind.ROW:
    st.caption("Choose this only if no person can be behind two rows. Otherwise the guarantee is weaker than it reads.")

declared = st.number_input(
    "About how many rows does the table have?",
    min_value=1,
    max_value=100_000_000,
    value=dataset.declared_rows,
    key="protect_declared_rows",
    placeholder="A round number that you would say in public",
    help="Used for the expected error and to check δ. It may be printed, so round it.",
)

complete = kind is not None and declared is not None and (kind is UnitKind.ROW or (id_column and most_rows))
if st.button(
    "Save and continue", type="primary", disabled=not complete, key="protect_save", icon=":material/arrow_forward:"
):
    with messages.reporting():
        unit = UnitOfProtection(kind, id_column, int(most_rows or 1))
        services.datasets.save_unit(user, dataset.id, unit, int(declared or 0))
    navigation.go("budget", dataset=dataset.id)
