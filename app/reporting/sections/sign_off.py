"""Section 11: the decision, and places for those who answer for it."""

from __future__ import annotations

from app.reporting.document import Block, Bullets, Heading, Paragraph, Section, SignatureLine, Statements, Status
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Question
from app.reporting.frameworks.catalogue import missing
from app.reporting.frameworks.common import (
    CONTACT,
    DATA_OWNER_NAME,
    DATA_OWNER_ROLE,
    DECISION,
    DECISION_DATE,
    EXPERT_NAME,
    EXPERT_ROLE,
    NEXT_REVIEW_DATE,
    ORGANISATION,
    PRIVACY_OFFICER_NAME,
    PRIVACY_OFFICER_ROLE,
)
from app.reporting.frameworks.parts import by_hand
from app.reporting.sections.phrases import part

NUMBER = "11"


def build(evidence: Evidence) -> Section:
    """The decision in the words of whoever decides, who signs, and what is still open."""
    decision = (DECISION, DECISION_DATE, NEXT_REVIEW_DATE, ORGANISATION, CONTACT)
    blocks: tuple[Block, ...] = (
        Paragraph("This report gathers evidence. The decision is taken by the people named here, in their own words."),
        Statements(tuple(question.statement(evidence) for question in decision)),
        _line(evidence, "Data owner", DATA_OWNER_NAME, DATA_OWNER_ROLE),
        _line(evidence, "Privacy officer", PRIVACY_OFFICER_NAME, PRIVACY_OFFICER_ROLE),
    )
    if EXPERT_NAME.statement(evidence).status is not Status.OPEN:
        blocks += (_line(evidence, "Expert", EXPERT_NAME, EXPERT_ROLE),)
    return Section(NUMBER, "Sign-off", blocks + _open(evidence))


def _line(evidence: Evidence, signer: str, name: Question, role: Question) -> SignatureLine:
    who = name.completed_by
    fields = (evidence.answer(name.id, "Name", who), evidence.answer(role.id, "Role", who))
    return SignatureLine(signer, (*fields, by_hand("Date", who), by_hand("Signature", who)))


def _open(evidence: Evidence) -> tuple[Block, ...]:
    """What a final report still needs; a final one has none of it, and a run without a guarantee has no final one."""
    values = part(evidence.at("/declarations"), "values")
    lacking = missing(evidence.items("/document/frameworks"), values)
    if not lacking or not evidence.is_protected:
        return ()
    by_whom: dict[str, list[str]] = {}
    for question in lacking:
        by_whom.setdefault(question.completed_by, []).append(question.label)
    return (
        Heading("Open before a final report can be made"),
        Bullets(tuple(f"To be completed by {who}: {'; '.join(labels)}" for who, labels in by_whom.items())),
    )
