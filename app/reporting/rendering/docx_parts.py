"""What a Word document is made of beyond paragraphs: fields, bookmarks, alternative texts, and styles.

Source: ECMA-376-1:2016, Office Open XML, part 1: 17.7 (styles), 17.13.6 (bookmarks), 17.16 (fields and links),
17.4 (tables), 20.4 (pictures).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

FONT, CODE_FONT = "Arial", "Courier New"
INK, QUIET, ALARM, PANEL = "1B2430", "515D6D", "9B1C1C", "EEF1F5"

LANGUAGE = "en-US"

TABLE_TEXT, DENSE_TABLE_TEXT = "Table text", "Dense table text"
MOST_EASY_COLUMNS = 5
"""A table with more columns is set in smaller type."""

_TABLE_STYLE = "Report table"

_PARAGRAPH_STYLES: Mapping[str, Mapping[str, Any]] = {
    "Preface": {"size": 11, "italic": True, "after": 10, "before": 8},
    "Banner": {"size": 9, "bold": True, "centred": True},
    "Alarm banner": {"size": 9, "bold": True, "centred": True, "colour": ALARM},
    "Note": {"size": 10, "before": 6, "after": 8, "bar": QUIET},
    "Warning": {"size": 10, "before": 6, "after": 8, "bar": ALARM},
    "Code": {"size": 8.5, "font": CODE_FONT, "before": 4, "after": 8, "bar": QUIET},
    "Table caption": {"size": 10, "bold": True, "before": 10, "after": 3, "with_next": True},
    "Figure caption": {"size": 9.5, "italic": True, "before": 2, "after": 10},
    "Picture": {"size": 10, "before": 8, "after": 0, "with_next": True},
    "Signature role": {"size": 11, "before": 12, "after": 3, "with_next": True},
    TABLE_TEXT: {"size": 9.5},
    DENSE_TABLE_TEXT: {"size": 8},
    "After table": {"size": 4, "before": 0, "after": 2},
    "toc 1": {"size": 10.5, "before": 2, "after": 1},
    "toc 2": {"size": 10, "before": 0, "after": 1, "left": 14},
    "toc 3": {"size": 10, "before": 0, "after": 1, "left": 28},
}
_HEADING_SIZES = {"Title": 26, "Subtitle": 14, "Heading 1": 17, "Heading 2": 13.5, "Heading 3": 11.5, "Heading 4": 10.5}


def prepare_styles(document: Any) -> None:
    """Set the fonts, the language and the styles of a new document."""
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt

    styles = document.styles
    _set_font(styles["Normal"], FONT, 10, INK)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    _set_language(styles)
    for name, size in _HEADING_SIZES.items():
        _set_font(styles[name], FONT, size, QUIET if name == "Subtitle" else INK)
    for name, choices in _PARAGRAPH_STYLES.items():
        _add_style(styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH), styles["Normal"], choices)
    _set_font(styles["TOC Heading"], FONT, 17, INK)
    table = styles.add_style(_TABLE_STYLE, WD_STYLE_TYPE.TABLE)
    table.base_style = styles["Normal Table"]
    table.element.append(_element("w:tblPr", children=[_borders(), _margins()]))


def _add_style(style: Any, base: Any, choices: Mapping[str, Any]) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    style.base_style = base
    _set_font(style, choices.get("font", FONT), choices["size"], choices.get("colour", INK))
    style.font.bold, style.font.italic = choices.get("bold"), choices.get("italic")
    layout = style.paragraph_format
    layout.space_before, layout.space_after = Pt(choices.get("before", 0)), Pt(choices.get("after", 0))
    layout.left_indent = Pt(choices.get("left", 8 if "bar" in choices else 0))
    layout.keep_with_next = choices.get("with_next")
    if choices.get("centred"):
        layout.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if "bar" in choices:
        bar = _element("w:left", {"w:val": "single", "w:sz": "18", "w:space": "6", "w:color": choices["bar"]})
        style.element.get_or_add_pPr().insert_element_before(
            _element("w:pBdr", children=[bar]), "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:outlineLvl"
        )


def _set_font(style: Any, font: str, size: float, colour: str) -> None:
    from docx.shared import Pt, RGBColor

    style.font.name, style.font.size = font, Pt(size)
    style.font.color.rgb = RGBColor.from_string(colour)
    fonts = style.element.rPr.rFonts
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    for kind in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(_name(f"w:{kind}"), font)


def _set_language(styles: Any) -> None:
    for run in styles.element.iter(_name("w:rPrDefault")):
        for language in run.iter(_name("w:lang")):
            for kind in ("val", "eastAsia"):
                language.set(_name(f"w:{kind}"), LANGUAGE)


def _borders() -> Any:
    line = {"w:val": "single", "w:sz": "4", "w:space": "0", "w:color": "A0A9B5"}
    return _element("w:tblBorders", children=[_element(f"w:{side}", line) for side in ("top", "bottom", "insideH")])


def _margins() -> Any:
    sides = {"top": "50", "left": "80", "bottom": "50", "right": "80"}
    return _element(
        "w:tblCellMar",
        children=[_element(f"w:{side}", {"w:w": width, "w:type": "dxa"}) for side, width in sides.items()],
    )


def add_contents(document: Any, entries: Sequence[tuple[int, str, str]]) -> None:
    """A table of contents as a field, so that Word can fill in pages, and which lists the sections before it does.

    Args:
        document: where to add it.
        entries: level, heading and bookmark of each section.
    """
    heading = add_paragraph(document, "Contents", "TOC Heading")
    heading.paragraph_format.page_break_before = True
    for place, (level, text, bookmark) in enumerate(entries):
        paragraph = add_paragraph(document, "", f"toc {min(level, 3)}")
        if place == 0:
            _mark(paragraph, "begin")
            _instruct(paragraph, r'TOC \o "1-3" \h \z \u')
            _mark(paragraph, "separate")
        run = _element("w:r", children=[_element("w:t", text=text)])
        paragraph._p.append(_element("w:hyperlink", {"w:anchor": bookmark, "w:history": "1"}, [run]))
        if place == len(entries) - 1:
            _mark(paragraph, "end")


def add_fields(paragraph: Any, *parts: str) -> None:
    """Append texts and fields in turn: a text, the name of a field, a text, and so on."""
    for place, part in enumerate(parts):
        if place % 2 == 0:
            paragraph.add_run(part)
            continue
        _mark(paragraph, "begin")
        _instruct(paragraph, part)
        _mark(paragraph, "separate")
        paragraph.add_run("1")
        _mark(paragraph, "end")


def _mark(paragraph: Any, kind: str) -> None:
    paragraph.add_run()._r.append(_element("w:fldChar", {"w:fldCharType": kind}))


def _instruct(paragraph: Any, instruction: str) -> None:
    paragraph.add_run()._r.append(_element("w:instrText", {"xml:space": "preserve"}, text=f" {instruction} "))


def add_bookmark(paragraph: Any, name: str) -> None:
    """Mark a paragraph as the target of links."""
    number = str(sum(1 for _ in paragraph.part.element.iter(_name("w:bookmarkStart"))) + 1)
    start = _element("w:bookmarkStart", {"w:id": number, "w:name": name})
    first = paragraph.runs[0]._r
    first.addprevious(start)
    paragraph._p.append(_element("w:bookmarkEnd", {"w:id": number}))


def add_picture(document: Any, picture: bytes, width: float, alt: str) -> None:
    """Add a PNG with an alternative text, in a paragraph of its own.

    Args:
        document: where to add it.
        picture: the PNG.
        width: in centimetres.
        alt: what it shows.
    """
    from docx.shared import Cm

    paragraph = add_paragraph(document, "", "Picture")
    shape = paragraph.add_run().add_picture(io.BytesIO(picture), width=Cm(width))
    shape._inline.docPr.set("descr", alt)
    shape._inline.docPr.set("name", f"Figure {shape._inline.docPr.get('id')}")


def set_header_row(row: Any) -> None:
    """Repeat a row at the top of each page that its table goes on to, and announce it as the header."""
    row._tr.get_or_add_trPr().append(_element("w:tblHeader"))


def set_table_texts(table: Any, summary: str) -> None:
    """Give a table its title for assistive technology, and say that its first row is a header."""
    properties = table._tbl.tblPr
    for look in list(properties.iter(_name("w:tblLook"))):
        properties.remove(look)
    look = {"w:val": "0020", "w:firstRow": "1", "w:lastRow": "0", "w:firstColumn": "0", "w:lastColumn": "0"}
    properties.append(_element("w:tblLook", look | {"w:noHBand": "1", "w:noVBand": "1"}))
    properties.append(_element("w:tblCaption", {"w:val": summary}))


def set_column_widths(table: Any, widths: Sequence[float]) -> None:
    """Set the widths of the columns, in centimetres."""
    from docx.shared import Cm

    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.w = Cm(width)
    for row in table._tbl.tr_lst:
        row.get_or_add_trPr().insert(0, _element("w:cantSplit"))
        for cell, width in zip(row.tc_lst, widths, strict=True):
            cell.width = Cm(width)


def add_paragraph(document: Any, text: str, style: str) -> Any:
    """Add a paragraph in a style, which is named by its id: the library takes long to look one up by its name."""
    paragraph = document.add_paragraph(text)
    paragraph._p.style = _style_id(style)
    return paragraph


def table_paragraph(cell: Any, n_columns: int) -> Any:
    """The paragraph of an empty cell, in the style of tables with so many columns."""
    paragraph = cell.paragraphs[0]
    paragraph._p.style = _style_id(TABLE_TEXT if n_columns <= MOST_EASY_COLUMNS else DENSE_TABLE_TEXT)
    return paragraph


def set_table_style(table: Any) -> None:
    """Give a table the report's style."""
    table._tbl.tblStyle_val = _style_id(_TABLE_STYLE)


def _style_id(name: str) -> str:
    return name.replace(" ", "")


def shade(cell: Any) -> None:
    """Give a cell of a header its ground."""
    cell._tc.get_or_add_tcPr().append(_element("w:shd", {"w:val": "clear", "w:color": "auto", "w:fill": PANEL}))


def repack(document: bytes, moment: datetime) -> bytes:
    """The same document with one time on all its parts, so that equal reports are equal files."""
    time = moment.astimezone(UTC).timetuple()[:6]
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(written, "w") as target:
        for part in source.infolist():
            entry = zipfile.ZipInfo(part.filename, time)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(entry, source.read(part))
    return written.getvalue()


def _element(
    tag: str, attributes: Mapping[str, str] | None = None, children: Sequence[Any] = (), text: str | None = None
) -> Any:
    from docx.oxml import OxmlElement

    element = OxmlElement(tag)
    for name, value in (attributes or {}).items():
        element.set(_name(name), value)
    element.extend(children)
    if text is not None:
        element.text = text
    return element


def _name(prefixed: str) -> str:
    from docx.oxml.ns import qn

    return str(qn(prefixed))
