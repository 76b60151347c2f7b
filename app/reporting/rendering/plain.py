"""Characters that no format may hold."""

from __future__ import annotations

import re

from app.reporting.printable import by_number

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def legal(text: str) -> str:
    """A text in which characters that XML and HTML forbid are written by their Unicode numbers.

    Source: W3C, Extensible Markup Language (XML) 1.0, section 2.2.
    """
    return (
        by_number(text, lambda character: _FORBIDDEN.match(character) is not None) if _FORBIDDEN.search(text) else text
    )
