"""Which columns are looked at together, and by which of them rows are grouped."""

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


def choose_columns(
    columns: Sequence[ColumnCells], most: int, target: str | None, rng: np.random.Generator
) -> list[int]:
    """Positions of all columns, or of a random choice of them that includes the target, in order."""
    if len(columns) <= most:
        return list(range(len(columns)))
    ranks = rng.permutation(len(columns)).tolist()
    ranks = [-1 if column.name == target else rank for column, rank in zip(columns, ranks, strict=True)]
    return sorted(sorted(range(len(columns)), key=lambda position: ranks[position])[:most])


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
