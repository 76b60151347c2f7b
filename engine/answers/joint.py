"""The parts that columns have in a question, put together on the noisy counts that answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from engine.answers.cells import ColumnCells
from engine.answers.intervals import Cells
from engine.answers.measured import NoisyTable, NoisyTables
from engine.synthesizers.graphical_model import Columns
from engine.synthesizers.marginal_synthesizer import RowModel

Parts = Mapping[int, ColumnCells]
"""What is meant of each column of a question, by the column's position."""


@dataclass(frozen=True)
class Asked:
    """Noisy counts and what is asked of them beside the cells.

    Args:
        tables: all noisy counts.
        rows_per_unit: rows that one person has at most.
        population: whether a population is meant.
    """

    tables: NoisyTables
    rows_per_unit: int
    population: bool

    def cells(self, parts: Parts) -> Cells:
        """What is meant in the counts of the parts' columns, which must have been measured together."""
        return self.on(self.table(parts), parts)

    def table(self, parts: Parts) -> NoisyTable:
        """The counts that leave least open: of the groups, or of a column's own cells where groups mix them."""
        columns = tuple(sorted(parts))
        if len(columns) == 1 and not parts[columns[0]].is_same_within(self.tables.groups[columns[0]]):
            return self.tables.cells(columns[0])
        return self.tables.groups_of(columns)

    def on(self, table: NoisyTable, parts: Parts) -> Cells:
        """What is meant in some counts."""
        found = [
            parts[column].grouped(self.tables.groups[column]) if table.grouped else parts[column]
            for column in table.columns
        ]
        return Cells(
            table.counts,
            table.variance,
            surely=_outer(found, "surely", np.logical_and, table),
            possibly=_outer(found, "possibly", np.logical_and, table),
            share=_outer(found, "share", np.multiply, table),
            low=_outer(found, "low", np.multiply, table),  # every column but one brings one
            high=_outer(found, "high", np.multiply, table),
            middle=_outer(found, "middle", np.multiply, table),
            rows_per_unit=self.rows_per_unit,
            population=self.population,
        )


def model_counts(model: RowModel, columns: Columns) -> Any:
    """The model's counts of groups of cells of some columns, or of all rows for none."""
    return np.array(model.total) if not columns else model.marginal(columns)


def _outer(parts: list[ColumnCells], name: str, combine: Callable[..., Any], table: NoisyTable) -> Any:
    """A number of each cell of a joint table from those of its columns' cells."""
    if not parts:
        return np.ones((), dtype=bool if combine is np.logical_and else np.float64)
    axes = [
        getattr(part, name).reshape([-1 if axis == at else 1 for axis in range(len(parts))])
        for at, part in enumerate(parts)
    ]
    return np.broadcast_to(reduce(combine, axes), table.counts.shape)
