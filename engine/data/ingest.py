"""From a file to a table: format, limits, and errors that name the place and never the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from unicodedata import category

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.data.coerce import coerce_column, infer_column, texts_only
from engine.data.schema import Field, TableSchema
from engine.errors import IngestError, InputError, SchemaError

DEFAULT_MISSING_VALUES = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
"""Texts that mean missing where no schema says otherwise."""

LONGEST_NAME = 200
LONGEST_CELL = 1_000_000


@dataclass(frozen=True)
class IngestLimits:
    """How large a file may be.

    Args:
        max_bytes: size of the file, and of what is packed inside it.
        max_rows: data rows.
        max_columns: columns.
    """

    max_bytes: int = 1_073_741_824
    max_rows: int = 5_000_000
    max_columns: int = 1_000


@dataclass(frozen=True)
class RawTable:
    """Columns as the file holds them: texts, or the file's own types."""

    columns: pa.Table
    encoding: str | None = None
    delimiter: str | None = None


class RawChunks(Protocol):
    """A file whose columns are read part by part, as the file holds them."""

    names: tuple[str, ...]
    n_rows: int | None

    def read(self, names: Sequence[str], largest: int) -> Iterator[pa.Table]:
        """Some columns, in parts of at most `largest` rows; the same parts each time."""
        ...


@dataclass(frozen=True)
class IngestedTable:
    """A table and how it was read.

    Args:
        table: typed columns.
        file_format: `csv`, `parquet`, `json`, `jsonl` or `xlsx`.
        encoding: of a text file.
        delimiter: of a delimited file.
    """

    table: pd.DataFrame
    file_format: str
    encoding: str | None = None
    delimiter: str | None = None


def read_table(
    path: Path,
    *,
    filename: str | None = None,
    schema: TableSchema | None = None,
    limits: IngestLimits | None = None,
) -> IngestedTable:
    """Read a file as a table.

    Args:
        path: the file.
        filename: name whose ending gives the format, where the path has none.
        schema: types to read the columns as; without one they are inferred.
        limits: checked before the whole file is in memory.

    Raises:
        IngestError: the file cannot be read; the message names the place and never a value.
        SchemaError: the file lacks a column of the schema.
        OSError: the file cannot be opened.
    """
    try:
        return _read(path, filename or path.name, schema, limits or IngestLimits())
    except InputError as error:
        error.__context__ = None  # a library's own words may quote a cell
        raise


