"""The columns step: an overview, one column's form, and what the owner may see of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import streamlit as st

from app.services.sources import sentence
from app.ui import charts, layout, messages
from engine.data.date_format import KNOWN_DATE_FORMATS
from engine.data.fake import PROVIDERS
from engine.data.schema import RANGE_TYPES, DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import SchemaError

DATED = (FieldType.DATE, FieldType.DATETIME)
EXAMPLE = datetime(2024, 12, 31, 13, 45)
SOURCES = {
    DomainSource.PUBLIC: "Public codebook",
    DomainSource.DECLARED: "I declare it",
    DomainSource.MEASURED: "Learn it under DP (charged)",
}
TREATMENTS = {
    Treatment.SYNTHESIZE: "Synthesize",
    Treatment.DROP: "Drop",
    Treatment.FAKE: "Fake (unrelated values)",
}
SOURCE_HELP = (
    "Public: a codebook anyone can read. Declared: you know the values without this table and state them. "
    "Learn it: the studio learns the values with noise and charges the run for it."
)


def is_ready(field: Field, profile: dict[str, Any]) -> bool:
    """Whether nothing about a column asks for a person's look: no finding, and no bounds taken from the rows."""
    if field.treatment is not Treatment.SYNTHESIZE:
        return False
    if field.source is DomainSource.DECLARED and field.type is not FieldType.BOOLEAN:
        return False
    return not profile["findings"] and (field.source is DomainSource.MEASURED or field.has_domain)


def overview(schema: TableSchema, profiles: dict[str, dict[str, Any]], confirmed: set[str]) -> None:
    """All columns as a table."""
    rows = [
        {
            "Column": field.name,
            "Type": field.type.value,
            "Treatment": TREATMENTS[field.treatment],
            "Values": describe_domain(field),
            "Known from": known_from(field, field.name in confirmed),
            "May identify": ", ".join(found["kind"] for found in profiles[field.name]["findings"]),
            "Confirmed": field.name in confirmed,
        }
        for field in schema.fields
    ]
    st.dataframe(rows, hide_index=True, width="stretch", key="columns_overview")


def known_from(field: Field, is_confirmed: bool = True) -> str:
    """Where a column's values are known from; a proposal read from the rows is no statement of anybody yet."""
    if field.treatment is not Treatment.SYNTHESIZE:
        return ""
    return SOURCES[field.source] if is_confirmed or not _is_proposal(field) else "Proposed from the rows"


def _is_proposal(field: Field) -> bool:
    return field.source is DomainSource.DECLARED and field.type is not FieldType.BOOLEAN


def describe_domain(field: Field) -> str:
    """The values a column can hold, in a few words."""
    if field.treatment is not Treatment.SYNTHESIZE:
        return ""
    if field.type is FieldType.BOOLEAN:
        return "true, false"
    if field.source is DomainSource.MEASURED:
        return "learned in the run"
    if field.enum is not None:
        return messages.plural(len(field.enum), "category").replace("categorys", "categories")
    if field.minimum is not None and field.maximum is not None:
        return f"{field.minimum} to {field.maximum}"
    return "not stated yet"


