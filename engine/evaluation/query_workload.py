"""Random questions that an analyst might put to a table, drawn from the real rows and never from the synthetic ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from engine.data.schema import Field
from engine.evaluation.binning import ColumnCells, is_numeric

MOST_CONDITIONS = 3
MISSING_LABEL = "missing"
MOST_LABELS = 3

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class QueryKind(StrEnum):
    """What a query asks for."""

    COUNT = "count"
    MEAN = "mean"
    GROUPED_COUNT = "grouped count"
    GROUPED_MEAN = "grouped mean"


@dataclass(frozen=True)
class Condition:
    """Rows whose value of a column lies in some of its cells.

    Args:
        column: position of the column.
        cells: whether each cell is asked for, shape (n_cells,), the missing one last.
    """

    column: int
    cells: BoolArray


@dataclass(frozen=True)
class Query:
    """One question.

    Args:
        kind: what it asks for.
        conditions: rows must meet all of them.
        measured: position of the column whose mean is asked for, or None.
        group: position of the column by whose cells the answer is given, or None.
    """

    kind: QueryKind
    conditions: tuple[Condition, ...]
    measured: int | None = None
    group: int | None = None

    def describe(self, columns: Sequence[ColumnCells]) -> str:
        """The query in words, with column names and labels of cells."""
        words = "count of rows" if self.measured is None else f"mean of {columns[self.measured].name}"
        if self.group is not None:
            words += f" by {columns[self.group].name}"
        parts = [f"{columns[each.column].name} in {_labels(each, columns)}" for each in self.conditions]
        return f"{words} where {' and '.join(parts)}" if parts else words


@dataclass(frozen=True)
class QuerySource:
    """What queries are drawn from.

    Args:
        fields: the columns' schema.
        columns: their cells; those of the table `train` decide every draw.
        measurable: positions of the columns whose mean can be asked for.
    """

    fields: Sequence[Field]
    columns: Sequence[ColumnCells]
    measurable: Sequence[int]

    def draw(self, sizes: Mapping[QueryKind, int], rng: np.random.Generator) -> list[Query]:
        """Queries of each kind; none of a kind that the columns do not allow."""
        filled = [np.flatnonzero(column.counts("train")) for column in self.columns]
        varied = [position for position, cells in enumerate(filled) if len(cells) > 1]
        groupable = [place for place in varied if not is_numeric(self.fields[place])] or varied
        queries = []
        for kind, size in sizes.items():
            if not self._is_possible(kind, varied, groupable):
                continue
            queries += [self._draw_one(kind, filled, varied, groupable, rng) for _ in range(size)]
        return queries

    def _is_possible(self, kind: QueryKind, varied: Sequence[int], groupable: Sequence[int]) -> bool:
        if kind in (QueryKind.MEAN, QueryKind.GROUPED_MEAN) and not self.measurable:
            return False
        return bool(groupable if kind in (QueryKind.GROUPED_COUNT, QueryKind.GROUPED_MEAN) else varied)

    def _draw_one(
        self,
        kind: QueryKind,
        filled: Sequence[IntArray],
        varied: Sequence[int],
        groupable: Sequence[int],
        rng: np.random.Generator,
    ) -> Query:
        measured = int(rng.choice(self.measurable)) if kind in (QueryKind.MEAN, QueryKind.GROUPED_MEAN) else None
        group = int(rng.choice(groupable)) if kind in (QueryKind.GROUPED_COUNT, QueryKind.GROUPED_MEAN) else None
        least, most = (1, MOST_CONDITIONS) if kind is QueryKind.COUNT else (1, 2) if group is None else (0, 1)
        free = [place for place in varied if place != group]
        n_conditions = min(int(rng.integers(least, most + 1)), len(free))
        anchor = int(rng.integers(len(self.columns[0].codes["train"])))  # so that some real row meets all conditions
        chosen = rng.permutation(len(free))[:n_conditions].tolist()
        conditions = [self._condition(free[place], filled[free[place]], anchor, rng) for place in chosen]
        return Query(kind, tuple(conditions), measured, group)

    def _condition(self, position: int, filled: IntArray, anchor: int, rng: np.random.Generator) -> Condition:
        """A stretch of a number line or a set of categories, with the anchor row's cell among them."""
        column = self.columns[position]
        own = int(column.codes["train"][anchor])
        cells = np.zeros(column.size, dtype=bool)
        cells[own] = True
        missing = column.size - 1
        if own != missing:
            others = filled[filled != missing]
            if is_numeric(self.fields[position]):
                low, high = _stretch(others, own, rng)
                cells[low : high + 1] = True
            elif len(others) > 2 and rng.random() < 0.5:
                size = int(rng.integers(1, max(2, len(others) // 2)))
                cells[rng.permutation(others[others != own])[:size]] = True
        return Condition(position, cells)


def _stretch(filled: IntArray, own: int, rng: np.random.Generator) -> tuple[int, int]:
    """First and last cell of a stretch around a cell, of up to half of the cells that hold real rows."""
    width = int(rng.integers(1, max(2, len(filled) // 2 + 1)))
    place = int(np.searchsorted(filled, own))
    start = max(0, place - int(rng.integers(width)))
    return int(filled[start]), int(filled[min(start + width, len(filled)) - 1])


def _labels(condition: Condition, columns: Sequence[ColumnCells]) -> str:
    labels = [*columns[condition.column].labels, MISSING_LABEL]
    chosen = [labels[cell] for cell in np.flatnonzero(condition.cells)]
    more = len(chosen) - MOST_LABELS
    shown = ", ".join(chosen[:MOST_LABELS])
    return f"{{{shown}}}" if more <= 0 else f"{{{shown} and {more} more}}"
