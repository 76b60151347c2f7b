"""Parquet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from engine.data.ingest import IngestLimits, RawTable, check_names, check_rows
from engine.errors import IngestError

_UNPACKED_PER_BYTE = 4
_BYTES_PER_CELL = 8
_UNREADABLE = "the file is not readable Parquet"
_PART_BYTES = 2**29
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read(path: Path, limits: IngestLimits) -> RawTable:
    """Columns in the file's own types; a number that is not a number is missing, as pandas writes it.

    Raises:
        IngestError: the file is not Parquet, is too large unpacked, or has columns no table can have.
    """
    try:
        file = _open(path)
        _check_size(file.metadata, limits)
        kept = _kept(file)
        names = check_names(kept, limits)
        table = file.read(columns=kept)
        table.validate(full=True)  # texts may be no UTF-8
    except (pa.ArrowException, OSError, ValueError, LookupError):
        raise IngestError(_UNREADABLE) from None
    check_rows(table.num_rows, limits)
    columns = [_plain(table.column(name), limits) for name in kept]
    return RawTable(pa.table(columns, names=names))


class ParquetChunks:
    """The rows of a file in parts of bounded size, as often as they are asked for.

    Args:
        path: the file.
        limits: numbers of rows and columns, and what a part may hold unpacked.

    Raises:
        IngestError: the file is not Parquet, or has columns no table can have.
    """

    def __init__(self, path: Path, limits: IngestLimits) -> None:
        self._path = path
        self._limits = replace(limits, max_bytes=min(limits.max_bytes, _PART_BYTES))
        try:
            file = _open(path)
            kept = _kept(file)
            self.names = tuple(check_names(kept, limits))
        except (pa.ArrowException, OSError, ValueError, LookupError):
            raise IngestError(_UNREADABLE) from None
        check_rows(file.metadata.num_rows, limits)
        self.n_rows: int | None = int(file.metadata.num_rows)
        self._stored_names = dict(zip(self.names, kept, strict=True))

    def read(self, names: Sequence[str], largest: int) -> Iterator[pa.Table]:
        """Some columns in the file's own types, in parts of at most `largest` rows.

        Raises:
            IngestError: the file cannot be read to its end, or a part is too large unpacked.
        """
        stored = [self._stored_names[name] for name in names]
        try:
            for batch in _open(self._path).iter_batches(largest, columns=stored):
                table = pa.Table.from_batches([batch])
                table.validate(full=True)
                yield pa.table([_plain(table.column(name), self._limits) for name in stored], names=list(names))
        except (pa.ArrowException, OSError, ValueError, LookupError):
            raise IngestError(_UNREADABLE) from None


def _open(path: Path) -> parquet.ParquetFile:
    schema = parquet.read_schema(path)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    # one long text repeated is small in the file and as a dictionary, and large only when written out
    return parquet.ParquetFile(path, read_dictionary=texts)


def _kept(file: parquet.ParquetFile) -> list[str]:
    return [name for name in file.schema_arrow.names if not _PANDAS_INDEX.fullmatch(name)]


def _check_size(metadata: parquet.FileMetaData, limits: IngestLimits) -> None:
    check_rows(metadata.num_rows, limits)
    packed = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    cells = metadata.num_rows * metadata.num_columns
    if max(packed, cells * _BYTES_PER_CELL) > _UNPACKED_PER_BYTE * limits.max_bytes:
        raise IngestError("the file is too large when unpacked")


def _plain(values: pa.ChunkedArray, limits: IngestLimits) -> pa.ChunkedArray:
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if not pa.types.is_dictionary(values.type):
        return values
    if pa.types.is_string(values.type.value_type) and _written_out(values) > _UNPACKED_PER_BYTE * limits.max_bytes:
        raise IngestError("the file is too large when unpacked")
    return values.cast(values.type.value_type)


def _written_out(values: pa.ChunkedArray) -> int:
    lengths = (pc.sum(pc.take(pc.binary_length(part.dictionary), part.indices)).as_py() or 0 for part in values.chunks)
    return int(sum(lengths))
