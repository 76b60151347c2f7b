import json
import unicodedata
from datetime import UTC, datetime

import pytest
import typst
from matplotlib.ft2font import FT2Font

from app.reporting.document import Code, Heading, Note, Paragraph, Section, Statement, Statements, Status, Table
from app.reporting.rendering.figures import font_folder
from app.reporting.rendering.glyphs import COVERED, PIECE, breakable, lacks_glyph, width, with_glyphs
from app.reporting.rendering.pdf import render_pdf
from tests.app.reporting.sample_report import sample_report


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("姓名", "‹U+59D3 U+540D›"),
        ("e\u0301", "é"),
        ("x\u0301\u0327", "x‹U+0327 U+0301›"),
        ("עברית", "עברית"),
        ("a\nb", "a‹U+000A›b"),
    ],
)
def test_characters_without_a_glyph_are_written_by_number(text, shown):
    assert with_glyphs(text) == shown


def test_documents_have_a_glyph_for_every_character_that_is_let_through():
    """In regular, bold and italic, in names, tables and code; a missing glyph would end the rendering."""
    for first, last in COVERED:
        characters = [chr(point) for point in range(first, last + 1) if unicodedata.category(chr(point)) != "Cn"]
        text = " ".join(with_glyphs(character) for character in characters)
        missing = Statement(text, text, Status.OPEN, text)
        blocks = (Heading(text), Paragraph(text), Note(text), Statements((missing,)), Code(text))
        table = Table(text, (text, "b"), ((text, "b"),), (3.0, 1.0), text)
        report = sample_report(title=text, preface=text, cover=(), sections=(Section("1", text, (*blocks, table)),))
        assert render_pdf(report, (), datetime(2026, 11, 28, tzinfo=UTC)).startswith(b"%PDF-")


@pytest.mark.parametrize("font", ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"])
def test_the_font_of_the_figures_has_a_glyph_for_every_character_that_is_let_through(font):
    known = FT2Font(font_folder() / font).get_charmap()
    for first, last in COVERED:
        for point in range(first, last + 1):
            assert lacks_glyph(chr(point)) or point in known, hex(point)


def test_words_wider_than_their_line_break_after_separators_and_anywhere_in_long_parts():
    assert breakable("short words stay", 5) == "short words stay"
    assert breakable("number_of_visits_in_the_last_year", 5).split("\u200b")[:3] == ["number_", "of_", "visits_"]
    parts = breakable("ab" * 40).split("\u200b")
    assert "".join(parts) == "ab" * 40
    assert max(map(len, parts)) == PIECE
    assert breakable("i" * 20, 8) == "i" * 20
    assert "\u200b" in breakable("W" * 20, 8)  # wide letters need more room


def test_widths_are_those_of_the_font():
    """Within a tenth of a unit, which is what the rounding and the digits of another shape may come to."""
    characters = [chr(point) for point in range(0x21, 0x7F)]
    measured = _measured_widths(characters)
    assert all(abs(width(character) - measured[character]) < 0.1 for character in characters)


def _measured_widths(characters):
    source = b"""#set page(width: auto)
        #let measured(character) = measure(text(font: "Libertinus Serif", size: 100pt, character)).width / 100pt
        #context [#metadata(sys.inputs.characters.clusters().map(measured))<widths>]"""
    compiler = typst.Compiler(source, sys_inputs={"characters": "".join(characters)}, ignore_system_fonts=True)
    return dict(zip(characters, json.loads(compiler.query("<widths>", field="value", one=True)), strict=True))
