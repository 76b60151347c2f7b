"""Section 1: one page in plain words."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Block, Bullets, Heading, Note, Paragraph, Section, Statement, Statements, Status
from app.reporting.evidence import Evidence
from app.reporting.frameworks.catalogue import FRAMEWORKS, missing
from app.reporting.sections.cover import release_statement
from app.reporting.sections.findings import utility_facts
from app.reporting.sections.ledger import spent_statement
from app.reporting.sections.not_covered import IN_SHORT
from app.reporting.sections.phrases import band_sentence, counted, epsilon_sentence, part, unit_text

MOST_LABELS = 4

_LEAD = (
    "A computer program read private rows, added random noise to everything that it learned of them, and made up new "
    "rows from the noisy numbers. The noise bounds what anybody can learn about any one unit of the private rows."
)
_ALL_ANSWERED = "every required answer was given"
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
    """Per person what they have to complete, before a report can be final."""
    places = ("/declarations/values", "/document/frameworks")
    known = [name for name in evidence.items(places[1]) if name in FRAMEWORKS]
    open_questions = missing(known, part(evidence.at("/declarations"), "values"))
    if not open_questions:
        return (Statement("Questions of the chosen frameworks", _ALL_ANSWERED, Status.COMPUTED, source=places),)
    people = dict.fromkeys(question.completed_by for question in open_questions)
    return tuple(
        Statement(
            f"Waiting for {person}",
            _labels([question.label for question in open_questions if question.completed_by == person]),
            Status.OPEN,
            person,
            places,
        )
        for person in people
    )


def _labels(labels: list[str]) -> str:
    shown = "; ".join(labels[:MOST_LABELS])
    more = f"; and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    return f"{counted(len(labels), 'answer')}: {shown}{more}"
