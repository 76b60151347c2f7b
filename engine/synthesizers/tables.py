"""Tables over sets of columns: probabilities or masks whose axes are named by columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Columns = tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """An array with a column for each axis.

    Args:
        columns: the column of each axis, each once, in any order.
        values: one axis per column.
    """

    columns: Columns
    values: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if self.values.ndim != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns do not name {self.values.ndim} axes")

    def arranged(self, order: Sequence[int]) -> Table:
        """The same table with its axes in another order."""
        axes = [self.columns.index(column) for column in order]
        return Table(tuple(order), np.transpose(self.values, axes))

    def summed_to(self, keep: Iterable[int]) -> Table:
        """Sum out all columns but some; these stay in their order."""
        wanted = frozenset(keep)
        values = self.values
        for axis in range(len(self.columns) - 1, -1, -1):
            if self.columns[axis] not in wanted:
                values = np.asarray(values.any(axis=axis) if values.dtype == np.bool_ else values.sum(axis=axis))
        return Table(tuple(column for column in self.columns if column in wanted), values)

    def matched_to(self, columns: Sequence[int]) -> npt.NDArray[Any]:
        """Values shaped to broadcast against a table over more columns."""
        order = [column for column in columns if column in self.columns]
        sizes = dict(zip(self.columns, self.values.shape, strict=True))
        return self.arranged(order).values.reshape([sizes.get(column, 1) for column in columns])


def canonical(columns: Iterable[int], sizes: Sequence[int]) -> Columns:
    """The order of axes within the model: small columns first, so that sums run over long stretches of memory."""
    return tuple(sorted(columns, key=lambda column: (sizes[column], column)))


def contract(first: Table, second: Table, keep: Iterable[int]) -> Table:
    """Multiply two tables and sum out all columns but some, as one batch of matrix products.

    Args:
        first: one factor.
        second: the other factor.
        keep: columns of the result, each in at least one factor.
    """
    kept = frozenset(keep)
    shared = set(first.columns) & set(second.columns)
    first = first.summed_to(kept | shared)
    second = second.summed_to(kept | shared)
    batch = [column for column in first.columns if column in shared and column in kept]
    summed = [column for column in first.columns if column in shared and column not in kept]
    left = [column for column in first.columns if column not in shared]
    right = [column for column in second.columns if column not in shared]
    sizes = dict(zip(first.columns, first.values.shape, strict=True))
    sizes |= dict(zip(second.columns, second.values.shape, strict=True))
    n_batch, n_summed = (math.prod(sizes[column] for column in part) for part in (batch, summed))
    one = first.arranged([*batch, *left, *summed]).values.reshape(n_batch, -1, n_summed)
    other = second.arranged([*batch, *summed, *right]).values.reshape(n_batch, n_summed, -1)
    columns = (*batch, *left, *right)
    return Table(columns, (one @ other).reshape([sizes[column] for column in columns]))


def conditional(table: Table, given: Iterable[int]) -> Table:
    """A table divided by its sums over all columns but `given`; where those are zero it stays zero."""
    sums = table.summed_to(given)
    divisor = np.where(sums.values > 0.0, sums.values, 1.0)
    return Table(table.columns, table.values / Table(sums.columns, divisor).matched_to(table.columns))
