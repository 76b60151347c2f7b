"""Dates that are not written as ISO: the formats that a schema may name, made of six parts."""

from __future__ import annotations

import re
from functools import cache

_PARTS = {"%Y": r"(\d{4})", "%m": r"(\d{1,2})", "%d": r"(\d{1,2})", "%H": r"(\d{1,2})", "%M": r"(\d{1,2})"}
_PARTS["%S"] = r"(\d{1,2})"

KNOWN_DATE_FORMATS = (
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
)
"""Formats that a profile looks for."""


def is_date_format(text: str) -> bool:
    """Whether a format has a year, a month and a day, hours only with minutes, and nothing that is unknown."""
    parts = re.findall(r"%.", text)
    if len(parts) != len(set(parts)) or not set(parts) <= _PARTS.keys() or text.count("%") != len(parts):
        return False
    timed = {"%H", "%M"} <= set(parts) or not {"%H", "%M", "%S"} & set(parts)
    return timed and {"%Y", "%m", "%d"} <= set(parts)


def has_time(text: str) -> bool:
    """Whether a format tells the time of day."""
    return "%H" in text


@cache
def iso_pattern(text: str) -> tuple[str, str]:
    """A regular expression for texts of the format, and what makes ISO of one whose parts have two digits each."""
    pieces = re.split(r"(%.)", text)
    pattern = "".join(_PARTS.get(piece) or re.escape(piece) for piece in pieces)
    parts = [piece for piece in pieces if piece in _PARTS]
    group = {part: f"\\{parts.index(part) + 1}" for part in parts}
    iso = f"{group['%Y']}-{group['%m']}-{group['%d']}"
    if has_time(text):
        iso += f"T{group['%H']}:{group['%M']}:{group.get('%S', '00')}"
    return f"^{pattern}$", iso
