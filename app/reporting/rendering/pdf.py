"""A report as an archivable, tagged PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from app.reporting.document import (
    Block,
    Bullets,
    Code,
    Figure,
    Heading,
    Note,
    Paragraph,
    Report,
    SignatureLine,
    Statement,
    Statements,
    Status,
    Table,
)
from app.reporting.printable import NOT_PROVIDED, by_number, is_deceptive
from app.reporting.rendering.figures import draw, font_folder
from app.reporting.rendering.glyphs import LINE, breakable, width, with_glyphs
from app.reporting.rendering.outline import TOP_LEVEL, Entry, outline

TEMPLATE = Path(__file__).with_name("report.typ")
STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
"""Archivable with attachments, and readable by assistive technology."""

WIDEST_TABLE = 8
"""Columns of a table that fit beside each other; the rest follow in further tables."""

TABLE_WIDTH, TABLE_TYPE, CELL_PADDING = 475.0, 8.5, 13.0
"""Points: the width of the text, the size of a table's type, and what a cell leaves free at its sides."""

SMALL, LEAST_AT_MOST = 0.7, 110.0
"""Part of the line below which a table is as wide as its texts; points that a long word can claim for its column."""

BOLD = 1.08
"""How much wider bold type is."""

NARROW = 8.0
"""Room in the columns for names and for who answers, in units of the size of their type."""

MOST_LINES_KEPT = 12
"""Lines of a row that stay on one page; taller rows may go on overleaf."""

CODE_LINE = 42.0

EMPTY = "(empty)"

_STATUS = {Status.COMPUTED: "computed", Status.DECLARED: "declared", Status.OPEN: "open"}
_NUMBER = re.compile(r"[<>≤≥]?\s*[+\-−]?\d[\d.,]*(e[+\-−]?\d+)?(\s?%)?")
_MISSING = frozenset(("–", "—", "-", "", NOT_PROVIDED))


@dataclass(frozen=True)
class Attachment:
    """A file that a document carries.

    Args:
        name: its file name.
        content: its bytes.
        media_type: such as `application/json`.
        description: what it is.
    """

    name: str
    content: bytes
    media_type: str
    description: str


def render_pdf(report: Report, attachments: Sequence[Attachment], moment: datetime) -> bytes:
    """Render a report as PDF/A-3a and PDF/UA-1; the same report at the same moment gives the same bytes.

    Args:
        report: what to print.
        attachments: files that the document carries.
        moment: when it is made, in any time zone; its metadata say so.
    """
    import typst  # a compiler that only this function needs

    moment = moment.astimezone(UTC).replace(microsecond=0)
    inputs = {
        "report": json.dumps(_content(report) | {"metadata": _metadata(report, moment)}, ensure_ascii=False),
        "attachments": json.dumps([_attached(attachment) for attachment in attachments], ensure_ascii=False),
    }
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[font_folder()])
    compiler = typst.Compiler(TEMPLATE.read_bytes(), font_paths=fonts, sys_inputs=inputs)
    document = compiler.compile(format="pdf", pdf_standards=[*STANDARDS], timestamp=moment)
    if not isinstance(document, bytes):
        raise TypeError("the compiler returned several files for one document")
    return document


def _metadata(report: Report, moment: datetime) -> dict[str, Any]:
    return {
        "title": _shown(report.title) or EMPTY,
        "description": _shown(report.preface),
        "document_id": _shown(report.document_id),
        "date": {name: getattr(moment, name) for name in ("year", "month", "day", "hour", "minute", "second")},
    }


def _attached(attachment: Attachment) -> dict[str, Any]:
    content: str | list[int]
    try:
        content = attachment.content.decode()
    except UnicodeDecodeError:
        content = list(attachment.content)
    return {
        "name": attachment.name,
        "content": content,
        "media_type": attachment.media_type,
        "description": _shown(attachment.description),
    }


def _content(report: Report) -> dict[str, Any]:
    return {
        "title": _named(report.title),
        "subject": _text(report.subject),
        "banner": _text(report.banner),
        "is_alarm": report.is_alarm,
        "preface": _text(report.preface),
        "cover": [_statement(row) for row in report.cover],
        "sections": [_section(entry) for entry in outline(report)],
        "document_id": _text(report.document_id),
        "code": _code(report.code),
    }


def _code(text: str) -> dict[str, str] | str:
    if not text:
        return ""
    import segno  # only documents with a code need it

    target = BytesIO()
    segno.make(text, error="m", micro=False).save(target, kind="svg", border=2, xmldecl=False)
    shown = _shown(text)
    return {"drawing": target.getvalue().decode(), "alt": f"QR code that holds the text: {shown}", "text": _text(text)}


