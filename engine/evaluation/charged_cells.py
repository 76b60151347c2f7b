"""Cells of a releasable report: about twenty per column, from the run's domain and the synthetic rows alone.

They are the same for every method that knows the same domain and makes the same rows, so reports can be compared; the
cells that a method models are coarser the less it may spend. Nothing here is private.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import ColumnDomain, TableDomain

MOST_CELLS = 20
"""Categories of a column, or stretches of a number line, that are told apart."""

MOST_ATOMS = 5
"""Single numbers that have a cell of their own beside the stretches."""

MOST_PAIRS, MOST_TRIPLES = 2000, 400
"""Sets of columns that are compared; where there are more, a public random part of them."""

Columns = tuple[int, ...]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReportCells:
    """Cells of all columns, and the synthetic rows in them.

    Args:
        domain: the cells of the run.
        groups: per column, the report's cell of each of them, shape (size,).
        fine: per column, the run's cell of each synthetic row, shape (n_rows,).
        n_private: noisy number of private rows.
    """

    domain: TableDomain
    groups: tuple[npt.NDArray[np.int32], ...]
    fine: tuple[npt.NDArray[np.int32], ...]
    n_private: int

    @cached_property
    def codes(self) -> tuple[IntArray, ...]:
        """Per column, the report's cell of each synthetic row, shape (n_rows,)."""
        return tuple(group[cells].astype(np.int64) for group, cells in zip(self.groups, self.fine, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.domain.names

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells per column."""
        return tuple(int(groups.max()) + 1 for groups in self.groups)

    @property
    def n_synthetic(self) -> int:
        """Number of synthetic rows."""
        return len(self.fine[0])

    def shares(self, columns: Columns) -> FloatArray:
        """Share of the synthetic rows in each cell of a set of columns, shape (size of each column)."""
        sizes = [self.sizes[column] for column in columns]
        flat = np.ravel_multi_index([self.codes[column] for column in columns], sizes)
        counts = np.bincount(flat, minlength=int(np.prod(sizes)))
        return np.asarray(counts.reshape(sizes) / self.n_synthetic, dtype=np.float64)

    def independent_shares(self, columns: Columns) -> FloatArray:
        """What the shares of a pair would be if its columns had nothing to do with one another."""
        first, second = columns
        return np.outer(self.shares((first,)), self.shares((second,)))

    def expected(self, shares_of: Callable[[Columns], FloatArray]) -> Callable[[Columns], IntArray]:
        """Whole counts that as many rows as there are private ones would have, by their shares."""

        @cache
        def expected_of(columns: Columns) -> IntArray:
            return np.rint(self.n_private * shares_of(columns)).astype(np.int64)

        return expected_of


def report_cells(domain: TableDomain, synthetic: pd.DataFrame, n_private: float) -> ReportCells:
    """The cells of a report.

    Args:
        domain: the cells of the run, public or released.
        synthetic: typed synthetic rows, at least one.
        n_private: noisy number of private rows.
    """
    encoded = domain.encode(synthetic)
    groups = tuple(_groups(column, cells) for column, cells in zip(domain.columns, encoded, strict=True))
    return ReportCells(domain, groups, tuple(encoded), max(1, round(n_private)))


def _groups(column: ColumnDomain, cells: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The report's cell of each of a column's cells: bins are joined with neighbours, other cells by rareness."""
    counts = np.bincount(cells, minlength=column.size)
    keys = np.zeros((column.size, 2), dtype=np.int64)
    first_bin = len(column.atoms)
    bins = np.arange(first_bin, first_bin + column.n_bins)
    others = np.setdiff1d(np.arange(column.n_values), bins)
    most = MOST_ATOMS if column.is_numeric else MOST_CELLS
    keys[bins, 1] = _neighbours(counts[bins])
    keys[others] = np.stack([np.ones(len(others)), _frequent(counts[others], most)], axis=1)
    keys[column.n_values :, 0] = 2  # missing
    _, groups = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(groups.reshape(-1), dtype=np.int32)


def _neighbours(counts: IntArray) -> IntArray:
    """Stretches of a number line that hold about equally many rows, and are about equally long where there are none."""
    if len(counts) <= MOST_CELLS:
        return np.arange(len(counts))
    weights = counts if counts.sum() else np.ones_like(counts)
    middle = np.cumsum(weights) - weights / 2.0
    return np.asarray(np.minimum(MOST_CELLS * middle / weights.sum(), MOST_CELLS - 1), dtype=np.int64)


def _frequent(counts: IntArray, most: int) -> IntArray:
    """The most frequent ones stay, the rest becomes one."""
    order = np.argsort(-counts, kind="stable")
    ranks = np.empty(len(counts), dtype=np.int64)
    ranks[order] = np.arange(len(counts))
    return np.minimum(ranks, most - 1)


def compared_sets(n_columns: int, size: int) -> list[Columns]:
    """Sets of columns of one size: all, or a public random part of them."""
    found: Sequence[Columns] = list(combinations(range(n_columns), size))
    most = {1: n_columns, 2: MOST_PAIRS}.get(size, MOST_TRIPLES)
    if len(found) <= most:
        return list(found)
    chosen = np.random.default_rng(size).choice(len(found), most, replace=False)
    return [found[place] for place in np.sort(chosen)]
