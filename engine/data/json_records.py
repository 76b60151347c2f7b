"""JSON: a list of records, or one record per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.data.cells import CellColumns
from engine.data.ingest import IngestLimits, RawTable, check_rows
from engine.errors import IngestError


class _NotFinite(ValueError):
    """A number that JSON does not have, or that no double holds."""


def read(path: Path, limits: IngestLimits, missing: frozenset[str]) -> RawTable:
    """A JSON list of records, or an object with one such list under `data` or `records`.

    Raises:
        IngestError: the file is no such list, or a value is not a scalar.
    """
    try:
        content = _loads(path.read_text(encoding="utf-8-sig"))
    except _NotFinite:
        raise IngestError("a number is NaN, infinite or too large: JSON has no such numbers") from None
    except (ValueError, RecursionError):
        raise IngestError("the file is not JSON in UTF-8") from None
    if isinstance(content, dict):
        content = content.get("data", content.get("records"))
    if not isinstance(content, list):
        raise IngestError("the file is not a list of records: write [{…}, {…}]")
    return _collect(iter(content), limits, missing)


def read_lines(path: Path, limits: IngestLimits, missing: frozenset[str]) -> RawTable:
    """One JSON record per line; empty lines are skipped.

    Raises:
        IngestError: a line is not a record, or a value is not a scalar.
    """
    return _collect(_lines(path), limits, missing)


def _lines(path: Path) -> Iterator[Any]:
    row = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                if line.strip():
                    row += 1
                    yield _loads(line)
    except _NotFinite:
        raise IngestError("a number is NaN, infinite or too large: JSON has no such numbers", row=row) from None
    except (ValueError, RecursionError):
        raise IngestError("the line is not JSON in UTF-8", row=row) from None


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> Any:
    raise _NotFinite


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _NotFinite
    return number


def _collect(records: Iterator[Any], limits: IngestLimits, missing: frozenset[str]) -> RawTable:
    columns = CellColumns(limits, missing)
    for row, record in enumerate(records, start=1):
        check_rows(row, limits)
        if not isinstance(record, dict):
            raise IngestError("the record is not an object with named values", row=row)
        columns.add(record)
    return RawTable(columns.to_arrow())
