import pytest

from app.reporting.printable import (
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
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", "(empty)"),
        ("  ", "(empty)"),
        ("a\nb", "a‹U+000A›b"),
        ("a\x00\tb", "a‹U+0000 U+0009›b"),
        ("a\u202eb", "a‹U+202E›b"),
        ("a\u200bb", "a‹U+200B›b"),
        ("a\u00a0b", "a‹U+00A0›b"),
        ("a\u3164b", "a‹U+3164›b"),
        ("a\ufe0fb", "a‹U+FE0F›b"),
        ("a\U000e0041b", "a‹U+E0041›b"),
        ("a\ud800b", "a‹U+D800›b"),
        ("姓名", "姓名"),
        ("😀", "😀"),
        ("हिन्दी", "हिन्दी"),
        ("e\u0301", "é"),
        ("עברית", "עברית"),
    ],
)
def test_what_deceives_the_eye_is_written_by_number_and_all_else_is_kept(text, shown):
    assert clean(text) == shown


def test_a_long_text_is_cut_and_says_so():
    assert clean("x" * 500) == "x" * 160 + "… (500 characters)"
    assert clean("x" * 500, 1000) == "x" * 500


def test_a_missing_key_is_not_provided():
    assert provided({}, "name") == provided(None, "name") == provided({"name": None}, "name") == "not provided"
