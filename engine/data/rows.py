"""Typed rows in parts of bounded size, from memory or straight from a file.

Whoever reads a table this way holds one part at a time, so a table may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from engine.data.coerce import pandas_column, texts_only
from engine.data.ingest import (
    IngestLimits,
    RawChunks,
    check_columns,
    checked_format,
    coerce_chunk,
    from_pandas,
    open_chunks,
    read_table,
)
from engine.data.schema import TableSchema
from engine.errors import IngestError, InputError

CHUNK_ROWS = 2**18
"""Rows of a part, at most."""

STREAM_FROM_BYTES = 2**26
"""Files that take more than this when unpacked are read in parts; smaller ones are read whole, which is faster."""

STREAMED_LIMITS = IngestLimits(max_bytes=2**41, max_rows=100_000_000)
"""How large a file may be that is read in parts by its owner's own command."""

BoolArray = npt.NDArray[np.bool_]


class Rows(Protocol):
    """A typed table that is read part by part, as often as one likes, always in the same order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def rereads_everything(self) -> bool:
        """Whether reading one column costs about as much as reading all of them."""
        ...

    def chunks(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns, in parts of at most `CHUNK_ROWS` rows, each with an index from 0."""
        ...


class FrameRows:
    """Rows of a typed table in memory.

    Args:
        table: typed columns.
        chunk_rows: rows of a part, at most.
    """

    rereads_everything = False

    def __init__(self, table: pd.DataFrame, chunk_rows: int = CHUNK_ROWS) -> None:
        self.table = table
        self._chunk_rows = chunk_rows

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(str(name) for name in self.table.columns)

    def chunks(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns, part by part."""
        chosen = self.table[list(names)]
        for start in range(0, len(chosen), self._chunk_rows):
            yield chosen.iloc[start : start + self._chunk_rows].reset_index(drop=True)


class FileRows:
    """Rows of a CSV or Parquet file, typed by a schema exactly as `read_table` types them.

    Args:
        path: the file.
        schema: types to read the columns as.
        filename: name whose ending gives the format, where the path has none.
        limits: checked before anything is read.
        chunk_rows: rows of a part, at most.

    Raises:
        IngestError: the file cannot be read.
        SchemaError: the file lacks a column of the schema.
    """

    def __init__(
        self,
        path: Path,
        schema: TableSchema,
        *,
        filename: str | None = None,
        limits: IngestLimits = STREAMED_LIMITS,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        file_format = checked_format(path, filename or path.name, limits)
        self._source: RawChunks = open_chunks(path, file_format, limits)
        self._schema = schema
        self._chunk_rows = chunk_rows
        self.rereads_everything = file_format == "csv"
        check_columns(self._source.names, schema)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the schema."""
        return self._schema.names

    def chunks(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns, part by part.

        Raises:
            IngestError: a cell is not of its column's type; names its row in the file and its column.
        """
        try:
            yield from self._typed(names)
        except InputError as error:
            error.__context__ = None  # a library's own words may quote a cell
            raise

    def _typed(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        fields = [self._schema.field(name) for name in names]
        n_rows = 0
        for raw in self._source.read(names, self._chunk_rows):
            try:
                chunk = coerce_chunk(raw, fields, self._schema.missing_values)
            except IngestError as error:
                raise error.after(n_rows) from None
            n_rows += len(chunk)
            yield chunk
        if n_rows == 0:
            raise IngestError("the file has a header but no rows")


class KeptRows:
    """Some of the rows of a table.

    Args:
        rows: the table.
        keep: whether each row stays, shape (n_rows,).
    """

    def __init__(self, rows: Rows, keep: BoolArray) -> None:
        self._rows = rows
        self._keep = keep

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self._rows.names

    @property
    def rereads_everything(self) -> bool:
        """Whether reading one column costs about as much as reading all of them."""
        return self._rows.rereads_everything

    def chunks(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns, part by part.

        Raises:
            InputError: the table has another number of rows than before.
        """
        start = 0
        for chunk in self._rows.chunks(names):
            keep = self._keep[start : start + len(chunk)]
            start += len(chunk)
            if start > len(self._keep):
                break
            yield chunk if keep.all() else chunk[keep].reset_index(drop=True)
        if start != len(self._keep):
            raise InputError("the table changed while it was read: run again on a file that nobody writes to")


class SpooledRows:
    """A copy of some columns in a file of its own, from which each can be read alone.

    Args:
        rows: the table.
        names: columns to copy.
        file: an empty file, which stays open as long as the rows are read.
    """

    rereads_everything = False

    def __init__(self, rows: Rows, names: Sequence[str], file: BinaryIO) -> None:
        self._file = file
        self.names = tuple(names)
        writer: pa.ipc.RecordBatchFileWriter | None = None
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        sink = pa.PythonFile(file, "w")
        for chunk in rows.chunks(names):
            part = pa.table({name: texts_only(from_pandas(chunk[name])) for name in names})
            writer = writer or pa.ipc.new_file(sink, part.schema, options=options)
            writer.write_table(part)
        self._is_empty = writer is None
        if writer is not None:
            writer.close()
        file.flush()

    def chunks(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns, part by part."""
        if self._is_empty:
            return
        self._file.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=[self.names.index(name) for name in names])
        reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"), options=options)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield pd.DataFrame(
                {name: pandas_column(pa.chunked_array([batch.column(name)]), name) for name in names}, copy=False
            )


def open_rows(
    path: Path, schema: TableSchema, *, filename: str | None = None, limits: IngestLimits | None = None
) -> Rows:
    """A file's rows: read whole where the file is small, part by part where it is large CSV or Parquet.

    Args:
        path: the file.
        schema: types to read the columns as.
        filename: name whose ending gives the format, where the path has none.
        limits: `STREAMED_LIMITS` for a file read in parts and `IngestLimits()` for one read whole, where None.

    Raises:
        IngestError: the file cannot be read; the message names the place and never a value.
        SchemaError: the file lacks a column of the schema.
        OSError: the file cannot be opened.
    """
    name = filename or path.name
    wide_limits = limits or STREAMED_LIMITS
    file_format = checked_format(path, name, wide_limits)
    if file_format in ("csv", "parquet") and _unpacked_bytes(path, file_format, wide_limits) > STREAM_FROM_BYTES:
        return FileRows(path, schema, filename=name, limits=wide_limits)
    return FrameRows(read_table(path, filename=name, schema=schema, limits=limits).table)


def _unpacked_bytes(path: Path, file_format: str, limits: IngestLimits) -> int:
    """About how much memory the cells take: what a CSV file holds, or eight bytes for each cell of Parquet."""
    size = path.stat().st_size
    if file_format == "csv":
        return size
    source = open_chunks(path, file_format, limits)
    return max(size, 8 * (source.n_rows or 0) * len(source.names))
