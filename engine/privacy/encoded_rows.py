"""Cells of all rows in as few bytes as they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import ColumnDomain, TableDomain
from engine.data.rows import Rows
from engine.execution import ScratchFolder
from engine.privacy.column_blocks import ColumnBlocks


class EncodedRows(ColumnBlocks):
    """Cells of all rows, each column in the smallest unsigned integers that hold them."""

    def regroup(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Put a group in place of each cell of a column; there are no more groups than cells."""
        narrow = groups.astype(self.dtypes[column])
        for block in self.blocks():
            block[column][:] = narrow[block[column]]


def encode_rows(rows: Rows, domain: TableDomain, folder: ScratchFolder, memory_bytes: int) -> EncodedRows:
    """Cells of all rows of a table in a public or released domain.

    Args:
        rows: typed private rows.
        domain: cells of each column.
        folder: where the cells may lie if they are many.
        memory_bytes: size from which on they do.
    """
    encoded = EncodedRows([np.min_scalar_type(max(size - 1, 1)) for size in domain.sizes], folder, memory_bytes)
    for chunk in rows.chunks(domain.names):
        if len(chunk):
            encoded.append([_encode(column, chunk[column.name]) for column in domain.columns])
    return encoded


def _encode(column: ColumnDomain, values: pd.Series) -> npt.NDArray[np.integer[Any]]:
    """Cells of a part of a column. A cell follows from its value alone, so each different text is looked up once."""
    if column.is_numeric:
        return column.encode(values)
    numbers, different = values.factorize(use_na_sentinel=False)
    cells = column.encode(pd.Series(different, dtype=values.dtype))
    return np.asarray(cells[numbers])
