"""Rules that every row is publicly known to keep, such as "admitted before discharged".

A rule is stated by people from knowledge other than the table; no private row is read to find or to check one. Every
synthetic row keeps it. Where a column of a rule is missing in a row, the rule says nothing about that row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeGuard

from engine.data.json_values import mapping
from engine.errors import SchemaError

if TYPE_CHECKING:
    from engine.data.schema import Field

    Scalar = str | int | float | bool

MOST_COLUMNS = 3
MOST_COMBINATIONS = 10_000


@dataclass(frozen=True)
class AtMost:
    """One column is never above another.

    Args:
        low: name of the smaller column.
        high: name of the larger one.

    Raises:
        SchemaError: both are the same column.
    """

    low: str
    high: str

    def __post_init__(self) -> None:
        if self.low == self.high:
            raise SchemaError(f"a rule compares column {self.low!r} with itself: name two columns")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule is about."""
        return (self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """The rule as JSON."""
        return {"kind": "at_most", "low": self.low, "high": self.high}

    def describe(self) -> str:
        """The rule in words."""
        return f"{self.low} is at most {self.high}"

    def check(self, fields: Mapping[str, Field]) -> None:
        """Raise SchemaError where the columns cannot be compared."""
        kinds = {"integer": "number", "number": "number", "date": "date", "datetime": "datetime"}
        low, high = (kinds.get(fields[name].type.value) for name in self.columns)
        if low is None or low != high:
            raise SchemaError(
                f"columns {self.low!r} and {self.high!r} cannot be compared: a rule needs two numbers or two dates"
            )


@dataclass(frozen=True)
class Combinations:
    """Only the listed combinations of values occur; a code that determines its group is a list of pairs.

    Args:
        columns: names of two or three columns.
        rows: the combinations that occur, one value per column.

    Raises:
        SchemaError: the list is empty, too long, or not of the form that `columns` says.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]

    def __post_init__(self) -> None:
        if not 2 <= len(set(self.columns)) == len(self.columns) <= MOST_COLUMNS:
            raise SchemaError(f"a list of combinations is about two or {MOST_COLUMNS} different columns")
        if not 1 <= len(self.rows) <= MOST_COMBINATIONS:
            raise SchemaError(f"a rule lists between 1 and {MOST_COMBINATIONS:,} combinations")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise SchemaError(f"every combination of {', '.join(self.columns)} needs one value per column")

    def to_json(self) -> dict[str, Any]:
        """The rule as JSON."""
        return {"kind": "combinations", "columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    def describe(self) -> str:
        """The rule in words."""
        return f"{' and '.join(self.columns)} occur in {len(self.rows)} listed combinations only"

    def check(self, fields: Mapping[str, Field]) -> None:
        """Raise SchemaError where a column has no list of values, or a combination is outside of it."""
        for position, name in enumerate(self.columns):
            values = listed_values(fields[name])
            if values is None:
                raise SchemaError(
                    f"column {name!r} stands in a list of combinations: state its values (enum) as public or declared"
                )
            if not {row[position] for row in self.rows} <= set(values):
                raise SchemaError(f"a combination holds a value that column {name!r} does not list")


Rule = AtMost | Combinations


def listed_values(field: Field) -> tuple[Scalar, ...] | None:
    """Every value of a column in order, where its schema lists them."""
    if field.type.value == "boolean":
        return (True, False)
    if field.source.value == "measured":
        return None
    if field.enum is not None:
        other = () if field.other_value is None or field.other_value in field.enum else (field.other_value,)
        return (*field.enum, *other)
    if field.type.value == "integer" and isinstance(field.minimum, int) and isinstance(field.maximum, int):
        return tuple(range(field.minimum, field.maximum + 1)) if field.maximum - field.minimum < 1000 else None
    return None


def check_rules(rules: Sequence[Rule], fields: Mapping[str, Field]) -> None:
    """Refuse rules about columns that are not there, that cannot hold, or that go round in a circle.

    Raises:
        SchemaError: a rule is wrong; the message names its columns.
    """
    for rule in rules:
        for name in rule.columns:
            if name not in fields:
                raise SchemaError(f"a rule names the column {name!r}, which the schema lacks")
        rule.check(fields)
    ordered(rules)


def ordered(rules: Sequence[Rule]) -> tuple[tuple[str, str], ...]:
    """All pairs (low, high) that the rules imply, those of chains included.

    Raises:
        SchemaError: the rules put a column below itself.
    """
    pairs = {(rule.low, rule.high) for rule in rules if isinstance(rule, AtMost)}
    while found := {(first[0], second[1]) for first, second in product(pairs, pairs) if first[1] == second[0]} - pairs:
        pairs |= found
    for low, high in sorted(pairs):
        if low == high:
            raise SchemaError(f"the rules put column {low!r} below itself: remove one of them")
    return tuple(sorted(pairs))


def rule_from_json(value: Any) -> Rule:
    """Read a rule; raises SchemaError where it is malformed."""
    found = mapping(value, "a rule")
    if found.get("kind") == "at_most":
        low, high = found.get("low"), found.get("high")
        if isinstance(low, str) and isinstance(high, str):
            return AtMost(low, high)
    if found.get("kind") == "combinations":
        columns, rows = found.get("columns"), found.get("rows")
        if _is_list_of(columns, str) and _is_list_of(rows, list):
            if not all(_is_list_of(row, (str, int, float, bool)) for row in rows):
                raise SchemaError("a combination is a list of texts, numbers or booleans")
            return Combinations(tuple(columns), tuple(tuple(row) for row in rows))
    raise SchemaError("a rule is {kind: at_most, low, high} or {kind: combinations, columns, rows}")


def _is_list_of(value: Any, kind: type | tuple[type, ...]) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)
