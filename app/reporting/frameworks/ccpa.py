"""CCPA as amended by CPRA: the three conditions on deidentified information."""

from __future__ import annotations

from app.reporting.document import Block, Heading, Note, Paragraph, Statements, Status
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import OTHER_RELEASES, RECIPIENTS, RECIPIENTS_MEANS
from app.reporting.frameworks.parts import Item, checklist, declared

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
    return (
        Paragraph(
            "Information counts as deidentified where it cannot reasonably be used to infer something about a "
            "particular consumer or be linked to one, and where the business that holds it does three things: it takes "
            "reasonable measures, it commits itself in public, and it binds its recipients by contract."
        ),
        Heading("Inference and linking"),
        checklist(
            evidence,
            "Evidence that bears on inference and linking",
            (
                Item("What one unit changes", "section 2", ("/certificate/privacy/epsilon",)),
                Item("What the guarantee leaves out", "section 7", ("/certificate/not_covered",), (OTHER_RELEASES,)),
                Item("Attacks, and audits of the method", "section 9", ("/method_audits/audits",)),
                Item("Recipients and what they hold", "this report", (), (RECIPIENTS, RECIPIENTS_MEANS)),
                Item("Assessment by the business", "below", (), (INFERENCE,)),
            ),
        ),
        Statements((facts.privacy_loss(evidence), facts.unit(evidence), INFERENCE.statement(evidence))),
        Heading("Three duties of the business"),
        declared(evidence, *CONDITIONS),
        _blanks(evidence),
        declared(evidence, RECIPIENTS, RECIPIENTS_MEANS),
    )


def _blanks(evidence: Evidence) -> Note:
    """How many of the duties are blank. Nothing computed can fill one."""
    blank = [question.label for question in CONDITIONS if question.statement(evidence).status is Status.OPEN]
    if not blank:
        return Note(
            "The business has declared something on each of the three duties. Whether it is enough, and true, is for "
            "the business to answer for; no number in this report decides it."
        )
    words = {1: "One of the three duties is", 2: "Two of the three duties are", 3: "All three duties are"}
    return Note(
        f"{words[len(blank)]} blank: {'; '.join(blank)}. As long as a duty is blank, the definition is not met, "
        "whatever ε is.",
        is_warning=True,
    )


FRAMEWORK = Framework(
    id="ccpa",
    title="CCPA and CPRA, Cal. Civ. Code 1798.140(m): deidentified information",
    reference="California Civil Code 1798.140(m)",
    can_say="Which evidence bears on inference and linking, and what the business declared on its three duties.",
    cannot_say="That the table is deidentified: three duties rest on the business, and no ε takes their place.",
    questions=QUESTIONS,
    annex=annex,
)
