"""Characters that no format may hold."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def legal(text: str) -> str:
    """A text in which characters that XML and HTML forbid are written by their Unicode numbers.

    Source: W3C, Extensible Markup Language (XML) 1.0, section 2.2.
    """
    return _FORBIDDEN.sub(lambda match: f"‹U+{ord(match.group()):04X}›", text)
