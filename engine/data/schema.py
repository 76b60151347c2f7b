"""The schema of a table: what the columns are and where each domain comes from.

It reads and writes Frictionless Table Schema JSON. What Frictionless has no word for stands under one extension key,
`x-synthesis`, of a field or of the table. A schema is public: it is stated by people or learned under differential
privacy, and no private row ever changes it.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.data.date_format import is_date_format
from engine.data.fake import PROVIDERS
from engine.data.json_values import mapping, member, without_none
from engine.data.rules import Rule, check_rules, rule_from_json
from engine.errors import SchemaError

EXTENSION_KEY = "x-synthesis"
LARGEST_EXACT_INTEGER = 2**53

Scalar = str | int | float | bool
Bound = int | float | date | datetime


class FieldType(StrEnum):
    """Types of a column."""

    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


class DomainSource(StrEnum):
    """Where a column's domain comes from: a codebook, an analyst's statement, or a charged measurement."""

    PUBLIC = "public"
    DECLARED = "declared"
    MEASURED = "measured"


class Treatment(StrEnum):
    """What happens to a column."""

    SYNTHESIZE = "synthesize"
    DROP = "drop"
    FAKE = "fake"


RANGE_TYPES = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})


@dataclass(frozen=True)
class Field:
    """One column.

    Args:
        name: its name.
        type: its type.
        minimum: smallest value, for numbers and dates.
        maximum: largest value.
        enum: all values, in order.
        required: whether a value is never missing; else the domain has a missing cell.
        source: where the domain comes from.
        treatment: synthesize, drop or fake.
        fake_provider: what to fake, where the treatment is fake.
        atoms: exact numbers that get a cell of their own.
        other_value: category of values outside `enum`; without one they become missing.
        decimals: digits after the point of a `number` column in the output.
        title: name to show.
        description: what the column means.
        date_format: how dates are written in the file, such as `%d/%m/%Y`; without one they are ISO.
        decimal_comma: whether the file writes numbers as 1.234,5 and not as 1,234.5.

    Raises:
        SchemaError: the parts contradict one another.
    """

    name: str
    type: FieldType
    minimum: Bound | None = None
    maximum: Bound | None = None
    enum: tuple[Scalar, ...] | None = None
    required: bool = False
    source: DomainSource = DomainSource.DECLARED
    treatment: Treatment = Treatment.SYNTHESIZE
    fake_provider: str | None = None
    atoms: tuple[int | float, ...] = ()
    other_value: str | None = None
    decimals: int | None = None
    title: str | None = None
    description: str | None = None
    date_format: str | None = None
    decimal_comma: bool = False

    def __post_init__(self) -> None:
        for attribute, kind in (("type", FieldType), ("source", DomainSource), ("treatment", Treatment)):
            object.__setattr__(self, attribute, kind(getattr(self, attribute)))
        _check_name(self)
        _check_bounds(self)
        _check_enum(self)
        _check_extension(self)

    @property
    def has_domain(self) -> bool:
        """Whether the schema alone says which values there are."""
        bounded = self.minimum is not None and self.maximum is not None
        return bounded or self.enum is not None or self.type is FieldType.BOOLEAN

    def to_json(self) -> dict[str, Any]:
        """The field as Frictionless JSON."""
        constraints = {
            "required": self.required or None,
            "minimum": _bound_to_json(self.minimum),
            "maximum": _bound_to_json(self.maximum),
            "enum": list(self.enum) if self.enum is not None else None,
        }
        extension = {
            "domainSource": self.source.value,
            "treatment": self.treatment.value,
            "fakeProvider": self.fake_provider,
            "atoms": list(self.atoms) or None,
            "otherValue": self.other_value,
            "decimals": self.decimals,
        }
        whole = {
            "name": self.name,
            "type": self.type.value,
            "format": self.date_format,
            "decimalChar": "," if self.decimal_comma else None,
            "title": self.title,
            "description": self.description,
            "constraints": without_none(constraints) or None,
            EXTENSION_KEY: without_none(extension),
        }
        return without_none(whole)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Field:
        """Read a field; raises SchemaError where it is malformed. Unknown keys are ignored."""
        name = value.get("name") if isinstance(value, Mapping) else None
        if not isinstance(name, str):
            raise SchemaError("every field of a schema needs a name")
        kind = member(FieldType, value.get("type", "string"), f"type of {name!r}")
        constraints = mapping(value.get("constraints"), f"constraints of {name!r}")
        extension = mapping(value.get(EXTENSION_KEY), f"{EXTENSION_KEY} of {name!r}")
        enum = constraints.get("enum")
        if enum is not None and not isinstance(enum, list):
            raise SchemaError(f"field {name!r}: enum must be a list")
        minimum = _bound_from_json(constraints.get("minimum"), kind, name)
        maximum = _bound_from_json(constraints.get("maximum"), kind, name)
        stated = enum is not None or kind is FieldType.BOOLEAN or (minimum is not None and maximum is not None)
        default = DomainSource.DECLARED if stated else DomainSource.MEASURED
        atoms = extension.get("atoms", [])
        if not isinstance(atoms, list):
            raise SchemaError(f"field {name!r}: atoms must be a list of numbers")
        return cls(
            name=name,
            type=kind,
            minimum=minimum,
            maximum=maximum,
            enum=tuple(enum) if enum is not None else None,
            required=constraints.get("required", False) is True,
            source=member(DomainSource, extension.get("domainSource", default), f"domainSource of {name!r}"),
            treatment=member(Treatment, extension.get("treatment", Treatment.SYNTHESIZE), f"treatment of {name!r}"),
            fake_provider=extension.get("fakeProvider"),
            atoms=tuple(atoms),
            other_value=extension.get("otherValue"),
            decimals=extension.get("decimals"),
            title=value.get("title"),
            description=value.get("description"),
            date_format=_date_format(value.get("format"), kind),
            decimal_comma=_decimal_comma(value.get("decimalChar"), kind, name),
        )


@dataclass(frozen=True)
class TableSchema:
    """All columns of a table, in order.

    Args:
        fields: the columns.
        missing_values: cell texts that mean missing.
        rules: what every row is publicly known to keep.

    Raises:
        SchemaError: there are no fields, two share a name, or a rule cannot hold.
    """

    fields: tuple[Field, ...]
    missing_values: tuple[str, ...] = ("",)
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if not self.fields:
            raise SchemaError("a schema needs at least one field")
        seen: set[str] = set()
        for field in self.fields:
            if field.name in seen:
                raise SchemaError(f"two fields are named {field.name!r}: names must differ")
            seen.add(field.name)
        check_rules(self.rules, {field.name: field for field in self.fields})
        try:
            self.digest()
        except (UnicodeEncodeError, RecursionError):
            raise SchemaError("the schema holds text that cannot be written as UTF-8") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """One column; raises SchemaError where there is none of that name."""
        for field in self.fields:
            if field.name == name:
                return field
        raise SchemaError(f"the schema has no field {name!r}")

    def replace_field(self, field: Field) -> TableSchema:
        """The schema with the field of the same name replaced."""
        self.field(field.name)
        fields = tuple(field if old.name == field.name else old for old in self.fields)
        return replace(self, fields=fields)

    def to_json(self) -> dict[str, Any]:
        """The schema as Frictionless JSON."""
        written: dict[str, Any] = {
            "fields": [field.to_json() for field in self.fields],
            "missingValues": list(self.missing_values),
        }
        if self.rules:
            written[EXTENSION_KEY] = {"rules": [rule.to_json() for rule in self.rules]}
        return written

    @classmethod
    def from_json(cls, value: Any) -> TableSchema:
        """Read Frictionless JSON; raises SchemaError where it is malformed."""
        fields = value.get("fields") if isinstance(value, Mapping) else None
        if not isinstance(fields, list):
            raise SchemaError("this is not a Table Schema: it has no list of fields")
        missing = value.get("missingValues", [""])
        if not isinstance(missing, list):
            raise SchemaError("missingValues must be a list of texts")
        tokens: list[Any] = [token.get("value") if isinstance(token, Mapping) else token for token in missing]
        if not all(isinstance(token, str) for token in tokens):
            raise SchemaError("missingValues must be a list of texts")
        rules = mapping(value.get(EXTENSION_KEY), EXTENSION_KEY).get("rules", [])
        if not isinstance(rules, list):
            raise SchemaError("rules must be a list")
        return cls(
            tuple(Field.from_json(field) for field in fields),
            tuple(tokens),
            tuple(rule_from_json(rule) for rule in rules),
        )

    @classmethod
    def load(cls, path: Path) -> TableSchema:
        """Read a schema file; raises SchemaError where it is malformed, OSError where it cannot be read."""
        try:
            return cls.from_json(json.loads(path.read_bytes()))
        except (ValueError, RecursionError):
            raise SchemaError(f"{path.name} is not JSON") from None

    def save(self, path: Path) -> None:
        """Write the schema as a file."""
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    def digest(self) -> str:
        """SHA-256 of the schema's canonical JSON, in hexadecimal."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def _check_name(field: Field) -> None:
    if not isinstance(field.name, str) or not field.name.strip():
        raise SchemaError("every field of a schema needs a name")
    for text in (field.title, field.description, field.other_value, field.fake_provider, field.date_format):
        if text is not None and not isinstance(text, str):
            raise SchemaError(f"field {field.name!r}: titles, other values, formats and providers are texts")
    if field.date_format is None:
        return
    if field.type not in (FieldType.DATE, FieldType.DATETIME) or not is_date_format(field.date_format):
        raise SchemaError(
            f"field {field.name!r}: the format of a date is made of %Y, %m, %d, and %H, %M, %S; leave it out for ISO"
        )


