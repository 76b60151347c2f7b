"""Blocks that the annexes of several frameworks are made of."""

from __future__ import annotations

from app.reporting.document import Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Question


def declared(evidence: Evidence, *questions: Question) -> Statements:
    """What was answered to some questions, and who has to answer the rest."""
    return Statements(tuple(question.statement(evidence) for question in questions))
