"""A report as a Word document, for whoever has to fill in, comment or copy parts of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

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
from app.reporting.rendering.docx_parts import (
    add_bookmark,
    add_contents,
    add_fields,
    add_paragraph,
    add_picture,
    prepare_styles,
    repack,
    set_column_widths,
    set_header_row,
    set_table_style,
    set_table_texts,
    shade,
    table_paragraph,
)
from app.reporting.rendering.outline import outline
from app.reporting.rendering.plain import legal

TEXT_WIDTH = 17.0
"""Centimetres between the margins of the page."""

CODE_WIDTH = 3.2

PRODUCER = "Synthetic Data Studio"


def render_docx(report: Report, moment: datetime) -> bytes:
    """Render a report as a Word document with real headings, repeated table headers and alternative texts.

    The same report and moment give the same bytes, and nothing in them tells of the machine or its user.

    Args:
        report: what to render.
        moment: when the report was made.
    """
    import docx  # loads slowly, and only this module needs it

    document = docx.Document()
    prepare_styles(document)
    _properties(document, report, moment)
    _page(document, report)
    _cover(document, report)
    entries = outline(report)
    add_contents(document, [(entry.level - 1, legal(entry.heading), _bookmark(entry.anchor)) for entry in entries])
    for entry in entries:
        heading = add_paragraph(document, legal(entry.heading), f"Heading {entry.level - 1}")
        add_bookmark(heading, _bookmark(entry.anchor))
        for block in entry.section.blocks:
            _block(document, block, entry.level)
    written = io.BytesIO()
    document.save(written)
    return repack(written.getvalue(), moment)


def _properties(document: Any, report: Report, moment: datetime) -> None:
    made = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    properties = document.core_properties
    properties.title = legal(report.title)[:255]
    properties.subject = legal(report.subject)[:255]
    properties.identifier = legal(report.document_id)
    properties.author = properties.last_modified_by = PRODUCER
    properties.created = properties.modified = made
    properties.language = "en"
    properties.comments = properties.keywords = properties.category = ""
    properties.revision = 1


def _page(document: Any, report: Report) -> None:
    from docx.shared import Cm

    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm((21.0 - TEXT_WIDTH) / 2)
    section.top_margin = section.bottom_margin = Cm(2.2)
    top = section.header.paragraphs[0]
    if report.banner:
        top.style = "Alarm banner" if report.is_alarm else "Banner"
        top.text = legal(report.banner)
    bottom = section.footer.paragraphs[0]
    bottom.text = f"Document {legal(report.document_id)}\t"
    bottom.paragraph_format.tab_stops.clear_all()
    bottom.paragraph_format.tab_stops.add_tab_stop(Cm(TEXT_WIDTH), alignment=2)
    add_fields(bottom, "Page ", "PAGE", " of ", "NUMPAGES")


def _cover(document: Any, report: Report) -> None:
    add_paragraph(document, legal(report.title), "Title")
    add_paragraph(document, legal(report.subject), "Subtitle")
    add_paragraph(document, legal(report.preface), "Preface")
    _statements(document, report.cover, "What this document is about")
    if report.code:
        import segno

        picture = io.BytesIO()
        segno.make(report.code, error="m").save(picture, kind="png", scale=8, border=2)
        add_picture(document, picture.getvalue(), CODE_WIDTH, f"Code to scan: {legal(report.code)}")


def _block(document: Any, block: Block, level: int) -> None:
    match block:
        case Heading(text):
            add_paragraph(document, legal(text), f"Heading {level}")
        case Paragraph(text):
            add_paragraph(document, legal(text), "Normal")
        case Note(text, is_warning):
            _note(document, text, is_warning)
        case Statements(rows):
            _statements(document, rows, "Statements")
        case Bullets(items):
            for item in items:
                add_paragraph(document, legal(item), "List Bullet")
        case Code(text):
            add_paragraph(document, legal(text), "Code")
        case Table():
            add_paragraph(document, legal(block.caption), "Table caption")
            _table(document, block.header, block.rows, block.widths, block.caption)
        case Figure():
            from app.reporting.rendering.figures import draw

            add_picture(document, draw(block.chart, "png"), TEXT_WIDTH, legal(block.alt))
            add_paragraph(document, legal(block.caption), "Figure caption")
        case SignatureLine(role, fields):
            _signature(document, role, fields)


def _note(document: Any, text: str, is_warning: bool) -> None:
    paragraph = add_paragraph(document, "", "Warning" if is_warning else "Note")
    paragraph.add_run("Warning: " if is_warning else "Note: ").bold = True
    paragraph.add_run(legal(text))


def _statements(document: Any, rows: Sequence[Statement], summary: str) -> None:
    if not rows:
        return
    texts = [(row.name, row.value, row.tag) for row in rows]
    _table(document, ("What", "Statement", "Who answers for it"), texts, (3.0, 5.5, 2.5), summary)


def _signature(document: Any, role: str, fields: Sequence[Statement]) -> None:
    """A line per field; a dotted rule to write on where nothing was declared."""
    paragraph = add_paragraph(document, "", "Signature role")
    paragraph.add_run(legal(role)).bold = True
    rows = [(field.name, "" if field.status == Status.OPEN else field.value, field.tag) for field in fields]
    table = _table(document, ("Field", "To be filled in", "Who answers for it"), rows, (3.0, 5.5, 2.5), role)
    from docx.shared import Cm

    for row in table.rows[1:]:
        row.height = Cm(1.0)


def _table(
    document: Any, header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float], summary: str
) -> Any:
    table = document.add_table(rows=1 + len(rows), cols=len(header))
    set_table_style(table)
    table.autofit = False
    set_table_texts(table, legal(summary))
    set_column_widths(table, [TEXT_WIDTH * width / sum(widths) for width in widths])
    set_header_row(table.rows[0])
    for cell, text in zip(table.rows[0].cells, header, strict=True):
        table_paragraph(cell, len(header)).add_run(legal(text)).bold = True
        shade(cell)
    for row, texts in zip(table.rows[1:], rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            table_paragraph(cell, len(header)).text = legal(text)
    add_paragraph(document, "", "After table")
    return table


def _bookmark(anchor: str) -> str:
    return anchor.replace("-", "_")