def edit(field: Field, profile: dict[str, Any], is_confirmed: bool) -> Field | None:
    """One column's form; returns the field when it is confirmed."""
    for finding in profile["findings"]:
        st.warning(f"Possible {finding['kind']}: {finding['reason']}.", icon=":material/person_search:")
    key = f"column_{field.name}"
    left, right = st.columns(2)
    types = [kind.value for kind in FieldType]
    chosen = left.selectbox("Type", types, types.index(field.type), format_func=str.capitalize, key=f"{key}_type")
    kind = FieldType(chosen)
    treatments = list(Treatment)
    treatment = right.selectbox(
        "Treatment",
        treatments,
        treatments.index(field.treatment),
        format_func=TREATMENTS.__getitem__,
        key=f"{key}_treatment",
    )
    if not is_confirmed and treatment is Treatment.SYNTHESIZE and _is_proposal(field):
        st.info(
            "These bounds were read from the rows and rounded. Save them only if you would state them without this "
            "table. Otherwise change them, or let the run learn them.",
            icon=":material/info:",
        )
    changes: dict[str, Any] = {"type": kind, "treatment": treatment, "fake_provider": None}
    if treatment is Treatment.FAKE:
        changes |= _fake(field, key)
    elif treatment is Treatment.SYNTHESIZE:
        changes |= _domain(field, kind, profile, key)
    if kind in DATED and treatment is not Treatment.DROP:
        changes["date_format"] = _date_format(field, key)
    if kind is FieldType.NUMBER and treatment is not Treatment.DROP:
        label = "The file writes numbers with a decimal comma, such as 1.234,5"
        changes["decimal_comma"] = st.checkbox(label, field.decimal_comma, key=f"{key}_decimal_comma")
    label = "Save and confirm" if not is_confirmed else "Save"
    if not st.button(label, type="primary", key=f"{key}_confirm", icon=":material/check:"):
        return None
    try:
        return _changed(field, changes)
    except SchemaError as error:
        st.error(sentence(error), icon=":material/error:")
        return None


def _changed(field: Field, changes: dict[str, Any]) -> Field:
    """The field with the form's choices; what the new type or treatment has no use for is cleared."""
    empty: dict[str, Any] = {
        "minimum": None,
        "maximum": None,
        "enum": None,
        "atoms": (),
        "other_value": None,
        "decimals": field.decimals if changes["type"] is FieldType.NUMBER else None,
        "date_format": field.date_format if changes["type"] in DATED else None,
        "decimal_comma": field.decimal_comma and changes["type"] is FieldType.NUMBER,
        "source": DomainSource.DECLARED,
    }
    if changes["treatment"] is Treatment.SYNTHESIZE and changes.get("source") is not DomainSource.MEASURED:
        domain = {name: changes.get(name) for name in ("minimum", "maximum", "enum")}
        if (
            changes["type"] is not FieldType.BOOLEAN
            and domain["enum"] is None
            and None in (domain["minimum"], domain["maximum"])
        ):
            raise SchemaError(f"column {field.name!r} needs its values: state them, or have them learned under DP")
    return replace(field, **(empty | changes))


def _fake(field: Field, key: str) -> dict[str, Any]:
    providers = list(PROVIDERS)
    index = providers.index(field.fake_provider) if field.fake_provider in providers else 0
    provider = st.selectbox(
        "What to invent",
        providers,
        index,
        format_func=PROVIDERS.__getitem__,
        key=f"{key}_provider",
        help="Invented values have nothing to do with the real ones and repeat no relation between columns.",
    )
    return {"fake_provider": provider}


def _domain(field: Field, kind: FieldType, profile: dict[str, Any], key: str) -> dict[str, Any]:
    if kind is FieldType.BOOLEAN:
        return {"required": _required(field, key)}
    sources = list(DomainSource)
    source = st.radio(
        "How are the possible values known?",
        sources,
        sources.index(field.source),
        format_func=SOURCES.__getitem__,
        horizontal=True,
        key=f"{key}_source",
        help=SOURCE_HELP,
    )
    changes: dict[str, Any] = {"source": source, "required": _required(field, key)}
    if source is DomainSource.MEASURED:
        st.caption("The run learns the values with noise and pays for it. Rare texts become “Other”.")
        return changes
    if source is DomainSource.DECLARED:
        st.caption(
            "State what you know without this table. What you copy from the profile below is not protected by ε, and "
            "the report will name you as its source."
        )
    return changes | (
        _bounds(field, kind, key)
        if kind in RANGE_TYPES and field.enum is None
        else _categories(field, kind, profile, key)
    )


def _required(field: Field, key: str) -> bool:
    return st.checkbox(
        "A value is never missing",
        field.required,
        key=f"{key}_required",
        help="Leave this open unless the rules of the data say so. A missing value would then count as the lowest one.",
    )


