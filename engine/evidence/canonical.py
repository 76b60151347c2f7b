"""The one way to write a JSON value as bytes, so that a signature covers its meaning and not its layout.

Source: RFC 8785, JSON Canonicalization Scheme.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from engine.errors import InputError

LARGEST_JSON = 32 << 20

LARGEST_EXACT = 2**53 - 1
"""Largest whole number that every reader of JSON keeps as it is."""


def canonical_bytes(value: Any) -> bytes:
    """A JSON value in its canonical form.

    Args:
        value: objects with text keys, lists, texts, booleans, None, finite numbers, and whole numbers up to 2**53.

    Raises:
        InputError: there is no canonical form, since a number is not finite or too large to be exact, or a text cannot
            be written as UTF-8.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        raise InputError(
            "this value has no canonical JSON: a number is not finite or too large to be exact, or a text holds half a "
            "character, which UTF-8 cannot write"
        ) from None


def read_canonical(content: bytes, name: str) -> Any:
    """Read JSON that has to be in its canonical form.

    Args:
        content: the file.
        name: of the file.

    Raises:
        InputError: it is not.
    """
    if len(content) > LARGEST_JSON:
        raise InputError(f"{name} is larger than {LARGEST_JSON >> 20} MiB")
    try:
        value = json.loads(content)
        is_canonical = canonical_bytes(value) == content
    except (ValueError, RecursionError, InputError):
        raise InputError(f"{name} is damaged: it is not JSON") from None
    if not is_canonical:
        raise InputError(f"{name} was changed: it is not in its canonical form (RFC 8785)")
    return value
