"""Answers of a table to queries, and how far two tables' answers are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.query_workload import Condition, Query

SANITY_BOUND = 0.001
"""Least share of the rows by which an error of a count is divided: of a handful of rows, every error is huge."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class QueriedTable:
    """A table that can be asked.

    Args:
        codes: per column, cell of each row, shape (n_rows,).
        standard: per measurable column, its numbers less the real mean, in real standard deviations, shape (n_rows,);
            NaN where missing.
    """

    codes: Sequence[IntArray]
    standard: Mapping[int, FloatArray]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.codes[0])

    def take(self, rows: IntArray) -> QueriedTable:
        """The same table with some of its rows."""
        return QueriedTable(
            [codes[rows] for codes in self.codes], {column: values[rows] for column, values in self.standard.items()}
        )

    def answer(self, query: Query, n_cells: int) -> Answer:
        """The answer to a query; `n_cells` is the number of cells of its group column, 1 without one."""
        chosen = self._chosen(query.conditions)
        groups = np.zeros(self.n_rows, dtype=np.int64) if query.group is None else self.codes[query.group]
        if query.measured is None:
            return Answer(np.bincount(groups[chosen], minlength=n_cells) / self.n_rows, None)
        values = self.standard[query.measured]
        known = ~np.isnan(values)
        chosen &= known
        counts = np.bincount(groups[chosen], minlength=n_cells)
        sums = np.bincount(groups[chosen], weights=values[chosen], minlength=n_cells)
        overall = float(values[known].mean()) if known.any() else 0.0
        means = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
        return Answer(counts / self.n_rows, means)

    def _chosen(self, conditions: Sequence[Condition]) -> BoolArray:
        chosen = np.ones(self.n_rows, dtype=bool)
        for condition in conditions:
            chosen &= condition.cells[self.codes[condition.column]]
        return chosen


@dataclass(frozen=True)
class Answer:
    """What a table says to a query, per group; a query without groups has one.

    Args:
        shares: rows that the answer rests on, as shares of the table's rows, shape (n_groups,).
        means: means in real standard deviations from the real mean, shape (n_groups,), or None for a count. Where no
            row meets the conditions, the mean of all rows stands in, which is all that such a table can say.
    """

    shares: FloatArray
    means: FloatArray | None


def absolute_error(truth: Answer, other: Answer) -> float:
    """Share of all rows that the counts are off by; for means, standard deviations, groups by their real size."""
    if truth.means is None or other.means is None:
        return float(np.abs(truth.shares - other.shares).sum())
    total = truth.shares.sum()
    return float((truth.shares * np.abs(truth.means - other.means)).sum() / total) if total > 0 else 0.0


def scaled_error(truth: Answer, other: Answer) -> float:
    """The error as a share of the true count, at least SANITY_BOUND of the rows; for means as `absolute_error`."""
    error = absolute_error(truth, other)
    return error if truth.means is not None else error / max(float(truth.shares.sum()), SANITY_BOUND)


def worst_group(truth: Answer, other: Answer) -> int:
    """The group whose answer is furthest off; for means, weighted by its real size."""
    if truth.means is None or other.means is None:
        return int(np.abs(truth.shares - other.shares).argmax())
    return int((truth.shares * np.abs(truth.means - other.means)).argmax())
