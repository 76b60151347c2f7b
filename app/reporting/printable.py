"""Texts and numbers as a document prints them.

Names come from users and files. They are data, never markup, and a character that is invisible or changes the direction
of others is written by its Unicode number: it would let one name look like another.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

NOT_PROVIDED = "not provided"

LONGEST_TEXT, LONGEST_STATEMENT = 160, 1000
"""Characters of a user's text, and of a sentence of the engine's own, that are shown at most."""

_UNSEEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_UNSEEN = frozenset(
    chr(point)
    for first, last in (
        (0x034F, 0x034F),  # joins letters
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),  # the empty cell of Braille
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),  # choose a variant of the letter before
        (0xFFA0, 0xFFA0),
        (0xFFFC, 0xFFFD),
        (0xE0100, 0xE01EF),
    )
    for point in range(first, last + 1)
)
"""Characters that take no ink although their category is that of a letter, a mark or a sign."""


def clean(text: Any, longest: int = LONGEST_TEXT) -> str:
    """A user's text as it may be shown: one line, of bounded length, without characters that deceive.

    Args:
        text: anything; None becomes "not provided".
        longest: characters that are shown at most.
    """
    if text is None:
        return NOT_PROVIDED
    normal = unicodedata.normalize("NFC", str(text))
    shown = by_number(normal[:longest], is_deceptive).strip()
    if len(normal) > longest:
        shown += f"… ({len(normal)} characters)"
    return shown or "(empty)"


def by_number(text: str, is_replaced: Callable[[str], bool]) -> str:
    """A text with some of its characters written by their Unicode number, as ‹U+202E›."""
    shown = "".join(f"‹U+{ord(character):04X}›" if is_replaced(character) else character for character in text)
    return shown.replace("›‹", " ") if shown != text else text


def is_deceptive(character: str) -> bool:
    """Whether a character is invisible, changes the direction of others, or is a space that is not the usual one."""
    category = unicodedata.category(character)
    return category in _UNSEEN_CATEGORIES or character in _UNSEEN or (category == "Zs" and character != " ")


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
