"""A report as one web page, which holds all that it shows, runs nothing and asks no server for anything."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.reporting.document import Block, Figure, Report, Table
from app.reporting.rendering.inline_svg import inline_svg
from app.reporting.rendering.outline import outline
from app.reporting.rendering.plain import legal

FOLDER = Path(__file__).parent
TEMPLATE, STYLE = "report.html", "report.css"


def render_html(report: Report) -> bytes:
    """Render a report as a self-contained, accessible page.

    The page forbids itself every script and every outside resource by a content security policy, and names its one
    style sheet there by digest. All texts are escaped by the template.

    Args:
        report: what to render.
    """
    import jinja2  # loads slowly, and only this function needs it
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = itertools.count(1)
    style = _print_style(report) + _width_style(report) + (FOLDER / STYLE).read_text(encoding="utf-8")
    content = {
        "report": report,
        "outline": [(entry, list(_views(entry.section.blocks, numbers))) for entry in outline(report)],
        "style": Markup(style),
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "code": Markup(_code_svg(report.code)) if report.code else "",
    }
    return legal(environment.get_template(TEMPLATE).render(content)).encode()


def _views(blocks: tuple[Block, ...], numbers: Iterator[int]) -> Iterator[tuple[str, Block, Any]]:
    """Each block with its kind, and with its drawing or its number in the page where it has one."""
    from markupsafe import Markup

    for block in blocks:
        extra: Any = None
        if isinstance(block, Figure):
            extra = Markup(_drawing(block))
        elif isinstance(block, Table):
            extra = next(numbers)
        yield type(block).__name__, block, extra


def _drawing(figure: Figure) -> str:
    from app.reporting.rendering.figures import draw

    return inline_svg(draw(figure.chart, "svg"), alt=figure.alt, prefix=figure.name)


def _code_svg(text: str) -> str:
    import segno

    drawing = io.BytesIO()
    segno.make(text, error="m").save(drawing, kind="svg", scale=4, border=2, xmldecl=False, svgclass=None)
    return inline_svg(drawing.getvalue(), alt=f"Code to scan: {text}", prefix="code")


def _tables(report: Report) -> Iterator[Table]:
    for section in report.sections:
        yield from (block for block in section.blocks if isinstance(block, Table))


def _width_style(report: Report) -> str:
    """Rules for the widths of columns, which the policy does not allow in the elements themselves."""
    rules = []
    for number, table in enumerate(_tables(report), start=1):
        total = sum(table.widths)
        rules += [
            f"#table-{number} col:nth-child({place}) {{ width: {100 * width / total:.2f}% }}"
            for place, width in enumerate(table.widths, start=1)
        ]
    return "\n".join(rules) + "\n"


def _print_style(report: Report) -> str:
    """What stands on every printed page."""
    return (
        f"@page {{ @top-center {{ content: {_css_text(report.banner)} }}"
        f" @bottom-left {{ content: {_css_text(report.document_id)} }} }}\n"
    )


def _css_text(text: str) -> str:
    """A text as a CSS string, in which all but letters, digits and spaces is written by number.

    Source: W3C, CSS Syntax Module Level 3, section 4.3.7.
    """
    safe = "".join(
        character if character.isascii() and (character.isalnum() or character == " ") else f"\\{ord(character):x} "
        for character in text
    )
    return f'"{safe}"'
