"""Columns gathered cell by cell from files that type each cell on its own: JSON and Excel."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from engine.data.ingest import IngestLimits, check_names
from engine.errors import IngestError

_LARGEST_INTEGER = 2**63 - 1
_KINDS: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "text", datetime: "date", date: "date"}


class CellColumns:
    """Gathers records and gives each column one type.

    Args:
        limits: number of columns allowed.
        missing: texts that mean missing.
    """

    def __init__(self, limits: IngestLimits, missing: frozenset[str]) -> None:
        self._limits = limits
        self._missing = missing
        self._columns: dict[str, list[Any]] = {}
        self._kinds: dict[str, str] = {}
        self._n_rows = 0

    def add(self, record: dict[str, Any]) -> None:
        """Add one record; a name it lacks is missing.

        Raises:
            IngestError: a value is not a scalar, does not fit its column, or is out of range.
        """
        self._n_rows += 1
        for name in record:
            self._columns.setdefault(name, [None] * (self._n_rows - 1))
        if len(self._columns) > self._limits.max_columns:
            check_names(list(self._columns), self._limits)
        for name, cells in self._columns.items():
            cells.append(self._cell(record.get(name), name))

    def to_arrow(self) -> pa.Table:
        """All columns; integers and fractions in one column become fractions."""
        names = list(self._columns)
        checked = check_names(names, self._limits) if names else []
        arrays = [pa.array(_one_type(self._columns[name])) for name in names]
        return pa.table([pa.chunked_array([array]) for array in arrays], names=checked)

    def _cell(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            value = value.strip()
        if value is None or (isinstance(value, str) and value in self._missing):
            return None
        kind = _KINDS.get(type(value))
        if kind is None:
            raise IngestError("the value is a list, an object or of an unknown kind", row=self._n_rows, column=name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_INTEGER:
            raise IngestError("the whole number does not fit 64 bits", row=self._n_rows, column=name)
        if isinstance(value, float) and not math.isfinite(value):
            raise IngestError("the value is not a finite number", row=self._n_rows, column=name)
        if self._kinds.setdefault(name, kind) != kind:
            raise IngestError(
                f"the value is a {kind}, but earlier ones are {self._kinds[name]}s: give the column one type",
                row=self._n_rows,
                column=name,
            )
        return value


def _one_type(cells: list[Any]) -> list[Any]:
    types = {type(cell) for cell in cells if cell is not None}
    if types == {int, float}:
        return [float(cell) if cell is not None else None for cell in cells]
    if types == {date, datetime}:
        return [datetime(cell.year, cell.month, cell.day) if type(cell) is date else cell for cell in cells]
    return cells
