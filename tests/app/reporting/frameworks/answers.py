"""Answers to every question, for tests."""

from app.reporting.frameworks.base import Kind
from app.reporting.frameworks.catalogue import FRAMEWORKS, LATER, questions_of

COLUMNS = ("age", "region", "smoker", "cost")


def all_answers(framework_ids=tuple(FRAMEWORKS)):
    """An answer to each question, another one each where texts are asked for."""
    answers = {question.id: _answer(question) for question in questions_of(framework_ids)}
    for earlier, later in LATER:
        if earlier.id in answers:
            answers[earlier.id], answers[later.id] = "2026-11-30", "2027-11-30"
    return answers


def _answer(question):
    match question.kind:
        case Kind.DATE:
            return "2026-12-01"
        case Kind.URL:
            return f"https://example.org/{question.id}"
        case Kind.CHOICE:
            return question.choices[0]
        case Kind.COLUMNS:
            return ["age"]
    return f"Answer to {question.id}."
