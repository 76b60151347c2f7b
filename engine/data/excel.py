"""Excel workbooks: the first sheet, values only."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from engine.data.cells import CellColumns
from engine.data.ingest import IngestLimits, RawTable, check_names, check_rows
from engine.errors import IngestError

_MOST_ENTRIES = 10_000
_HARMLESS_BYTES = 64 * 2**20
_HIGHEST_RATIO = 100


def read(path: Path, limits: IngestLimits, missing: frozenset[str]) -> RawTable:
    """The first sheet; its first row is the header.

    Raises:
        IngestError: the file is no workbook, unpacks to too much, or a cell is a formula or an error.
    """
    _check_archive(path, limits)
    rows = _rows(path)
    header = next(rows, None)
    if header is None:
        raise IngestError("the first sheet is empty")
    names = check_names(_header(header), limits)
    columns = CellColumns(limits, missing)
    for row, cells in enumerate(rows, start=1):
        check_rows(row, limits)
        columns.add(_record(cells, names, row))
    return RawTable(columns.to_arrow())


def _check_archive(path: Path, limits: IngestLimits) -> None:
    """Refuse a zip bomb by its directory, before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise IngestError("the file is not an .xlsx workbook") from None
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(sum(entry.compress_size for entry in entries), 1)
    bomb = unpacked > _HARMLESS_BYTES and unpacked / packed > _HIGHEST_RATIO
    if bomb or unpacked > limits.max_bytes or len(entries) > _MOST_ENTRIES:
        raise IngestError("the workbook unpacks to far more than its size: it is refused")


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=False)
    except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile, SyntaxError):
        raise IngestError("the file is not an .xlsx workbook") from None
    try:
        if not workbook.worksheets:
            raise IngestError("the workbook has no sheet")
        for cells in workbook.worksheets[0].iter_rows():
            if any(cell.value is not None for cell in cells):
                yield cells
    except (KeyError, SyntaxError, zipfile.BadZipFile, EOFError):
        raise IngestError("the workbook is damaged") from None
    finally:
        workbook.close()


def _header(cells: tuple[Any, ...]) -> list[str]:
    names = ["" if cell.value is None else str(cell.value) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _record(cells: tuple[Any, ...], names: list[str], row: int) -> dict[str, Any]:
    for position, cell in enumerate(cells):
        if position >= len(names) and cell.value is not None:
            raise IngestError("the row has more cells than the header", row=row)
    return {name: _value(cell, name, row) for name, cell in zip(names, cells, strict=False)}


def _value(cell: Any, name: str, row: int) -> Any:
    if cell.data_type == "f":
        raise IngestError("the cell is a formula: save the sheet with values only", row=row, column=name)
    if cell.data_type == "e":
        raise IngestError("the cell holds an Excel error: correct or empty it", row=row, column=name)
    if isinstance(cell.value, time | timedelta):
        return str(cell.value)
    return cell.value
