"""A seal over a whole archive, so that a change between its files is found as one in them is.

The manifest covers the files of an archive. What is around them (names in two places, times, padding of compressed
streams) is covered by a signature in the archive's comment, over all bytes that come before the comment. An archive
that somebody packed anew has no seal; its files can still be checked by their manifest.

Source: PKWARE, APPNOTE 6.3.10, 4.3.16, end of central directory record.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import InputError
from engine.evidence.canonical import canonical_bytes, read_canonical
from engine.evidence.keys import Signer
from engine.evidence.statements import ARCHIVE, check_statement, sign_statement

_END_SIZE = 22
_SIGNATURE = b"PK\x05\x06"
_LENGTH = 2
_PIECE = 1 << 16


class SealedFile:
    """A file that an archive is written to and then sealed; the target may be one that cannot be read or rewound.

    Args:
        target: where the bytes go.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._held = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, content: Any) -> int:
        """Pass bytes on, but for the last ones, which may be the end of the archive."""
        self._held += content
        if len(self._held) > _PIECE:
            self._pass_on(len(self._held) - _END_SIZE)
        return len(content)

    def flush(self) -> None:
        """Nothing that is held back can be passed on earlier."""

    def seal(self, signer: Signer) -> None:
        """Sign the archive that was written and closed.

        Args:
            signer: the keys.

        Raises:
            ValueError: no archive without a comment was written.
        """
        end = self._held[-_END_SIZE:]
        if len(end) < _END_SIZE or not end.startswith(_SIGNATURE) or end[-_LENGTH:] != bytes(_LENGTH):
            raise ValueError("close the archive before it is sealed, and give it no comment")
        self._pass_on(len(self._held) - _LENGTH)
        seal = canonical_bytes(sign_statement(_statement(self._hash.hexdigest(), self._size), signer, ARCHIVE))
        self._held.clear()
        self._target.write(len(seal).to_bytes(_LENGTH, "little") + seal)

    def _pass_on(self, size: int) -> None:
        piece = bytes(self._held[:size])
        del self._held[:size]
        self._hash.update(piece)
        self._size += size
        self._target.write(piece)


def check_seal(path: Path, comment: bytes) -> str | None:
    """Check the seal of an archive.

    Args:
        path: the archive.
        comment: its comment.

    Returns:
        The fingerprint of the key that sealed it; None where it has no seal.

    Raises:
        InputError: the seal does not hold, or bytes were added after it.
    """
    covered = path.stat().st_size - _LENGTH - len(comment)
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        left = covered
        while piece := file.read(min(_PIECE, left)):
            hashed.update(piece)
            left -= len(piece)
        stated = int.from_bytes(file.read(_LENGTH), "little")
    if stated != len(comment):
        raise InputError("bytes were added at the end of the archive, or its end is damaged")
    if not comment:
        return None
    return check_statement(_statement(hashed.hexdigest(), covered), read_canonical(comment, "the seal"), ARCHIVE)


def _statement(sha256: str, size: int) -> bytes:
    return canonical_bytes({"sha256": sha256, "size_bytes": size})
