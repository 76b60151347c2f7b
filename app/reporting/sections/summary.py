"""Section 1: one page in plain words."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Block, Bullets, Heading, Note, Paragraph, Section, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.printable import clean
from app.reporting.sections.cover import release_statement
from app.reporting.sections.findings import utility_facts
from app.reporting.sections.ledger import spent_statement
from app.reporting.sections.not_covered import IN_SHORT
from app.reporting.sections.phrases import band_sentence, counted, epsilon_sentence, unit_text

_LEAD = (
    "A computer program read private rows, added random noise to everything that it learned of them, and made up new "
    "rows from the noisy numbers. The noise bounds what anybody can learn about any one unit of the private rows."
)
_OVERRIDDEN = "The release was opened although a criterion that was fixed beforehand is not met."


def build(evidence: Evidence) -> Section:
    """Who is protected, how far, at which cost so far, what is not covered, how good the table is, what is open."""
    return Section(
        "1",
        "Summary in plain words",
        (
            Paragraph(_LEAD),
            *_warning(evidence),
            Statements(_facts(evidence)),
            Heading("Not covered"),
            Bullets(IN_SHORT),
            Heading("How good the table is"),
            Statements(utility_facts(evidence)),
            Heading("Still open"),
            Statements(_open(evidence)),
        ),
    )


def _warning(evidence: Evidence) -> tuple[Block, ...]:
    is_overridden = isinstance(evidence.at("/run/release/override"), dict)
    return (Note(_OVERRIDDEN, is_warning=True),) if is_overridden else ()


def _facts(evidence: Evidence) -> tuple[Statement, ...]:
    privacy, kind, most = "/certificate/privacy", "/certificate/unit/kind", "/certificate/unit/max_rows_per_unit"
    return (
        evidence.declared("Who is protected", kind, most, text=unit_text),
        evidence.computed("The guarantee", f"{privacy}/epsilon", f"{privacy}/delta", kind, most, text=epsilon_sentence),
        evidence.computed("How much ε says", f"{privacy}/epsilon", text=band_sentence),
        spent_statement(evidence),
        evidence.computed("Learned from the private rows", "/certificate/events", text=_learned),
        release_statement(evidence),
    )


def _learned(events: Any) -> str:
    return f"{counted(len(events), 'charged measurement')}, each with noise; nothing else in the table comes from them"


def _open(evidence: Evidence) -> tuple[Statement, ...]:
    return (evidence.computed("Declarations", "/declarations/version", "/declarations/declared_by", text=_declared),)


def _declared(version: Any, by: Any) -> str:
    return f"version {clean(version)}, by {clean(by)}"
