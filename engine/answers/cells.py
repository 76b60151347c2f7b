"""Which cells of a column a question is about, and what rows of each cell can bring to a mean.

A cell is a category, or a stretch of a number line whose rows are counted together. A condition that cuts a stretch
leaves open how many of its rows it lets in: between none and all. So every cell is surely in, possibly in, or out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.answers.query import Condition
from engine.data.encode import ColumnDomain, to_number
from engine.data.schema import FieldType
from engine.errors import InputError
from engine.synthesizers.cells import CellGroups

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ColumnCells:
    """A column's part in a question, cell by cell; all arrays have the shape (number of cells,).

    Args:
        surely: whether all rows of the cell are meant.
        possibly: whether any of its rows can be meant.
        share: part of its rows that is expected to be meant, from 0 to 1.
        low: least that a row of the cell brings to the mean.
        high: most that it brings.
        middle: what one is expected to bring.
    """

    surely: BoolArray
    possibly: BoolArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    middle: FloatArray

    @classmethod
    def every(cls, column: ColumnDomain) -> ColumnCells:
        """All cells are meant, and each row counts as one."""
        whole, one = np.ones(column.size, dtype=bool), np.ones(column.size)
        return cls(whole, whole, one, one, one, one)

    def within(self, other: ColumnCells) -> ColumnCells:
        """Only what another part of the question means as well; it brings what this one says."""
        return replace(
            self,
            surely=self.surely & other.surely,
            possibly=self.possibly & other.possibly,
            share=np.minimum(self.share, other.share),
        )

    def is_same_within(self, groups: CellGroups) -> bool:
        """Whether groups of cells can stand for the cells without leaving anything open that these do not."""
        fields = (self.surely, self.possibly, self.low, self.high)
        return all(np.array_equal(*_extremes(np.asarray(each, dtype=np.float64), groups)) for each in fields)

    def grouped(self, groups: CellGroups) -> ColumnCells:
        """The same for groups of cells: sure where all cells are, with the least and the most of them."""
        low, high = np.where(self.possibly, self.low, math.inf), np.where(self.possibly, self.high, -math.inf)
        least, most = _extremes(low, groups)[0], _extremes(high, groups)[1]
        held = np.isfinite(least)
        least, most = np.where(held, least, 0.0), np.where(held, most, 0.0)
        share = weighted(self.share, groups)
        middle = weighted(self.share * self.middle, groups) / np.where(share > 0.0, share, 1.0)
        return ColumnCells(
            surely=_extremes(self.surely.astype(np.float64), groups)[0] > 0.0,
            possibly=_extremes(self.possibly.astype(np.float64), groups)[1] > 0.0,
            share=share,
            low=least,
            high=most,
            middle=np.where(share > 0.0, middle, (least + most) / 2.0),
        )


def cells_where(column: ColumnDomain, condition: Condition) -> ColumnCells:
    """Cells that a condition lets in.

    Raises:
        InputError: a value has no cell.
    """
    if not column.is_numeric:
        inside = np.zeros(column.size, dtype=bool)
        inside[[_category(column, value) for value in condition.values or ()]] = True
        return _chosen(column, inside, inside, inside.astype(np.float64))
    parts = [_numeric_part(column, low, high) for low, high in _ranges(condition)]
    surely, possibly = (np.any([part[at] for part in parts], axis=0) for at in (0, 1))
    share = np.minimum(np.sum([part[2] for part in parts], axis=0), 1.0)
    if condition.values is not None and None in condition.values:
        at = _missing(column)
        surely[at], possibly[at], share[at] = True, True, 1.0
    return _chosen(column, surely, possibly, share)


def one_cell(column: ColumnDomain, cell: int) -> ColumnCells:
    """The rows of one cell."""
    inside = np.arange(column.size) == cell
    return _chosen(column, inside, inside, inside.astype(np.float64))


def indicator(column: ColumnDomain, of: ColumnCells) -> ColumnCells:
    """All rows, each of which brings one where another part of the question means it and nothing elsewhere."""
    return replace(
        ColumnCells.every(column),
        low=of.surely.astype(np.float64),
        high=of.possibly.astype(np.float64),
        middle=of.share,
    )


def numbers_of(column: ColumnDomain, condition: Condition | None) -> ColumnCells:
    """Rows that have a number and meet a condition on it; each brings a number of its cell.

    Args:
        column: a column of numbers.
        condition: what else is asked of the number; None for nothing.
    """
    first, last = cell_values(column)
    asked = condition is not None and condition.values is None
    low, high = condition.ends if asked and condition is not None else (None, None)
    chosen = ColumnCells.every(column) if condition is None else cells_where(column, condition)
    held = np.arange(column.size) < column.n_values
    least = np.maximum(first, -math.inf if low is None else low)
    most = np.minimum(last, math.inf if high is None else high)
    padded = np.zeros((2, column.size))
    padded[:, : column.n_values] = np.where(chosen.possibly[: column.n_values], [least, most], [first, last])
    return ColumnCells(
        surely=chosen.surely & held,
        possibly=chosen.possibly & held,
        share=chosen.share * held,
        low=padded[0],
        high=padded[1],
        middle=padded.mean(axis=0),
    )


def cell_values(column: ColumnDomain) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest number that a row of each cell of a number line can have, missing cell left out."""
    edges = np.asarray(column.edges)
    lower, upper = edges[:-1], edges[1:]
    if column.field.type is not FieldType.NUMBER:
        lower, upper = np.ceil(lower), np.ceil(upper) - 1.0
    elif column.step is not None:
        lower, upper = lower + column.step / 2.0, upper - column.step / 2.0
    atoms = np.asarray(column.atoms, dtype=np.float64)
    lower, upper = _without_atoms(lower, np.maximum(lower, upper), atoms, column.step)
    return np.concatenate([atoms, lower]), np.concatenate([atoms, upper])


