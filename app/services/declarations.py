"""What people declare about a dataset for its reports: saved in versions, of which none is ever changed."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from app.clock import Clock
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.reporting.frameworks.base import Question
from app.reporting.frameworks.catalogue import FRAMEWORKS, check_answers, find_framework, missing
from app.reporting.frameworks.common import COMMON
from app.services.audit import AuditService
from app.services.evidence_views import DeclarationsView, FrameworkView, QuestionView
from app.services.views import UserView
from app.store import datasets as dataset_rows
from app.store import declarations as rows
from app.store.models import Dataset, Declarations
from app.store.session import Database, IntegrityError, Session


class DeclarationsService:
    """Declarations about the datasets of a user.

    Args:
        database: where they are kept.
        audit: told of every version.
        now: the time.
    """

    def __init__(self, database: Database, audit: AuditService, now: Clock) -> None:
        self._database = database
        self._audit = audit
        self._now = now

    def frameworks(self) -> tuple[FrameworkView, ...]:
        """All frameworks that a report can be arranged for."""
        return tuple(
            FrameworkView(
                id=framework.id,
                title=framework.title,
                reference=framework.reference,
                can_say=framework.can_say,
                cannot_say=framework.cannot_say,
                questions=tuple(map(question_view, framework.questions)),
            )
            for framework in FRAMEWORKS.values()
        )

    def common_questions(self) -> tuple[QuestionView, ...]:
        """What every report asks, whatever framework is chosen."""
        return tuple(map(question_view, COMMON))

    def current(self, user: UserView, dataset_id: str) -> DeclarationsView:
        """The newest version, of number 0 where nothing was saved yet; raises NotFoundError."""
        with self._database.read() as session:
            self._require(session, user, dataset_id)
            found = rows.latest_declarations(session, dataset_id)
            return DeclarationsView(dataset_id) if found is None else declarations_view(found)

    def history(self, user: UserView, dataset_id: str) -> builtins.list[DeclarationsView]:
        """All versions, newest first."""
        with self._database.read() as session:
            self._require(session, user, dataset_id)
            return [declarations_view(found) for found in rows.list_declarations(session, dataset_id)]

    def missing(
        self, user: UserView, dataset_id: str, frameworks: Sequence[str] | None = None
    ) -> tuple[QuestionView, ...]:
        """Questions that a final report needs an answer to, and the newest version does not answer.

        Args:
            user: the owner.
            dataset_id: the dataset.
            frameworks: ids of the report's frameworks; those of the newest version where None.

        Raises:
            NotFoundError: the user has no such dataset.
            InvalidInputError: there is no such framework.
        """
        found = self.current(user, dataset_id)
        chosen = found.frameworks if frameworks is None else check_frameworks(frameworks)
        return tuple(map(question_view, missing(chosen, found.values)))

    def save(
        self, user: UserView, dataset_id: str, frameworks: object, answers: object, base_version: object
    ) -> DeclarationsView:
        """Save a new version; where nothing differs from the newest one, that stays.

        Args:
            user: the owner.
            dataset_id: the dataset.
            frameworks: list of ids of the chosen frameworks.
            answers: by id of the question.
            base_version: number of the version that the answers were changed from; 0 where there was none.

        Raises:
            NotFoundError: the user has no such dataset.
            ConflictError: somebody else has saved a version since; nothing was changed.
            InvalidInputError: a framework or question is unknown, or an answer cannot be used; it says which.
        """
        self.current(user, dataset_id)  # whose dataset it is comes first, so that nobody learns of another's
        chosen = check_frameworks(frameworks)
        if not isinstance(base_version, int) or isinstance(base_version, bool) or base_version < 0:
            raise InvalidInputError("State with base_version which version the answers were changed from, or 0.")
        if not isinstance(answers, Mapping):
            raise InvalidInputError("The answers are an object of question and answer.")
        try:
            with self._database.write() as session:
                dataset = self._require(session, user, dataset_id)
                newest = rows.latest_declarations(session, dataset_id)
                if (newest.version if newest else 0) != base_version:
                    raise _stale(newest.version if newest else 0)
                values = check_answers(chosen, tuple(dataset.columns), answers)
                if newest is None or (tuple(newest.frameworks), newest.answers) != (chosen, values):
                    self._append(session, user, dataset_id, chosen, values, base_version + 1)
        except IntegrityError:
            raise _stale(base_version + 1) from None
        return self.current(user, dataset_id)

    def _append(
        self,
        session: Session,
        user: UserView,
        dataset_id: str,
        frameworks: tuple[str, ...],
        answers: dict[str, Any],
        version: int,
    ) -> None:
        chosen = list(frameworks)
        declared = {"dataset_id": dataset_id, "user_id": user.id, "created_at": self._now()}
        session.add(Declarations(version=version, frameworks=chosen, answers=answers, **declared))
        session.flush()
        self._audit.add(session, user, "declarations.save", "dataset", dataset_id, version=version, frameworks=chosen)

    @staticmethod
    def _require(session: Session, user: UserView, dataset_id: str) -> Dataset:
        dataset = dataset_rows.find_dataset(session, user.id, dataset_id)
        if dataset is None:
            raise NotFoundError("dataset")
        return dataset


def check_frameworks(frameworks: object) -> tuple[str, ...]:
    """Ids of frameworks as they were chosen, each once.

    Raises:
        InvalidInputError: it is no list, or there is no such framework; it names those that there are.
    """
    if not isinstance(frameworks, list | tuple) or not all(isinstance(each, str) for each in frameworks):
        raise InvalidInputError("The frameworks are a list of their ids.")
    return tuple(dict.fromkeys(find_framework(each).id for each in frameworks))


def declarations_view(declarations: Declarations) -> DeclarationsView:
    """The row as a view."""
    return DeclarationsView(
        dataset_id=declarations.dataset_id,
        version=declarations.version,
        frameworks=tuple(declarations.frameworks),
        answers=dict(declarations.answers),
        declared_by=declarations.user.username,
        declared_at=declarations.created_at,
    )


def question_view(question: Question) -> QuestionView:
    """A question as services hand it out."""
    return QuestionView(
        id=question.id,
        label=question.label,
        help=question.help,
        kind=str(question.kind),
        completed_by=question.completed_by,
        required=question.required,
        choices=question.choices,
        required_when=question.required_when,
    )


def _stale(version: int) -> ConflictError:
    return ConflictError(
        f"Version {version} of these declarations was saved meanwhile. Nothing was overwritten: look at it, and save "
        "your answers again."
    )
