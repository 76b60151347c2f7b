"""SOC 2: where an auditor finds evidence on the studio's part in an organisation's controls."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Block, Heading, Paragraph, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import ADMINISTRATOR, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import DATA_COLLECTION, DELETION_DATE, PURPOSE, RETENTION
from app.reporting.frameworks.parts import declared
from app.reporting.printable import clean
from app.reporting.sections.phrases import moment_text, part, records

MOST_ENTRIES = 20
"""Entries of the ledger that are named, the newest; section 4 has all."""

SYSTEM = Question(
    "soc2-system",
    "System and period that the auditor looks at",
    "Name of the system in whose scope the studio runs, and the period of the report.",
    Kind.TEXT,
    ADMINISTRATOR,
)
ACCESS = Question(
    "soc2-access",
    "CC6.1 to CC6.3: the organisation's record of access",
    "Reference to the review of accounts and roles, and to how access is granted and withdrawn.",
    Kind.TEXT,
    ADMINISTRATOR,
)
MONITORING = Question(
    "soc2-monitoring",
    "CC7.2: the organisation's record of monitoring",
    "Reference to where logs are watched, by whom, and how alarms are followed up.",
    Kind.TEXT,
    ADMINISTRATOR,
)
CHANGE = Question(
    "soc2-change",
    "CC8.1: the organisation's record of changes",
    "Reference to how this version of the studio was tested, approved and installed.",
    Kind.TEXT,
    ADMINISTRATOR,
)
DISPOSAL = Question(
    "soc2-disposal",
    "C1.1 and C1.2: the organisation's record of confidential data and of its disposal",
    "Reference to the classification of the private rows, and to the proof that they were deleted.",
    Kind.TEXT,
    ADMINISTRATOR,
)
INTEGRITY = Question(
    "soc2-integrity",
    "PI1: the organisation's record of complete and correct processing",
    "Reference to the specification that the synthetic table is checked against.",
    Kind.TEXT,
    ADMINISTRATOR,
    required=False,
)
PRIVACY = Question(
    "soc2-privacy",
    "P series: the organisation's record of notice, choice and disposal",
    "Reference to the privacy notice and to the requests of the people concerned.",
    Kind.TEXT,
    PRIVACY_OFFICER,
    required=False,
)
QUESTIONS = (SYSTEM, ACCESS, MONITORING, CHANGE, DISPOSAL, INTEGRITY, PRIVACY)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """An index of evidence by criterion."""
    return (
        Paragraph(
            "SOC 2 is an auditor's report on an organisation's controls over a period. No table and no file can have "
            "it. What follows helps an auditor to find records: what the studio keeps, and what the organisation "
            "refers to."
        ),
        declared(evidence, SYSTEM),
        Heading("CC6.1 to CC6.3: access"),
        Statements((*facts.access(evidence)[1:3], *_entries(evidence), ACCESS.statement(evidence))),
        Heading("CC7.2: monitoring"),
        Statements((facts.audit_log(evidence), MONITORING.statement(evidence))),
        Heading("CC8.1: changes"),
        Statements((*_versions(evidence), CHANGE.statement(evidence))),
        Heading("C1.1 and C1.2: confidential data and their disposal"),
        Statements(
            (
                facts.commitment(evidence),
                facts.access(evidence)[0],
                facts.rows_kept(evidence),
                RETENTION.statement(evidence),
                DELETION_DATE.statement(evidence),
                DISPOSAL.statement(evidence),
            )
        ),
        Heading("PI1: complete and correct processing"),
        Statements((facts.recomputed(evidence), *facts.files(evidence), INTEGRITY.statement(evidence))),
        Heading("P series: privacy"),
        declared(evidence, PURPOSE, DATA_COLLECTION, PRIVACY),
    )


def _entries(evidence: Evidence) -> tuple[Statement, ...]:
    """The ids by which an auditor asks for extracts of the logs."""
    return (
        evidence.computed("Run, by its id in the audit log", "/run/id"),
        evidence.computed("Requested by", "/run/user", "/run/requested_at", text=_requested),
        evidence.computed(
            "Entries of the ledger, by their ids",
            "/ledger/entries",
            text=lambda entries: (
                ", ".join(clean(entry.get("id")) for entry in records(entries)[-MOST_ENTRIES:]) or "none"
            ),
        ),
    )


def _requested(user: object, moment: object) -> str:
    return f"{clean(user)}, {moment_text(moment)}"


def _versions(evidence: Evidence) -> tuple[Statement, ...]:
    libraries = part(evidence.at("/certificate/generator"), "libraries")
    return (
        facts.method(evidence),
        evidence.computed(
            "Libraries",
            "/certificate/generator/libraries",
            text=lambda _: ", ".join(f"{clean(name)} {clean(text)}" for name, text in libraries.items()) or "none",
        ),
        evidence.computed(
            "Last audits of the methods",
            "/method_audits/recorded_on",
            "/method_audits/version",
            "/method_audits/code_changed",
            text=_audits,
        ),
    )


def _audits(day: Any, version: Any, is_changed: Any) -> str:
    words = {True: "was changed since", False: "was not changed since"}
    code = words.get(is_changed, "may have been changed since")
    return f"{clean(day)}, of version {clean(version)}; the audited code {code}"


FRAMEWORK = Framework(
    id="soc2",
    title="SOC 2: index of evidence",
    reference="AICPA Trust Services Criteria (2017, points of focus 2022)",
    can_say="Where an auditor finds, by criterion, what the studio records and what the organisation refers to.",
    cannot_say="Anything about the organisation's controls: SOC 2 is an auditor's report on them, and a file cannot "
    "have it.",
    questions=QUESTIONS,
    annex=annex,
)
