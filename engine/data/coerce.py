"""Columns and their types: what a text means, and where it means nothing."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.data.schema import Field, FieldType
from engine.errors import IngestError

_TRUE = pa.array(["true", "True", "TRUE", "1", "yes", "Yes", "YES", "t", "T", "y", "Y"])
_FALSE = pa.array(["false", "False", "FALSE", "0", "no", "No", "NO", "f", "F", "n", "N"])
_BOOLEAN_WORDS = pa.array(["true", "True", "TRUE", "false", "False", "FALSE"])
_TIMESTAMP = pa.timestamp("us")
_DTYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}
_NOT_FINITE = "is not a finite number: remove it or mark it as missing"

Cast = Callable[[pa.ChunkedArray], pa.ChunkedArray]


def infer_column(values: pa.ChunkedArray, name: str) -> pd.Series:
    """The typed column for values as a file holds them.

    A text column becomes integer, number, boolean, date or datetime where every value reads as one.

    Raises:
        IngestError: a number is not finite, or the file's own type is none of a table's.
    """
    if not _is_text(values.type):
        return _to_pandas(_plain(values, name), name)
    values = values.cast(pa.string())
    if values.null_count == len(values):
        return _to_pandas(values, name)
    for cast in (_to_integer_digits, _to_number, _to_boolean_words, _to_timestamp):
        try:
            found = cast(values)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        if cast is _to_number and _has_only_digits(values):
            break  # whole numbers too long for 64 bits are names of something, not quantities
        _check_finite(found, name)
        return _to_pandas(found, name)
    return _to_pandas(values, name)


def coerce_column(values: pa.ChunkedArray, field: Field) -> pd.Series:
    """The column as its field's type.

    Raises:
        IngestError: a value is not of that type; the message names its row and column only.
    """
    cast = _CASTS[field.type]
    values = values.cast(pa.string()) if _is_text(values.type) else _plain(values, field.name)
    try:
        found = cast(values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        row = _first_failure(values, cast)
        raise IngestError(f"the value is not {_ARTICLE[field.type]}", row=row, column=field.name) from None
    _check_finite(found, field.name)
    return _to_pandas(found, field.name)


def _has_only_digits(values: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.fill_null(pc.match_substring_regex(values, r"^[+-]?[0-9]+$"), True)).as_py())


def _plain(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Values of a typed file in one of the five types that a table has."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type), name)
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return values if pa.types.is_boolean(kind) else values.cast(pa.string())
    try:
        if pa.types.is_integer(kind):
            return values.cast(pa.int64())
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            found = values.cast(pa.float64())
            _check_finite(found, name)
            return found
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return _check_years(values.cast(_TIMESTAMP), name)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise IngestError("a value does not fit 64 bits", column=name) from None
    if _is_text(kind):
        return values.cast(pa.string())
    raise IngestError("the column holds neither numbers, texts, booleans nor dates", column=name)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _to_integer(values: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = _without_plus(values) if _is_text(values.type) else values
    try:
        return pc.cast(plain, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(pc.cast(plain, pa.float64()), pa.int64())  # 5.0 is whole; a fraction is refused


def _to_integer_digits(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(_without_plus(values), pa.int64())


def _to_number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(_without_plus(values) if _is_text(values.type) else values, pa.float64())


def _to_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "true", "false")
    return pc.cast(values, pa.string())


def _to_boolean(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(values.type):
        return values
    texts = _to_text(values)
    true = pc.is_in(texts, value_set=_TRUE)
    known = pc.or_(pc.or_(true, pc.is_in(texts, value_set=_FALSE)), pc.is_null(texts))
    if not pc.all(known).as_py():
        raise pa.ArrowInvalid("not a boolean")
    return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.bool_()), true)


def _to_boolean_words(values: pa.ChunkedArray) -> pa.ChunkedArray:
    known = pc.or_(pc.is_in(values, value_set=_BOOLEAN_WORDS), pc.is_null(values))
    if not pc.all(known).as_py():
        raise pa.ArrowInvalid("not a boolean")
    return _to_boolean(values)


def _to_timestamp(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if _is_text(values.type):
        try:
            return pc.cast(values, _TIMESTAMP)
        except pa.ArrowInvalid:
            return pc.cast(pc.cast(values, pa.timestamp("us", tz="UTC")), _TIMESTAMP)
    if not pa.types.is_timestamp(values.type):
        raise pa.ArrowInvalid("not a date")
    return values


def _to_date(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.floor_temporal(_to_timestamp(values), unit="day")


def _without_plus(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Arrow reads "-1" but not "+1"."""
    return pc.replace_substring_regex(values, r"^\+([0-9.])", r"\1")


_CASTS: dict[FieldType, Cast] = {
    FieldType.INTEGER: _to_integer,
    FieldType.NUMBER: _to_number,
    FieldType.STRING: _to_text,
    FieldType.BOOLEAN: _to_boolean,
    FieldType.DATE: _to_date,
    FieldType.DATETIME: _to_timestamp,
}
_ARTICLE = {
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.STRING: "a text",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "an ISO date such as 2024-02-29 between the years 1 and 9999",
    FieldType.DATETIME: "an ISO date and time such as 2024-02-29 13:45:00 between the years 1 and 9999",
}


def _check_finite(values: pa.ChunkedArray, name: str) -> None:
    if not pa.types.is_floating(values.type):
        return
    finite = pc.fill_null(pc.is_finite(values), True)
    if not pc.all(finite).as_py():
        raise IngestError(f"the value {_NOT_FINITE}", row=pc.index(finite, False).as_py() + 1, column=name)


def _check_years(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    years = pc.year(values)
    fits = pc.fill_null(pc.and_(pc.greater_equal(years, 1), pc.less_equal(years, 9999)), True)
    if not pc.all(fits).as_py():
        row = pc.index(fits, False).as_py() + 1
        raise IngestError("the date lies outside the years 1 to 9999", row=row, column=name)
    return values


def _first_failure(values: pa.ChunkedArray, cast: Cast) -> int:
    """1-based row of the first value that the cast refuses, by halving."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            cast(values.slice(low, middle - low))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
        else:
            low = middle
    return low + 1


def _to_pandas(values: pa.ChunkedArray, name: str) -> pd.Series:
    series = values.to_pandas(types_mapper=_DTYPES.get)
    return pd.Series(series, name=name)
