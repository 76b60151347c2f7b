"""Columns of private rows, block by block, in memory while they are few and in a private file above that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from engine.execution import ScratchFolder

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class BlockPlace:
    """Where a block of rows lies in the file: column after column, each without a gap.

    Args:
        offset: of its first byte.
        n_rows: rows of the block.
    """

    offset: int
    n_rows: int


class ColumnBlocks:
    """Columns of all rows.

    Args:
        dtypes: type of each column.
        folder: where the file may lie.
        memory_bytes: size from which on the rows lie in a file.
    """

    def __init__(self, dtypes: Sequence[np.dtype[Any]], folder: ScratchFolder, memory_bytes: int) -> None:
        self.dtypes = tuple(dtypes)
        self.places: list[BlockPlace] = []
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._in_memory: list[list[Column]] = []
        self._file: BinaryIO | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows: private, as all of this."""
        return sum(place.n_rows for place in self.places)

    @property
    def path(self) -> str:
        """The file in which the rows lie; others can open it where the folder is shared."""
        return str(self._file.name) if self._file is not None else ""

    @property
    def lies_in_file(self) -> bool:
        """Whether the rows outgrew the memory they may take."""
        return self._file is not None

    def append(self, columns: Sequence[Column]) -> None:
        """Add a block of rows, one array per column."""
        block: list[Column] = [values.astype(dtype) for values, dtype in zip(columns, self.dtypes, strict=True)]
        last = self.places[-1] if self.places else BlockPlace(0, 0)
        place = BlockPlace(last.offset + last.n_rows * self._row_bytes, len(block[0]))
        self.places.append(place)
        if self._file is None and place.offset + place.n_rows * self._row_bytes > self._memory_bytes:
            self._file = self._folder.open("columns")
            for waiting in self._in_memory:
                self._write(self._file, waiting)
            self._in_memory.clear()
        if self._file is None:
            self._in_memory.append(block)
        else:
            self._write(self._file, block)

    def blocks(self) -> Iterator[list[Column]]:
        """All blocks, each as one array per column that may be changed in place."""
        if self._file is None:
            yield from self._in_memory
            return
        self._file.flush()
        for place in self.places:
            yield map_block(self._file, place, self.dtypes)

    def publish(self) -> None:
        """Bring the file up to date for other processes that read it."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def __getitem__(self, column: int) -> Column:
        """All of a column, shape (n_rows,)."""
        parts = [np.array(block[column]) for block in self.blocks()]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=self.dtypes[column])

    @property
    def _row_bytes(self) -> int:
        return sum(dtype.itemsize for dtype in self.dtypes)

    @staticmethod
    def _write(file: BinaryIO, block: Sequence[Column]) -> None:
        for values in block:
            file.write(np.ascontiguousarray(values).data)


def map_block(
    file: BinaryIO, place: BlockPlace, dtypes: Sequence[np.dtype[Any]], mode: Literal["r", "r+"] = "r+"
) -> list[Column]:
    """A block as arrays onto the file, one per column, shape (n_rows,); changes go to the file with mode `r+`."""
    columns: list[Column] = []
    size = place.n_rows * sum(dtype.itemsize for dtype in dtypes)
    raw = np.memmap(file, dtype=np.uint8, mode=mode, offset=place.offset, shape=(size,))
    start = 0
    for dtype in dtypes:
        end = start + place.n_rows * dtype.itemsize
        columns.append(raw[start:end].view(dtype))
        start = end
    return columns
