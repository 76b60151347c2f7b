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
from app.reporting.sections.phrases import (
    band_sentence,
    counted,
    epsilon_sentence,
    part,
    records,
    unit_places,
    unit_text,
)

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
            *_open(evidence),
        ),
    )


def _warning(evidence: Evidence) -> tuple[Block, ...]:
    is_overridden = isinstance(evidence.at("/run/release/override"), dict)
    return (Note(_OVERRIDDEN, is_warning=True),) if is_overridden else ()


def _facts(evidence: Evidence) -> tuple[Statement, ...]:
    privacy, unit = "/certificate/privacy", unit_places(evidence)
    return (
        evidence.declared("Who is protected", *unit, text=unit_text),
        evidence.computed("The guarantee", f"{privacy}/epsilon", f"{privacy}/delta", *unit, text=epsilon_sentence),
        evidence.computed("How much ε says", f"{privacy}/epsilon", text=band_sentence),
        spent_statement(evidence),
        evidence.computed("Learned from the private rows", "/certificate/events", text=_learned),
        release_statement(evidence),
    )


def _learned(events: Any) -> str:
    measured = counted(len(records(events)), "charged measurement")
    return f"{measured}, each with noise; nothing else in the table comes from them"


def _open(evidence: Evidence) -> tuple[Block, ...]:
    """Per person what they have to complete, before a report can be final."""
    places = ("/declarations/values", "/document/frameworks")
    known = [name for name in evidence.items(places[1]) if name in FRAMEWORKS]
    open_questions = missing(known, part(evidence.at("/declarations"), "values"))
    if not open_questions:
        said = Statement("Questions of the chosen frameworks", _ALL_ANSWERED, Status.COMPUTED, source=places)
        return (Statements((said,)),)
    labels: dict[str, list[str]] = {}
    for question in open_questions:
        labels.setdefault(question.completed_by, []).append(question.label)
    counts = ", ".join(f"{len(waiting):,} by {person}" for person, waiting in labels.items())
    said = Statement("Answers that are missing", counts, Status.OPEN, "the people named", places)
    return (Statements((said,)), Bullets(tuple(_labels(person, waiting) for person, waiting in labels.items())))


def _labels(person: str, labels: list[str]) -> str:
    others = "; and others, marked where they belong" if len(labels) > MOST_LABELS else ""
    return f"{person[:1].upper()}{person[1:]}: {'; '.join(labels[:MOST_LABELS])}{others}."
