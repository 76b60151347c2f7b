"""Parts of a schema's JSON that are read and written alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from engine.errors import SchemaError

Kind = TypeVar("Kind", bound=StrEnum)


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """A JSON object, or an empty one for nothing; raises SchemaError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SchemaError(f"{what} must be an object")
    return value


def member(kinds: type[Kind], value: Any, what: str) -> Kind:
    """The member that a JSON text names; raises SchemaError where there is none."""
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(kind.value for kind in kinds)
        raise SchemaError(f"{what} must be one of {known}") from None


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """An object without the keys that have no value."""
    return {key: value for key, value in values.items() if value is not None}
