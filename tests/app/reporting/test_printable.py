import unicodedata

import pytest
import typst

from app.reporting.printable import (
    _COVERED,
    clean,
    delta_text,
    epsilon_text,
    number_text,
    percent_text,
    provided,
    remainder_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.99999999, "1"), (1.00001, "1.0001"), (0.87247, "0.8725"), (0, "0"), (1e-9, "0.0001"), (12, "12")],
)
def test_a_privacy_loss_is_rounded_up(value, text):
    assert epsilon_text(value) == text
    assert float(text) >= value


def test_what_is_left_is_rounded_down():
    assert remainder_text(0.99999) == "0.9999"
    assert remainder_text(-0.00001) == "\u22120.0001"


@pytest.mark.parametrize("value", [None, "1", float("nan"), float("inf"), True, {}])
def test_what_is_no_number_is_not_provided(value):
    assert epsilon_text(value) == remainder_text(value) == delta_text(value) == "not provided"
    assert number_text(value) == "not provided"


def test_numbers_are_readable():
    assert delta_text(1e-6) == "1e\u22126"
    assert delta_text(9.999999999999999e-06) == "1e\u22125"
    assert number_text(26041) == number_text(26040.7) == "26,041"
    assert number_text(15.4321) == "15.43"
    assert percent_text(0.123456) == "12.3 %"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain", "plain"),
        ("", "(empty)"),
        ("  ", "(empty)"),
        ("a\nb", "a‹U+000A›b"),
        ("a\u202eb", "a‹U+202E›b"),
        ("姓名", "‹U+59D3 U+540D›"),
        ("e\u0301", "é"),
        ("עברית", "עברית"),
    ],
)
def test_characters_without_a_glyph_are_written_by_number(text, printed):
    assert clean(text) == printed


def test_a_long_text_is_cut_and_says_so_and_can_break():
    printed = clean("x" * 500)
    assert printed.endswith("… (500 characters)")
    assert max(len(part) for part in printed.split("\u200b")) < 40


def test_a_missing_key_is_not_provided():
    assert provided({}, "name") == provided(None, "name") == provided({"name": None}, "name") == "not provided"


def test_the_compiler_has_a_glyph_for_every_character_that_is_let_through():
    # In regular and bold, as names stand in paragraphs, headings and tables.
    source = b'#set document(title: "T")\n#set text(lang: "en")\n#sys.inputs.text\n\n*#sys.inputs.text*'
    for first, last in _COVERED:
        characters = [chr(point) for point in range(first, last + 1) if unicodedata.category(chr(point)) != "Cn"]
        compiler = typst.Compiler(source, sys_inputs={"text": clean_all(characters)}, ignore_system_fonts=True)
        assert compiler.compile(format="pdf", pdf_standards=["a-3a", "ua-1"]).startswith(b"%PDF-")


def clean_all(characters):
    return " ".join(clean(character) for character in characters)
