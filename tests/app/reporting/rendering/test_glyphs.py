import unicodedata

import matplotlib
import pytest
import typst
from matplotlib.ft2font import FT2Font

from app.reporting.rendering.glyphs import COVERED, LONGEST_WORD, PIECE, breakable, lacks_glyph, with_glyphs


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


def test_the_compiler_has_a_glyph_for_every_character_that_is_let_through():
    # In regular and bold, as names stand in paragraphs, headings and tables.
    source = b'#set document(title: "T")\n#set text(lang: "en")\n#sys.inputs.text\n\n*#sys.inputs.text*'
    for first, last in COVERED:
        characters = [chr(point) for point in range(first, last + 1) if unicodedata.category(chr(point)) != "Cn"]
        text = " ".join(with_glyphs(character) for character in characters)
        compiler = typst.Compiler(source, sys_inputs={"text": text}, ignore_system_fonts=True)
        assert compiler.compile(format="pdf", pdf_standards=["a-3a", "ua-1"]).startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"])
def test_the_font_of_the_figures_has_a_glyph_for_every_character_that_is_let_through(name):
    known = FT2Font(f"{matplotlib.get_data_path()}/fonts/ttf/{name}").get_charmap()
    for first, last in COVERED:
        for point in range(first, last + 1):
            assert lacks_glyph(chr(point)) or point in known, hex(point)


def test_long_words_can_break_after_separators_and_anywhere_in_long_parts():
    assert breakable("short words stay") == "short words stay"
    assert breakable("number_of_visits_in_the_last_year").split("\u200b")[:3] == ["number_", "of_", "visits_"]
    parts = breakable("ab" * 40).split("\u200b")
    assert "".join(parts) == "ab" * 40
    assert max(map(len, parts)) == PIECE
    assert breakable("a" * LONGEST_WORD) == "a" * LONGEST_WORD
    assert "\u200b" in breakable("W" * LONGEST_WORD)  # wide letters need more room
    assert "\u200b" in breakable("abcdef", 5)
