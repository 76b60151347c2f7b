"""Coverage: which real categories and stretches of the number line synthetic rows reach, and what they make up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.schema import Field
from engine.evaluation.binning import ColumnCells, category_codes, is_numeric
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT
from engine.evaluation.intervals import normal_interval, wilson_interval
from engine.evaluation.results import DECIMALS, Finding, MetricResult, Score, score, unavailable
from engine.evaluation.tables import EvaluationTables, draw_rows

NO_CATEGORIES = "there is no column of categories that holds a value"
NO_NUMBERS = "there is no numeric column that holds a value"

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Covered:
    """One column's real values, and where other tables have them.

    Args:
        name: the column.
        n_values: categories, or bins of the number line, that training rows have.
        codes: per table the value of each row, shape (n_rows,): below `n_values` for those that training rows have,
            -1 for others, -2 for missing.
    """

    name: str
    n_values: int
    codes: Mapping[str, IntArray]

    def share(self, table: str) -> float:
        """Share of the values that a table has."""
        return float((self._counts(table) > 0).sum()) / self.n_values

    def losses(self, table: str) -> FloatArray:
        """How much of that share is lost without each row, shape (n_rows,): something where no other has its value."""
        codes = self.codes[table]
        once = np.append(self._counts(table) == 1, False)
        return np.asarray(once[np.maximum(codes, -1)] / self.n_values)

    def outside(self, table: str) -> npt.NDArray[np.bool_]:
        """Whether each row has a value that no training row has, shape (n_rows,)."""
        return np.asarray(self.codes[table] == -1)

    def _counts(self, table: str) -> IntArray:
        codes = self.codes[table]
        return np.bincount(codes[codes >= 0], minlength=self.n_values)


def coverage(context: Context) -> MetricResult:
    """Shares of the real categories and number ranges that as many synthetic rows reach as rows were set aside.

    Details:
        categories: per column of categories `name`, `values` (categories of the training rows), `covered` and
            `ceiling` (shares that as many synthetic rows and rows set aside have), `covered_all_rows`, `outside` (share
            of the synthetic rows with a category that no training row has), `outside_holdout`.
        ranges: the same of numeric columns, for which a value is an occupied bin of the number line.
        compared_rows: synthetic rows and rows set aside that were compared.
    """
    tables = _with_drawn(context.tables, context.rng)
    categories = _categories(context.tables.fields, tables)
    context.advance(0.6)
    ranges = _ranges(
        [
            column
            for column, field in zip(_cells(context, tables), context.tables.fields, strict=True)
            if is_numeric(field)
        ]
    )
    details = {
        "categories": [_report(column) for column in categories],
        "ranges": [_report(column) for column in ranges],
        "compared_rows": len(tables["drawn"]),
    }
    findings = (
        _covered_finding("categories", "categories", categories, NO_CATEGORIES),
        _covered_finding("ranges", "occupied stretches of the number line", ranges, NO_NUMBERS),
        _invented_finding(categories),
    )
    return MetricResult(findings, details)


def mean_coverage(columns: Sequence[Covered], table: str) -> float:
    """Mean over columns of the share of the real values that a table has."""
    return float(np.mean([column.share(table) for column in columns]))


def coverage_variance(columns: Sequence[Covered], table: str) -> float:
    """Variance of the mean over other rows of the same number, by a jackknife over rows.

    Without a row, the mean falls by its share of the values that the row alone has. For many rare values this is
    larger than the true variance, never smaller: a value of λ expected rows is alone with chance λe^-λ and has the
    variance e^-λ(1 - e^-λ).
    """
    losses = np.sum([column.losses(table) for column in columns], axis=0) / len(columns)
    n_rows = len(losses)
    return float((n_rows - 1) / n_rows * ((losses - losses.mean()) ** 2).sum())


def _with_drawn(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """All tables, and `drawn`, as many synthetic rows as are set aside."""
    named = tables.by_name()
    if tables.holdout is None:
        return named | {"drawn": tables.synthetic}
    n_rows = min(len(tables.holdout), len(tables.synthetic))
    drawn, holdout = draw_rows(tables.synthetic, n_rows, rng), draw_rows(tables.holdout, n_rows, rng)
    return named | {"drawn": drawn, "holdout": holdout}


def _cells(context: Context, tables: Mapping[str, pd.DataFrame]) -> list[ColumnCells]:
    """Cells of all columns in the drawn tables; the index of a drawn row is its position in the whole table."""
    source = {"train": "train", "synthetic": "synthetic", "drawn": "synthetic", "holdout": "holdout"}
    return [
        ColumnCells(
            column.name,
            column.type,
            column.labels,
            {name: column.codes[source[name]][table.index.to_numpy()] for name, table in tables.items()},
        )
        for column in context.tables.cells
    ]


def _categories(fields: Sequence[Field], tables: Mapping[str, pd.DataFrame]) -> list[Covered]:
    columns = []
    for field in fields:
        if is_numeric(field):
            continue
        values = list(tables["train"][field.name].dropna().unique())
        if values:
            codes = {name: category_codes(values, table[field.name]) for name, table in tables.items()}
            columns.append(Covered(field.name, len(values), codes))
    return columns


def _ranges(columns: Sequence[ColumnCells]) -> list[Covered]:
    """Numeric columns with the bins that training rows occupy for values."""
    found = []
    for column in columns:
        occupied = column.counts("train")[: len(column.labels)] > 0
        if occupied.any():
            places = np.where(occupied, np.cumsum(occupied) - 1, -1)
            table = np.append(places, -2)  # the last cell of a column is missing
            codes = {name: table[cells].astype(np.int64) for name, cells in column.codes.items()}
            found.append(Covered(column.name, int(occupied.sum()), codes))
    return found


def _report(column: Covered) -> dict[str, Any]:
    has_holdout = "holdout" in column.codes
    missing = unavailable(NO_HOLDOUT)
    return {
        "name": column.name,
        "values": column.n_values,
        "covered": round(column.share("drawn"), DECIMALS),
        "ceiling": round(column.share("holdout"), DECIMALS) if has_holdout else missing,
        "covered_all_rows": round(column.share("synthetic"), DECIMALS),
        "outside": round(float(column.outside("synthetic").mean()), DECIMALS),
        "outside_holdout": round(float(column.outside("holdout").mean()), DECIMALS) if has_holdout else missing,
    }


def _covered_finding(measure: str, what: str, columns: Sequence[Covered], reason: str) -> Finding:
    if not columns:
        missing = unavailable(reason)
        return Finding(measure, missing, missing, missing, f"Could not be computed: {reason}.")
    value = mean_coverage(columns, "drawn")
    interval = normal_interval(value, coverage_variance(columns, "drawn"), 0.0, 1.0)
    sentence = f"On average synthetic rows reach {100 * value:.1f} % of a column's {what} in the training rows"
    reference: Score = unavailable(NO_HOLDOUT)
    if "holdout" in columns[0].codes:
        reference = score(mean_coverage(columns, "holdout"), NO_HOLDOUT)
        sentence += f"; equally many real rows set aside reach {100 * mean_coverage(columns, 'holdout'):.1f} %"
    return Finding(measure, value, interval, reference, f"{sentence}.")


def _invented_finding(columns: Sequence[Covered]) -> Finding:
    if not columns:
        missing = unavailable(NO_CATEGORIES)
        return Finding("invented", missing, missing, missing, f"Could not be computed: {NO_CATEGORIES}.")
    rows = _outside(columns, "synthetic")
    value = float(rows.mean())
    sentence = f"{100 * value:.2f} % of the synthetic rows have a category that no training row has"
    reference: Score = unavailable(NO_HOLDOUT)
    if "holdout" in columns[0].codes:
        share = float(_outside(columns, "holdout").mean())
        reference = share
        sentence += f"; of the real rows set aside, {100 * share:.2f} % have"
    return Finding("invented", value, wilson_interval(int(rows.sum()), len(rows)), reference, f"{sentence}.")


def _outside(columns: Sequence[Covered], table: str) -> npt.NDArray[np.bool_]:
    return np.asarray(np.logical_or.reduce([column.outside(table) for column in columns]))
