"""What is checked before a decision about a dataset is written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import InvalidDataError, InvalidInputError
from app.reporting.claims import refuse_claims
from app.services.budget import SMALLEST_EPSILON
from app.services.rule_checks import check_rules_hold
from engine.data.schema import TableSchema
from engine.errors import SchemaError
from engine.privacy.plan import MAXIMUM_DELTA, MAXIMUM_EPSILON, MAXIMUM_ROWS, UnitOfProtection

LONGEST_NAME = 200
LARGEST_DRAFT_BYTES = 64 * 1024
LARGEST_SCHEMA_BYTES = 8 * 1024 * 1024


def clean_name(name: str) -> str:
    """A dataset's name without outer spaces.

    Raises:
        InvalidInputError: it is empty or too long, or reads like a claim, which reports would print.
    """
    clean = printable(" ".join(name.split()))
    if not 1 <= len(clean) <= LONGEST_NAME:
        raise InvalidInputError(f"A dataset needs a name of 1 to {LONGEST_NAME} characters.")
    refuse_claims([clean])
    return clean


def printable(text: str) -> str:
    """A text without control characters, which neither a page nor every database can take."""
    return "".join(filter(str.isprintable, text))


def parse_schema(content: bytes) -> TableSchema:
    """Read a Frictionless schema or SDV metadata.

    Raises:
        SchemaError: it is neither.
    """
    if len(content) > LARGEST_SCHEMA_BYTES:
        raise SchemaError(f"a schema has at most {LARGEST_SCHEMA_BYTES // 1024**2} MiB")
    try:
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()  # half a character could be stored, but never shown
    except (ValueError, RecursionError):
        raise SchemaError("this is not JSON") from None
    if isinstance(value, dict) and "fields" not in value and ("columns" in value or "tables" in value):
        from engine.data.sdv_metadata import schema_from_sdv

        return schema_from_sdv(value)
    return TableSchema.from_json(value)


def check_schema(schema: TableSchema, columns: Sequence[str], confirmed: set[str]) -> None:
    """Refuse a schema that does not describe exactly the table's columns, or whose rules no run could keep.

    Raises:
        InvalidDataError: it says what to change.
    """
    if missing := [name for name in columns if name not in schema.names]:
        raise InvalidDataError(f"The schema lacks the column {missing[0]!r} of the table. Add it, or drop it there.")
    if unknown := [name for name in schema.names if name not in columns]:
        raise InvalidDataError(f"The table has no column {unknown[0]!r}, which the schema describes.")
    if unknown := sorted(confirmed - set(schema.names)):
        raise InvalidDataError(f"The column {unknown[0]!r} cannot be confirmed: the table has none of that name.")
    check_rules_hold(schema)


def check_unit(unit: UnitOfProtection, columns: Sequence[str], declared_rows: int, delta: float) -> None:
    """Refuse a unit that the table does not have; raises InvalidInputError."""
    if unit.id_column is not None and unit.id_column not in columns:
        raise InvalidInputError(f"The table has no column {unit.id_column!r} to tell persons apart.")
    is_whole = isinstance(declared_rows, int) and not isinstance(declared_rows, bool)
    if not is_whole or not 1 <= declared_rows <= MAXIMUM_ROWS:
        raise InvalidInputError(f"State about how many rows there are: a whole number from 1 to {MAXIMUM_ROWS:,}.")
    _check_delta_against_rows(delta, declared_rows)


def check_budget(epsilon: float, delta: float, declared_rows: int | None) -> None:
    """Refuse a budget out of range; raises InvalidInputError."""
    if not _is_number(epsilon) or not SMALLEST_EPSILON <= epsilon <= MAXIMUM_EPSILON:
        raise InvalidInputError(f"ε of the budget is a number from {SMALLEST_EPSILON:g} to {MAXIMUM_EPSILON:g}.")
    if not _is_number(delta) or not 0.0 < delta <= MAXIMUM_DELTA:
        raise InvalidInputError(f"δ is a number above 0 and at most {MAXIMUM_DELTA:g}.")
    if declared_rows is not None:
        _check_delta_against_rows(delta, declared_rows)


def protects_others(before: Mapping[str, Any] | None, after: UnitOfProtection) -> bool:
    """Whether a unit's guarantee is about somebody else; another number of rows per person is not."""
    if before is None:
        return False
    old = UnitOfProtection.from_json(dict(before))
    return (old.kind, old.id_column) != (after.kind, after.id_column)


def check_holdout_share(share: float) -> None:
    """Refuse a share that leaves too little on either side; raises InvalidInputError."""
    if not _is_number(share) or not 0.0 <= share <= 0.5:
        raise InvalidInputError("The share of rows set aside for the report is a number from 0 to 0.5.")


def clean_draft(choices: dict[str, Any]) -> dict[str, Any]:
    """The choices as plain JSON; raises InvalidInputError where they are not."""
    try:
        text = json.dumps(choices, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidInputError("A choice must be a text, a number, true, false or a list of them.") from None
    if len(text) > LARGEST_DRAFT_BYTES:
        raise InvalidInputError("There are too many choices to keep.")
    clean: dict[str, Any] = json.loads(text)
    return clean


def unit_of(value: Mapping[str, Any] | None) -> UnitOfProtection | None:
    """A stored unit; None where none was stored."""
    return UnitOfProtection.from_json(dict(value)) if value is not None else None


def _check_delta_against_rows(delta: float, declared_rows: int) -> None:
    if delta * declared_rows >= 1.0:
        raise InvalidInputError(
            f"δ = {delta:g} is too large for about {declared_rows:,} rows: a mechanism could publish one whole row "
            f"and still satisfy it. Choose δ well below {1.0 / declared_rows:.1g}."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
