"""Columns and their types: what a text means, and where it means nothing.

A cell is read from its own text alone: no other row changes what it means. Errors are raised outside `except`
blocks, because Arrow's own errors quote the cell and would stay attached as their context.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.data.date_format import iso_pattern
from engine.data.schema import Field, FieldType
from engine.errors import IngestError

_TRUE = pa.array(["true", "True", "TRUE", "1", "yes", "Yes", "YES", "t", "T", "y", "Y"])
_FALSE = pa.array(["false", "False", "FALSE", "0", "no", "No", "NO", "f", "F", "n", "N"])
_BOOLEAN_WORDS = pa.array(["true", "True", "TRUE", "false", "False", "FALSE"])
_TIMESTAMP = pa.timestamp("us")
_ZONE = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
_HEAD_ROWS = 256
COMMA_NUMBER = r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?"
GROUPED_NUMBER = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"
_DTYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}

Cast = Callable[[pa.ChunkedArray], pa.ChunkedArray]


def infer_column(values: pa.ChunkedArray, name: str) -> pd.Series:
    """The typed column for values as a file holds them.

    A text column becomes integer, number, boolean, date or datetime where every value reads as one. Whole numbers
    with leading zeros, or too long for 64 bits, are names of something and stay texts.

    Raises:
        IngestError: a number is not finite, a date has no calendar year, or the file's own type is none of a table's.
    """
    if not _is_text(values.type):
        return pandas_column(_plain(values, name), name)
    if values.null_count == len(values):
        return pandas_column(values, name)
    found = _attempt(_to_integer_digits, values)
    if found is not None:
        return pandas_column(values if _any(values, r"^[+-]?0\d") else found, name)
    for cast in (_to_plain_number, _to_boolean_words, _to_timestamp):
        found = _attempt(cast, values)
        if found is None:
            continue
        if cast is _to_plain_number and not _any(values, r"[^+0-9-]"):
            break
        return pandas_column(_checked(found, name), name)
    return pandas_column(values, name)


def coerce_column(values: pa.ChunkedArray, field: Field) -> pd.Series:
    """The column as its field's type.

    Raises:
        IngestError: a value is not of that type; the message names its row and column only.
    """
    cast = _cast(field)
    plain = values if _is_text(values.type) else _plain(values, field.name)
    found = _attempt(cast, plain)
    if found is None:
        row = _first_failure(plain, cast)
        raise IngestError(f"the value is not {_described(field)}", row=row, column=field.name)
    return pandas_column(_checked(found, field.name), field.name)


def texts_only(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts of any kind as plain texts; other columns as they are."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return texts_only(values.cast(kind.value_type))
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    return values


def as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as texts: whole fractions without a point, midnights as dates, booleans as `true` and `false`."""
    kind = values.type
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    if pa.types.is_timestamp(kind):
        return pc.replace_substring_regex(pc.cast(values, pa.string()), r"(?: 00:00:00)?\.0{6}$", "")
    return pc.cast(values, pa.string())


def is_written_as(texts: pa.Array, date_format: str) -> bool:
    """Whether all texts are dates of a format."""
    return _attempt(lambda part: _formatted(part, date_format), pa.chunked_array([texts])) is not None


def _attempt(cast: Cast, values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cast values, or None where one of them cannot be cast; a few rows are tried first."""
    try:
        cast(values.slice(0, _HEAD_ROWS))
        return cast(values)
    except pa.ArrowException:
        return None


def _plain(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Values of a typed file in one of the five types that a table has."""
    values = texts_only(values)
    kind = values.type
    if pa.types.is_boolean(kind) or _is_text(kind):
        return values
    if pa.types.is_integer(kind):
        return _fitting(values, pa.int64(), "the whole number does not fit 64 bits", name)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _checked(_fitting(values, pa.float64(), "the number does not fit 64 bits", name), name)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _checked(_moments(values, name), name)
    raise IngestError("the column holds neither numbers, texts, booleans nor dates", column=name)


def _moments(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type) and values.type.unit == "ns":
        return pc.cast(values, _TIMESTAMP, safe=False)  # only finer parts than a microsecond are cut
    return _fitting(values, _TIMESTAMP, "the date lies outside the years 1 to 9999", name)


def _fitting(values: pa.ChunkedArray, kind: pa.DataType, message: str, name: str) -> pa.ChunkedArray:
    def cast(part: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.cast(part, kind)

    found = _attempt(cast, values)
    if found is None:
        raise IngestError(message, row=_first_failure(values, cast), column=name)
    return found


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind))


