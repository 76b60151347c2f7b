"""Exact counts of many sets of columns in one pass over the rows. Nothing here leaves the door without noise.

A block of rows is small enough for the processor's cache, so all sets are counted while its cells are there. NumPy
counts under the interpreter's lock and threads gain nothing; counts add up over blocks, so processes can share them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from engine.privacy.column_blocks import Column
from engine.privacy.encoded_rows import EncodedRows
from engine.privacy.noise import IntArray

Columns = tuple[int, ...]

BLOCK_ROWS = 2**16
"""Rows that are counted at a time; a set with more cells than that takes a whole block at once."""

CACHE_BYTES = 2**28
"""Exact counts that are kept between calls take at most this much memory."""

BATCH_CELLS = 2**23
"""Cells of all sets that are counted in one pass; more sets take more passes."""


def count_block(block: Sequence[Column], column_sets: Sequence[Columns], sizes: Sequence[int]) -> list[IntArray]:
    """Counts of each set's cells, in one block of rows.

    Args:
        block: one array of cells per column, each of shape (n_rows,).
        column_sets: positions of the columns of each set.
        sizes: number of cells per column.

    Returns:
        Flat counts per set, in row-major order of its columns.
    """
    totals = [np.zeros(cells_of(columns, sizes), dtype=np.int64) for columns in column_sets]
    n_rows = len(block[0])
    large = [number for number, total in enumerate(totals) if total.size > BLOCK_ROWS]
    small = [number for number, total in enumerate(totals) if total.size <= BLOCK_ROWS]
    for chosen, step in ((small, BLOCK_ROWS), (large, max(n_rows, 1))):
        for start in range(0, n_rows if chosen else 0, step):
            part = [cells[start : start + step] for cells in block]
            _count_part(part, [column_sets[number] for number in chosen], sizes, [totals[number] for number in chosen])
    return totals


def _count_part(
    part: Sequence[Column], column_sets: Sequence[Columns], sizes: Sequence[int], totals: Sequence[IntArray]
) -> None:
    flat = np.empty(len(part[0]), dtype=np.int64)
    first, wide = -1, flat
    for columns, total in zip(column_sets, totals, strict=True):
        if columns[0] != first:
            first = columns[0]
            wide = part[first].astype(np.int64)
        if len(columns) == 1:
            total += np.bincount(wide, minlength=total.size)
            continue
        np.multiply(wide, sizes[columns[1]], out=flat)
        np.add(flat, part[columns[1]], out=flat)
        for column in columns[2:]:
            np.multiply(flat, sizes[column], out=flat)
            np.add(flat, part[column], out=flat)
        total += np.bincount(flat, minlength=total.size)


def count_here(rows: EncodedRows, column_sets: Sequence[Columns], sizes: Sequence[int]) -> list[IntArray]:
    """Counts of each set's cells over all rows, in this process."""
    totals = [np.zeros(cells_of(columns, sizes), dtype=np.int64) for columns in column_sets]
    for block in rows.blocks():
        for total, counts in zip(totals, count_block(block, column_sets, sizes), strict=True):
            total += counts
    return totals


Counter = Callable[[EncodedRows, Sequence[Columns], Sequence[int]], list[IntArray]]


class Counts:
    """Exact counts of encoded rows: many sets in a pass, and as many as fit are kept for the next call.

    Args:
        rows: the encoded rows.
        sizes: number of cells per column.
        counter: how sets are counted.
        cache_bytes: memory for counts that are kept.
    """

    def __init__(
        self,
        rows: EncodedRows,
        sizes: Sequence[int],
        counter: Counter = count_here,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.sizes = tuple(sizes)
        self._rows = rows
        self._counter = counter
        self._free_bytes = cache_bytes
        self._kept: dict[Columns, IntArray] = {}

    def of(self, columns: Columns) -> IntArray:
        """Counts of one set, shape (size of each column)."""
        return next(self.each([columns]))

    def each(self, column_sets: Sequence[Columns]) -> Iterator[IntArray]:
        """Counts of each set in turn; few of them are in memory at a time.

        Args:
            column_sets: positions of columns, one tuple per set.
        """
        for batch in _batches(column_sets, self.sizes):
            missing = sorted({columns for columns in batch if columns not in self._kept})
            counted = dict(zip(missing, self._counter(self._rows, missing, self.sizes), strict=True)) if missing else {}
            for columns, counts in counted.items():
                self._keep(columns, counts)
            for columns in batch:
                counts = counted[columns] if columns in counted else self._kept[columns]
                yield counts.reshape([self.sizes[column] for column in columns])

    def regroup(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Follow a merger of a column's cells: its own counts are merged too, those of sets with it are dropped."""
        sizes = list(self.sizes)
        sizes[column] = int(groups.max()) + 1
        self.sizes = tuple(sizes)
        alone = self._kept.get((column,))
        for columns in [columns for columns in self._kept if column in columns]:
            self._free_bytes += self._kept.pop(columns).nbytes
        if alone is not None:
            merged = np.zeros(sizes[column], dtype=np.int64)
            np.add.at(merged, groups, alone)
            self._keep((column,), merged)

    def _keep(self, columns: Columns, counts: IntArray) -> None:
        if counts.nbytes <= self._free_bytes:
            self._free_bytes -= counts.nbytes
            self._kept[columns] = counts


def cells_of(columns: Columns, sizes: Sequence[int]) -> int:
    """Number of cells of a set of columns."""
    return math.prod(sizes[column] for column in columns)


def _batches(column_sets: Sequence[Columns], sizes: Sequence[int]) -> Iterator[list[Columns]]:
    """The sets in order, cut so that each part's counts fit in memory."""
    batch: list[Columns] = []
    cells = 0
    for columns in column_sets:
        size = cells_of(columns, sizes)
        if batch and cells + size > BATCH_CELLS:
            yield batch
            batch, cells = [], 0
        batch.append(columns)
        cells += size
    if batch:
        yield batch
