"""The one way to write a JSON value as bytes, so that a signature covers its meaning and not its layout.

Source: RFC 8785, JSON Canonicalization Scheme.
"""

from __future__ import annotations

from typing import Any

import rfc8785

from engine.errors import InputError


def canonical_bytes(value: Any) -> bytes:
    """A JSON value in its canonical form.

    Args:
        value: objects with text keys, lists, texts, booleans, None, finite numbers, and whole numbers up to 2**53.

    Raises:
        InputError: there is no canonical form, since a number is not finite or too large to be exact.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        raise InputError("a number in this value is not finite, or too large to be exact in JSON") from None
