"""All frameworks, their questions, and what was answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.errors import InvalidInputError
from app.reporting.frameworks import ccpa, eu_ai_act, gdpr, hipaa, nist_800_226, soc2
from app.reporting.frameworks.answers import Answer, check_answer
from app.reporting.frameworks.base import Framework, Question
from app.reporting.frameworks.common import COMMON, DECISION_DATE, NEXT_REVIEW_DATE

FRAMEWORKS: dict[str, Framework] = {
    module.FRAMEWORK.id: module.FRAMEWORK for module in (nist_800_226, gdpr, hipaa, ccpa, soc2, eu_ai_act)
}

LATER = ((DECISION_DATE, NEXT_REVIEW_DATE), (hipaa.EXPERT_DATE, hipaa.EXPERT_EXPIRY))
"""Pairs of dates of which the second lies after the first."""


def find_framework(framework_id: str) -> Framework:
    """The framework of an id.

    Raises:
        InvalidInputError: there is none; it names those there are.
    """
    try:
        return FRAMEWORKS[framework_id]
    except (KeyError, TypeError):
        known = ", ".join(FRAMEWORKS)
        raise InvalidInputError(f"There is no framework {ascii(framework_id)[:80]}. Choose among: {known}.") from None


def questions_of(framework_ids: Iterable[str]) -> tuple[Question, ...]:
    """The questions of some frameworks, those that every report asks first, each once.

    Args:
        framework_ids: the chosen frameworks.

    Raises:
        InvalidInputError: one of them is unknown.
    """
    frameworks = dict.fromkeys(map(find_framework, framework_ids))
    return tuple(dict.fromkeys((*COMMON, *(question for found in frameworks for question in found.questions))))


def check_answers(
    framework_ids: Iterable[str], columns: Sequence[str], answers: Mapping[str, Any]
) -> dict[str, Answer]:
    """Answers as they are kept, in the order of the questions; empty ones are left out.

    Args:
        framework_ids: the chosen frameworks.
        columns: names of the dataset's columns.
        answers: by the question's id.

    Raises:
        InvalidInputError: an answer cannot be one, belongs to no question of these frameworks, or contradicts another.
    """
    if not isinstance(answers, Mapping):
        raise InvalidInputError("Answers are an object with the ids of questions as names.")
    questions = {question.id: question for question in questions_of(framework_ids)}
    if unknown := [name for name in answers if name not in questions]:
        raise InvalidInputError(
            f"No question {ascii(unknown[0])[:80]} is asked for the chosen frameworks. Remove the answer, or "
            "choose the framework that asks it."
        )
    checked = {name: check_answer(question, columns, answers.get(name)) for name, question in questions.items()}
    kept = {name: answer for name, answer in checked.items() if answer is not None}
    for first, second in LATER:
        if first.id in kept and second.id in kept and str(kept[second.id]) <= str(kept[first.id]):
            raise InvalidInputError(f"“{second.label}” lies after “{first.label}”. Correct one of the two dates.")
    return kept


def missing(framework_ids: Iterable[str], answers: Mapping[str, Any]) -> tuple[Question, ...]:
    """Questions that a final report needs an answer to and that have none.

    Args:
        framework_ids: the chosen frameworks.
        answers: what was answered, as `check_answers` returned it.

    Raises:
        InvalidInputError: a framework is unknown.
    """
    return tuple(
        question
        for question in questions_of(framework_ids)
        if _is_required(question, answers) and answers.get(question.id) in (None, "", [])
    )


def _is_required(question: Question, answers: Mapping[str, Any]) -> bool:
    if question.required or question.required_when is None:
        return question.required
    asked, choice = question.required_when
    return bool(answers.get(asked) == choice)
