"""The nearest rows of one table to the rows of another, columns of all types together.

Distances are sums of whole numbers, so that equal distances are equal, a column can be left out of a sum exactly,
and the answer does not depend on the machine or on the order in which columns are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field
from engine.evaluation.binning import is_numeric, value_range

SCALE = 1 << 22
"""Distance of two rows that differ wholly in one column; a number's range is divided into as many steps."""

_MISSING = 2 * SCALE
_INT32_COLUMNS = (1 << 31) // SCALE - 1
_BLOCK_PAIRS = 1 << 17

Array = npt.NDArray[np.integer]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float]]
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Points:
    """Rows whose distances can be taken.

    Args:
        columns: per column, steps of its range from 0 to SCALE for a number and a code for a category, each of
            shape (n_rows,); codes count missing as a category.
        numeric: per column, whether the difference counts instead of being different.

    Raises:
        ValueError: there is no column, or columns differ in length.
    """

    columns: tuple[Array, ...]
    numeric: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not self.columns or len(self.columns) != len(self.numeric):
            raise ValueError(f"{len(self.columns)} columns of {len(self.numeric)} kinds give no distance")
        if len({len(column) for column in self.columns}) != 1:
            raise ValueError("columns of rows differ in length")

    def __len__(self) -> int:
        return len(self.columns[0])

    def only(self, columns: Sequence[int]) -> Points:
        """The same rows with some of the columns."""
        return Points(tuple(self.columns[i] for i in columns), tuple(self.numeric[i] for i in columns))

    def take(self, rows: IntArray | slice) -> Points:
        """Some of the rows, by position."""
        return Points(tuple(column[rows] for column in self.columns), self.numeric)


@dataclass(frozen=True)
class Neighbours:
    """The nearest reference rows of every row, nearest first; of equally near ones, the first in the table.

    Args:
        distances: Gower distances in [0, 1], shape (n_rows, k).
        indices: positions in the reference, shape (n_rows, k).
    """

    distances: FloatArray
    indices: IntArray


