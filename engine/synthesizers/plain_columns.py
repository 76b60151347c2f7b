"""Columns as methods without a privacy guarantee see them: categories and numbers, learned from the rows as they are.

What the schema states still binds: a number stays inside stated bounds, and a category outside a stated list goes where
the schema says. What it leaves open is read off the rows, and nothing about that is protected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import NUMERIC_TYPES, column_domain, from_numbers, pandas_dtype, to_number, to_numbers
from engine.data.schema import Field, FieldType

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

SECONDS = (86_400.0, 3_600.0, 60.0, 1.0)
MOST_DECIMALS = 12


@dataclass(frozen=True)
class NumberLine:
    """Where the numbers of a column lie.

    Args:
        low: smallest number, in numeric units.
        high: largest number.
        unit: distance of neighbouring numbers; None where they have no common one.
        decimals: digits after the point that the unit has.
    """

    low: float
    high: float
    unit: float | None
    decimals: int

    def rounded(self, numbers: FloatArray) -> FloatArray:
        """The nearest numbers that the column can hold."""
        inside = np.clip(numbers, self.low, self.high)
        if self.unit is None:
            return inside
        first, last = np.ceil(self.low / self.unit - 1e-9), np.floor(self.high / self.unit + 1e-9)
        if first > last:  # the bounds lie between two steps
            return inside
        steps = np.clip(np.round(inside / self.unit), first, last)
        return np.asarray(np.round(steps * self.unit, self.decimals), dtype=np.float64)


@dataclass(frozen=True)
class PlainColumn:
    """One column: categories, or a number line; missing is a category of its own, behind all others.

    Args:
        field: the column's schema.
        categories: its values, of a categorical column; of a column of numbers a single placeholder.
        line: where its numbers lie; None for a categorical column.
        has_missing: whether rows hold a missing value.
    """

    field: Field
    categories: pd.Series
    line: NumberLine | None
    has_missing: bool

    @property
    def size(self) -> int:
        """Number of categories, with the missing one."""
        return len(self.categories) + self.has_missing

    def decode(self, codes: Codes, numbers: FloatArray | None) -> pd.Series:
        """Typed values.

        Args:
            codes: category per row, shape (n_rows,).
            numbers: number per row, of a column that has numbers.
        """
        missing = codes >= len(self.categories)
        if self.line is not None and numbers is not None:
            return from_numbers(np.where(missing, np.nan, self.line.rounded(numbers)), self.field.type)
        places = np.where(missing, -1, codes)
        taken = self.categories.array.take(places, allow_fill=True)
        return pd.Series(taken, dtype=pandas_dtype(self.field.type))


@dataclass(frozen=True)
class PlainTable:
    """Rows of all columns.

    Args:
        codes: category of each row in each column of more than one category, shape (n_rows, n_coded).
        sizes: number of categories of each of them.
        numbers: number of each row in each column of numbers, shape (n_rows, n_numbers).
    """

    codes: Codes
    sizes: tuple[int, ...]
    numbers: FloatArray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.codes)


def learn_columns(
    fields: Sequence[Field], rows: pd.DataFrame, rng: np.random.Generator
) -> tuple[tuple[PlainColumn, ...], PlainTable]:
    """What the columns hold, and the rows in these terms.

    Args:
        fields: columns to model; one whose domain is to be learned states none.
        rows: typed rows, at least one.
        rng: chooses the numbers, among those of the column, that stand where one is missing.
    """
    columns, codes, numbers = [], [], []
    for field in fields:
        is_line = field.type in NUMERIC_TYPES and field.enum is None
        values = rows[field.name]
        column, cells, line = _numeric(field, values, rng) if is_line else _categorical(field, values)
        columns.append(column)
        if column.size > 1:
            codes.append(cells)
        if line is not None:
            numbers.append(line)
    sizes = tuple(column.size for column in columns if column.size > 1)
    shape = (len(rows), -1)
    table = PlainTable(
        np.stack(codes, axis=1).astype(np.int64) if codes else np.zeros((len(rows), 0), dtype=np.int64),
        sizes,
        np.stack(numbers, axis=1).reshape(shape) if numbers else np.zeros((len(rows), 0)),
    )
    return tuple(columns), table


def decode_columns(columns: Sequence[PlainColumn], table: PlainTable) -> pd.DataFrame:
    """A typed table of what was drawn."""
    made, coded, numbered = {}, 0, 0
    for column in columns:
        codes, numbers = np.zeros(table.n_rows, dtype=np.int64), None
        if column.size > 1:
            codes, coded = table.codes[:, coded], coded + 1
        if column.line is not None:
            numbers, numbered = table.numbers[:, numbered], numbered + 1
        made[column.field.name] = column.decode(codes, numbers)
    return pd.DataFrame(made)


def _categorical(field: Field, values: pd.Series) -> tuple[PlainColumn, Codes, None]:
    if field.enum is not None or field.type is FieldType.BOOLEAN:
        domain = column_domain(field)
        occurring, codes = np.unique(domain.encode(values), return_inverse=True)
        has_missing = bool(occurring[-1] >= domain.n_values)
        listed = [domain.categories[cell] for cell in occurring[: len(occurring) - has_missing]]
    else:
        codes, found = values.factorize(use_na_sentinel=True)
        listed, has_missing = list(found), bool((codes < 0).any())
        codes = np.where(codes < 0, len(listed), codes)
        if has_missing and field.required and listed:
            codes, has_missing = np.where(codes < len(listed), codes, np.bincount(codes)[:-1].argmax()), False
    categories = pd.Series(listed, dtype=pandas_dtype(field.type))
    return PlainColumn(field, categories, None, has_missing), codes.astype(np.int64), None


def _numeric(field: Field, values: pd.Series, rng: np.random.Generator) -> tuple[PlainColumn, Codes, FloatArray | None]:
    numbers = to_numbers(values, field.type)
    missing = np.isnan(numbers)
    low, high = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    known = np.clip(numbers[~missing], -np.inf if low is None else low, np.inf if high is None else high)
    if not len(known):
        nothing = pd.Series([], dtype=pandas_dtype(field.type))
        return PlainColumn(field, nothing, None, True), np.zeros(len(numbers), dtype=np.int64), None
    unit, decimals = _unit(field, known)
    line = NumberLine(
        float(known.min()) if low is None else low, float(known.max()) if high is None else high, unit, decimals
    )
    filled = rng.choice(known, len(numbers))
    filled[~missing] = known
    has_missing = bool(missing.any()) and not field.required
    placeholder = pd.Series([pd.NA], dtype=pandas_dtype(field.type))
    return PlainColumn(field, placeholder, line, has_missing), missing.astype(np.int64) * has_missing, filled


def _unit(field: Field, known: FloatArray) -> tuple[float | None, int]:
    """The distance of neighbouring values, with its digits after the point; a stated number of digits goes first."""
    if field.type is FieldType.DATETIME:
        return next(unit for unit in SECONDS if unit == 1.0 or not (known % unit).any()), 0
    if field.type is not FieldType.NUMBER:
        return 1.0, 0
    digits = [field.decimals] if field.decimals is not None else range(MOST_DECIMALS + 1)
    for decimals in digits:
        if field.decimals is not None or np.array_equal(np.round(known, decimals), known):
            return 10.0**-decimals, decimals
    return None, 0
