"""What stands in the blocks of a report, for tests."""

from app.reporting.document import (
    Bullets,
    Code,
    Figure,
    Heading,
    Lines,
    Note,
    Paragraph,
    Section,
    SignatureLine,
    Statements,
    Table,
)


def statements(blocks):
    """All statements, in order; those of signature lines too."""
    return [
        statement
        for block in blocks
        for statement in (
            block.rows if isinstance(block, Statements) else block.fields if isinstance(block, SignatureLine) else ()
        )
    ]


def statement(blocks, name):
    """The one statement of a name."""
    (found,) = [said for said in statements(blocks) if said.name == name]
    return found


def table(blocks, caption):
    """The one table whose caption holds some words."""
    (found,) = [block for block in blocks if isinstance(block, Table) and caption in block.caption]
    return found


def texts(blocks):
    """Every text that a reader sees."""
    return [text for block in blocks for text in _texts(block)]


def _texts(block):
    match block:
        case Heading(text) | Paragraph(text) | Note(text) | Code(text):
            return [text]
        case Bullets(items):
            return list(items)
        case Table():
            return [block.caption, *block.header, *(cell for row in block.rows for cell in row)]
        case Figure():
            return [block.caption, block.alt, *_chart_texts(block.chart)]
        case Statements(rows) | SignatureLine(_, rows):
            return [text for row in rows for text in (row.name, row.value, row.tag)]
        case Section():
            return [block.title, *texts(block.blocks)]
    raise AssertionError(f"unknown block {block}")


def _chart_texts(chart):
    if isinstance(chart, Lines):
        return [chart.x_axis, chart.y_axis, *(name for name, _ in chart.series)]
    return [*chart.labels, chart.axis]


def figure(blocks, name):
    """The one figure of a name."""
    (found,) = [block for block in blocks if isinstance(block, Figure) and block.name == name]
    return found
