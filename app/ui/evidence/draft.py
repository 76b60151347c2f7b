"""What somebody has typed about a dataset since it was last saved, kept for as long as they are signed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Answer = str | list[str]
Answers = dict[str, Answer]


@dataclass
class Draft:
    """Answers and chosen frameworks as they stand on the page, beside the saved version that they started from.

    Args:
        base_version: the saved version that was changed; 0 where nothing was saved.
        base_frameworks: its frameworks.
        base_answers: its answers, by question.
        frameworks: those chosen on the page.
        answers: the answers on the page, of frameworks that are not chosen at the moment too.
        theirs: what somebody else has saved meanwhile on questions that were answered otherwise here; empty texts are
            answers that they took back.
        has_met: whether somebody else has saved a version while things were typed here that are not saved yet.
        revision: rises whenever the page has to show other values than those that its fields hold.
    """

    base_version: int
    base_frameworks: tuple[str, ...]
    base_answers: Answers
    frameworks: tuple[str, ...] = ()
    answers: Answers = field(default_factory=dict)
    theirs: Answers = field(default_factory=dict)
    has_met: bool = False
    revision: int = 0

    @staticmethod
    def of(version: int, frameworks: Iterable[str], answers: Mapping[str, Answer]) -> Draft:
        """A page on which nothing is typed yet.

        Args:
            version: the saved version; 0 where nothing was saved.
            frameworks: its frameworks.
            answers: what is saved, also on questions that only earlier versions have asked.
        """
        chosen, given = tuple(frameworks), given_answers(answers)
        return Draft(version, chosen, given, chosen, dict(given))

    def write(self, question_id: str, answer: Answer | None) -> None:
        """Keep what was typed on a question."""
        _put(self.answers, question_id, _typed(answer))

    def choose(self, framework_id: str, *, is_chosen: bool) -> None:
        """Take a framework, or leave it out; its answers stay."""
        others = tuple(name for name in self.frameworks if name != framework_id)
        self.frameworks = (*others, framework_id) if is_chosen else others

    def changed(self, asked: Iterable[str]) -> tuple[str, ...]:
        """Questions among those asked that are answered otherwise than in the saved version."""
        return tuple(name for name in asked if self.answers.get(name) != self.base_answers.get(name))

    @property
    def has_other_frameworks(self) -> bool:
        """Whether other frameworks are chosen than in the saved version."""
        return set(self.frameworks) != set(self.base_frameworks)

    def answers_to(self, asked: Iterable[str]) -> Answers:
        """What is answered of some questions."""
        return {name: self.answers[name] for name in asked if name in self.answers}

    def saved(
        self, version: int, frameworks: Iterable[str], answers: Mapping[str, Answer], asked: Iterable[str]
    ) -> None:
        """Go on from a version that was just saved, with its answers as they were stored.

        Args:
            version: the new version.
            frameworks: its frameworks.
            answers: its answers.
            asked: the questions that it holds an answer to, or none.
        """
        stored = beside(self.answers, asked) | given_answers(answers)
        self._show(tuple(frameworks), stored)
        self._start_from(version, frameworks, stored)
        self.theirs, self.has_met = {}, False

    def meet(
        self, version: int, frameworks: Iterable[str], answers: Mapping[str, Answer], asked: Iterable[str]
    ) -> None:
        """Go on from a version that somebody else has saved meanwhile, without losing what is typed here.

        Whatever only one side has changed is taken from that side. What both have changed stays as it is here, and
        what they say is kept beside it.

        Args:
            version: their version.
            frameworks: its frameworks.
            answers: its answers.
            asked: the questions that it holds an answer to, or none.
        """
        new = beside(self.base_answers, asked) | given_answers(answers)
        merged, theirs = dict(self.answers), dict(self.theirs)
        for name in {*self.base_answers, *new}:
            mine, before, now = (side.get(name) for side in (self.answers, self.base_answers, new))
            if mine in (before, now):
                _put(merged, name, now)
                theirs.pop(name, None)
            elif now != before:
                theirs[name] = now if now is not None else ""
        self._show(self.frameworks if self.has_other_frameworks else tuple(frameworks), merged)
        self._start_from(version, frameworks, new)
        self.theirs, self.has_met = theirs, self.has_other_frameworks or merged != new

    def take_theirs(self, question_id: str) -> None:
        """Replace what was typed on a question by what somebody else has saved."""
        self.write(question_id, self.theirs.pop(question_id))
        self.revision += 1

    def keep_mine(self, question_id: str) -> None:
        """Keep what was typed on a question over what somebody else has saved."""
        self.theirs.pop(question_id)

    def _start_from(self, version: int, frameworks: Iterable[str], answers: Mapping[str, Answer]) -> None:
        self.base_version, self.base_frameworks, self.base_answers = version, tuple(frameworks), dict(answers)

    def _show(self, frameworks: tuple[str, ...], answers: Answers) -> None:
        """Put other values into the fields; where they are the same, a field that is being typed in is left alone."""
        if (set(frameworks), answers) != (set(self.frameworks), self.answers):
            self.revision += 1
        self.frameworks, self.answers = frameworks, answers


def given_answers(answers: Mapping[str, Answer]) -> Answers:
    """The answers that say something."""
    typed = {name: _typed(answer) for name, answer in answers.items()}
    return {name: answer for name, answer in typed.items() if answer is not None}


def _typed(answer: Answer | None) -> Answer | None:
    if isinstance(answer, str):
        return answer.strip() or None
    return list(answer) or None if answer is not None else None


def beside(answers: Mapping[str, Answer], asked: Iterable[str]) -> Answers:
    """Answers to other questions than those asked."""
    names = set(asked)
    return {name: answer for name, answer in answers.items() if name not in names}


def _put(answers: Answers, name: str, answer: Answer | None) -> None:
    if answer is None:
        answers.pop(name, None)
    else:
        answers[name] = answer
