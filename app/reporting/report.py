"""Every section of a report, in order; every format is rendered from what is built here."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from app.reporting.document import Report, Section
from app.reporting.evidence import DRAFT, Evidence
from app.reporting.printable import clean
from app.reporting.sections import (
    algorithm,
    annexes,
    guarantee,
    ledger,
    measurements,
    model_card,
    not_covered,
    risk,
    sign_off,
    sources,
    summary,
    trust,
    unprotected,
    utility,
    verify,
)
from app.reporting.sections.cover import PREFACE, cover
from engine.evidence.canonical import canonical_bytes

TITLE = "Technical evidence for a privacy review"

DRAFT_BANNER = "Draft: not for filing"
INTERNAL_BANNER = "Internal: holds numbers that no privacy budget paid for"


def build_report(evidence: Evidence) -> Report:
    """The whole document: evidence of a guarantee, or a record that there is none."""
    is_protected = evidence.is_protected
    return Report(
        title=TITLE if is_protected else unprotected.TITLE,
        subject=clean(evidence.at("/dataset/name")),
        banner=banner(evidence),
        is_alarm=evidence.is_internal or not is_protected,
        preface=PREFACE if is_protected else unprotected.PREFACE,
        cover=cover(evidence),
        sections=_sections(evidence) if is_protected else _unprotected_sections(evidence),
        document_id=clean(evidence.at("/document/id")),
        code=code_text(evidence),
    )


def banner(evidence: Evidence) -> str:
    """What stands on every page; empty for a final, releasable report."""
    parts = [
        "" if evidence.is_protected else unprotected.BANNER,
        INTERNAL_BANNER if evidence.is_protected and evidence.is_internal else "",
        DRAFT_BANNER if evidence.at("/document/status") == DRAFT else "",
    ]
    return ". ".join(part for part in parts if part)


def code_text(evidence: Evidence) -> str:
    """What the code on the cover holds: the document's id, and the digest of the evidence that it was made of."""
    digest = hashlib.sha256(canonical_bytes(evidence.json)).hexdigest()
    return f"urn:uuid:{evidence.at('/document/id')} sha256:{digest}"


def _unprotected_sections(evidence: Evidence) -> tuple[Section, ...]:
    """No ε is printed, of this run or of any other, so neither is the ledger."""
    *before, record = unprotected.build(evidence)
    sections = (*before, risk.build(evidence), record, verify.build(evidence))
    numbered = tuple(replace(section, number=str(number)) for number, section in enumerate(sections, 1))
    return (*numbered, model_card.build(evidence, str(len(numbered) + 1)))


def _sections(evidence: Evidence) -> tuple[Section, ...]:
    return (
        summary.build(evidence),
        guarantee.build(evidence),
        sources.build(evidence),
        ledger.build(evidence),
        algorithm.build(evidence),
        trust.build(evidence),
        not_covered.build(evidence),
        utility.build(evidence),
        risk.build(evidence),
        *annexes.build(evidence),
        sign_off.build(evidence),
        verify.build(evidence),
        model_card.build(evidence, "13"),
        measurements.build(evidence),
    )