def _check_bounds(field: Field) -> None:
    bounds = [bound for bound in (field.minimum, field.maximum) if bound is not None]
    if bounds and field.type not in RANGE_TYPES:
        raise SchemaError(f"field {field.name!r}: a {field.type.value} has no minimum or maximum")
    for bound in bounds:
        _check_bound(field, bound)
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:  # type: ignore[operator]
        raise SchemaError(f"field {field.name!r}: minimum {field.minimum} is above maximum {field.maximum}")


def _check_bound(field: Field, bound: Bound) -> None:
    if field.type is FieldType.DATETIME:
        fits = isinstance(bound, datetime) and bound.tzinfo is None
    elif field.type is FieldType.DATE:
        fits = isinstance(bound, date) and not isinstance(bound, datetime)
    else:
        fits = _is_number(bound) and (field.type is FieldType.NUMBER or bound == int(bound))  # type: ignore[arg-type]
    if not fits:
        raise SchemaError(f"field {field.name!r}: a bound is not a {field.type.value}")
    if field.type is FieldType.INTEGER and abs(bound) > LARGEST_EXACT_INTEGER:  # type: ignore[arg-type]
        raise SchemaError(f"field {field.name!r}: bounds of an integer lie within ±2^53")


def _check_enum(field: Field) -> None:
    if field.enum is None:
        return
    if field.minimum is not None or field.maximum is not None:
        raise SchemaError(f"field {field.name!r}: state either enum or minimum and maximum, not both")
    if not field.enum:
        raise SchemaError(f"field {field.name!r}: enum is empty")
    kinds = {
        FieldType.STRING: lambda value: isinstance(value, str),
        FieldType.BOOLEAN: lambda value: isinstance(value, bool),
        FieldType.INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
        FieldType.NUMBER: _is_number,
    }
    if field.type not in kinds:
        raise SchemaError(f"field {field.name!r}: a {field.type.value} takes minimum and maximum, not enum")
    if not all(kinds[field.type](value) for value in field.enum):
        raise SchemaError(f"field {field.name!r}: a value of enum is not a {field.type.value}")
    if len(set(field.enum)) != len(field.enum):
        raise SchemaError(f"field {field.name!r}: enum names a value twice")