def _any(texts: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _refuse(reason: str) -> pa.ArrowInvalid:
    return pa.ArrowInvalid(reason)


def _to_integer(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers; 5.0 and 5e3 are whole too, and a fraction is refused."""
    if pa.types.is_timestamp(values.type):
        raise _refuse("not a number")
    if not _is_text(values.type):
        return pc.cast(values, pa.int64())
    try:
        return _to_integer_digits(values)
    except pa.ArrowInvalid:
        values = _without_groups(values)
        digits = pc.match_substring_regex(values, r"^[+-]?\d+$")
        whole = _to_integer_digits(pc.if_else(digits, values, None))
        return pc.coalesce(whole, pc.cast(pc.cast(pc.if_else(digits, None, values), pa.float64()), pa.int64()))


def _to_integer_digits(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Arrow reads "-1" but not "+1", and "0x1F" as 31."""
    signed = pc.any(pc.starts_with(values, "+")).as_py()
    plain = pc.replace_substring_regex(values, r"^\+(\d)", r"\1") if signed else values
    found = pc.cast(plain, pa.int64())
    if pc.any(pc.match_substring(plain, "x", ignore_case=True)).as_py():
        raise _refuse("hexadecimal")
    return found


def _to_plain_number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(values, pa.float64())


def _to_number(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        raise _refuse("not a number")
    try:
        return _to_plain_number(values)
    except pa.ArrowInvalid:
        return _to_plain_number(_without_groups(values))


def _to_number_with_comma(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not _is_text(values.type):
        return _to_number(values)
    if not pc.all(pc.fill_null(pc.match_substring_regex(values, f"^(?:{COMMA_NUMBER})$"), True)).as_py():
        raise _refuse("not a number with a decimal comma")
    return _to_plain_number(pc.replace_substring(pc.replace_substring(values, ".", ""), ",", "."))


def _without_groups(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """1,234.5 as 1234.5; a comma that does not stand before three digits stays, and is refused."""
    grouped = pc.match_substring_regex(values, f"^(?:{GROUPED_NUMBER})$")
    return pc.if_else(grouped, pc.replace_substring(values, ",", ""), values)


def _to_boolean(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(values.type):
        return values
    texts = as_text(values)
    true = pc.is_in(texts, value_set=_TRUE)
    known = pc.or_(pc.or_(true, pc.is_in(texts, value_set=_FALSE)), pc.is_null(texts))
    if not pc.all(known).as_py():
        raise _refuse("not a boolean")
    return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.bool_()), true)


def _to_boolean_words(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pc.all(pc.or_(pc.is_in(values, value_set=_BOOLEAN_WORDS), pc.is_null(values))).as_py():
        raise _refuse("not a boolean")
    return _to_boolean(values)


def _to_timestamp(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Moments without zone; a text with one is converted to UTC, finer parts than a microsecond are cut."""
    if pa.types.is_timestamp(values.type):
        return values
    if not _is_text(values.type):
        raise _refuse("not a date")
    try:
        return pc.cast(values, _TIMESTAMP)
    except pa.ArrowInvalid:
        cut = pc.replace_substring_regex(values, r"(\.\d{6})\d+", r"\1")
        zoned = pc.match_substring_regex(cut, r"\d[T ]\d.*" + _ZONE)
        utc = pc.cast(pc.cast(pc.if_else(zoned, cut, None), pa.timestamp("us", tz="UTC")), _TIMESTAMP)
        return pc.coalesce(utc, pc.cast(pc.if_else(zoned, None, cut), _TIMESTAMP))


def _formatted(values: pa.ChunkedArray, date_format: str) -> pa.ChunkedArray:
    if not _is_text(values.type):
        return _to_timestamp(values)
    pattern, replacement = iso_pattern(date_format)
    if not pc.all(pc.fill_null(pc.match_substring_regex(values, pattern), True)).as_py():
        raise _refuse("not of the format")
    padded = pc.replace_substring_regex(values, r"\b(\d)\b", r"0\1")
    return pc.cast(pc.replace_substring_regex(padded, pattern, replacement), _TIMESTAMP)


def _cast(field: Field) -> Cast:
    if field.decimal_comma:
        return _to_number_with_comma
    if field.type not in (FieldType.DATE, FieldType.DATETIME):
        return _CASTS[field.type]

    def cast(values: pa.ChunkedArray) -> pa.ChunkedArray:
        date_format = field.date_format
        moments = _to_timestamp(values) if date_format is None else _formatted(values, date_format)
        return pc.floor_temporal(moments, unit="day") if field.type is FieldType.DATE else moments

    return cast


_CASTS: dict[FieldType, Cast] = {
    FieldType.INTEGER: _to_integer,
    FieldType.NUMBER: _to_number,
    FieldType.STRING: as_text,
    FieldType.BOOLEAN: _to_boolean,
}
_ARTICLE = {
    FieldType.INTEGER: "a whole number of 64 bits",
    FieldType.NUMBER: "a number",
    FieldType.STRING: "a text",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "an ISO date such as 2024-02-29",
    FieldType.DATETIME: "an ISO date and time such as 2024-02-29 13:45:00",
}


def _described(field: Field) -> str:
    if field.decimal_comma:
        return "a number with a decimal comma such as 1.234,5"
    if field.date_format is not None:
        return f"a {field.type.value} of the form {field.date_format}"
    return _ARTICLE[field.type]


def _checked(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Raise IngestError at a number that is not finite or a year that no calendar has."""
    if pa.types.is_floating(values.type):
        fits = pc.fill_null(pc.is_finite(values), True)
        message = "the value is not a finite number: remove it or mark it as missing"
    elif pa.types.is_timestamp(values.type):
        years = pc.year(values)
        fits = pc.fill_null(pc.and_(pc.greater_equal(years, 1), pc.less_equal(years, 9999)), True)
        message = "the date lies outside the years 1 to 9999"
    else:
        return values
    if not pc.all(fits).as_py():
        raise IngestError(message, row=pc.index(fits, False).as_py() + 1, column=name)
    return values


def _first_failure(values: pa.ChunkedArray, cast: Cast) -> int:
    """1-based row of the first value that the cast refuses, by halving."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        if _attempt(cast, values.slice(low, middle - low)) is None:
            high = middle
        else:
            low = middle
    return low + 1


def pandas_column(values: pa.ChunkedArray, name: str) -> pd.Series:
    """Values of one of a table's types as a typed column."""
    return pd.Series(values.to_pandas(types_mapper=_DTYPES.get), name=name)
