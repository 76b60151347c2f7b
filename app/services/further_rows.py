"""Further rows from the model that a run fitted: post-processing of what the run paid for, so they cost nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import InvalidInputError
from app.services.audit import AuditService
from app.services.reports import MODEL, ReportsService
from app.services.sources import sentence
from app.services.views import FurtherColumn, UserView
from engine.errors import EngineError

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.encode import ColumnDomain
    from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer

MOST_VALUES = 20_000_000
"""Rows times columns of one draw: it is made in the memory of the web process. Whoever wants more draws again."""


class FurtherRowsService:
    """Rows from fitted models, with fixed values for some columns.

    Args:
        reports: finds the models.
        audit: told of every draw.
    """

    def __init__(self, reports: ReportsService, audit: AuditService) -> None:
        self._reports = reports
        self._audit = audit

    def columns(self, user: UserView, run_id: str) -> tuple[FurtherColumn, ...]:
        """Columns that can have a fixed value.

        Raises:
            NotFoundError: the user has no such run.
            UnavailableError: the run has kept no model; it says why.
            ReleaseClosedError: the run does not meet its criteria.
        """
        return tuple(_column(column) for column in self._model(user, run_id).domain_.columns)

    def preview(self, user: UserView, run_id: str, given: Mapping[str, Any], n_rows: int = 5) -> pd.DataFrame:
        """A few rows with the given values; raises InvalidInputError where the model has no such rows."""
        return self._draw(self._model(user, run_id), n_rows, given)

    def draw_csv(
        self, user: UserView, run_id: str, n_rows: Any, given: Mapping[str, Any], *, neutralise_formulas: bool = True
    ) -> bytes:
        """Fresh rows as CSV.

        Args:
            user: the owner.
            run_id: the run.
            n_rows: how many.
            given: value of each column that has the same in every row, typed or as text; None means missing.
            neutralise_formulas: put an apostrophe before texts that a spreadsheet would run.

        Raises:
            NotFoundError: the user has no such run.
            UnavailableError: the run has kept no model.
            ReleaseClosedError: the run does not meet its criteria.
            InvalidInputError: the number is out of range, or the model has no rows with these values.
        """
        from engine.data.export import write_csv

        model = self._model(user, run_id)
        rows = self._draw(model, n_rows, given)
        self._audit.record(user, "artifact.draw", "run", run_id, rows=n_rows, fixed=len(given))
        with tempfile.TemporaryDirectory(prefix="studio-") as folder:
            path = Path(folder) / "rows.csv"
            write_csv(rows, path, neutralise_formulas=neutralise_formulas)
            return path.read_bytes()

    def _model(self, user: UserView, run_id: str) -> MarginalSynthesizer:
        from engine.synthesizers.model_file import load_model

        with self._reports.releasable_file(user, run_id, MODEL) as path:
            return load_model(path)

    @staticmethod
    def _draw(model: MarginalSynthesizer, n_rows: int, given: Mapping[str, Any]) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        from engine.data.given import given_values
        from engine.pipeline import draw_rows

        check_number(n_rows, len(model.plan_.schema.fields))
        fields = [column.field for column in model.domain_.columns]
        try:
            pieces = draw_rows(model, model.plan_, n_rows, np.random.default_rng(), given_values(fields, given))
            return pd.concat(pieces, ignore_index=True)
        except EngineError as error:
            raise InvalidInputError(sentence(error)) from None


def check_number(n_rows: object, n_columns: int) -> None:
    """Refuse a number of rows that one draw cannot make; raises InvalidInputError."""
    most = most_rows(n_columns)
    if isinstance(n_rows, bool) or not isinstance(n_rows, int) or not 1 <= n_rows <= most:
        raise InvalidInputError(f"One draw makes from 1 to {most:,} rows of this table. For more, draw again.")


def most_rows(n_columns: int) -> int:
    """Most rows of one draw from a table with so many columns."""
    return max(1, MOST_VALUES // max(n_columns, 1))


def _column(column: ColumnDomain) -> FurtherColumn:
    return FurtherColumn(
        name=column.name,
        type=column.field.type.value,
        values=None if column.is_numeric else tuple(column.categories),
        can_be_missing=column.nullable,
        ends=column.ends() if column.is_numeric else None,
    )
