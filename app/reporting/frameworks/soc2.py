"""SOC 2: where an auditor finds evidence on the studio's part in an organisation's controls."""

from __future__ import annotations

from app.reporting.document import Block
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import ADMINISTRATOR, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.parts import declared

SYSTEM = Question(
    "soc2-system",
    "System and period that the auditor looks at",
    "Name of the system in whose scope the studio runs, and the period of the report.",
    Kind.TEXT,
    ADMINISTRATOR,
)
ACCESS = Question(
    "soc2-access",
    "CC6.1 to CC6.3: your record of access",
    "Reference to the review of accounts and roles, and to how access is granted and withdrawn.",
    Kind.TEXT,
    ADMINISTRATOR,
)
MONITORING = Question(
    "soc2-monitoring",
    "CC7.2: your record of monitoring",
    "Reference to where logs are watched, by whom, and how alarms are followed up.",
    Kind.TEXT,
    ADMINISTRATOR,
)
CHANGE = Question(
    "soc2-change",
    "CC8.1: your record of changes",
    "Reference to how this version of the studio was tested, approved and installed.",
    Kind.TEXT,
    ADMINISTRATOR,
)
DISPOSAL = Question(
    "soc2-disposal",
    "C1.1 and C1.2: your record of confidential data and of its disposal",
    "Reference to the classification of the private rows, and to the proof that they were deleted.",
    Kind.TEXT,
    ADMINISTRATOR,
)
INTEGRITY = Question(
    "soc2-integrity",
    "PI1: your record of complete and correct processing",
    "Reference to the specification that the synthetic table is checked against.",
    Kind.TEXT,
    ADMINISTRATOR,
    required=False,
)
PRIVACY = Question(
    "soc2-privacy",
    "P series: your record of notice, choice and disposal",
    "Reference to the privacy notice and to the requests of the people concerned.",
    Kind.TEXT,
    PRIVACY_OFFICER,
    required=False,
)
QUESTIONS = (SYSTEM, ACCESS, MONITORING, CHANGE, DISPOSAL, INTEGRITY, PRIVACY)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """An index of evidence by criterion."""
    return (declared(evidence, *QUESTIONS),)


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