def _check_extension(field: Field) -> None:
    if field.treatment is Treatment.FAKE and field.fake_provider not in PROVIDERS:
        raise SchemaError(f"field {field.name!r}: say what to fake, with one of {', '.join(PROVIDERS)}")
    if field.atoms and field.type not in (FieldType.INTEGER, FieldType.NUMBER):
        raise SchemaError(f"field {field.name!r}: only numbers have atoms")
    for atom in field.atoms:
        below = field.minimum is not None and _is_number(atom) and atom < field.minimum  # type: ignore[operator]
        above = field.maximum is not None and _is_number(atom) and atom > field.maximum  # type: ignore[operator]
        whole = field.type is FieldType.NUMBER or (_is_number(atom) and atom == int(atom))
        if not _is_number(atom) or below or above or not whole:
            raise SchemaError(f"field {field.name!r}: an atom is not a number within the bounds")
    if field.other_value is not None and field.type is not FieldType.STRING:
        raise SchemaError(f"field {field.name!r}: only a string has an otherValue")
    if field.decimal_comma and field.type is not FieldType.NUMBER:
        raise SchemaError(f"field {field.name!r}: only a number has a decimal comma")
    if field.decimals is None:
        return
    if field.type is not FieldType.NUMBER or type(field.decimals) is not int or not 0 <= field.decimals <= 12:
        raise SchemaError(f"field {field.name!r}: decimals is a whole number from 0 to 12, for a number")


def _is_number(value: object) -> bool:
    """Whether a value is a number that a double holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= sys.float_info.max


def _bound_to_json(bound: Bound | None) -> Any:
    return bound.isoformat() if isinstance(bound, date) else bound


def _bound_from_json(value: Any, kind: FieldType, name: str) -> Bound | None:
    if value is None:
        return None
    if kind not in (FieldType.DATE, FieldType.DATETIME):
        return value  # type: ignore[no-any-return]  # checked when the field is made
    try:
        return date.fromisoformat(value) if kind is FieldType.DATE else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise SchemaError(f"field {name!r}: a bound is not an ISO {kind.value}") from None


def _date_format(value: Any, kind: FieldType) -> str | None:
    """Frictionless names formats of many types; only those of dates matter here."""
    if kind not in (FieldType.DATE, FieldType.DATETIME) or value in ("default", "any"):
        return None
    return value  # type: ignore[no-any-return]  # checked when the field is made


def _decimal_comma(value: Any, kind: FieldType, name: str) -> bool:
    if kind is FieldType.NUMBER and value not in (None, ".", ","):
        raise SchemaError(f"field {name!r}: decimalChar is a point or a comma")
    return kind is FieldType.NUMBER and value == ","
