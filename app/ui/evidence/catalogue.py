"""Which questions a choice of frameworks asks, in groups that are answered one after another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.services.evidence_views import FrameworkView, QuestionView
from app.ui.evidence.draft import Answer

COMMON = "common"
COMMON_TITLE = "Every report"


@dataclass(frozen=True)
class Group:
    """Questions that belong together.

    Args:
        id: the framework's, or `common`.
        title: its name.
        questions: what is asked here and in no group before.
    """

    id: str
    title: str
    questions: tuple[QuestionView, ...]

    def count(self, answers: Mapping[str, Answer]) -> str:
        """How many of its questions are answered."""
        return f"{len(answered(self.questions, answers))}/{len(self.questions)}"

    def by_person(self) -> list[tuple[str, list[QuestionView]]]:
        """Its questions by who answers them, in the order in which each of these people comes first."""
        order = list(dict.fromkeys(question.completed_by for question in self.questions))
        ranked = sorted(self.questions, key=lambda question: order.index(question.completed_by))
        return [(person, list(asked)) for person, asked in groupby(ranked, lambda question: question.completed_by)]


def groups(
    common: Sequence[QuestionView], frameworks: Sequence[FrameworkView], chosen: Iterable[str]
) -> tuple[Group, ...]:
    """The common questions, then those of each chosen framework, none twice."""
    names, seen = set(chosen), {question.id for question in common}
    found = [Group(COMMON, COMMON_TITLE, tuple(common))]
    for framework in frameworks:
        own = tuple(question for question in framework.questions if question.id not in seen)
        if framework.id in names and own:
            found.append(Group(framework.id, short(framework.title), own))
            seen.update(question.id for question in own)
    return tuple(found)


def short(title: str) -> str:
    """The name at the beginning of a framework's title."""
    return re.split("[:,]", title)[0]


def asked(shown: Iterable[Group]) -> tuple[QuestionView, ...]:
    """All questions of some groups."""
    return tuple(question for group in shown for question in group.questions)


def answered(questions: Iterable[QuestionView], answers: Mapping[str, Answer]) -> list[QuestionView]:
    """Those that have an answer."""
    return [question for question in questions if question.id in answers]
