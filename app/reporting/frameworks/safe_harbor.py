"""The worksheet of 45 CFR 164.514(b)(2): kinds of identifiers, the columns that hold them, and what became of these."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.reporting.document import Statement, Status, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Question
from app.reporting.frameworks.identifiers import IDENTIFIERS, Identifier
from app.reporting.frameworks.parts import answer_pointer
from app.reporting.printable import NOT_PROVIDED, clean
from app.reporting.sections.phrases import TREATMENTS, records, treatment_text
from engine.data.pii import find_by_header
from engine.data.schema import FieldType, Treatment

STILL_THERE = {
    TREATMENTS[Treatment.DROP]: "no, the column is not in it",
    TREATMENTS[Treatment.FAKE]: "invented ones, drawn without any private row",
    TREATMENTS[Treatment.SYNTHESIZE]: "yes, drawn from the column's domain",
}
"""By what was done to a column, whether the synthetic file still holds values of its kind."""

HIGHEST_AGE = 89

COLUMNS, FIELDS = "/certificate/columns", "/certificate/schema/fields"


def worksheet(evidence: Evidence, *, all_columns_seen: Question, yes: str, checked_by: Question) -> Table:
    """A row per kind of identifier.

    Args:
        evidence: the evidence.
        all_columns_seen: the question whether each column was looked at.
        yes: its answer where that is so.
        checked_by: the question who checked the worksheet.
    """
    columns = {column.get("name"): column for column in records(evidence.at(COLUMNS))}
    seen = answer_pointer(all_columns_seen)
    none = "none, as declared" if evidence.at(seen) == yes else NOT_PROVIDED
    checker = checked_by.statement(evidence)
    checked = checker.value if checker.status is Status.DECLARED else checker.tag
    declared = {identifier: evidence.items(answer_pointer(identifier.question)) for identifier in IDENTIFIERS}
    return Table(
        "Kinds of identifiers, the columns declared to hold them, and the synthetic file",
        ("Kind", "Columns declared", "Treatment", "Still in the synthetic file", "Checked by"),
        tuple((*_row(identifier, names, columns, none), checked) for identifier, names in declared.items()),
        (5, 4, 3, 5, 4),
        answer_pointer(checked_by),
        (
            *([seen] if evidence.at(seen) is not None and not all(declared.values()) else []),
            *(answer_pointer(identifier.question) for identifier in IDENTIFIERS),
            *([COLUMNS] if any(declared.values()) else []),
        ),
    )


def _row(
    identifier: Identifier, names: Sequence[str], columns: Mapping[Any, Mapping[str, Any]], none: str
) -> tuple[str, str, str, str]:
    """Kind, columns, treatment, and what of it is still in the file."""
    kind = f"({identifier.letter}) {identifier.title}"
    if not names:
        return (kind, none, none, none)
    done = {name: treatment_text(columns[name]) if name in columns else "not a column of this run" for name in names}
    return (
        kind,
        ", ".join(map(clean, names)),
        "; ".join(f"{clean(name)}: {what}" for name, what in done.items()),
        "; ".join(f"{clean(name)}: {STILL_THERE.get(what, NOT_PROVIDED)}" for name, what in done.items()),
    )


def undeclared(evidence: Evidence) -> Statement:
    """Columns whose name or type speaks of a kind that nobody declared them to hold."""
    places = {field.get("name"): place for place, field in enumerate(records(evidence.at(FIELDS)))}
    found: list[str] = []
    pointers = [COLUMNS]
    for column in records(evidence.at(COLUMNS)):
        highest = f"{FIELDS}/{places.get(column.get('name'), '')}/constraints/maximum"
        letters, read = _undeclared_kinds(evidence, column, highest)
        pointers += read
        if letters:
            found.append(f"{clean(column.get('name'))} ({', '.join(letters)}; {treatment_text(column)})")
    text = f"{'; '.join(found)}: look at them" if found else "none; that a name says nothing proves nothing"
    return evidence.computed(
        "Columns whose name or type speaks of a kind, but that were not declared to hold it",
        *dict.fromkeys(pointers),
        text=text,
    )


def _undeclared_kinds(evidence: Evidence, column: Mapping[str, Any], highest: str) -> tuple[list[str], list[str]]:
    """Letters of the kinds that a column speaks of undeclared, and pointers of what decided it.

    Args:
        evidence: the evidence.
        column: of the certificate.
        highest: pointer of its largest value.
    """
    letters, pointers = [], []
    for identifier in IDENTIFIERS:
        answer = answer_pointer(identifier.question)
        if not _may_speak_of(identifier, column):
            continue
        if column.get("name") in evidence.items(answer):
            pointers.append(answer)
            continue
        is_age = identifier.holds_dates and not _is_date(column)
        if is_age and evidence.at(highest) is not None:
            pointers.append(highest)
        if not (is_age and _is_low(evidence.at(highest))):
            letters.append(identifier.letter)
    return letters, pointers


def _may_speak_of(identifier: Identifier, column: Mapping[str, Any]) -> bool:
    named = any(finding.kind in identifier.header_kinds for finding in find_by_header(str(column.get("name"))))
    return named or (identifier.holds_dates and (_is_date(column) or _is_age(column)))


def _is_date(column: Mapping[str, Any]) -> bool:
    return column.get("type") in (FieldType.DATE, FieldType.DATETIME)


def _is_age(column: Mapping[str, Any]) -> bool:
    return "age" in re.split(r"[\W_]+", str(column.get("name")).lower())


def _is_low(highest: Any) -> bool:
    """Whether a number is never above the highest age that may be told."""
    return isinstance(highest, int | float) and highest <= HIGHEST_AGE