def _bounds(field: Field, kind: FieldType, key: str) -> dict[str, Any]:
    left, right = st.columns(2)
    if kind in (FieldType.DATE, FieldType.DATETIME):
        low = left.text_input("Earliest", _text(field.minimum), key=f"{key}_{kind}_minimum", placeholder="2020-01-01")
        high = right.text_input("Latest", _text(field.maximum), key=f"{key}_{kind}_maximum", placeholder="2024-12-31")
        return {"minimum": _moment(low, kind), "maximum": _moment(high, kind)}
    low = left.text_input("Smallest value", _text(field.minimum), key=f"{key}_{kind}_minimum")
    high = right.text_input("Largest value", _text(field.maximum), key=f"{key}_{kind}_maximum")
    return {"minimum": _number(low, kind), "maximum": _number(high, kind)}


def _categories(field: Field, kind: FieldType, profile: dict[str, Any], key: str) -> dict[str, Any]:
    stated = "\n".join(str(value) for value in field.enum) if field.enum is not None else ""
    text = st.text_area("Categories, one per line", stated, height=160, key=f"{key}_{kind}_categories")
    observed = profile.get("top_values") or []
    if observed and not stated:
        with st.popover("Show the values in the table", icon=":material/visibility:", key=f"{key}_observed"):
            st.caption(messages.OWNER_NOTE)
            st.code("\n".join(str(item["value"]) for item in observed), language=None)
    other = None
    if kind is FieldType.STRING:
        other = st.text_input(
            "Values outside the list become",
            field.other_value or "",
            key=f"{key}_other",
            placeholder="missing",
            help="Leave empty to make them missing.",
        )
    values = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    return {"enum": tuple(_scalar(value, kind) for value in values) or None, "other_value": other or None}


def _date_format(field: Field, key: str) -> str | None:
    known = list(dict.fromkeys([None, field.date_format, *KNOWN_DATE_FORMATS]))
    return st.selectbox(
        "How the file writes dates",
        known,
        known.index(field.date_format),
        format_func=lambda form: "ISO, such as 2024-12-31" if form is None else f"{EXAMPLE.strftime(form)} ({form})",
        key=f"{key}_date_format",
    )


def _text(bound: Any) -> str:
    return bound.isoformat() if isinstance(bound, date) else "" if bound is None else str(bound)


def _number(text: str, kind: FieldType) -> int | float | None:
    if not text.strip():
        return None
    try:
        return int(text) if kind is FieldType.INTEGER else float(text)
    except ValueError:
        st.error("Write bounds as plain numbers, such as 0 or 99.5.", icon=":material/error:")
        st.stop()


def _moment(text: str, kind: FieldType) -> date | datetime | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip()) if kind is FieldType.DATE else datetime.fromisoformat(text.strip())
    except ValueError:
        st.error("Write dates as 2024-12-31, and times as 2024-12-31 13:45:00.", icon=":material/error:")
        st.stop()


def _scalar(text: str, kind: FieldType) -> str | int | float:
    if kind is FieldType.STRING:
        return text
    number = _number(text, kind)
    return text if number is None else number


def show_profile(profile: dict[str, Any]) -> None:
    """What the owner may see of a column's real values."""
    with st.expander("What this column holds", icon=":material/lock:", expanded=True):
        st.caption(messages.OWNER_NOTE)
        facts = [
            ("Rows", f"{profile['n_rows']:,}"),
            ("Missing", f"{profile['n_missing']:,}"),
            ("Distinct", f"{profile['n_distinct']:,}"),
        ]
        if profile["minimum"] is not None:
            facts += [("Smallest", f"{profile['minimum']}"), ("Largest", f"{profile['maximum']}")]
        st.caption(" · ".join(f"{label} {value}" for label, value in facts))
        figure = charts.profile_histogram(profile)
        if figure is not None:
            layout.chart(figure, key="columns_histogram", alt=f"Distribution of {profile['name']}")
