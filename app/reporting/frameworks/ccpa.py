"""CCPA as amended by CPRA: the three conditions on deidentified information."""

from __future__ import annotations

from app.reporting.document import Block
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.parts import declared

INFERENCE = Question(
    "ccpa-inference",
    "Why the table cannot reasonably be used to infer about, or be linked to, a consumer",
    "The business's own assessment, on the evidence of sections 2, 7 and 9, for the recipients named.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
MEASURES = Question(
    "ccpa-measures",
    "(1) Reasonable measures against association with a consumer or household",
    "Policies, access and technical measures of the business that holds the table.",
    Kind.LONG,
    DATA_OWNER,
)
COMMITMENT = Question(
    "ccpa-commitment",
    "(2) Public commitment not to reidentify",
    "Address of the page on which the business commits itself, such as https://example.org/privacy.",
    Kind.URL,
    PRIVACY_OFFICER,
)
CONTRACT = Question(
    "ccpa-contract",
    "(3) Contract that binds the recipients",
    "Reference of each contract, with its date, or the clause that every recipient signs.",
    Kind.LONG,
    DATA_OWNER,
)
CONDITIONS = (MEASURES, COMMITMENT, CONTRACT)
QUESTIONS = (INFERENCE, *CONDITIONS)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """The definition's first part, and its three conditions, of which no ε fulfils any."""
    return (declared(evidence, *QUESTIONS),)


FRAMEWORK = Framework(
    id="ccpa",
    title="CCPA and CPRA, Cal. Civ. Code 1798.140(m): deidentified information",
    reference="California Civil Code 1798.140(m)",
    can_say="Which evidence bears on inference and linking, and what the business declared on its three duties.",
    cannot_say="That the table is deidentified: three duties rest on the business, and no ε takes their place.",
    questions=QUESTIONS,
    annex=annex,
)
