"""Import of SDV metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import SchemaError

_PROVIDERS = {
    "email": "email",
    "phone_number": "phone_number",
    "first_name": "first_name",
    "last_name": "last_name",
    "name": "name",
    "ssn": "ssn",
    "address": "street_address",
    "street_address": "street_address",
    "city": "city",
    "postcode": "postcode",
    "ipv4_address": "ipv4",
    "iban": "iban",
    "credit_card_number": "credit_card_number",
    "company": "company",
    "user_name": "user_name",
    "license_plate": "license_plate",
    "id": "uuid4",
}


def is_sdv_metadata(value: Any) -> bool:
    """Whether JSON looks like SDV metadata for one table or several."""
    return isinstance(value, Mapping) and (isinstance(value.get("columns"), Mapping) or "tables" in value)


def load_schema(path: Path) -> TableSchema:
    """A schema from a Frictionless or an SDV file.

    Raises:
        SchemaError: it is neither.
        OSError: it cannot be read.
    """
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise SchemaError(f"{path.name} is not JSON") from None
    return schema_from_sdv(value) if is_sdv_metadata(value) else TableSchema.from_json(value)


def schema_from_sdv(value: Any) -> TableSchema:
    """A schema from SDV metadata.

    SDV states types but no domains, so numbers, categories and dates get a domain that is learned under DP;
    identifiers and personal data are faked.

    Raises:
        SchemaError: the metadata describes several tables, or is malformed.
    """
    columns = _columns(value)
    return TableSchema(tuple(_field(name, column) for name, column in columns.items()))


def _columns(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping) and isinstance(value.get("tables"), Mapping):
        tables = value["tables"]
        if len(tables) != 1:
            raise SchemaError("the SDV metadata describes several tables: export the metadata of one")
        value = next(iter(tables.values()))
    columns = value.get("columns") if isinstance(value, Mapping) else None
    if not isinstance(columns, Mapping) or not columns:
        raise SchemaError("this is not SDV metadata: it has no columns")
    return columns


def _field(name: str, column: Any) -> Field:
    kind = column.get("sdtype") if isinstance(column, Mapping) else None
    if not isinstance(kind, str):
        raise SchemaError(f"the SDV metadata of column {name!r} has no sdtype")
    measured = DomainSource.MEASURED
    if kind == "numerical":
        whole = str(column.get("computer_representation", "Float")).startswith(("Int", "UInt"))
        return Field(name, FieldType.INTEGER if whole else FieldType.NUMBER, source=measured)
    if kind == "boolean":
        return Field(name, FieldType.BOOLEAN)
    if kind == "datetime":
        return _moment(name, column.get("datetime_format"))
    if kind == "categorical":
        return Field(name, FieldType.STRING, source=measured)
    if kind in _PROVIDERS:
        return Field(name, FieldType.STRING, treatment=Treatment.FAKE, fake_provider=_PROVIDERS[kind])
    return Field(name, FieldType.STRING, treatment=Treatment.DROP)


def _moment(name: str, written: Any) -> Field:
    """A date or datetime; without a format SDV finds one by itself, and here ISO is read."""
    if written is None:
        return Field(name, FieldType.DATETIME, source=DomainSource.MEASURED)
    if not isinstance(written, str):
        raise SchemaError(f"the datetime_format of column {name!r} is not a text")
    timed = any(code in written for code in ("%H", "%I", "%M", "%S", "%T", "%X", "%c"))
    kind = FieldType.DATETIME if timed else FieldType.DATE
    date_format = None if written.startswith("%Y-%m-%d") else written
    return Field(name, kind, source=DomainSource.MEASURED, date_format=date_format)
