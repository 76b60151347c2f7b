"""What a framework asks, who answers, and what its annex may and may not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.reporting.document import Block, Statement
from app.reporting.evidence import Evidence

DATA_OWNER = "the data owner"
PRIVACY_OFFICER = "the privacy officer"
EXPERT = "the expert"
ADMINISTRATOR = "the administrator"
"""Who completes what no software can know."""


class Kind(StrEnum):
    """How a question is answered."""

    TEXT = "text"
    LONG = "long"
    DATE = "date"
    URL = "url"
    CHOICE = "choice"
    COLUMNS = "columns"


@dataclass(frozen=True)
class Question:
    """Something that only a person can know or decide.

    Args:
        id: unique among all questions, such as `gdpr-legal-basis`; letters, digits and hyphens.
        label: the question in a few words.
        help: what belongs there, with an example.
        kind: how it is answered: a line, a long text, a date (ISO 8601), a URL, one of `choices`, or names of columns.
        completed_by: who answers, such as `the data owner`.
        required: whether a final report needs an answer.
        choices: the answers of a choice.
        required_when: another question and one of its choices; where that was chosen, this needs an answer too.
    """

    id: str
    label: str
    help: str
    kind: Kind
    completed_by: str
    required: bool = True
    choices: tuple[str, ...] = ()
    required_when: tuple[str, str] | None = None

    def statement(self, evidence: Evidence) -> Statement:
        """What was answered; where nothing was, who has to complete it."""
        return evidence.answer(self.id, self.label, self.completed_by)


@dataclass(frozen=True)
class Framework:
    """One law, standard or guide that a report can be arranged for.

    Args:
        id: such as `gdpr`.
        title: its name, with article or number.
        reference: where the text is found.
        can_say: what the annex can state, in one sentence.
        cannot_say: what no annex can state, in one sentence.
        questions: what people have to answer beside the common questions.
        annex: the annex's blocks.
    """

    id: str
    title: str
    reference: str
    can_say: str
    cannot_say: str
    questions: tuple[Question, ...]
    annex: Callable[[Evidence], tuple[Block, ...]]
