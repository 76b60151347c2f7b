"""Questions that can be put to a released table: a count, a share or a mean, under conditions and by group."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.data.encode import NUMERIC_TYPES, to_number
from engine.data.given import given_values
from engine.data.schema import Field, FieldType
from engine.errors import InputError
from engine.synthesizers.junction_tree import LARGEST_SET

MOST_GROUPING_COLUMNS = 2
RANGE_SIGN = ".."


class Measure(StrEnum):
    """What is asked for."""

    COUNT = "count"
    SHARE = "share"
    MEAN = "mean"


@dataclass(frozen=True)
class Condition:
    """What a column of a row has to be: one of some values, or a number or date within a range.

    Args:
        field: the column.
        values: allowed values, typed, None for missing; None where there is a range.
        minimum: smallest allowed value; None where there is no lower end.
        maximum: largest allowed value.

    Raises:
        InputError: there are neither values nor ends, or both, or the range is empty or of a column without an order.
    """

    field: Field
    values: tuple[Any, ...] | None = None
    minimum: Any = None
    maximum: Any = None

    def __post_init__(self) -> None:
        name, is_range = self.field.name, self.minimum is not None or self.maximum is not None
        if (self.values is None) != is_range:
            raise InputError(f"a condition on column {name!r} needs either values or a range, and not both")
        if self.values is not None and not self.values:
            raise InputError(f"the condition on column {name!r} allows no value")
        if is_range and self.field.type not in NUMERIC_TYPES:
            raise InputError(f"column {name!r} has no order, so a condition on it lists values")
        low, high = self.ends
        if low is not None and high is not None and not low <= high:
            raise InputError(f"the range of column {name!r} ends before it begins")

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Both ends in numeric units."""
        return to_number(self.minimum, self.field.type), to_number(self.maximum, self.field.type)

    def to_json(self) -> dict[str, Any]:
        """The condition as JSON."""
        if self.values is not None:
            return {"column": self.field.name, "values": [_plain(value) for value in self.values]}
        return {"column": self.field.name, "minimum": _plain(self.minimum), "maximum": _plain(self.maximum)}

    @classmethod
    def from_json(cls, value: Any, fields: Sequence[Field]) -> Condition:
        """Read a condition.

        Args:
            value: `{"column", "values"}` or `{"column", "minimum", "maximum"}`, one end of which may be left out.
            fields: the columns that can be asked about.

        Raises:
            InputError: it is malformed, or names a column that is not there.
        """
        known = ("column", "values", "minimum", "maximum")
        if not isinstance(value, Mapping) or not isinstance(value.get("column"), str) or set(value) - set(known):
            raise InputError("a condition names a column, and either its values or a minimum and a maximum")
        name, values = value["column"], value.get("values")
        field = _field(fields, name)
        if values is not None and not isinstance(values, list | tuple):
            raise InputError(f"the values of column {name!r} are a list")
        allowed = None if values is None else tuple(_typed(field, item) for item in values)
        return cls(field, allowed, *(_typed(field, value.get(end)) for end in ("minimum", "maximum")))

    @classmethod
    def from_text(cls, text: str, fields: Sequence[Field]) -> Condition:
        """Read `column=value,value`, `column=low..high` or, for missing values, `column=`.

        Raises:
            InputError: it is malformed, or names a column that is not there.
        """
        names = sorted((field.name for field in fields), key=len, reverse=True)  # a name may hold the sign itself
        name = next((name for name in names if text.startswith(f"{name}=")), None)
        if name is None:
            raise InputError("a condition is written as column=value,value or column=low..high")
        field, written = _field(fields, name), text[len(name) + 1 :]
        if RANGE_SIGN in written and field.type in NUMERIC_TYPES:
            low, high = (part.strip() or None for part in written.split(RANGE_SIGN, 1))
            return cls.from_json({"column": name, "minimum": low, "maximum": high}, fields)
        values = [value or None for value in next(csv.reader([written])) or [""]]
        return cls.from_json({"column": name, "values": values}, fields)


