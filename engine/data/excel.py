"""Excel workbooks: the first sheet, values only."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from engine.data.cells import CellColumns
from engine.data.ingest import IngestLimits, RawTable, check_names
from engine.errors import IngestError

_MOST_ENTRIES = 10_000
_HARMLESS_BYTES = 64 * 2**20
_HIGHEST_RATIO = 100
_MOST_SHEET_ROWS = 1_048_576
_DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, SyntaxError, EOFError, OSError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)

Cells = tuple[Any, ...]


def read(path: Path, limits: IngestLimits) -> RawTable:
    """The first sheet; its first row that is not empty is the header.

    Raises:
        IngestError: the file is no workbook, unpacks to too much, or a cell is a formula or an error.
    """
    _check_archive(path, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of the reader's warnings quote a cell
        return _read_sheet(_rows(path), limits)


def _read_sheet(rows: Iterator[Cells], limits: IngestLimits) -> RawTable:
    header = next(rows, None)
    if header is None:
        raise IngestError("the first sheet is empty")
    names = check_names(_header(header), limits)
    columns = CellColumns(limits)
    for row, cells in enumerate(rows, start=1):
        columns.add(_record(cells, names, row))
    return RawTable(columns.to_arrow())


def _check_archive(path: Path, limits: IngestLimits) -> None:
    """Refuse a zip bomb by its directory, before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except _DAMAGE:
        raise IngestError("the file is not an .xlsx workbook") from None
    if any(entry.flag_bits & 1 for entry in entries):
        raise IngestError("the workbook is encrypted: save it without a password")
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(sum(entry.compress_size for entry in entries), 1)
    bomb = unpacked > _HARMLESS_BYTES and unpacked / packed > _HIGHEST_RATIO
    if bomb or unpacked > limits.max_bytes or len(entries) > _MOST_ENTRIES:
        raise IngestError("the workbook unpacks to far more than its size: it is refused")


def _rows(path: Path) -> Iterator[Cells]:
    """Rows that are not empty. What the file says of its own size is not believed."""
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=False)
    except _DAMAGE:
        raise IngestError("the file is not an .xlsx workbook") from None
    try:
        if not workbook.worksheets:
            raise IngestError("the workbook has no sheet")
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()
        for position, cells in enumerate(sheet.iter_rows()):
            if position > _MOST_SHEET_ROWS:
                raise IngestError("the sheet has more rows than a sheet can have")
            if any(cell.value is not None for cell in cells):
                yield cells
    except _DAMAGE:
        raise IngestError("the workbook is damaged") from None
    finally:
        workbook.close()


def _header(cells: Cells) -> list[str]:
    if any(cell.data_type == "f" for cell in cells):
        raise IngestError("a header is a formula: save the sheet with values only")
    names = ["" if cell.value is None else str(cell.value) for cell in cells]
    while not names[-1]:
        names.pop()
    return names


def _record(cells: Cells, names: list[str], row: int) -> dict[str, Any]:
    if any(cell.value is not None for cell in cells[len(names) :]):
        raise IngestError("the row has more cells than the header", row=row)
    return {name: _value(cell, name, row) for name, cell in zip(names, cells, strict=False)}


def _value(cell: Any, name: str, row: int) -> Any:
    if cell.data_type == "f":
        raise IngestError("the cell is a formula: save the sheet with values only", row=row, column=name)
    if cell.data_type == "e":
        message = "the cell holds an Excel error or a date that Excel does not have: correct or empty it"
        raise IngestError(message, row=row, column=name)
    if isinstance(cell.value, time | timedelta):
        return str(cell.value)
    return cell.value
