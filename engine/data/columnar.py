"""Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from engine.data.ingest import IngestLimits, RawTable, check_names, check_rows
from engine.errors import IngestError


def read(path: Path, limits: IngestLimits, missing: frozenset[str]) -> RawTable:
    """Columns in the file's own types; texts that mean missing as null.

    Raises:
        IngestError: the file is not Parquet, is too large unpacked, or has columns no table can have.
    """
    try:
        file = parquet.ParquetFile(path)
        metadata = file.metadata
        names = check_names(list(file.schema_arrow.names), limits)
        check_rows(metadata.num_rows, limits)
        unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        if unpacked > 4 * limits.max_bytes:
            raise IngestError("the file is too large when unpacked")
        table = file.read().rename_columns(names)
    except (pa.ArrowException, OSError):
        raise IngestError("the file is not readable Parquet") from None
    nulls = pa.array(sorted(missing))
    columns = [_mark_missing(table.column(name), nulls) for name in names]
    return RawTable(pa.table(columns, names=names))


def _mark_missing(values: pa.ChunkedArray, missing: pa.Array) -> pa.ChunkedArray:
    if pa.types.is_string(values.type):
        return pc.if_else(pc.is_in(values, value_set=missing), pa.scalar(None, pa.string()), values)
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values
