"""Cells of the comparison: twenty bins for a number, one cell per category, and one for missing.

These cells are the report's own: they may follow the real rows, because the report never leaves its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import NUMERIC_TYPES, from_numbers, to_number, to_numbers
from engine.data.schema import Field, FieldType

N_BINS = 20
TOP_CATEGORIES = 30
LONGEST_ENUM = 100
"""A list of categories up to this length is compared whole; of a longer one, only the frequent ones."""

OTHER_LABEL = "all other values"
OUTSIDE_LABEL = "outside the list"

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ColumnCells:
    """One column of all tables, cut into cells.

    Args:
        name: the column.
        type: its type.
        labels: texts of the cells that hold a value.
        codes: per table, cell of each row, shape (n_rows,); the last cell, `len(labels)`, is missing.
    """

    name: str
    type: str
    labels: tuple[str, ...]
    codes: Mapping[str, IntArray]

    @property
    def size(self) -> int:
        """Number of cells, with the missing one."""
        return len(self.labels) + 1

    def counts(self, table: str) -> IntArray:
        """Rows per cell, shape (size,)."""
        return np.bincount(self.codes[table], minlength=self.size)


def cut_columns(fields: Iterable[Field], tables: Mapping[str, pd.DataFrame]) -> tuple[ColumnCells, ...]:
    """Cut every column into cells that all tables share.

    Args:
        fields: columns to cut.
        tables: typed tables; the one named `train` decides bins and categories that the schema leaves open.
    """
    return tuple(_cut(field, {name: table[field.name] for name, table in tables.items()}) for field in fields)


def is_numeric(field: Field) -> bool:
    """Whether a column is compared on a number line."""
    return field.type in NUMERIC_TYPES and field.enum is None


def value_range(field: Field, train: FloatArray) -> tuple[float, float] | None:
    """Bounds of the schema where it states them, else of the real values; None where there are no values."""
    low, high = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    present = train[~np.isnan(train)]
    if low is None:
        low = float(present.min()) if present.size else high
    if high is None:
        high = float(present.max()) if present.size else low
    return None if low is None or high is None else (low, max(low, high))


def category_values(field: Field, train: pd.Series, most: int) -> tuple[list[Any], str]:
    """Categories with a cell of their own, and the label of the rest.

    Args:
        field: the column's schema.
        train: its real values.
        most: how many categories to take where the schema lists none.
    """
    if field.enum is not None and len(field.enum) <= LONGEST_ENUM:
        return list(field.enum), OUTSIDE_LABEL
    if field.type is FieldType.BOOLEAN:
        return [False, True], OUTSIDE_LABEL
    counts = train.value_counts()
    ranked = sorted(zip(counts.index, counts, strict=True), key=lambda item: (-int(item[1]), str(item[0])))
    return [value for value, _ in ranked[:most]], OTHER_LABEL


def category_codes(values: list[Any], column: pd.Series) -> IntArray:
    """Position of each cell in `values`; -1 for other values, -2 for missing; shape (n_rows,)."""
    index = pd.Index(pd.Series(values, dtype=column.dtype))
    codes = np.asarray(index.get_indexer(pd.Index(column)), dtype=np.int64)
    codes[column.isna().to_numpy(dtype=bool)] = -2
    return codes


def _cut(field: Field, columns: Mapping[str, pd.Series]) -> ColumnCells:
    return _cut_numbers(field, columns) if is_numeric(field) else _cut_categories(field, columns)


def _cut_numbers(field: Field, columns: Mapping[str, pd.Series]) -> ColumnCells:
    numbers = {name: to_numbers(column, field.type) for name, column in columns.items()}
    bounds = value_range(field, numbers["train"])
    if bounds is None:
        codes = {name: np.where(np.isnan(values), 1, 0) for name, values in numbers.items()}
        return ColumnCells(field.name, field.type.value, ("any value",), codes)
    edges = _edges(field, *bounds)
    closed = field.type is FieldType.NUMBER
    raw = {name: _bin_numbers(values, edges, closed) for name, values in numbers.items()}
    last = _text(field, edges[-1] if closed else edges[-1] - 1)
    labels = (f"below {_text(field, edges[0])}", *_bin_labels(field, edges), f"above {last}")
    return _without_empty_ends(field, labels, raw)


def _edges(field: Field, low: float, high: float) -> FloatArray:
    if field.type is FieldType.NUMBER:
        return np.linspace(low, high, N_BINS + 1) if high > low else np.array([low, high])
    count = int(high) - int(low) + 1
    return int(low) + np.round(np.linspace(0, count, min(count, N_BINS) + 1))


def _bin_numbers(values: FloatArray, edges: FloatArray, closed: bool) -> IntArray:
    """0 below the first edge, 1.. for the bins, then above, then missing; `closed` at the last edge or open."""
    n_bins = len(edges) - 1
    codes = np.searchsorted(edges, values, side="right").astype(np.int64)
    if closed:
        codes[values == edges[-1]] = n_bins
    codes[np.isnan(values)] = n_bins + 2
    return codes


def _bin_labels(field: Field, edges: FloatArray) -> list[str]:
    whole = field.type is not FieldType.NUMBER
    labels = []
    for low, high in pairwise(edges):
        first, last = _text(field, low), _text(field, high - 1 if whole else high)
        labels.append(first if first == last else f"{first} – {last}")
    return labels


def _without_empty_ends(field: Field, labels: tuple[str, ...], raw: Mapping[str, IntArray]) -> ColumnCells:
    """Leave out the cells below and above the bins where no table has a row in them."""
    last = len(labels) - 1
    below = any(bool((codes == 0).any()) for codes in raw.values())
    above = any(bool((codes == last).any()) for codes in raw.values())
    kept = labels[0 if below else 1 : last + 1 if above else last]
    shift = 0 if below else 1
    codes = {name: np.where(values == last + 1, len(kept), values - shift) for name, values in raw.items()}
    return ColumnCells(field.name, field.type.value, kept, codes)


def _cut_categories(field: Field, columns: Mapping[str, pd.Series]) -> ColumnCells:
    values, rest = category_values(field, columns["train"], TOP_CATEGORIES)
    raw = {name: category_codes(values, column) for name, column in columns.items()}
    labels = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if any(bool((codes == -1).any()) for codes in raw.values()):
        labels.append(rest)
    codes = {
        name: np.select([cells == -1, cells == -2], [len(values), len(labels)], cells) for name, cells in raw.items()
    }
    return ColumnCells(field.name, field.type.value, tuple(labels), codes)


def _text(field: Field, number: float) -> str:
    if field.type is FieldType.NUMBER:
        return np.format_float_positional(number, precision=6, fractional=False, trim="-")
    if field.type is FieldType.INTEGER:
        return str(int(number))
    moment = from_numbers(np.array([number]), field.type)[0]
    day: date = moment.date()
    return day.isoformat() if field.type is FieldType.DATE else str(moment)
