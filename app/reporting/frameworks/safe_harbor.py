"""The worksheet of 45 CFR 164.514(b)(2): kinds of identifiers, the columns that hold them, and what became of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.reporting.document import Statement, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Question
from app.reporting.frameworks.facts import TREATMENTS, treatment_of
from app.reporting.frameworks.identifiers import IDENTIFIERS, Identifier
from app.reporting.frameworks.parts import ANSWERS
from app.reporting.printable import NOT_PROVIDED, clean
from engine.data.pii import find_by_header
from engine.data.schema import FieldType, Treatment

STILL_THERE = {
    TREATMENTS[Treatment.DROP]: "no, the column is not in it",
    TREATMENTS[Treatment.FAKE]: "invented ones, drawn without any private row",
    TREATMENTS[Treatment.SYNTHESIZE]: "yes, drawn from the column's domain",
}
"""By what was done to a column, whether the synthetic file still holds values of its kind."""

HIGHEST_AGE = 89


def worksheet(evidence: Evidence, *, all_columns_seen: bool, checked_by: Question) -> Table:
    """A row per kind of identifier.

    Args:
        evidence: the evidence.
        all_columns_seen: whether it was declared that each column was looked at.
        checked_by: the question who checked the worksheet.
    """
    columns = {column.get("name"): column for column in evidence.items("/certificate/columns")}
    checker = checked_by.statement(evidence)
    checked = checker.value if checker.value != NOT_PROVIDED else f"{checker.status} by {checker.by}"
    return Table(
        "Kinds of identifiers, the columns declared to hold them, and the synthetic file",
        ("Kind", "Columns declared", "Treatment", "Still in the synthetic file", "Checked by"),
        tuple(_row(evidence, identifier, columns, all_columns_seen, checked) for identifier in IDENTIFIERS),
        (5, 4, 3, 5, 4),
        ANSWERS,
    )


def undeclared(evidence: Evidence) -> Statement:
    """Columns whose name or type speaks of a kind that nobody declared them to hold."""
    return evidence.computed(
        "Columns whose name or type speaks of a kind, but that were not declared to hold it",
        "/certificate/columns",
        ANSWERS,
        "/certificate/schema/fields",
        text=_undeclared,
    )


def _row(
    evidence: Evidence,
    identifier: Identifier,
    columns: Mapping[Any, Mapping[str, Any]],
    all_columns_seen: bool,
    checked: str,
) -> tuple[str, ...]:
    kind = f"({identifier.letter}) {identifier.title}"
    names = evidence.items(f"{ANSWERS}/{identifier.question.id}")
    if not names:
        said = "none, as declared" if all_columns_seen else NOT_PROVIDED
        return (kind, said, said if all_columns_seen else NOT_PROVIDED, said, checked)
    done = [treatment_of(columns[name]) if name in columns else None for name in names]
    treatments = [
        f"{clean(name)}: {what or 'not a column of this run'}" for name, what in zip(names, done, strict=True)
    ]
    still = [
        f"{clean(name)}: {STILL_THERE.get(what, NOT_PROVIDED) if what else NOT_PROVIDED}"
        for name, what in zip(names, done, strict=True)
    ]
    return (kind, ", ".join(map(clean, names)), "; ".join(treatments), "; ".join(still), checked)


def _undeclared(columns: Sequence[Mapping[str, Any]], values: Any, fields: Any) -> str:
    answers = values if isinstance(values, Mapping) else {}
    by_name = {field.get("name"): field for field in fields} if isinstance(fields, list) else {}
    found = []
    for column in columns:
        name = column.get("name")
        letters = [
            identifier.letter
            for identifier in IDENTIFIERS
            if _speaks_of(identifier, column, by_name.get(name, {}))
            and name not in (answers.get(identifier.question.id) or ())
        ]
        if letters:
            found.append(f"{clean(name)} ({', '.join(letters)}; {treatment_of(column)})")
    return f"{'; '.join(found)}: look at them" if found else "none; that a name says nothing proves nothing"


def _speaks_of(identifier: Identifier, column: Mapping[str, Any], field: Mapping[str, Any]) -> bool:
    name, kind = str(column.get("name")), column.get("type")
    if any(finding.kind in identifier.header_kinds for finding in find_by_header(name)):
        return True
    if not identifier.holds_dates:
        return False
    return kind in (FieldType.DATE, FieldType.DATETIME) or (_is_age(name) and not _is_low(field))


def _is_age(name: str) -> bool:
    return "age" in name.lower().replace("-", "_").replace(" ", "_").split("_")


def _is_low(field: Mapping[str, Any]) -> bool:
    """Whether the schema says that a number is never above the highest age that may be told."""
    highest = (field.get("constraints") or {}).get("maximum")
    return isinstance(highest, int | float) and highest <= HIGHEST_AGE
