"""What binds a private file without telling anything about it.

A bare hash of a private file lets anyone who guesses the file confirm the guess. A hash under a secret key tells
nothing without the key, and everything that is needed to whom the owner gives it. Source: RFC 2104, HMAC.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from engine.errors import InputError

ALGORITHM = "HMAC-SHA256"
KEY_BYTES = 32
_PIECE = 1 << 20


def read_key(path: Path) -> bytes:
    """Read a key from a file that holds it as 64 hexadecimal digits.

    Raises:
        InputError: the file holds something else.
    """
    with path.open("rb") as file:
        content = file.read(4 * KEY_BYTES)
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{path.name} does not hold a key: {2 * KEY_BYTES} hexadecimal digits in one line")
    return key


def commit(path: Path, key: bytes) -> str:
    """The commitment to a file, in hexadecimal; the file may be larger than the memory.

    Args:
        path: the private file.
        key: 32 secret bytes.

    Raises:
        InputError: the key is too short to hide anything.

    Privacy: whoever has the key can confirm a guess of the whole file.
    """
    if len(key) != KEY_BYTES:
        raise InputError(f"a commitment needs a key of {KEY_BYTES} bytes")
    mac = hmac.new(key, digestmod="sha256")
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            mac.update(piece)
    return mac.hexdigest()
