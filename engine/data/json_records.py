"""JSON: a list of records, or one record per line. Neither is ever in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from engine.data.cells import CellColumns
from engine.data.ingest import IngestLimits, RawTable
from engine.errors import IngestError

_BLOCK_CHARACTERS = 2**20
_LONGEST_RECORD = 2**24
_LIST_NAMES = ("data", "records")
_NO_LIST = "the file is not a list of records: write [{…}, {…}]"


class _Unfit(ValueError):
    """JSON that Python reads and a table cannot hold; the message quotes nothing."""


def read(path: Path, limits: IngestLimits) -> RawTable:
    """A JSON list of records, or an object with one such list under `data` or `records`.

    Raises:
        IngestError: the file is no such list, or a value is not a scalar.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        return _collect(_Reader(file).records(), limits)


def read_lines(path: Path, limits: IngestLimits) -> RawTable:
    """One JSON record per line; empty lines are skipped.

    Raises:
        IngestError: a line is not a record, or a value is not a scalar.
    """
    return _collect(_lines(path), limits)


def _collect(records: Iterator[Any], limits: IngestLimits) -> RawTable:
    columns = CellColumns(limits)
    row = 0
    try:
        for record in records:
            row += 1
            if not isinstance(record, dict):
                raise IngestError("the record is not an object with named values", row=row)
            columns.add(record)
    except _Unfit as error:
        raise IngestError(str(error), row=row + 1) from None
    except (ValueError, RecursionError):
        raise IngestError("this is not JSON", row=row + 1) from None
    return RawTable(columns.to_arrow())


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        while line := file.readline(_LONGEST_RECORD + 1):
            if len(line) > _LONGEST_RECORD:
                raise _Unfit(f"the record is longer than {_LONGEST_RECORD:,} characters")
            if line.strip():
                yield _DECODER.decode(line)


class _Reader:
    """Reads the values of a long JSON text one after the other."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0

    def records(self) -> Iterator[Any]:
        """The values of the list that the file is, or that its object holds; raises ValueError where there is none."""
        if self._next() == "{":
            self._enter_list()
        if self._next() != "[":
            raise IngestError(_NO_LIST)
        self._at += 1
        if self._next() == "]":
            return
        while True:
            yield self._value()
            if self._separator("]"):
                return

    def _enter_list(self) -> None:
        self._at += 1
        while self._next() == '"':
            name = self._value()
            if self._next() != ":":
                raise ValueError
            self._at += 1
            if name in _LIST_NAMES and self._next() == "[":
                return
            self._value()
            if self._separator("}"):
                break
        raise IngestError(_NO_LIST)

    def _separator(self, end: str) -> bool:
        """Step over what follows a value; says whether it was the end."""
        found = self._next()
        if found not in (",", end):
            raise ValueError
        self._at += 1
        return found == end

    def _next(self) -> str:
        """The next character that is not space, or nothing at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._more(_BLOCK_CHARACTERS):
                return ""

    def _more(self, size: int) -> bool:
        block = self._file.read(size)
        self._text = self._text[self._at :] + block
        self._at = 0
        return bool(block)

    def _value(self) -> Any:
        """The value that starts here; where it seems cut off, twice as much is read and it is tried again."""
        self._next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text):
                    self._at = end
                    return value
            except _Unfit:
                raise
            except ValueError:
                end = -1
            size = max(_BLOCK_CHARACTERS, len(self._text) - self._at)
            if size > _LONGEST_RECORD:
                raise _Unfit("this is not JSON, or the record is very long")
            if not self._more(size):
                if end < 0:
                    raise ValueError
                self._at = len(self._text)
                return value


def _refuse_constant(name: str) -> Any:
    raise _Unfit("a number is NaN, infinite or too large: JSON has no such numbers")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Unfit("a number is NaN, infinite or too large: JSON has no such numbers")
    return number


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise _Unfit("the record has two values of one name")
    return record


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_record)
