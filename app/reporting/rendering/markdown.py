"""A report as Markdown, as model hubs and repositories show it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
    Table,
)
from app.reporting.rendering.outline import outline
from app.reporting.rendering.plain import legal

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~$&]|://|(?<=www)\.")
_AT_START = re.compile(r"^([#+=-]|\d+(?=[.)](?:\s|$)))")


def render_markdown(report: Report) -> str:
    """Render a report as Markdown.

    A figure becomes its caption and its alternative text, which says all that the drawing does.

    Args:
        report: what to render.

    Source: GitHub Flavored Markdown Spec, version 0.29.
    """
    parts = [f"# {escape(report.title)}: {escape(report.subject)}"]
    if report.banner:
        parts.append(f"> **{escape(report.banner)}**")
    parts += [escape(report.preface), *_statements(report.cover)]
    for entry in outline(report):
        parts.append(f"{'#' * entry.level} {escape(entry.heading)}")
        for block in entry.section.blocks:
            parts += _block(block, entry.level)
    parts.append(f"Document {escape(report.document_id)}")
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text as one line of Markdown that shows exactly its characters, and is neither markup, HTML nor a link."""
    line = " ".join(legal(text).split())
    escaped = _SPECIAL.sub(lambda match: "\\" + match.group(), line)
    return _AT_START.sub(_escape_start, escaped)


def _escape_start(match: re.Match[str]) -> str:
    sign = match.group()
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"{'#' * (level + 1)} {escape(text)}"
        case Paragraph(text):
            yield escape(text)
        case Note(text, is_warning):
            yield f"> **{'Warning' if is_warning else 'Note'}:** {escape(text)}"
        case Statements(rows):
            yield from _statements(rows)
        case Bullets(items):
            yield "\n".join(f"- {escape(item)}" for item in items)
        case Code(text):
            yield _fenced(text)
        case Table():
            yield f"**{escape(block.caption)}**"
            yield _table(block.header, block.rows)
        case Figure():
            yield f"**Figure: {escape(block.caption)}** {escape(block.alt)}"
        case SignatureLine(role, fields):
            yield f"**{escape(role)}**"
            yield from _statements(fields)


def _statements(rows: Sequence[Statement]) -> Iterator[str]:
    if rows:
        yield _table(("What", "Statement", "Who answers for it"), [(row.name, row.value, row.tag) for row in rows])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [_line(header), "| " + " | ".join("---" for _ in header) + " |", *map(_line, rows)]
    return "\n".join(lines)


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape, texts)) + " |"


def _fenced(text: str) -> str:
    """A block of code, fenced by more backticks than any run of them inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{legal(text)}\n{fence}"