def _section(entry: Entry) -> dict[str, Any]:
    return {
        "number": _text(entry.section.number),
        "title": _named(entry.section.title),
        "level": entry.level - TOP_LEVEL + 1,
        "blocks": [_block(block) for block in _joined(entry.section.blocks)],
    }


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, where statements that follow each other stand in one list."""
    joined: list[Block] = []
    for block in blocks:
        before = joined[-1] if joined else None
        if isinstance(block, Statements) and isinstance(before, Statements):
            joined[-1] = Statements((*before.rows, *block.rows))
        else:
            joined.append(block)
    return joined


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading(text):
            return {"kind": "heading", "text": _named(text)}
        case Paragraph(text):
            return {"kind": "paragraph", "text": _text(text)}
        case Note(text, is_warning):
            return {"kind": "note", "text": _text(text), "is_warning": is_warning}
        case Statements(rows):
            return {"kind": "statements", "rows": [_statement(row) for row in rows]}
        case Bullets(items):
            return {"kind": "bullets", "items": [_text(item) for item in items]}
        case Code(text):
            lines = [breakable(with_glyphs(line), CODE_LINE) for line in text.split("\n")]
            return {"kind": "code", "text": "\n".join(lines)}
        case Table():
            return {"kind": "table", "parts": _parts(block)}
        case Figure():
            return {
                "kind": "figure",
                "drawing": draw(block.chart, "svg").decode(),
                "caption": _named(block.caption),
                "alt": _shown(block.alt) or EMPTY,
                "source": _text(block.source),
            }
        case SignatureLine(role, fields):
            return {"kind": "signature", "role": _text(role), "fields": [_statement(field) for field in fields]}


def _statement(row: Statement) -> dict[str, Any]:
    return {
        "name": _text(row.name, NARROW),
        "value": _text(row.value),
        "status": _STATUS[row.status],
        "tag": _text(row.tag, NARROW),
    }


def _parts(table: Table) -> list[dict[str, Any]]:
    """The table; where it is too wide, its columns in several, each with the first column."""
    n_columns = len(table.header)
    if n_columns <= WIDEST_TABLE:
        return [_part(table, range(n_columns), table.caption)]
    step = WIDEST_TABLE - 1
    parts = []
    for first in range(1, n_columns, step):
        last = min(first + step, n_columns)
        caption = f"{table.caption} Columns {first + 1} to {last} of {n_columns}."
        parts.append(_part(table, (0, *range(first, last)), caption))
    return parts


def _part(table: Table, columns: Sequence[int], caption: str) -> dict[str, Any]:
    header = [table.header[column] for column in columns]
    rows = [[row[column] for column in columns] for row in table.rows]
    widths = _widths(header, rows, [table.widths[column] for column in columns])
    rooms = [max(1.0, (points - CELL_PADDING) / TABLE_TYPE) for points in widths]
    n_lines = max((width(text) / room for row in rows for text, room in zip(row, rooms, strict=True)), default=0)
    return {
        "caption": _named(caption),
        "source": _text(table.source),
        "header": [_text(text, room / BOLD) for text, room in zip(header, rooms, strict=True)],
        "rows": [[_text(text, room) for text, room in zip(row, rooms, strict=True)] for row in rows],
        "widths": widths,
        "is_numeric": [_is_numeric([row[place] for row in rows]) for place in range(len(columns))],
        "is_breakable": n_lines > MOST_LINES_KEPT,
    }


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float]) -> list[float]:
    """Points of each column: what its texts need where the table is small, and its share of the line otherwise."""
    columns = [(title, *(row[place] for row in rows)) for place, title in enumerate(header)]
    needed = [max(map(_points, texts)) for texts in columns]
    if sum(needed) <= SMALL * TABLE_WIDTH:
        return needed
    least = [min(max(_points(word) for text in texts for word in text.split(" ")), LEAST_AT_MOST) for texts in columns]
    return _shared(TABLE_WIDTH, shares, least)


def _points(text: str) -> float:
    """Width of a cell that shows a text in one line, as if it were a title."""
    return 1.06 * width(text) * BOLD * TABLE_TYPE + CELL_PADDING


def _shared(line: float, shares: Sequence[float], least: Sequence[float]) -> list[float]:
    """A line divided by shares, where no part is below its least while there is room for that."""
    if sum(least) > line:
        least = [0.0] * len(shares)
    fixed: set[int] = set()
    while True:
        rest = line - sum(least[place] for place in fixed)
        total = sum(share for place, share in enumerate(shares) if place not in fixed) or 1.0
        parts = [least[place] if place in fixed else rest * share / total for place, share in enumerate(shares)]
        short = {place for place, part in enumerate(parts) if part < least[place]} - fixed
        if not short:
            return parts
        fixed |= short


def _is_numeric(texts: Sequence[str]) -> bool:
    """Whether a column holds numbers, and nothing else but that one is missing."""
    return any(_NUMBER.fullmatch(text) for text in texts) and all(
        _NUMBER.fullmatch(text) or text in _MISSING for text in texts
    )


def _text(text: str, room: float = LINE) -> str:
    """A text with a glyph for every character, whose words break where they are wider than their line."""
    return breakable(with_glyphs(text).strip(), room)


def _named(text: str) -> str:
    """The same for a text that assistive technology announces, which must not be empty."""
    return _text(text) if text.strip() else EMPTY


def _shown(text: str) -> str:
    """A text that is spoken or listed, not printed."""
    return by_number(text, is_deceptive).strip()
