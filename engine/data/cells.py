"""Columns gathered cell by cell from files that type each cell on its own: JSON and Excel."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.data.coerce import as_text
from engine.data.ingest import IngestLimits, check_names, check_rows
from engine.errors import IngestError

_BATCH_ROWS = 20_000
_LARGEST_INTEGER = 2**63 - 1
_TIMESTAMP = pa.timestamp("us")
_KINDS = (pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.null())


class CellColumns:
    """Gathers records and gives each column one type: that of its cells, or text where they differ.

    Args:
        limits: numbers of rows and columns allowed.
    """

    def __init__(self, limits: IngestLimits) -> None:
        self._limits = limits
        self._waiting: list[dict[str, Any]] = []
        self._parts: dict[str, list[pa.Array]] = {}
        self._n_rows = 0

    def add(self, record: dict[str, Any]) -> None:
        """Add one record; a name it lacks is missing.

        Raises:
            IngestError: there are too many rows or columns, a value is not a scalar, or it is out of range.
        """
        check_rows(self._n_rows + len(self._waiting) + 1, self._limits)
        self._waiting.append(record)
        if len(self._waiting) == _BATCH_ROWS:
            self._flush()

    def to_arrow(self) -> pa.Table:
        """All columns; whole numbers and fractions in one column become fractions, other mixtures texts."""
        self._flush()
        names = check_names(list(self._parts), self._limits) if self._parts else []
        return pa.table([_one_type(parts) for parts in self._parts.values()], names=names)

    def _flush(self) -> None:
        for record in self._waiting:
            for name in record:
                if name not in self._parts:
                    self._parts[name] = [pa.nulls(self._n_rows)]
        if len(self._parts) > self._limits.max_columns:
            check_names(list(self._parts), self._limits)
        for name, parts in self._parts.items():
            parts.append(self._array([record.get(name) for record in self._waiting], name))
        self._n_rows += len(self._waiting)
        self._waiting.clear()

    def _array(self, cells: list[Any], name: str) -> pa.Array:
        """Cells that Arrow takes for one plain type at once; else each is looked at."""
        try:
            array = pa.array(cells)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            array = None
        if array is not None and (array.type in _KINDS or pa.types.is_timestamp(array.type)):
            finite = not pa.types.is_floating(array.type) or pc.all(pc.is_finite(array)).as_py() is not False
            return array if finite else self._checked(cells, name)
        return self._checked(cells, name)

    def _checked(self, cells: list[Any], name: str) -> pa.Array:
        for row, cell in enumerate(cells, start=self._n_rows + 1):
            complaint = _complaint(cell)
            if complaint is not None:
                raise IngestError(complaint, row=row, column=name)
        if all(cell is None or isinstance(cell, date) for cell in cells):
            return pa.array([_midnight(cell) for cell in cells], _TIMESTAMP)
        return pa.array([_text(cell) for cell in cells], pa.string())


def _complaint(cell: Any) -> str | None:
    """What is wrong with a cell, if anything."""
    if cell is not None and not isinstance(cell, bool | int | float | str | date):
        return "the value is a list, an object or of an unknown kind"
    if isinstance(cell, int) and abs(cell) > _LARGEST_INTEGER:
        return "the whole number does not fit 64 bits"
    if isinstance(cell, float) and not math.isfinite(cell):
        return "the value is not a finite number"
    if isinstance(cell, str) and not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
        return "the text is not valid UTF-8"
    return None


def _text(cell: Any) -> str | None:
    return None if cell is None else str(as_text(pa.array([cell]))[0])


def _midnight(cell: date | None) -> datetime | None:
    if cell is None or isinstance(cell, datetime):
        return cell
    return datetime(cell.year, cell.month, cell.day)


def _one_type(parts: list[pa.Array]) -> pa.ChunkedArray:
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) > 1:
        numbers = kinds <= {pa.int64(), pa.float64()}
        parts = [pc.cast(part, pa.float64(), safe=False) if numbers else as_text(part) for part in parts]
        kinds = {pa.float64() if numbers else pa.string()}
    kind = kinds.pop() if kinds else pa.string()
    return pa.chunked_array([part.cast(kind) for part in parts], kind)
