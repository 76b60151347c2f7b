"""CSV and TSV: encoding and delimiter are detected, quoted line breaks allowed, ragged rows refused."""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from engine.data.ingest import IngestLimits, RawTable, check_names, check_rows
from engine.errors import IngestError

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 262_144
_BLOCK_BYTES = 16_777_216


def read(path: Path, limits: IngestLimits) -> RawTable:
    """Columns of texts.

    Raises:
        IngestError: the file is not a rectangular delimited table.
    """
    encoding, quotes = detect_encoding(path)
    sample = _sample(path, encoding)
    delimiter = detect_delimiter(sample)
    names = check_names(_header(sample, delimiter), limits)
    batches = _batches(path, encoding, delimiter, names, limits, quotes)
    columns = pa.Table.from_batches(batches, pa.schema([(name, pa.string()) for name in names]))
    return RawTable(columns, encoding, delimiter)


def detect_encoding(path: Path) -> tuple[str, int]:
    """UTF-8, UTF-16, Windows-1252 or Latin-1, from the byte order mark or from what decodes; and how many quotes.

    Raises:
        IngestError: the file holds NUL bytes, so it is not text.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", 0
        if len(head) >= 4 and head[1::2].count(0) > 0.4 * len(head) / 2:
            return "utf-16-le", 0
        if len(head) >= 4 and head[::2].count(0) > 0.4 * len(head) / 2:
            return "utf-16-be", 0
        return _single_byte_encoding(file, head)


def _single_byte_encoding(file: io.BufferedReader, head: bytes) -> tuple[str, int]:
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
        return ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"), quotes
    return ("cp1252" if windows else "latin-1"), quotes


def detect_delimiter(sample: str) -> str:
    """The delimiter that cuts the first lines into the most columns of one common number; comma if none does."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter)[:50] if row]
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
    """Rows up to the first that cannot be read; the sample may end in the middle of one."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
    return rows


def _header(sample: str, delimiter: str) -> list[str]:
    for row in _rows(sample, delimiter):
        if row:
            return row
    raise IngestError("the header cannot be read: check its quotes")


def _batches(
    path: Path, encoding: str, delimiter: str, names: list[str], limits: IngestLimits, quotes: int
) -> list[pa.RecordBatch]:
    ragged: list[int] = []

    def keep_first(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row.actual_columns)
        return "skip"

    batches: list[pa.RecordBatch] = []
    n_rows = 0
    try:
        reader = arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                encoding=encoding.removesuffix("-sig"),
                column_names=names,
                skip_rows_after_names=1,
                block_size=_BLOCK_BYTES,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_first
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=True
            ),
        )
        for batch in reader:
            if ragged:
                break
            n_rows += batch.num_rows
            check_rows(n_rows, limits)
            batches.append(batch)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        _check_rows_one_by_one(path, encoding, delimiter, len(names))
        raise IngestError(
            f"the file cannot be read after row {n_rows}: check for a quote that is not closed or a very long cell"
        ) from None
    if ragged or quotes % 2:
        _check_rows_one_by_one(path, encoding, delimiter, len(names))
    return batches


def _check_rows_one_by_one(path: Path, encoding: str, delimiter: str, width: int) -> None:
    """Find the first row that is ragged or whose quote is not closed: slow, and done only where one is suspected."""
    row = -1
    with path.open(encoding=encoding, newline="") as file:
        try:
            for cells in filter(None, csv.reader(file, delimiter=delimiter, strict=True)):
                row += 1
                if len(cells) != width:
                    raise IngestError(f"the row has {len(cells)} cells, the header {width}", row=row)
        except csv.Error:
            raise IngestError("a quote is not closed, or a cell is far too long", row=row + 1) from None
        except UnicodeDecodeError:
            raise IngestError("the text is broken: save the file as UTF-8", row=row + 1) from None
