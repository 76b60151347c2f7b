"""Cells: how a typed table becomes small integers and back, from the schema alone.

A private row never widens a domain. A number outside its bounds is clipped; a category outside its list goes to
the column's stated other value, or to missing where none is stated; nobody is told how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.number_line import NUMERIC_BINS as NUMERIC_BINS
from engine.data.number_line import Grid, cell_around, public_grid
from engine.data.schema import Field, FieldType
from engine.errors import PlanError

LEARNED_OTHER_VALUE = "Other"
"""Where rare values of a learned category list go, unless the schema states another word."""

NUMERIC_TYPES = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})
_SECONDS_PER_DAY = 86_400
_EPOCH = datetime(1970, 1, 1)

Codes = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LearnedDomain:
    """What discovery released about a column.

    Args:
        categories: its values, of a text column.
        minimum: smallest value in numeric units, of a column without a stated one.
        maximum: largest value.
        edges: borders of its cells in numeric units, where they were refined; the outer ones are the grid's.
    """

    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    edges: tuple[float, ...] | None = None


@dataclass(frozen=True)
class ColumnDomain:
    """The cells of one column, in the order atoms, bins, categories, missing.

    Args:
        field: the column's schema.
        atoms: exact numbers with a cell of their own.
        edges: bin borders in numeric units, increasing; empty for a categorical column. Dates count days and
            datetimes seconds since 1970-01-01.
        categories: values with a cell of their own; the last may be a stated other value.
        other_index: cell of values outside `categories`, or None where they become missing.
        nullable: whether there is a missing cell.
        step: distance of neighbouring values; bins of a number with decimals begin half a step below a value.
    """

    field: Field
    atoms: tuple[float, ...]
    edges: tuple[float, ...]
    categories: tuple[Any, ...]
    other_index: int | None
    nullable: bool
    step: float | None = None

    @property
    def name(self) -> str:
        """The column's name."""
        return self.field.name

    @property
    def is_numeric(self) -> bool:
        """Whether cells are atoms and bins of a number line."""
        return bool(self.edges)

    @property
    def n_values(self) -> int:
        """Cells that hold a value."""
        return len(self.atoms) + self.n_bins + len(self.categories)

    @property
    def n_bins(self) -> int:
        """Cells that are stretches of a number line."""
        return len(self.edges) - 1 if self.is_numeric else 0

    @property
    def size(self) -> int:
        """All cells, with the missing one."""
        return self.n_values + self.nullable

    def encode(self, column: pd.Series) -> Codes:
        """Cells of a typed column, shape (n_rows,)."""
        return self._encode_numeric(column) if self.is_numeric else self._encode_categories(column)

    def decode(self, codes: Codes, rng: np.random.Generator) -> pd.Series:
        """Values for cells; inside a bin a value is drawn uniformly, which reads nothing private."""
        if self.is_numeric:
            return self._decode_numeric(codes, rng)
        values = pd.Series(list(self.categories), dtype=pandas_dtype(self.field.type))
        missing = codes >= self.n_values
        decoded = values.take(np.where(missing, 0, codes)).reset_index(drop=True)
        decoded[missing] = pd.NA
        return decoded.rename(self.name)

    def ends(self) -> tuple[str, str]:
        """Smallest and largest value of a number line, as texts."""
        return self._to_text(self._first_value()), self._to_text(self._last_value())

    def describe(self) -> str:
        """The domain in words for a certificate."""
        if not self.is_numeric:
            return f"{len(self.categories)} categories"
        low, high = self.ends()
        atoms = f" and {len(self.atoms)} exact value(s)" if self.atoms else ""
        return f"{low} to {high} in {len(self.edges) - 1} bins{atoms}"

    def outside_rule(self) -> str:
        """What happens to a private value outside the domain, in words."""
        if self.is_numeric:
            return "clipped to the bounds"
        if self.other_index is not None:
            return f"becomes {self.categories[self.other_index]!r}"
        return "becomes missing" if self.nullable else f"becomes {self.categories[0]!r}"

    def _encode_numeric(self, column: pd.Series) -> Codes:
        numbers = to_numbers(column, self.field.type)
        missing = np.isnan(numbers)
        clipped = np.clip(np.where(missing, self.edges[0], numbers), self._first_value(), self._last_value())
        bins = np.searchsorted(np.asarray(self.edges), clipped, side="right") - 1
        codes = np.clip(bins, 0, len(self.edges) - 2) + len(self.atoms)
        for index, atom in enumerate(self.atoms):
            lower, upper = cell_around(atom, self.step)
            codes[(lower <= clipped) & (clipped < upper)] = index
        if self.nullable:
            codes[missing] = self.n_values
        return codes.astype(np.int32)

    def _encode_categories(self, column: pd.Series) -> Codes:
        index = pd.Index(pd.Series(list(self.categories), dtype=column.dtype))
        codes = index.get_indexer(pd.Index(column)).astype(np.int32)
        missing = column.isna().to_numpy(dtype=bool)
        fallback = self.n_values if self.nullable else 0
        codes[(codes < 0) & ~missing] = self.other_index if self.other_index is not None else fallback
        codes[missing] = fallback
        return codes

    def _decode_numeric(self, codes: Codes, rng: np.random.Generator) -> pd.Series:
        missing = codes >= self.n_values
        bins = np.clip(codes - len(self.atoms), 0, len(self.edges) - 2)
        edges = np.asarray(self.edges)
        lower, upper = edges[bins], edges[bins + 1]
        numbers = self._draw(lower, upper, rng) if self.step is None else self._draw_steps(lower, upper, rng)
        for index, atom in enumerate(self.atoms):
            numbers[codes == index] = atom
        numbers[missing] = np.nan
        return from_numbers(numbers, self.field.type).rename(self.name)

    def _draw(self, lower: FloatArray, upper: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Uniform numbers in cells, with so many decimals that a cell has some hundred values."""
        numbers = lower + rng.random(len(lower)) * (upper - lower)
        width = np.maximum(upper - lower, np.finfo(np.float64).tiny)
        unit = 10.0 ** np.clip(2.0 - np.floor(np.log10(width)), 0.0, 300.0)
        least, most = np.ceil(lower * unit), np.ceil(upper * unit) - 1.0
        drawn = np.clip(np.round(numbers * unit), least, np.maximum(most, least)) / unit
        return np.where(np.isfinite(drawn) & (lower <= drawn) & (drawn < upper), drawn, numbers)

    def _draw_steps(self, lower: FloatArray, upper: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Uniform values in cells whose neighbouring values are a step apart; those of atoms are passed over."""
        step = self.step or 1.0
        first, end = (np.round((border + self._half_step()) / step).astype(np.int64) for border in (lower, upper))
        places = [round(atom / step) for atom in sorted(self.atoms)]
        held = [(first <= place) & (place < end) for place in places]
        free = end - first - np.sum(held, axis=0, dtype=np.int64)
        drawn = rng.integers(first, np.where(free > 0, first + free, end))
        for place, inside in zip(places, held, strict=True):
            drawn = drawn + (inside & (free > 0) & (drawn >= place))
        decimals = self.field.decimals or 0
        return np.asarray(np.round(drawn * step, decimals), dtype=np.float64)

    def _first_value(self) -> float:
        return self.edges[0] + self._half_step()

    def _last_value(self) -> float:
        if self.field.type is FieldType.NUMBER:
            return self.edges[-1] - self._half_step()
        return self.edges[-1] - 1

    def _half_step(self) -> float:
        """How far the values of a number with decimals lie inside the outer borders."""
        return self.step / 2.0 if self.step is not None and self.field.type is FieldType.NUMBER else 0.0

    def _to_text(self, number: float) -> str:
        if self.field.type in (FieldType.DATE, FieldType.DATETIME):
            moment = from_numbers(np.array([number]), self.field.type)[0]
            return str(moment.date() if self.field.type is FieldType.DATE else moment)
        return f"{number:g}" if self.field.type is FieldType.NUMBER else f"{int(number)}"


def column_domain(field: Field, learned: LearnedDomain | None = None) -> ColumnDomain:
    """The cells of a column, from its schema and from what discovery released.

    Raises:
        PlanError: the schema states no domain and nothing was learned.
    """
    if field.type in NUMERIC_TYPES and field.enum is None:
        return _numeric_domain(field, learned)
    return _categorical_domain(field, learned)


def numeric_grid(field: Field, learned: LearnedDomain | None = None) -> Grid:
    """The unrefined cells of a column of numbers or dates.

    Raises:
        PlanError: the schema states no bounds and none were learned.
    """
    low, high = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    if learned is not None:
        low = learned.minimum if low is None else low
        high = learned.maximum if high is None else high
    if low is None or high is None:
        raise PlanError(f"column {field.name!r} needs a minimum and a maximum, or a domain learned under DP")
    return public_grid(field, low, high)


def _numeric_domain(field: Field, learned: LearnedDomain | None) -> ColumnDomain:
    grid = numeric_grid(field, learned)
    edges = learned.edges if learned is not None and learned.edges is not None else grid.edges
    return ColumnDomain(field, grid.atoms, edges, (), None, not field.required, grid.step)


def _categorical_domain(field: Field, learned: LearnedDomain | None) -> ColumnDomain:
    categories: tuple[Any, ...]
    if field.enum is not None:
        categories, other = tuple(field.enum), field.other_value
    elif field.type is FieldType.BOOLEAN:
        categories, other = (False, True), None
    elif learned is not None and learned.categories is not None:
        categories, other = learned.categories, field.other_value or LEARNED_OTHER_VALUE
    else:
        raise PlanError(f"column {field.name!r} needs a list of categories, or a domain learned under DP")
    if other is not None and other not in categories:
        categories = (*categories, other)
    other_index = categories.index(other) if other is not None else None
    return ColumnDomain(field, (), (), categories, other_index, not field.required)


def to_number(value: object, field_type: FieldType) -> float | None:
    """A bound in numeric units, or None."""
    if value is None:
        return None
    if field_type is FieldType.DATETIME and isinstance(value, datetime):
        return float((value - _EPOCH).total_seconds() // 1)
    if field_type is FieldType.DATE and isinstance(value, date):
        return float((value - _EPOCH.date()).days)
    return float(value)  # type: ignore[arg-type]


def to_numbers(column: pd.Series, field_type: FieldType) -> FloatArray:
    """A typed column in numeric units, missing as NaN, shape (n_rows,)."""
    if field_type not in (FieldType.DATE, FieldType.DATETIME):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    seconds = column.to_numpy(dtype="datetime64[us]").astype("datetime64[s]").astype(np.int64)
    unit = _SECONDS_PER_DAY if field_type is FieldType.DATE else 1
    return np.where(column.isna().to_numpy(dtype=bool), np.nan, seconds // unit)


def from_numbers(numbers: FloatArray, field_type: FieldType) -> pd.Series:
    """The inverse of `to_numbers`."""
    if field_type in (FieldType.INTEGER, FieldType.NUMBER):
        values = pd.Series(numbers, dtype="Float64")
        return values if field_type is FieldType.NUMBER else values.astype("Int64")
    unit = _SECONDS_PER_DAY if field_type is FieldType.DATE else 1
    seconds = np.where(np.isnan(numbers), 0, numbers).astype(np.int64) * unit
    moments = pd.Series(seconds.astype("datetime64[s]").astype("datetime64[us]"))
    moments[np.isnan(numbers)] = pd.NaT
    return moments


def pandas_dtype(field_type: FieldType) -> str:
    """Dtype of a typed column."""
    names = {
        FieldType.INTEGER: "Int64",
        FieldType.NUMBER: "Float64",
        FieldType.STRING: "string",
        FieldType.BOOLEAN: "boolean",
        FieldType.DATE: "datetime64[us]",
        FieldType.DATETIME: "datetime64[us]",
    }
    return names[field_type]


@dataclass(frozen=True)
class TableDomain:
    """The cells of all modelled columns."""

    columns: tuple[ColumnDomain, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells of each column."""
        return tuple(column.size for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def encode(self, table: pd.DataFrame) -> list[Codes]:
        """Cells per column, each of shape (n_rows,)."""
        return [column.encode(table[column.name]) for column in self.columns]

    def decode(self, codes: Sequence[Codes], rng: np.random.Generator) -> pd.DataFrame:
        """A typed table from cells."""
        return pd.DataFrame(
            {column.name: column.decode(cells, rng) for column, cells in zip(self.columns, codes, strict=True)}
        )


def table_domain(fields: Sequence[Field], learned: Mapping[str, LearnedDomain]) -> TableDomain:
    """The cells of all given columns; raises PlanError where a column has no domain."""
    return TableDomain(tuple(column_domain(field, learned.get(field.name)) for field in fields))
