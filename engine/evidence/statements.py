"""Signatures over bytes, each for one purpose, so that what was signed as one thing cannot pass for another.

The message that is signed is a line that names the purpose, followed by the content. Source: RFC 8032, Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.errors import InputError
from engine.evidence.keys import Signer, digest, statement_fingerprint

SIGNATURE_VERSION = 1
ALGORITHM = "Ed25519"

EVIDENCE, MANIFEST, ARCHIVE, AUDIT_HEAD = "evidence", "manifest", "archive", "audit-head"
PURPOSES = (EVIDENCE, MANIFEST, ARCHIVE, AUDIT_HEAD)

_NAMES = {"signature_version", "algorithm", "public_key", "fingerprint", "content_sha256", "signature"}


def sign_statement(content: bytes, signer: Signer, purpose: str = EVIDENCE) -> dict[str, Any]:
    """Sign bytes, as a JSON value.

    Args:
        content: what is stated; of JSON, its canonical form.
        signer: whose key signs.
        purpose: what the content is, one of `PURPOSES`.
    """
    public = signer.statement_key.public_key()
    return {
        "signature_version": SIGNATURE_VERSION,
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(public.public_bytes_raw()).decode("ascii"),
        "fingerprint": statement_fingerprint(public),
        "content_sha256": digest(content),
        "signature": base64.b64encode(signer.statement_key.sign(_message(content, purpose))).decode("ascii"),
    }


def check_statement(content: bytes, signature: Any, purpose: str = EVIDENCE) -> str:
    """Check a signature over bytes; whose key it is, is for the caller to ask.

    Args:
        content: what is stated.
        signature: what `sign_statement` gave.
        purpose: what the content is.

    Returns:
        The fingerprint of the key that signed.

    Raises:
        InputError: the signature does not fit; the sentence says what is wrong.
    """
    if not isinstance(signature, Mapping) or set(signature) != _NAMES:
        raise InputError("the signature is not of the form that this program writes")
    version = signature["signature_version"]
    if isinstance(version, bool) or version != SIGNATURE_VERSION or signature["algorithm"] != ALGORITHM:
        raise InputError("the signature is of a version or an algorithm that this program does not know")
    public = Ed25519PublicKey.from_public_bytes(_decoded(signature["public_key"], "public key", 32))
    fingerprint = statement_fingerprint(public)
    if not _same(signature["fingerprint"], fingerprint):
        raise InputError("the fingerprint in the signature is not that of its public key")
    if not _same(signature["content_sha256"], digest(content)):
        raise InputError("the content is not the one that was signed: its SHA-256 differs")
    try:
        public.verify(_decoded(signature["signature"], "signature", 64), _message(content, purpose))
    except InvalidSignature:
        raise InputError("the Ed25519 signature is not one of this key over this content") from None
    return fingerprint


def _message(content: bytes, purpose: str) -> bytes:
    if purpose not in PURPOSES:
        raise ValueError(f"nothing is signed as {purpose!r}")
    return f"synthetic-data-studio/{purpose}/1\n".encode("ascii") + content


def _decoded(text: Any, name: str, size: int) -> bytes:
    """Bytes of one base64 text, of which there is exactly one."""
    try:
        content = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        content = b""
    if len(content) != size or base64.b64encode(content).decode("ascii") != text:
        raise InputError(f"the {name} in the signature is not {size} bytes in base64")
    return content


def _same(stated: Any, computed: str) -> bool:
    return isinstance(stated, str) and hmac.compare_digest(stated.encode(), computed.encode())
