"""Fixed values of columns as people write them, in JSON or on a command line, with the types of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from engine.data.schema import Field, FieldType
from engine.errors import InputError

_BOOLEANS = {"true": True, "false": False}


def given_values(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the types of their columns; None stays None and means missing.

    Args:
        fields: the columns that can be fixed.
        values: a value per column: of its type, or its text.

    Raises:
        InputError: there is no such column, or the value is not of its type.
    """
    known = {field.name: field for field in fields}
    for name in values:
        if name not in known:
            raise InputError(f"there is no synthesized column {name!r} to give a value of")
    return {name: _typed(known[name], value) for name, value in values.items()}


def given_texts(fields: Sequence[Field], texts: Iterable[str]) -> dict[str, Any]:
    """The same from texts of the form `column=value`; nothing after the sign means missing.

    Raises:
        InputError: a text has another form, names a column twice or one that is not there, or its value has another
            type.
    """
    names = sorted((field.name for field in fields), key=len, reverse=True)  # a name may hold the sign itself
    values: dict[str, Any] = {}
    for text in texts:
        name = next((name for name in names if text.startswith(f"{name}=")), None)
        if name is None:
            raise InputError("a given value is written as column=value, with the name of a synthesized column")
        if name in values:
            raise InputError(f"column {name!r} is given twice")
        values[name] = text[len(name) + 1 :] or None
    return given_values(fields, values)


def _typed(field: Field, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _READERS[field.type](value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"the value given for column {field.name!r} is not of type {field.type.value}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if _text(value).lower() not in _BOOLEANS:
        raise ValueError("not a boolean")
    return _BOOLEANS[value.lower()]


def _integer(value: Any) -> int:
    number = _number(value) if not isinstance(value, str) else int(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("not a number")
    return float(value)


def _date(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else _read_date(value)


def _read_date(value: Any) -> date:
    return date.fromisoformat(_text(value))


def _moment(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if found.tzinfo is not None:
        raise ValueError("a moment of a table has no time zone")
    return found


_READERS = {
    FieldType.STRING: _text,
    FieldType.BOOLEAN: _boolean,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
}
