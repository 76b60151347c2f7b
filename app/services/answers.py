"""Questions about the private table, answered with intervals from a run's noisy counts, at no privacy loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import InvalidInputError, UnavailableError
from app.services.audit import AuditService
from app.services.reports import MODEL, ReportsService
from app.services.sources import sentence
from app.services.views import UserView
from engine.errors import EngineError

TERMS = ("confidence", "population", "simultaneous")


class AnswersService:
    """Counts, shares and means of the table that a run has read, as far as its measurements tell.

    Args:
        reports: finds the models.
        audit: told of every question.
    """

    def __init__(self, reports: ReportsService, audit: AuditService) -> None:
        self._reports = reports
        self._audit = audit

    def ask(self, user: UserView, run_id: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question; the answer may leave, since it follows from what the run has released.

        Args:
            user: the owner.
            run_id: the run.
            question: `measure` (`count`, `share` or `mean`), and where wanted `column`, `of`, `where`, `by`,
                `confidence`, `population` and `simultaneous`.

        Returns:
            The question, what it is about, and one row per group: value, interval, and where it comes from.

        Raises:
            NotFoundError: the user has no such run.
            UnavailableError: the run has kept no model, or one without its noisy counts; it says why.
            ReleaseClosedError: the run does not meet its criteria.
            InvalidInputError: the question is malformed, or about something that the table lacks.
        """
        from engine.answers.answer import answer
        from engine.answers.measured import NOT_KEPT
        from engine.answers.query import Query, Terms
        from engine.synthesizers.model_file import load_model

        with self._reports.releasable_file(user, run_id, MODEL) as path:
            model = load_model(path)
        if model.released_ is None:
            raise UnavailableError(f"{NOT_KEPT[:1].upper()}{NOT_KEPT[1:]}.")
        fields = [column.field for column in model.domain_.columns]
        asked = {name: value for name, value in question.items() if name not in TERMS}
        terms = {name: question[name] for name in TERMS if question.get(name) is not None}
        try:
            answers = answer(model, Query.from_json(asked, fields), Terms(**terms))
        except EngineError as error:
            raise InvalidInputError(sentence(error)) from None
        self._audit.record(
            user, "artifact.ask", "run", run_id, measure=answers.query.measure.value, answers=len(answers.rows)
        )
        return answers.to_json()
