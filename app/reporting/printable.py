"""Texts and numbers as a document prints them.

Names come from users and files. They are data, never markup, and what the document's fonts have no glyph for is
written by its Unicode number: a missing glyph would end the rendering, and an invisible or direction-changing
character would let one name look like another.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

NOT_PROVIDED = "not provided"

LONGEST_TEXT, LONGEST_STATEMENT = 160, 1000
"""Characters of a user's text, and of a sentence of the engine's own, that are printed at most."""

LONGEST_WORD = 14

_COVERED = (
    (0x0020, 0x007E),
    (0x00A1, 0x00AC),
    (0x00AE, 0x024F),  # Latin
    (0x0370, 0x0482),
    (0x048A, 0x04FF),  # Greek and Cyrillic
    (0x05D0, 0x05EA),  # Hebrew letters
    (0x0621, 0x063A),
    (0x0641, 0x064A),
    (0x0660, 0x0669),  # Arabic letters and digits
    (0x06F0, 0x06F9),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203F),
    (0x2070, 0x208E),
    (0x20A0, 0x20BF),
    (0x2190, 0x22FF),  # arrows and mathematical signs
    (0x2500, 0x25FF),
)
"""Characters that the compiler's own fonts can show, found by rendering each of them."""

_BREAK = "\N{ZERO WIDTH SPACE}"


def clean(text: Any, longest: int = LONGEST_TEXT) -> str:
    """A user's text as it may be printed: one line, of bounded length, with a glyph for every character.

    Args:
        text: anything; None becomes "not provided".
        longest: characters that are printed at most.
    """
    if text is None:
        return NOT_PROVIDED
    normal = unicodedata.normalize("NFC", str(text))
    shown = normal[:longest]
    printed = "".join(character if _has_glyph(character) else f"‹U+{ord(character):04X}›" for character in shown)
    printed = printed.replace("›‹", " ").strip()
    if len(normal) > longest:
        printed += f"… ({len(normal)} characters)"
    return " ".join(_breakable(word) for word in printed.split(" ")) or "(empty)"


def provided(values: Mapping[str, Any] | None, key: str) -> str:
    """The text of a key, or "not provided"; never a default."""
    return clean(None if values is None else values.get(key))


def statement(values: Mapping[str, Any], key: str) -> str:
    """A sentence of the engine's own, whole."""
    return clean(values.get(key), LONGEST_STATEMENT)


def epsilon_text(value: Any) -> str:
    """A privacy loss, rounded up: what is printed is never below what was computed."""
    return _decimal_text(value, ROUND_CEILING)


def remainder_text(value: Any) -> str:
    """What is left of a budget, rounded down."""
    return _decimal_text(value, ROUND_FLOOR)


def delta_text(value: Any) -> str:
    """A δ, as 1e-6."""
    return NOT_PROVIDED if not _is_number(value) else f"{value:.6g}".replace("e-0", "e-").replace("e-", "e\u2212")


def number_text(value: Any, digits: int = 4) -> str:
    """Any other number, to some significant digits, and to the whole number where that has more."""
    if not _is_number(value):
        return NOT_PROVIDED
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 10**digits else f"{value:,.{digits}g}"


def percent_text(share: float, rounding: Callable[[float], int] = round) -> str:
    """A share as a percentage with one decimal; `math.floor` or `math.ceil` where it is a bound."""
    return f"{rounding(share * 1000) / 10:g} %"


def _decimal_text(value: Any, rounding: str) -> str:
    if not _is_number(value):
        return NOT_PROVIDED
    rounded = Decimal(repr(float(value))).quantize(Decimal("0.0001"), rounding=rounding)
    text = format(rounded, "f").rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "\u2212")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _has_glyph(character: str) -> bool:
    point = ord(character)
    covered = any(first <= point <= last for first, last in _COVERED)
    return covered and unicodedata.category(character) not in ("Cn", "Cf", "Mn", "Mc", "Me")


def _breakable(word: str) -> str:
    """Let a long word break after its separators, and its long parts anywhere, so that no name leaves its cell."""
    if len(word) <= LONGEST_WORD:
        return word
    parts = re.split(r"(?<=[_\-./:])", word)
    return _BREAK.join(
        part[start : start + LONGEST_WORD] for part in parts for start in range(0, len(part), LONGEST_WORD)
    )