def coerce_table(table: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Give a table the types and order of a schema; columns that the schema does not name are left out.

    Raises:
        IngestError: a cell is not of its column's type.
        SchemaError: the table lacks a column.
    """
    check_names([str(name) for name in table.columns], IngestLimits(max_columns=table.shape[1]))
    columns = {name: from_pandas(table[name]) for name in schema.names if name in table.columns}
    try:
        return _apply_schema(_mark_missing(pa.table(columns), schema.missing_values), schema)
    except InputError as error:
        error.__context__ = None
        raise


def checked_format(path: Path, filename: str, limits: IngestLimits) -> str:
    """The format of a file that is neither empty nor too large.

    Raises:
        IngestError: it is, or its ending names no format.
        OSError: the file cannot be opened.
    """
    file_format = _format(filename)
    size = path.stat().st_size
    if size == 0:
        raise IngestError("the file is empty")
    if size > limits.max_bytes:
        raise IngestError(f"the file is larger than the limit of {limits.max_bytes / 2**20:,.0f} MiB")
    return file_format


def open_chunks(path: Path, file_format: str, limits: IngestLimits) -> RawChunks:
    """A CSV or Parquet file to be read part by part.

    Raises:
        IngestError: the file cannot be read.
    """
    from engine.data.columnar import ParquetChunks
    from engine.data.delimited import DelimitedChunks

    try:
        return ParquetChunks(path, limits) if file_format == "parquet" else DelimitedChunks(path, limits)
    except InputError as error:
        error.__context__ = None  # a library's own words may quote a cell
        raise


def coerce_chunk(raw: pa.Table, fields: Sequence[Field], missing_values: Sequence[str]) -> pd.DataFrame:
    """Some rows as a schema types them; no other row changes what a cell means.

    Args:
        raw: columns as the file holds them.
        fields: the columns to type.
        missing_values: texts that mean missing.

    Raises:
        IngestError: a cell is not of its column's type; its row counts from the first of these rows.
    """
    columns = _mark_missing(raw, missing_values)
    try:
        return pd.DataFrame(
            {field.name: coerce_column(columns.column(field.name), field) for field in fields}, copy=False
        )
    except InputError as error:
        error.__context__ = None
        raise


def from_pandas(column: pd.Series) -> pa.ChunkedArray:
    """A column of any dtype; one of mixed Python values becomes texts."""
    try:
        found = pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        found = pa.array(column.astype("string"), from_pandas=True)
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def check_columns(names: Sequence[str], schema: TableSchema) -> None:
    """Raise SchemaError where a file lacks a column of a schema."""
    for field in schema.fields:
        if field.name not in names:
            raise SchemaError(f"the file has no column {field.name!r}, which the schema names")


def check_names(names: list[str], limits: IngestLimits) -> list[str]:
    """Column names without surrounding space or line breaks.

    A file without a header has its first row here, so messages name positions and quote nothing.

    Raises:
        IngestError: there are too many, or one is empty, very long or used twice.
    """
    if not names:
        raise IngestError("the table has no columns")
    if len(names) > limits.max_columns:
        raise IngestError(f"the table has {len(names):,} columns; the limit is {limits.max_columns:,}")
    first_position: dict[str, int] = {}
    for position, given in enumerate(names, start=1):
        name = re.sub(r"[^\S ]+", " ", given).strip()
        if not name:
            raise IngestError(f"column {position} has no name: give every column a header")
        if len(name) > LONGEST_NAME:
            raise IngestError(f"the header of column {position} is longer than {LONGEST_NAME} characters")
        if any(category(character) in ("Cc", "Cs") for character in name):
            raise IngestError(f"the header of column {position} holds a control character or is not valid UTF-8")
        if name in first_position:
            raise IngestError(
                f"columns {first_position[name]} and {position} have the same header: headers must differ"
            )
        first_position[name] = position
    return list(first_position)


def check_rows(n_rows: int, limits: IngestLimits) -> None:
    """Raise IngestError where a table has more rows than the limit."""
    if n_rows > limits.max_rows:
        raise IngestError(f"the table has more than {limits.max_rows:,} rows, which is the limit")


_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
}


def _format(filename: str) -> str:
    ending = Path(filename).suffix.lower()
    if ending in (".xls", ".xlsm", ".xlsb", ".ods"):
        raise IngestError(f"{ending} files are not read: save the sheet as .xlsx or .csv")
    if ending not in _FORMATS:
        raise IngestError(f"files ending in {ending or 'nothing'!r} are not read: use {', '.join(_FORMATS)}")
    return _FORMATS[ending]


def _reader(file_format: str) -> Callable[[Path, IngestLimits], RawTable]:
    from engine.data import columnar, delimited, excel, json_records

    return {
        "csv": delimited.read,
        "parquet": columnar.read,
        "json": json_records.read,
        "jsonl": json_records.read_lines,
        "xlsx": excel.read,
    }[file_format]


def _read(path: Path, filename: str, schema: TableSchema | None, limits: IngestLimits) -> IngestedTable:
    file_format = checked_format(path, filename, limits)
    raw = _reader(file_format)(path, limits)
    if raw.columns.num_rows == 0:
        raise IngestError("the file has a header but no rows")
    columns = _mark_missing(raw.columns, DEFAULT_MISSING_VALUES if schema is None else schema.missing_values)
    table = _infer(columns) if schema is None else _apply_schema(columns, schema)
    return IngestedTable(table, file_format, raw.encoding, raw.delimiter)


def _mark_missing(columns: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Texts without surrounding space, and those that mean missing as null."""
    nulls = pa.array(sorted({token.strip() for token in missing}), pa.string())
    cleaned = [_clean(texts_only(columns.column(name)), nulls, name) for name in columns.column_names]
    return pa.table(cleaned, names=columns.column_names)


def _clean(values: pa.ChunkedArray, nulls: pa.Array, name: str) -> pa.ChunkedArray:
    if not pa.types.is_string(values.type):
        return values
    too_long = pc.greater(pc.binary_length(values), LONGEST_CELL)
    if pc.any(too_long).as_py():
        message = f"the cell is longer than {LONGEST_CELL:,} bytes: check for a quote that is not closed"
        raise IngestError(message, row=pc.index(too_long, True).as_py() + 1, column=name)
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, value_set=nulls), pa.scalar(None, pa.string()), trimmed)


def _infer(columns: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: infer_column(columns.column(name), name) for name in columns.column_names}, copy=False)


def _apply_schema(columns: pa.Table, schema: TableSchema) -> pd.DataFrame:
    check_columns(columns.column_names, schema)
    return pd.DataFrame(
        {field.name: coerce_column(columns.column(field.name), field) for field in schema.fields}, copy=False
    )
