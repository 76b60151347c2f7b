"""Signing keys in files: those that an installation made, and those that its operator has."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import cast

from asn1crypto import pkcs12 as pkcs12_form
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.errors import InputError
from engine.evidence.keys import GIVEN, MADE_HERE, SUBJECT, DocumentKey, Signer

STATEMENT_KEY_FILE, DOCUMENT_KEY_FILE = "statement_key.pem", "document_key.p12"
LARGEST_KEY_FILE = 1 << 20

_DOCUMENT_SIGNING = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
    ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
    "1.3.6.1.5.5.7.3.36",  # document signing, RFC 9336
    "1.2.840.113583.1.1.5",  # Adobe authentic documents
    "1.3.6.1.4.1.311.10.3.12",  # Microsoft document signing
}


def save_signer(signer: Signer, folder: Path, passphrase: str | None) -> None:
    """Write keys into files that only their owner may read.

    A folder comes into being with both files at once, so that of two processes that make keys at the same time one
    wins and the other is told.

    Args:
        signer: the keys.
        folder: where to write.
        passphrase: encrypts both files; None leaves them in clear.

    Raises:
        InputError: there are keys already.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))  # mode 0700
    try:
        for name, content in _contents(signer, passphrase).items():
            _write_private(staged / name, content)
        try:
            staged.rename(folder)
        except OSError:
            raise InputError("there are signing keys already, which are not replaced") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def load_signer(folder: Path, passphrase: str | None) -> Signer:
    """Read the keys that `save_signer` wrote; whether they are still valid is not looked at.

    Raises:
        InputError: a file is missing or damaged, or the passphrase is wrong.
    """
    statement_key = load_statement_key(folder / STATEMENT_KEY_FILE, passphrase)
    return _load(folder / DOCUMENT_KEY_FILE, passphrase, statement_key, MADE_HERE)


def load_pkcs12(path: Path, passphrase: str | None, statement_key: Ed25519PrivateKey) -> Signer:
    """Sign documents with a key that the operator has; whether it is still valid is not looked at.

    Args:
        path: a PKCS#12 file with one private key, its certificate and, if there are any, those of its issuers.
        passphrase: opens the file; None where it is not encrypted.
        statement_key: signs statements.

    Raises:
        InputError: the file cannot be opened, or what it holds is not for signing documents.
    """
    signer = _load(path, passphrase, statement_key, GIVEN)
    _check_purpose(signer.document_certificate)
    return signer


def load_statement_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Read a statement key.

    Raises:
        InputError: the file is missing or holds no Ed25519 key, or the passphrase is wrong.
    """
    content = _read(path)
    try:
        key = serialization.load_pem_private_key(content, None if passphrase is None else passphrase.encode())
    except TypeError:  # a passphrase too many or too few
        needed = "needs a passphrase" if passphrase is None else "is not encrypted: leave the passphrase out"
        raise InputError(f"the key in {path.name} {needed}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"the passphrase of {path.name} is wrong, or the file is damaged") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path.name} holds no Ed25519 key")
    return key


def _load(path: Path, passphrase: str | None, statement_key: Ed25519PrivateKey, source: str) -> Signer:
    content = _read(path)
    _check_form(content, path.name)
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(
            content, None if passphrase is None else passphrase.encode()
        )
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"the passphrase of {path.name} is wrong, or the file is damaged") from None
    if key is None:
        raise InputError(f"{path.name} holds no private key: export the certificate together with its key")
    if certificate is None:
        raise InputError(f"{path.name} holds no certificate of its private key: export both together")
    return Signer(statement_key, cast(DocumentKey, key), certificate, tuple(chain), source)


def _check_form(content: bytes, name: str) -> None:
    try:
        pkcs12_form.Pfx.load(content, strict=True).native["version"]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{name} is not a PKCS#12 file (.p12 or .pfx)") from None


def _check_purpose(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise InputError("the certificate does not allow its key to sign: its key usage lacks digital signatures")
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not _DOCUMENT_SIGNING & {purpose.dotted_string for purpose in purposes}:
        raise InputError("the certificate is for another purpose than signing documents or mail")


def _contents(signer: Signer, passphrase: str | None) -> dict[str, bytes]:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        if not passphrase:
            raise InputError("an empty passphrase protects nothing: give one, or none at all")
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return {
        STATEMENT_KEY_FILE: signer.statement_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ),
        DOCUMENT_KEY_FILE: pkcs12.serialize_key_and_certificates(
            SUBJECT.encode(), signer.document_key, signer.document_certificate, signer.chain or None, encryption
        ),
    }


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_KEY_FILE + 1)
    except OSError:
        raise InputError(f"the key file {path.name} cannot be read") from None
    if len(content) > LARGEST_KEY_FILE:
        raise InputError(f"{path.name} is too large for a key file")
    return content