def stated_ranges(fields: Sequence[Field], table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Ranges of the numeric columns: the schema's where it states them, else those of a typed table."""
    numeric = [field for field in fields if is_numeric(field)]
    found = {field.name: value_range(field, to_numbers(table[field.name], field.type)) for field in numeric}
    return {name: bounds or (0.0, 0.0) for name, bounds in found.items()}


def observed_ranges(fields: Sequence[Field], tables: Sequence[pd.DataFrame]) -> dict[str, tuple[float, float]]:
    """Ranges of the numeric columns over all rows of several typed tables."""
    ranges = {}
    for field in fields:
        if is_numeric(field):
            numbers = np.concatenate([to_numbers(table[field.name], field.type) for table in tables])
            present = numbers[~np.isnan(numbers)]
            ranges[field.name] = (float(present.min()), float(present.max())) if present.size else (0.0, 0.0)
    return ranges


def to_points(fields: Sequence[Field], tables: Mapping[str, pd.DataFrame], ranges: Ranges) -> dict[str, Points]:
    """Typed tables as rows whose distances can be taken.

    Args:
        fields: columns to compare, in order.
        tables: typed tables by name; codes of categories hold in all of them.
        ranges: least and greatest value per numeric column; a number outside counts as the nearer of them.
    """
    columns: dict[str, list[Array]] = {name: [] for name in tables}
    for field in fields:
        parts = {name: table[field.name] for name, table in tables.items()}
        made = _scale_numbers(field, parts, ranges[field.name]) if is_numeric(field) else _code_categories(parts)
        for name, column in made.items():
            columns[name].append(column)
    numeric = tuple(is_numeric(field) for field in fields)
    return {name: Points(tuple(found), numeric) for name, found in columns.items()}


def nearest(rows: Points, reference: Points, k: int = 1, advance: Advance = lambda share: None) -> Neighbours:
    """The k nearest reference rows of every row.

    A missing value is at distance 0 from a missing one and at 1 from any other.

    Args:
        rows: rows to find neighbours for.
        reference: the same columns of the rows among which they are looked for.
        k: how many, a few; at most as many as there are reference rows.
        advance: called with the share of rows that are done.

    Raises:
        ValueError: k is not between 1 and the number of reference rows.

    Source: Gower (1971), "A general coefficient of similarity and some of its properties", Biometrics 27.
    """
    if not 1 <= k <= len(reference):
        raise ValueError(f"{k} nearest of {len(reference)} rows")
    distances = np.empty((len(rows), k), dtype=np.float64)
    indices = np.empty((len(rows), k), dtype=np.int64)
    for block in _blocks(len(rows), len(reference)):
        total = _distances(rows.take(block), reference)
        line = np.arange(len(total))
        for rank in range(k):
            found = total.argmin(axis=1)
            indices[block, rank] = found
            distances[block, rank] = total[line, found]
            total[line, found] = np.iinfo(total.dtype).max
        advance(block.stop / len(rows))
    return Neighbours(distances / (SCALE * len(rows.columns)), indices)


def nearest_without(
    rows: Points, reference: Points, left_out: Sequence[int], advance: Advance = lambda share: None
) -> IntArray:
    """The nearest reference row by all columns but one, for each of several columns to leave out.

    Args:
        rows: rows of two columns or more to find neighbours for.
        reference: the same columns of the rows among which they are looked for.
        left_out: positions of the columns that are left out, one after the other.
        advance: called with the share of rows that are done.

    Returns:
        Positions in the reference, shape (len(left_out), n_rows).
    """
    indices = np.empty((len(left_out), len(rows)), dtype=np.int64)
    for block in _blocks(len(rows), len(reference)):
        part = rows.take(block)
        total = _distances(part, reference)
        for line, column in enumerate(left_out):
            indices[line, block] = (total - _distances(part.only([column]), reference.only([column]))).argmin(axis=1)
        advance(block.stop / len(rows))
    return indices


def _blocks(n_rows: int, n_reference: int) -> Iterator[slice]:
    """Stretches of rows whose distances to all reference rows stay in a processor's cache."""
    size = max(1, _BLOCK_PAIRS // n_reference)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def _distances(rows: Points, reference: Points) -> Array:
    """Sums of distances over columns in steps, shape (n_rows, n_reference)."""
    wide = np.int32 if len(rows.columns) <= _INT32_COLUMNS else np.int64
    shape = (len(rows), len(reference))
    total, unlike = np.zeros(shape, dtype=wide), np.zeros(shape, dtype=np.uint16)
    difference, differs = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=bool)
    for left, right, is_number in zip(rows.columns, reference.columns, rows.numeric, strict=True):
        if is_number:
            np.subtract(left[:, None], right[None, :], out=difference)
            np.abs(difference, out=difference)
            if left.max() > SCALE or right.max() > SCALE:
                np.minimum(difference, SCALE, out=difference)
            total += difference
        else:
            np.not_equal(left[:, None], right[None, :], out=differs)
            unlike += differs
    if not all(rows.numeric):
        total += unlike * wide(SCALE)
    return total


def _scale_numbers(field: Field, columns: Mapping[str, pd.Series], bounds: tuple[float, float]) -> dict[str, Array]:
    """Steps of the range from 0 to SCALE; missing lies so far off that a distance is cut to SCALE."""
    low, high = bounds
    width = high - low if high > low else 1.0
    scaled: dict[str, Array] = {}
    for name, column in columns.items():
        numbers = to_numbers(column, field.type)
        missing = np.isnan(numbers)
        steps = np.rint(np.clip((np.where(missing, low, numbers) - low) / width, 0.0, 1.0) * SCALE)
        scaled[name] = np.where(missing, _MISSING, steps).astype(np.int32)
    return scaled


def _code_categories(columns: Mapping[str, pd.Series]) -> dict[str, Array]:
    """Codes that all tables share, in the smallest type that holds them."""
    codes, values = pd.factorize(pd.concat(list(columns.values()), ignore_index=True), use_na_sentinel=True)
    small = (codes + 1).astype(np.min_scalar_type(len(values)))
    ends = np.cumsum([len(column) for column in columns.values()])
    return dict(zip(columns, np.split(small, ends[:-1]), strict=True))
