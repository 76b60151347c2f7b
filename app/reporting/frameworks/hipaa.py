"""HIPAA 164.514(b): an expert's evidence, and the worksheet of the other path."""

from __future__ import annotations

from app.reporting.document import Block
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import EXPERT, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.identifiers import IDENTIFIERS
from app.reporting.frameworks.parts import declared

SAFE_HARBOR_PATH = "Safe Harbor, 164.514(b)(2)"
ALL_COLUMNS_SEEN = "Every column was looked at; a kind without columns is held by none"

PATH = Question(
    "hipaa-path",
    "Path that is relied on",
    "An expert determines, or the 18 kinds are removed and nobody knows better. Both parts of the annex are printed.",
    Kind.CHOICE,
    PRIVACY_OFFICER,
    choices=("Expert Determination, 164.514(b)(1)", SAFE_HARBOR_PATH, "Not decided yet"),
)
ENTITY = Question(
    "hipaa-entity",
    "Covered entity or business associate",
    "Who holds the private rows, and in which of the two roles.",
    Kind.TEXT,
    PRIVACY_OFFICER,
)
QUALIFICATION = Question(
    "hipaa-expert-qualification",
    "Expert's knowledge and experience",
    "With statistical and scientific principles and methods for making information not individually identifiable.",
    Kind.LONG,
    EXPERT,
    required=False,
)
METHOD = Question(
    "hipaa-expert-method",
    "Method and results of the expert's analysis",
    "What the expert did with this evidence and with other information reasonably available to the recipient.",
    Kind.LONG,
    EXPERT,
    required=False,
)
CONCLUSION = Question(
    "hipaa-expert-conclusion",
    "Whether the risk is very small, in the expert's words",
    "The expert's conclusion, for the recipients named.",
    Kind.LONG,
    EXPERT,
    required=False,
)
EXPERT_DATE = Question(
    "hipaa-expert-date", "Date of the expert's conclusion", "The day of it.", Kind.DATE, EXPERT, required=False
)
EXPERT_EXPIRY = Question(
    "hipaa-expert-expiry",
    "Date until which the conclusion holds",
    "When the expert wants to look again. It lies after the conclusion.",
    Kind.DATE,
    EXPERT,
    required=False,
)
COLUMNS_SEEN = Question(
    "hipaa-columns-seen",
    "Whether every column was looked at for the 18 kinds",
    "Without this, a kind that has no columns below counts as not looked at.",
    Kind.CHOICE,
    PRIVACY_OFFICER,
    required=False,
    choices=(ALL_COLUMNS_SEEN, "Some columns were not looked at yet"),
    required_when=("hipaa-path", SAFE_HARBOR_PATH),
)
CHECKED_BY = Question(
    "hipaa-checked-by",
    "Who checked the worksheet",
    "Name and role of whoever compared it with the synthetic file.",
    Kind.TEXT,
    PRIVACY_OFFICER,
    required=False,
    required_when=("hipaa-path", SAFE_HARBOR_PATH),
)
CHECKED_ON = Question(
    "hipaa-checked-on",
    "Date of the check",
    "The day of it.",
    Kind.DATE,
    PRIVACY_OFFICER,
    required=False,
    required_when=("hipaa-path", SAFE_HARBOR_PATH),
)
EXPERT_QUESTIONS = (QUALIFICATION, METHOD, CONCLUSION, EXPERT_DATE, EXPERT_EXPIRY)
QUESTIONS = (
    *(PATH, ENTITY),
    *EXPERT_QUESTIONS,
    *(COLUMNS_SEEN, *(identifier.question for identifier in IDENTIFIERS), CHECKED_BY, CHECKED_ON),
)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """Evidence for an expert, and the worksheet of the 18 kinds."""
    return (declared(evidence, *QUESTIONS),)


FRAMEWORK = Framework(
    id="hipaa",
    title="HIPAA, 45 CFR 164.514(b): deidentification",
    reference="45 CFR 164.514(b)(1) and (b)(2)",
    can_say="For an expert: what was done, measured and left open. For the worksheet: which columns were declared to "
    "hold which kind of identifier, how they were treated, and whether the file still holds such values.",
    cannot_say="That the risk is very small, or that every identifier is gone: an expert says the one, and whoever "
    "checks the file says the other. The rule on the 18 kinds knows no ε.",
    questions=QUESTIONS,
    annex=annex,
)
