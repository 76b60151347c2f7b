"""The sections of a run without a privacy guarantee: that there is none, and no number in place of one."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Block, Bullets, Heading, Note, Paragraph, Section, Statement, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean, number_text, provided
from app.reporting.sections.algorithm import settings_table, software_statements
from app.reporting.sections.findings import internal_findings_table
from app.reporting.sections.phrases import Json, reads_text, records
from app.reporting.sections.sources import columns_text, rule_statements
from app.reporting.sections.trust import commitment_statement
from app.reporting.sections.utility import INTERNAL_WARNING, subgroup_blocks

TITLE = "Internal record of a synthetic table"
PREFACE = (
    "This document is a record for inside the organisation. It is no ground for a release, no certification and no "
    "legal advice."
)
BANNER = "No privacy guarantee: for internal use only"

_STATEMENT = "/certificate/privacy/statement"
_MOST_NAMES = 8
_HANDLING = (
    "Keep the table, this document and the record where the private rows may be kept, for whoever may see those.",
    "Do not release them, share them outside the organisation, or publish figures made from them.",
    "Delete them when the comparison is done.",
    "To release a table, make one with a method that has a privacy guarantee, and release that one.",
)


def build(evidence: Evidence) -> tuple[Section, ...]:
    """All but the attacks and the verification, the record last; no ε of this or any other run is among it."""
    return (
        Section("1", "No privacy guarantee", (*_statement(evidence), Heading("Handling"), Bullets(_HANDLING))),
        Section("2", "What was done", _done(evidence)),
        Section("3", "Compared with the private rows", _evaluation(evidence)),
        Section("4", "Record", (Statements(_record(evidence)),)),
    )


def _statement(evidence: Evidence) -> tuple[Block, ...]:
    whole = clean(evidence.at(_STATEMENT), LONGEST_STATEMENT)
    said = evidence.computed("Guarantee", "/certificate/guarantee")
    return (Note(whole, is_warning=True), Statements((said,)))


def _done(evidence: Evidence) -> tuple[Block, ...]:
    rules = rule_statements(evidence)
    return (
        Statements((*software_statements(evidence), *_rows(evidence))),
        settings_table(evidence),
        _columns(evidence),
        *((Heading("Rules that the owner stated"), Statements(rules)) if rules else ()),
        Heading("What read the private rows"),
        _events(evidence),
    )


def _rows(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Columns", "/certificate/columns", text=columns_text),
        evidence.declared("Private rows, as declared", "/dataset/declared_rows", text=number_text),
        evidence.computed("Synthetic rows", "/certificate/rows/synthetic", text=number_text),
        evidence.computed("Noise", "/certificate/randomness/noise"),
        evidence.computed(
            "Seed of the sampling", "/certificate/randomness", "/certificate/randomness/sampling_seed", text=_seed
        ),
    )


def _seed(_randomness: Any, seed: Any) -> str:
    return "none was kept" if seed is None else clean(seed)


def _columns(evidence: Evidence) -> Table:
    rows = tuple(
        tuple(provided(column, key) for key in ("name", "type", "treatment", "domain"))
        for column in records(evidence.items("/certificate/columns"))
    )
    return Table(
        "Each column, and where its values came from",
        ("Column", "Type", "Treatment", "Domain"),
        rows or ((NOT_PROVIDED,) * 4,),
        (2.0, 1.2, 1.3, 3.0),
        "/certificate/columns",
    )


def _events(evidence: Evidence) -> Table:
    return Table(
        "Every reading of the private rows",
        ("No.", "Purpose", "Columns read"),
        tuple(map(_event, records(evidence.items("/certificate/events")))) or ((NOT_PROVIDED,) * 3,),
        (0.6, 3.0, 3.0),
        "/certificate/events",
    )


def _event(event: Json) -> tuple[str, ...]:
    return (provided(event, "sequence"), provided(event, "purpose"), reads_text(event, _MOST_NAMES))


def _evaluation(evidence: Evidence) -> tuple[Block, ...]:
    if evidence.at("/evaluation") is None:
        return (Paragraph("No internal evaluation was made."),)
    return (Note(INTERNAL_WARNING, is_warning=True), internal_findings_table(evidence), *subgroup_blocks(evidence))


def _record(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Guarantee, computed again from the record", "/recomputed/agrees", text=_recomputed),
        commitment_statement(evidence),
        evidence.computed("Entries of the audit log then", "/audit_log/entries", text=number_text),
        evidence.computed("Hash that seals the audit log then", "/audit_log/head"),
    )


def _recomputed(agrees: Any) -> str:
    return (
        "none, as the record states: its events include the reading of rows without protection"
        if agrees is True
        else "the record contradicts itself"
    )
