"""Columns by which rows are grouped: categories as they are, a number line in a few stretches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from engine.data.schema import Field
from engine.evaluation.binning import ColumnCells, is_numeric

MOST_COLUMNS = 12
MOST_CATEGORIES = 40
N_STRETCHES = 5

IntArray = npt.NDArray[np.int64]


def grouping_columns(
    fields: Sequence[Field], columns: Sequence[ColumnCells], target: str | None
) -> list[tuple[int, ColumnCells]]:
    """Position and cells of the columns that make subgroups: the target and those with the fewest cells.

    Args:
        fields: schema of each column.
        columns: their cells.
        target: a column that is always among them, where it has few enough cells.
    """
    grouped = [
        (position, _stretches(column) if is_numeric(field) else column)
        for position, (field, column) in enumerate(zip(fields, columns, strict=True))
    ]
    few = [(position, column) for position, column in grouped if column.size <= MOST_CATEGORIES + 1]
    few.sort(key=lambda item: (item[1].name != target, item[1].size, item[0]))
    return sorted(few[:MOST_COLUMNS], key=lambda item: item[0])


def _stretches(column: ColumnCells) -> ColumnCells:
    """Neighbouring cells of a number line put together until each has about a fifth of the training rows."""
    if len(column.labels) <= N_STRETCHES:
        return column
    present = column.counts("train")[:-1].astype(np.float64)
    middle = np.cumsum(present) - present / 2
    stretch = np.minimum(N_STRETCHES * middle // max(present.sum(), 1.0), N_STRETCHES - 1).astype(np.int64)
    _, place = np.unique(stretch, return_inverse=True)
    n_stretches = int(place.max()) + 1
    labels = tuple(
        _label([column.labels[cell] for cell in np.flatnonzero(place == number)]) for number in range(n_stretches)
    )
    table = np.append(place, n_stretches).astype(np.int64)
    return replace(column, labels=labels, codes={name: table[codes] for name, codes in column.codes.items()})


def _label(labels: Sequence[str]) -> str:
    if len(labels) == 1:
        return labels[0]
    return f"{labels[0].partition(' – ')[0]} – {labels[-1].rpartition(' – ')[-1]}"
