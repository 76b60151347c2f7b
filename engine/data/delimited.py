"""CSV and TSV: encoding and delimiter are detected, quoted line breaks allowed, ragged rows refused."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from engine.data.ingest import IngestLimits, RawTable, check_names, check_rows
from engine.errors import IngestError

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 1_048_576
_SAMPLE_ROWS = 50
_UNREADABLE_HEADER = "the header cannot be read: check its quotes"
_BLOCK_BYTES = 16_777_216


@dataclass(frozen=True)
class _Layout:
    """How a delimited file is written; `names` are the header's, cleaned; `odd_quotes`: a quote may not be closed."""

    path: Path
    encoding: str
    delimiter: str
    header: list[str]
    names: list[str]
    odd_quotes: bool


def read(path: Path, limits: IngestLimits) -> RawTable:
    """Columns of texts.

    Raises:
        IngestError: the file is not a rectangular delimited table.
    """
    layout = _layout(path, limits)
    columns = pa.Table.from_batches(
        _batches(layout, layout.names, limits), pa.schema([(name, pa.string()) for name in layout.names])
    )
    return RawTable(columns, layout.encoding, layout.delimiter)


class DelimitedChunks:
    """The rows of a file in parts of bounded size, as often as they are asked for.

    Args:
        path: the file.
        limits: numbers of rows and columns allowed.

    Raises:
        IngestError: the file is not text, or its header cannot be used.
    """

    n_rows: int | None = None

    def __init__(self, path: Path, limits: IngestLimits) -> None:
        self._layout = _layout(path, limits)
        self._limits = limits
        self.names = tuple(self._layout.names)

    def read(self, names: Sequence[str], largest: int) -> Iterator[pa.Table]:
        """Some columns of texts, in parts of at most `largest` rows.

        Raises:
            IngestError: the file is not a rectangular delimited table.
        """
        for batch in _batches(self._layout, list(names), self._limits):
            for start in range(0, batch.num_rows, largest):
                yield pa.Table.from_batches([batch.slice(start, largest)])


def _layout(path: Path, limits: IngestLimits) -> _Layout:
    encoding, odd_quotes = detect_encoding(path)
    sample = _sample(path, encoding)
    delimiter = detect_delimiter(sample)
    header = _header(sample, delimiter)
    return _Layout(path, encoding, delimiter, header, check_names(header, limits), odd_quotes)


def detect_encoding(path: Path) -> tuple[str, bool]:
    """UTF-8, UTF-16, Windows-1252 or Latin-1, from the byte order mark or from what decodes.

    Also says whether a quote may be left open: their number is odd, or unknown as in UTF-16.

    Raises:
        IngestError: the file holds NUL bytes, so it is not text.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", True
        if len(head) >= 4 and head[1::2].count(0) > 0.4 * len(head) / 2:
            return "utf-16-le", True
        if len(head) >= 4 and head[::2].count(0) > 0.4 * len(head) / 2:
            return "utf-16-be", True
        return _single_byte_encoding(file, head)


def _single_byte_encoding(file: io.BufferedReader, head: bytes) -> tuple[str, bool]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, windows, quotes = True, True, 0
    block = head
    while block:
        if b"\0" in block:
            raise IngestError("the file holds NUL bytes: it is not a text file")
        if utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                utf8 = False
        windows = windows and not any(block.count(byte) for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))
        quotes += block.count(b'"')
        block = file.read(_BLOCK_BYTES)
    if utf8 and not decoder.getstate()[0]:
        return ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"), bool(quotes % 2)
    return ("cp1252" if windows else "latin-1"), bool(quotes % 2)


def detect_delimiter(sample: str) -> str:
    """The delimiter that cuts the first lines into the most columns of one common number; comma if none does."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter) if row]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _sample(path: Path, encoding: str) -> str:
    try:
        with path.open("rb") as file:
            text = codecs.getincrementaldecoder(encoding)("strict").decode(file.read(_SAMPLE_BYTES))
    except UnicodeDecodeError:
        raise IngestError("the file is not text in a known encoding: save it as UTF-8") from None
    if not text.strip():
        raise IngestError("the file is empty")
    return text


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    """The first rows, up to one that cannot be read; the sample may end in the middle of one."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SAMPLE_ROWS))
    return rows


def _header(sample: str, delimiter: str) -> list[str]:
    for row in _rows(sample, delimiter):
        if row:
            return row
    raise IngestError(_UNREADABLE_HEADER)


def _batches(layout: _Layout, names: list[str], limits: IngestLimits) -> Iterator[pa.RecordBatch]:
    """Some columns of the file; the row that follows is checked when a part is asked for."""
    ragged: list[int] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row.actual_columns)
        return "skip"

    wanted = [layout.header[layout.names.index(name)] for name in names]
    n_rows = -1  # the header is read as a row, because empty lines may come before it
    try:
        for batch in _open(layout, names, note):
            if ragged:
                break
            if batch.num_rows:
                part = batch if n_rows >= 0 else _without_header(batch, wanted)
                n_rows += batch.num_rows
                check_rows(n_rows, limits)
                yield part
    except (pa.ArrowInvalid, UnicodeDecodeError):
        _check_rows_one_by_one(layout)
        place = f"after row {max(n_rows, 0)}"
        raise IngestError(
            f"the file cannot be read {place}: check for a quote that is not closed or a very long cell"
        ) from None
    if ragged or layout.odd_quotes:
        _check_rows_one_by_one(layout)
    if ragged:
        raise IngestError(f"a row has {ragged[0]} cells, the header {len(layout.names)}: check its quotes")


def _open(layout: _Layout, names: list[str], note: Callable[[arrow_csv.InvalidRow], str]) -> Iterator[pa.RecordBatch]:
    reader = arrow_csv.open_csv(
        layout.path,
        read_options=arrow_csv.ReadOptions(
            encoding=layout.encoding.removesuffix("-sig"), column_names=layout.names, block_size=_BLOCK_BYTES
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(layout.names, pa.string()),
            include_columns=names,
            strings_can_be_null=False,
            check_utf8=True,
        ),
    )
    yield from reader


def _without_header(batch: pa.RecordBatch, header: list[str]) -> pa.RecordBatch:
    if [column[0].as_py() for column in batch.columns] != header:
        raise IngestError(_UNREADABLE_HEADER)
    return batch.slice(1)


def _check_rows_one_by_one(layout: _Layout) -> None:
    """Find the first row that is ragged or whose quote is not closed: slow, and done only where one is suspected."""
    row = -1
    with layout.path.open(encoding=layout.encoding, newline="") as file:
        try:
            for cells in filter(None, csv.reader(file, delimiter=layout.delimiter, strict=True)):
                row += 1
                if len(cells) != len(layout.header):
                    raise IngestError(f"the row has {len(cells)} cells, the header {len(layout.header)}", row=row)
        except csv.Error:
            if row < 0:
                raise IngestError(_UNREADABLE_HEADER) from None
            raise IngestError("a quote is not closed, or a cell is far too long", row=row + 1) from None
        except UnicodeDecodeError:
            raise IngestError("the text is broken: save the file as UTF-8", row=row + 1) from None
