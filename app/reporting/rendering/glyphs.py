"""Texts as the fonts of documents and figures can show them.

A missing glyph would end the rendering of an archivable document, so what the fonts lack is written by its Unicode
number.
"""

from __future__ import annotations

import re
import unicodedata

from app.reporting.printable import by_number

LINE = 28.0
"""The usual room for a text: the width of a statement's value, in units of the size of its type."""

BREAK = "\N{ZERO WIDTH SPACE}"
"""Where a word may break; the template turns it into a place to break without a character of its own."""

PIECE = 4
"""Letters between places to break, in what has no separators."""

_WIDTHS = {
    character: hundredths / 100
    for hundredths, characters in (
        (20, "',.|"),
        (25, " :;ijl"),
        (30, "!()/IJ\\ft{}"),
        (35, '"*-[]r'),
        (40, "`szε"),
        (45, "#$0123456789?ace~"),
        (50, "FS^_bdgkopqvxyδρμβ"),
        (55, "+<=>ELPYhnuσα"),
        (60, "BRTZ"),
        (65, "%CKUVX"),
        (70, "&ADGNOQ"),
        (75, "Hw"),
        (80, "m"),
        (85, "M"),
        (90, "@"),
        (95, "W"),
    )
    for character in characters
}
"""Widths in the font of documents, measured and rounded to the nearest twentieth of the size of type."""

_UNKNOWN_WIDTH = 0.8

COVERED = (
    (0x0020, 0x007E),
    (0x00A1, 0x00AC),
    (0x00AE, 0x024F),  # Latin
    (0x0370, 0x037E),
    (0x0380, 0x0482),
    (0x048A, 0x04FF),  # Greek and Cyrillic
    (0x05D0, 0x05EA),  # Hebrew letters
    (0x0621, 0x063A),
    (0x0641, 0x064A),
    (0x0660, 0x0669),  # Arabic letters and digits
    (0x06F0, 0x06F9),
    (0x1E00, 0x1EFB),
    (0x2010, 0x2027),
    (0x2030, 0x203F),
    (0x2070, 0x208E),
    (0x20A0, 0x20B5),
    (0x20B8, 0x20BA),
    (0x20BD, 0x20BD),
    (0x2190, 0x22FF),  # arrows and mathematical signs
    (0x2500, 0x25FF),
)
"""Characters that the compiler's own fonts and that of the figures can show, found by rendering each of them."""

_UNSHOWN = frozenset(("Cn", "Cf", "Mn", "Mc", "Me"))


def with_glyphs(text: str) -> str:
    """A text in which every character has a glyph; others are written by number, as ‹U+59D3›."""
    return by_number(unicodedata.normalize("NFC", text), lacks_glyph)


def lacks_glyph(character: str) -> bool:
    """Whether the fonts cannot show a character."""
    point = ord(character)
    is_covered = any(first <= point <= last for first, last in COVERED)
    return not is_covered or unicodedata.category(character) in _UNSHOWN


def breakable(text: str, room: float = LINE) -> str:
    """Let words break that are wider than the room for them, after their separators or, without any, anywhere.

    Args:
        text: the words.
        room: width of a line, in units of the size of type.
    """
    return " ".join(_breakable_word(word, room) for word in text.split(" "))


def width(text: str) -> float:
    """The width of a text in one line, in units of the size of type."""
    return sum(_WIDTHS.get(character, _UNKNOWN_WIDTH) for character in text)


def _breakable_word(word: str, room: float) -> str:
    if width(word) <= room:
        return word
    pieces: list[str] = []
    for part in re.split(r"(?<=[_\-./:])", word):
        step = len(part) or 1 if width(part) <= room else PIECE
        pieces.extend(part[start : start + step] for start in range(0, len(part), step))
    return BREAK.join(pieces)
