"""HIPAA 164.514(b): an expert's evidence, and the worksheet of the other path."""

from __future__ import annotations

from app.reporting.document import Block, Heading, Paragraph, SignatureLine, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import EXPERT, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import (
    DATA_COLLECTION,
    EXPERT_NAME,
    EXPERT_ROLE,
    OTHER_RELEASES,
    POPULATION,
    RECIPIENTS,
    RECIPIENTS_MEANS,
)
from app.reporting.frameworks.identifiers import IDENTIFIERS
from app.reporting.frameworks.parts import Item, by_hand, checklist, declared
from app.reporting.frameworks.safe_harbor import undeclared, worksheet

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


EXPERT_LINES = {
    "Name": EXPERT_NAME,
    "Role": EXPERT_ROLE,
    "Qualification": QUALIFICATION,
    "Method, results": METHOD,
    "Conclusion": CONCLUSION,
    "Date": EXPERT_DATE,
    "Holds until": EXPERT_EXPIRY,
}
"""Names of the lines that the expert fills, by hand where nothing was declared."""

PACK = (
    Item("Data description", "section 3", ("/certificate/columns",), (POPULATION, DATA_COLLECTION)),
    Item("Recipients, and what they hold", "this report", (), (RECIPIENTS, RECIPIENTS_MEANS)),
    Item("Methods", "sections 2 and 5", ("/certificate/method/name", "/certificate/events")),
    Item("Results", "sections 8 and 9", ("/released_report/metrics", "/method_audits/audits")),
    Item("Limits", "section 7", ("/certificate/not_covered",), (OTHER_RELEASES,)),
)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """Evidence for an expert, and the worksheet of the 18 kinds."""
    return (declared(evidence, ENTITY, PATH, RECIPIENTS), *_expert_pack(evidence), *_worksheet(evidence))


def _expert_pack(evidence: Evidence) -> tuple[Block, ...]:
    """164.514(b)(1): what an expert needs, and lines for what only an expert can say."""
    return (
        Heading("164.514(b)(1): evidence for an expert"),
        Paragraph(
            "A person with knowledge of the methods decides whether the risk is very small that an expected recipient, "
            "alone or with other information within reach, could tell whom the information is about; and writes down "
            "how and with what result. Nothing here decides that, and no size of ε does."
        ),
        checklist(evidence, "What the expert finds in this report", PACK),
        Heading("Data and method"),
        Statements(
            (
                facts.sizes(evidence),
                *facts.treated(evidence),
                facts.domains(evidence),
                facts.method(evidence),
                facts.privacy_loss(evidence),
                facts.unit(evidence),
                facts.composed_loss(evidence),
            )
        ),
        Heading("Results and limits"),
        Statements((*facts.quality(evidence), facts.not_covered(evidence))),
        Paragraph(
            "The expert states their knowledge and experience, what they did and found, and whether the risk is very "
            "small, in their own words; by hand, or before this report is made."
        ),
        SignatureLine(
            "Expert",
            (
                *(evidence.answer(question.id, name, EXPERT) for name, question in EXPERT_LINES.items()),
                by_hand("Signature", EXPERT),
            ),
        ),
    )


def _worksheet(evidence: Evidence) -> tuple[Block, ...]:
    """164.514(b)(2): the 18 kinds, and the line on actual knowledge."""
    return (
        Heading("164.514(b)(2): worksheet of the 18 kinds"),
        Paragraph(
            "This path asks that values of 18 kinds are removed, of the people and of their relatives, employers and "
            "household members, and that the covered entity knows of no way to identify somebody. Columns below were "
            "declared by a person; their treatment is computed. The rule knows no privacy loss: a synthesized column "
            "of a kind still holds values of that kind, and a person says whether the rule lets them stay."
        ),
        worksheet(evidence, all_columns_seen=COLUMNS_SEEN, yes=ALL_COLUMNS_SEEN, checked_by=CHECKED_BY),
        Statements((undeclared(evidence),)),
        declared(evidence, COLUMNS_SEEN, CHECKED_BY, CHECKED_ON),
        Paragraph(
            "To be signed: that the covered entity does not actually know that the information could be used, alone or "
            "with other information, to identify a person whom it is about."
        ),
        SignatureLine(
            "Covered entity: no actual knowledge",
            tuple(by_hand(name, PRIVACY_OFFICER) for name in ("Name", "Role", "Date", "Signature")),
        ),
    )


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
