"""Training by sampling: which category CTGAN asks for in each row of a batch, and real rows that hold it.

The chances are those of the ctgan library's sampler, which finds one row at a time; here an epoch is drawn at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.synthesizers.plain_columns import Codes, FloatArray, PlainTable

_BELOW_ONE = 1.0 - 1e-12


class ConditionSampler:
    """Draws categories, and rows that hold them.

    A category is numbered through all columns: `starts` says where a column's categories begin.

    Args:
        table: the rows; it must have a column of categories.
    """

    def __init__(self, table: PlainTable) -> None:
        self.n_columns = len(table.sizes)
        self.n_categories = sum(table.sizes)
        self.starts = np.concatenate([[0], np.cumsum(table.sizes)]).astype(np.int64)
        counts = [np.bincount(table.codes[:, at], minlength=size) for at, size in enumerate(table.sizes)]
        self._counts = np.concatenate(counts)
        self._first_row = np.concatenate([np.cumsum(each) - each for each in counts])
        order = [np.argsort(codes, kind="stable") for codes in table.codes.T]
        self._rows = np.stack(order).astype(np.int32 if table.n_rows < 2**31 else np.int64)
        self._log_shares = _stacked_shares([np.log(each + 1.0) for each in counts])
        self._shares = _stacked_shares([each.astype(np.float64) for each in counts])

    def training_categories(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Codes, Codes]:
        """Categories to ask for in training: a random column, and one of its categories by the log of its count.

        Returns:
            The column and the category of each place of `shape`.
        """
        return self._draw(self._log_shares, shape, rng)

    def original_categories(self, shape: tuple[int, ...], rng: np.random.Generator) -> Codes:
        """Categories to ask for when rows are drawn: a random column, and a category of it by its share of rows."""
        return self._draw(self._shares, shape, rng)[1]

    def rows_with(self, columns: Codes, categories: Codes, rng: np.random.Generator) -> Codes:
        """For each category, a random row that holds it."""
        among = np.floor(rng.random(categories.shape) * self._counts[categories]).astype(np.int64)
        return self._rows[columns, self._first_row[categories] + among].astype(np.int64)

    def _draw(self, shares: FloatArray, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Codes, Codes]:
        columns = rng.integers(self.n_columns, size=shape)
        drawn = np.searchsorted(shares, columns + rng.random(shape) * _BELOW_ONE, side="right")
        return columns, np.clip(drawn, self.starts[columns], self.starts[columns + 1] - 1)


def _stacked_shares(weights: list[npt.NDArray[np.float64]]) -> FloatArray:
    """Cumulative shares of each column's categories, raised by the column's number, shape (n_categories,)."""
    return np.concatenate([at + np.cumsum(each) / each.sum() for at, each in enumerate(weights)])
