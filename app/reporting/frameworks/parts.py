"""Blocks that the annexes of several frameworks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.reporting.document import Statement, Statements, Status, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Question
from app.reporting.printable import NOT_PROVIDED

ANSWERS = "/declarations/values"


@dataclass(frozen=True)
class Item:
    """Something that a framework wants to be told.

    Args:
        title: what, in a few words.
        place: the section of the report that tells it.
        pointers: what has to lie in the evidence for that.
        questions: what people have to answer for that.
    """

    title: str
    place: str
    pointers: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


def declared(evidence: Evidence, *questions: Question) -> Statements:
    """What was answered to some questions, and who has to answer the rest."""
    return Statements(tuple(question.statement(evidence) for question in questions))


def checklist(evidence: Evidence, caption: str, items: Sequence[Item]) -> Table:
    """Each item, where the report tells it, and what of it is there."""
    pointers = dict.fromkeys(
        pointer
        for item in items
        for pointer in (*item.pointers, *(answer_pointer(question) for question in item.questions))
    )
    source, *further = pointers
    return Table(
        caption,
        ("Item", "Where", "Status"),
        tuple((item.title, item.place, status_of(evidence, item)) for item in items),
        (4, 3, 5),
        source,
        tuple(further),
    )


def answer_pointer(question: Question) -> str:
    """JSON pointer of what was answered to a question."""
    return f"{ANSWERS}/{question.id}"


def status_of(evidence: Evidence, item: Item) -> str:
    """What there is of an item: computed, declared, or who has to complete it."""
    absent = [pointer for pointer in item.pointers if evidence.at(pointer) in (None, [], {})]
    answers = [question.statement(evidence) for question in item.questions]
    waiting = [statement for statement in answers if statement.status is Status.OPEN]
    said = []
    if item.pointers:
        said.append(f"computed part {NOT_PROVIDED}" if absent else str(Status.COMPUTED))
    if len(waiting) < len(answers):
        said.append("declared in part" if waiting else "declared")
    if waiting:
        said.append(f"{Status.OPEN} by {_listed(waiting)}")
    return "; ".join(said)


def _listed(waiting: Sequence[Statement]) -> str:
    people = dict.fromkeys(statement.by for statement in waiting)
    return " and ".join(
        f"{who} ({'; '.join(statement.name for statement in waiting if statement.by == who)})" for who in people
    )


def by_hand(name: str, completed_by: str) -> Statement:
    """A line that only a pen can fill, such as a signature."""
    return Statement(name, NOT_PROVIDED, Status.OPEN, completed_by)
