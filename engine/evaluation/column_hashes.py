"""Hashes of rows, and of rows without one column, so that sorting finds equal and nearly equal rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

HashArray = npt.NDArray[np.uint64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnHashes:
    """Hashes of a table's cells, from which those of rows and of rows without a column follow.

    Args:
        cells: one array of shape (n_rows,) per column; a row's hash is their sum, modulo 2^64.
    """

    cells: tuple[HashArray, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> ColumnHashes:
        """The hashes of a typed table; equal cells of one column get equal ones."""
        return cls(
            tuple(
                _spread(np.asarray(pd.util.hash_pandas_object(table[name], index=False), dtype=np.uint64), number)
                for number, name in enumerate(table.columns)
            )
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.cells[0])

    @property
    def rows(self) -> HashArray:
        """A hash per row, shape (n_rows,)."""
        total = np.zeros(self.n_rows, dtype=np.uint64)
        for cell in self.cells:
            total += cell
        return total

    def take(self, positions: npt.NDArray[np.int64]) -> ColumnHashes:
        """The hashes of some rows."""
        return ColumnHashes(tuple(cell[positions] for cell in self.cells))

    def joined(self, other: ColumnHashes) -> ColumnHashes:
        """The hashes of these rows and then the other ones."""
        return ColumnHashes(tuple(map(np.concatenate, zip(self.cells, other.cells, strict=True))))

    def equals_one_of(self, others: ColumnHashes) -> BoolArray:
        """Which rows equal one of the others, shape (n_rows,)."""
        return _among(self.rows, others.rows)

    def nearly_equals_one_of(self, others: ColumnHashes) -> BoolArray:
        """Which rows equal one of the others in all columns but at most one, shape (n_rows,)."""
        found = np.zeros(self.n_rows, dtype=bool)
        rows, other_rows = self.rows, others.rows
        for cell, other in zip(self.cells, others.cells, strict=True):
            found |= _among(rows - cell, other_rows - other)
        return found

    def occur_once(self) -> BoolArray:
        """Which rows equal no other row of the table."""
        return _single(self.rows)

    def have_no_near_row(self) -> BoolArray:
        """Which rows differ from every other row of the table in two columns or more."""
        rows = self.rows
        alone = np.ones(self.n_rows, dtype=bool)
        for cell in self.cells:
            alone &= _single(rows - cell)
        return alone


def _spread(hashes: HashArray, number: int) -> HashArray:
    """Another hash for the same value in another column, so that sums over columns do not cancel."""
    mixed = (hashes ^ np.uint64(0x9E3779B97F4A7C15 * (number + 1) % 2**64)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    return mixed * np.uint64(0x94D049BB133111EB)


def _single(values: HashArray) -> BoolArray:
    """Which values occur once."""
    order = np.argsort(values)
    repeats = np.diff(values[order]) == 0
    single = np.empty(len(values), dtype=bool)
    single[order] = ~(np.append(repeats, False) | np.insert(repeats, 0, False))
    return single


def _among(values: HashArray, others: HashArray) -> BoolArray:
    """Which values occur among the others; by sorting, which is several times as fast as `numpy.isin`."""
    ordered = np.sort(others)
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[places] == values)
