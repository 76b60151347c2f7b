"""Dates and numbers among texts: recognised by their form where every value has it, reported where only some have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from engine.data.coerce import COMMA_NUMBER, GROUPED_NUMBER, coerce_column, is_written_as
from engine.data.date_format import KNOWN_DATE_FORMATS
from engine.data.pii import PiiFinding
from engine.data.schema import Field, FieldType
from engine.errors import IngestError

SAMPLED_VALUES = 1_000
NUMBER_PATTERN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WITH_COMMA = rf"[+-]?(?:\d{{1,3}}(?:\.\d{{3}})+|\d+),\d+|{GROUPED_NUMBER}"


@dataclass(frozen=True)
class WrittenForm:
    """How a file writes a column's values: dates in a format other than ISO, or numbers with a decimal comma."""

    date_format: str | None = None
    decimal_comma: bool = False


def read_texts(known: pd.Series) -> tuple[pd.Series, WrittenForm]:
    """Texts that are all dates or numbers of one form as such, and the form; other columns as they are."""
    if len(known) and pd.api.types.is_string_dtype(known.dtype):
        for field in (_date_field(known), _number_field(known)):
            if field is None:
                continue
            try:
                read = coerce_column(pa.chunked_array([pa.array(known, pa.string())]), field)
            except IngestError:  # a year that no calendar has, or a number that no double holds
                continue
            return read, WrittenForm(field.date_format, field.decimal_comma)
    return known, WrittenForm()


def form_findings(known: pd.Series) -> Iterator[PiiFinding]:
    """Findings about texts that look like numbers or dates; reasons hold no value."""
    share = _share(known, NUMBER_PATTERN)
    if 0.5 <= share < 1.0:  # whole numbers with leading zeros, or very long ones, are all names of something
        yield PiiFinding("mixed types", f"{100 * share:.3g} % of the values read as numbers, the rest do not", None)
    if _share(known, _WITH_COMMA) >= 0.5:
        reason = "not every value reads in one way: as a number, a comma stands between thousands unless the schema's"
        yield PiiFinding("number with commas", f"{reason} decimalChar is a comma", None)
    if len(matching_date_formats(known)) > 1:
        reason = "every value reads both with the day first and with the month first: state the format in the schema"
        yield PiiFinding("ambiguous date", reason, None)


def matching_date_formats(known: pd.Series) -> tuple[str, ...]:
    """The formats, other than ISO, in which every text is a date."""
    texts = pa.array(known, pa.string())
    found = []
    for date_format in KNOWN_DATE_FORMATS:
        if is_written_as(texts.slice(0, SAMPLED_VALUES), date_format) and is_written_as(texts, date_format):
            found.append(date_format)
    return tuple(found)


def _date_field(known: pd.Series) -> Field | None:
    formats = matching_date_formats(known)
    return Field("date", FieldType.DATETIME, date_format=formats[0]) if len(formats) == 1 else None


def _number_field(known: pd.Series) -> Field | None:
    """A number or whole number, where the texts hold commas that can be read in one way only."""
    comma, grouped = _share(known, COMMA_NUMBER) == 1.0, _share(known, f"{NUMBER_PATTERN}|{GROUPED_NUMBER}") == 1.0
    if comma == grouped or not known.str.contains(",", regex=False).any():
        return None
    whole = grouped and not known.str.contains(r"[.eE]").any()
    return Field("number", FieldType.INTEGER if whole else FieldType.NUMBER, decimal_comma=comma)


def _share(known: pd.Series, pattern: str) -> float:
    """Part of the texts that have a form, or 0 where it is less than half among the first."""
    if not known.head(SAMPLED_VALUES).str.fullmatch(pattern).mean() >= 0.5:
        return 0.0
    return float(known.str.fullmatch(pattern).mean())