@dataclass(frozen=True)
class Query:
    """A question about all rows, or those that meet conditions, in one group or by the values of columns.

    Args:
        measure: what is asked for.
        field: the column whose mean is asked for, or whose values' share; None for a count.
        of: for a share, the values of `field` that count; None asks for the share of each value.
        where: conditions that rows have to meet, one per column at most.
        by: columns whose values make the groups.

    Raises:
        InputError: the parts do not fit together.
    """

    measure: Measure
    field: Field | None = None
    of: Condition | None = None
    where: tuple[Condition, ...] = ()
    by: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        if (self.field is None) != (self.measure is Measure.COUNT):
            raise InputError("a count is of rows and names no column; a share and a mean name one")
        if self.measure is Measure.MEAN and self.field is not None and not _is_number(self.field):
            raise InputError(f"column {self.field.name!r} is not a number, so it has no mean")
        if self.of is not None and (self.measure is not Measure.SHARE or self.of.field != self.field):
            raise InputError("the values whose share is asked for are those of its own column")
        conditions = [condition.field.name for condition in self.where]
        if len(set(conditions)) < len(conditions):
            raise InputError("a column has one condition at most: put its values into one list")
        groups = [field.name for field in self.by]
        if len(set(groups)) < len(groups) or len(groups) > MOST_GROUPING_COLUMNS:
            raise InputError(f"rows are grouped by at most {MOST_GROUPING_COLUMNS} different columns")
        if self.field is not None and self.field.name in groups:
            raise InputError(f"column {self.field.name!r} cannot be both what is asked for and a group")
        if len(self.columns) > LARGEST_SET:
            raise InputError(f"a question names at most {LARGEST_SET} columns: no more are measured together")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that the answer depends on."""
        named = [condition.field.name for condition in self.where] + [field.name for field in self.by]
        return tuple(dict.fromkeys(named + ([self.field.name] if self.field is not None else [])))

    def to_json(self) -> dict[str, Any]:
        """The question as JSON."""
        return {
            "measure": self.measure.value,
            "column": self.field.name if self.field is not None else None,
            "of": self.of.to_json() if self.of is not None else None,
            "where": [condition.to_json() for condition in self.where],
            "by": [field.name for field in self.by],
        }

    @classmethod
    def from_json(cls, value: Any, fields: Sequence[Field]) -> Query:
        """Read a question.

        Args:
            value: what `to_json` gives; all but `measure` may be left out, and `of` may leave out its column.
            fields: the columns that can be asked about.

        Raises:
            InputError: it is malformed, or names a column that is not there.
        """
        known = {"measure", "column", "of", "where", "by"}
        if not isinstance(value, Mapping) or set(value) - known or value.get("measure") not in list(Measure):
            raise InputError("a question has a measure (count, share or mean), and may have column, of, where and by")
        column, of = value.get("column"), value.get("of")
        where, by = value.get("where") or [], value.get("by") or []
        if not isinstance(where, list | tuple) or not isinstance(by, list | tuple):
            raise InputError("the conditions and the groups of a question are lists")
        if isinstance(of, Mapping):
            of = {"column": column} | dict(of)
        return cls(
            Measure(value["measure"]),
            None if column is None else _field(fields, column),
            None if of is None else Condition.from_json(of, fields),
            tuple(Condition.from_json(condition, fields) for condition in where),
            tuple(_field(fields, name) for name in by),
        )


@dataclass(frozen=True)
class Terms:
    """How sure an interval has to be, and of what.

    Args:
        confidence: chance with which an interval holds what it is about, from 0.5 to 0.999.
        population: whether it is about the population that the table's rows were drawn from, rather than the table.
        simultaneous: whether all intervals of an answer hold at once with that chance, rather than each.

    Raises:
        InputError: the confidence is out of range.
    """

    confidence: float = 0.95
    population: bool = False
    simultaneous: bool = False

    def __post_init__(self) -> None:
        value = self.confidence
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value <= 0.999:
            raise InputError("the confidence is a number from 0.5 to 0.999")
        if not isinstance(self.population, bool) or not isinstance(self.simultaneous, bool):
            raise InputError("whether a population is meant, or all intervals at once, is true or false")


def _is_number(field: Field) -> bool:
    return field.type in (FieldType.INTEGER, FieldType.NUMBER) and field.enum is None


def _field(fields: Sequence[Field], name: Any) -> Field:
    for field in fields:
        if field.name == name:
            return field
    raise InputError(f"there is no synthesized column {name!r} to ask about")


def _typed(field: Field, value: Any) -> Any:
    return given_values([field], {field.name: value})[field.name]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
