"""Public rules of a table: those that are stated, and a form to state one more."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services import rule_checks
from app.ui import messages
from engine.data.rules import MOST_COLUMNS, AtMost, Combinations, Rule
from engine.data.schema import Field, TableSchema

ORDER = "One column is never above another"
LIST = "Only listed combinations occur"
WRITE, UPLOAD = "Write them here", "Upload a small table"
EMPTY_LINES = 4


def edit(schema: TableSchema, unit_column: str | None, confirmed: set[str]) -> tuple[Rule, ...] | None:
    """The stated rules, with a way to remove each, and a form for one more.

    Args:
        schema: the table's columns and rules.
        unit_column: column that tells persons apart, which is never synthesized.
        confirmed: names of the columns that a rule may be about.

    Returns:
        All rules after a change; None where there is none.
    """
    _explain()
    removed = _stated(schema, unit_column)
    if removed is not None:
        return schema.rules[:removed] + schema.rules[removed + 1 :]
    added = _add(schema, confirmed)
    if added is None:
        return None
    if added in schema.rules:
        st.info("This rule is stated already.", icon=":material/info:")
        return None
    return (*schema.rules, added)


def _explain() -> None:
    st.write("Such as: nobody is discharged before being admitted. **Every synthetic row keeps every rule.**")
    st.caption(
        "State only what the public knows, or what you know without this table. Nothing checks a rule against the "
        "rows, since the answer would tell something about them that no budget paid for. Where a value is missing, a "
        "rule says nothing about that row."
    )


def _stated(schema: TableSchema, unit_column: str | None) -> int | None:
    """The rules in words; gives the position of one that is to be removed."""
    removed = None
    for position, rule in enumerate(schema.rules):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"rule_{position}"):
            st.text(_sentence(rule.describe()), width="stretch")
            if isinstance(rule, Combinations):
                with st.popover("Show the list", key=f"rule_{position}_list"):
                    st.dataframe(_table(rule), hide_index=True, key=f"rule_{position}_rows")
            if st.button("Remove", key=f"rule_{position}_remove", icon=":material/delete:", type="tertiary"):
                removed = position
            modelled = rule_checks.rule_columns(schema, set(rule.columns) - {unit_column})
            if passed_over := [name for name in rule.columns if name not in modelled]:
                st.caption(f"Passed over in a run: {' and '.join(passed_over)} not synthesized")
    if not schema.rules:
        st.caption("No rules are stated.")
    return removed


def _add(schema: TableSchema, confirmed: set[str]) -> Rule | None:
    names = rule_checks.rule_columns(schema, confirmed)
    if len(names) < 2:
        st.caption("A rule is about confirmed columns that are synthesized. Confirm two of them to add one.")
        return None
    kind = st.radio(
        "Add a rule",
        [ORDER, LIST],
        captions=["Two numbers, or two dates", "Such as codes and the groups that they belong to"],
        key="rules_kind",
    )
    return _add_order(schema, names) if kind == ORDER else _add_list(schema, names)


def _add_order(schema: TableSchema, names: Sequence[str]) -> Rule | None:
    partners = {name: rule_checks.comparable(schema, name, names) for name in names}
    lows = [name for name in names if partners[name]]
    if not lows:
        st.caption("No two confirmed columns can be compared: a rule needs two numbers or two dates.")
        return None
    left, right = st.columns(2)
    low = left.selectbox(
        "This column", lows, index=None, key=f"rules_low_{len(schema.rules)}", placeholder="Choose a number or a date"
    )
    high = right.selectbox(
        "is never above this one",
        partners[low] if low else [],
        index=None,
        key=f"rules_high_{len(schema.rules)}",
        placeholder="Choose a column" if low else "Choose the first one first",
        disabled=low is None,
    )
    pressed = st.button("Add this rule", key="rules_add_order", icon=":material/add:", disabled=not (low and high))
    return AtMost(low, high) if pressed and low and high else None


def _add_list(schema: TableSchema, names: Sequence[str]) -> Rule | None:
    listing = [name for name in names if rule_checks.choices(schema.field(name))]
    if len(listing) < 2:
        st.caption(
            "A list is about columns whose values are listed: categories, true and false, or a few whole numbers, from "
            "a codebook or declared. Fewer than two confirmed columns are like that."
        )
        return None
    chosen = st.multiselect(
        f"Two or {MOST_COLUMNS} columns that list their values",
        listing,
        key=f"rules_columns_{len(schema.rules)}",
        max_selections=MOST_COLUMNS,
        placeholder="Choose columns",
    )
    if len(chosen) < 2:
        return None
    fields = [schema.field(name) for name in chosen]
    way = st.radio(
        "The combinations that occur", [WRITE, UPLOAD], key=f"rules_way_{len(schema.rules)}", horizontal=True
    )
    with messages.showing():
        return _written(schema, fields) if way == WRITE else _uploaded(schema, fields)
    return None


def _written(schema: TableSchema, fields: Sequence[Field]) -> Rule | None:
    import pandas as pd  # loaded by streamlit anyway

    by_text = {field.name: {messages.cell(value): value for value in rule_checks.choices(field)} for field in fields}
    edited = st.data_editor(
        pd.DataFrame({field.name: [None] * EMPTY_LINES for field in fields}, dtype="object"),
        num_rows="dynamic",
        hide_index=True,
        column_config={
            name: st.column_config.SelectboxColumn(name, options=list(values)) for name, values in by_text.items()
        },
        key=f"rules_lines_{len(schema.rules)}_{'_'.join(by_text)}",
        width="stretch",
        placeholder="choose",
    )
    st.caption("One line per combination. Every combination that is not listed is ruled out.")
    if not st.button("Add this rule", key="rules_add_lines", icon=":material/add:"):
        return None
    lines = [
        {name: by_text[name].get(line[name]) for name in by_text}
        for line in edited.astype("object").to_dict(orient="records")
    ]
    return rule_checks.combinations_of_lines(fields, lines)


def _uploaded(schema: TableSchema, fields: Sequence[Field]) -> Rule | None:
    header = ", ".join(field.name for field in fields)
    file = st.file_uploader(
        f"A table with the header {header}",
        type=["csv", "tsv", "xlsx", "parquet"],
        key=f"rules_file_{len(schema.rules)}",
        max_upload_size=rule_checks.LARGEST_LIST_MIB,
    )
    st.caption(
        "One line per combination that occurs, from a codebook or the like. Do not make it from the private table: "
        "what it says about the rows would not be protected."
    )
    if not st.button("Add this rule", key="rules_add_file", icon=":material/add:", disabled=file is None) or not file:
        return None
    return rule_checks.combinations_of_file(fields, file.getvalue(), file.name)


def _table(rule: Combinations) -> dict[str, list[str]]:
    return {name: [messages.cell(row[position]) for row in rule.rows] for position, name in enumerate(rule.columns)}


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