def _without_atoms(
    lower: FloatArray, upper: FloatArray, atoms: FloatArray, step: float | None
) -> tuple[FloatArray, FloatArray]:
    """Ends of stretches whose rows at an exact value with a cell of its own are counted there."""
    for atom in atoms:
        slack = 1e-6 * (step or 0.0)
        for at in np.flatnonzero((abs(lower - atom) <= slack) & (lower + slack < upper)):
            lower[at] = math.nextafter(atom, math.inf) if step is None else atom + step
        for at in np.flatnonzero((abs(upper - atom) <= slack) & (lower + slack < upper)):
            upper[at] = math.nextafter(atom, -math.inf) if step is None else atom - step
    return lower, upper


def weighted(values: FloatArray, groups: CellGroups) -> FloatArray:
    """Mean of a number of each cell over the cells of a group, by their weights; plain where they have none."""
    weights = groups.weights + np.where(groups.group_weights()[groups.group_of] > 0.0, 0.0, 1.0)
    total = np.bincount(groups.group_of, weights=weights, minlength=groups.size)
    return np.asarray(np.bincount(groups.group_of, weights=weights * values, minlength=groups.size) / total)


def _extremes(values: FloatArray, groups: CellGroups) -> tuple[FloatArray, FloatArray]:
    """Least and largest value among the cells of each group."""
    least, most = np.full(groups.size, math.inf), np.full(groups.size, -math.inf)
    np.minimum.at(least, groups.group_of, values)
    np.maximum.at(most, groups.group_of, values)
    return least, most


def _chosen(column: ColumnDomain, surely: BoolArray, possibly: BoolArray, share: FloatArray) -> ColumnCells:
    return replace(ColumnCells.every(column), surely=surely, possibly=possibly, share=share)


def _category(column: ColumnDomain, value: object) -> int:
    if value is None:
        return _missing(column)
    if value not in column.categories:
        raise InputError(f"column {column.name!r} has no such value in its list")
    return column.categories.index(value)


def _missing(column: ColumnDomain) -> int:
    if not column.nullable:
        raise InputError(f"no value of column {column.name!r} is missing")
    return column.n_values


def _ranges(condition: Condition) -> Iterable[tuple[float, float]]:
    """Stretches of the number line that a condition lets in; one without width for a single number."""
    if condition.values is None:
        low, high = condition.ends
        return [(-math.inf if low is None else low, math.inf if high is None else high)]
    numbers = [to_number(value, condition.field.type) for value in condition.values]
    return [(number, number) for number in numbers if number is not None] or [(math.inf, math.inf)]


def _numeric_part(column: ColumnDomain, low: float, high: float) -> tuple[BoolArray, BoolArray, FloatArray]:
    """Whether each cell lies in a range surely, possibly, and with what share of its values."""
    first, last = cell_values(column)
    is_open = np.zeros(first.size, dtype=bool)  # a cell without a step ends just below its upper border
    if column.field.type is FieldType.NUMBER and column.step is None:
        is_open[len(column.atoms) : -1] = True
    slack = 1e-6 * (column.step or 0.0)
    surely = (low <= first + slack) & (np.where(is_open, np.nextafter(last, -math.inf), last) <= high + slack)
    possibly = (first <= high + slack) & np.where(is_open, low < last, low <= last + slack)
    if low == high and low in column.atoms:
        possibly &= np.arange(first.size) < len(column.atoms)
    step = column.step or 0.0
    width = last - first + step
    overlap = np.minimum(last, high) - np.maximum(first, low) + step
    surely &= possibly
    share = np.where(surely, 1.0, np.where(possibly & (width > 0.0), overlap / np.where(width > 0.0, width, 1.0), 0.0))
    outside = np.zeros(column.size - first.size)
    return (
        np.concatenate([surely, outside > 0.0]),
        np.concatenate([possibly, outside > 0.0]),
        np.concatenate([np.clip(share, 0.0, 1.0), outside]),
    )
