"""Answers to what reports ask of people, for tests that are not about the questions."""

from datetime import date, timedelta

from app.reporting.frameworks.base import Kind
from app.reporting.frameworks.catalogue import questions_of

FIRST_DATE = date(2027, 1, 4)


def answers_to(frameworks, *, columns=("colour",)):
    """An answer of the right kind to every question of some frameworks; each date is later than the one before."""
    answers = {}
    for number, question in enumerate(questions_of(frameworks)):
        answers[question.id] = {
            Kind.TEXT: f"Answer {number}",
            Kind.LONG: f"Answer {number}, in a sentence of its own.",
            Kind.DATE: (FIRST_DATE + timedelta(days=number)).isoformat(),
            Kind.URL: f"https://example.org/statement/{number}",
            Kind.CHOICE: question.choices[0] if question.choices else "",
            Kind.COLUMNS: list(columns),
        }[question.kind]
    return answers
