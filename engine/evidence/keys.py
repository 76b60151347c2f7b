"""The keys that sign evidence: one for statements, and one with a certificate for documents.

Statements are signed with Ed25519, whose keys and signatures are short enough to be printed. A PDF needs a certificate,
which Ed25519 rarely has in PDF software, so documents are signed with ECDSA or RSA.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from engine.errors import InputError

MADE_HERE, GIVEN = "made by this installation", "given by its operator as a file"

SUBJECT = "Synthetic Data Studio"
DAYS_OF_A_YEAR = 365.25
LEAST_RSA_BITS = 2048
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

DocumentKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Signer:
    """The keys of one installation; they are never printed.

    Args:
        statement_key: signs statements.
        document_key: signs documents.
        document_certificate: says whose `document_key` it is, and for how long.
        chain: certificates of those who issued it, if anybody else did.
        source: where the keys come from.

    Raises:
        InputError: the key and its certificate do not belong together, or are of a kind that cannot sign a document.
    """

    statement_key: Ed25519PrivateKey
    document_key: DocumentKey
    document_certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    source: str

    def __post_init__(self) -> None:
        document_algorithm(self.document_key)
        if _public_bytes(self.document_certificate.public_key()) != _public_bytes(self.document_key.public_key()):
            raise InputError("the certificate belongs to another key than the one that would sign")

    def __repr__(self) -> str:
        return f"Signer({statement_fingerprint(self.statement_key.public_key())})"

    def identity(self) -> dict[str, Any]:
        """What others need to know of the keys, as evidence records it."""
        public = self.statement_key.public_key()
        certificate = self.document_certificate
        chain = sorted(map(certificate_fingerprint, self.chain))
        return {
            "statement_key": {
                "algorithm": "Ed25519",
                "fingerprint": statement_fingerprint(public),
                "public_key": base64.b64encode(public.public_bytes_raw()).decode("ascii"),
            },
            "document_key": {
                "algorithm": document_algorithm(certificate.public_key()),
                "fingerprint": certificate_fingerprint(certificate),
                "subject": subject_of(certificate),
                "not_before": certificate.not_valid_before_utc.isoformat(timespec="seconds"),
                "not_after": certificate.not_valid_after_utc.isoformat(timespec="seconds"),
                "source": self.source,
            }
            | ({"chain": chain} if chain else {}),
        }

    def statement_key_pem(self) -> bytes:
        """The public key that statements are checked with."""
        return self.statement_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def document_certificate_pem(self) -> bytes:
        """The certificate that documents are checked with, followed by those of its issuers."""
        certificates = (self.document_certificate, *self.chain)
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def make_signer(moment: datetime, *, years: float = 3) -> Signer:
    """New keys, with a certificate that they issue themselves and that names nobody.

    Args:
        moment: when the certificate begins to be valid; with a time zone.
        years: for how long it is.
    """
    document_key = ec.generate_private_key(ec.SECP256R1())
    begin = moment.replace(microsecond=0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(document_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=round(DAYS_OF_A_YEAR * years)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(document_key.public_key()), critical=False)
    )
    return Signer(
        Ed25519PrivateKey.generate(), document_key, builder.sign(document_key, hashes.SHA256()), (), MADE_HERE
    )


def check_validity(signer: Signer, moment: datetime) -> None:
    """Refuse to sign before or after the certificate is valid.

    Args:
        signer: the keys.
        moment: when they are to sign; with a time zone.

    Raises:
        InputError: the certificate is not valid at that time.
    """
    certificate = signer.document_certificate
    if moment < certificate.not_valid_before_utc:
        begin = certificate.not_valid_before_utc.strftime("%Y-%m-%d %H:%M UTC")
        raise InputError(f"the signing key is valid from {begin} on: sign later, or use another key")
    if moment > certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
        raise InputError(f"the signing key expired on {end}: an administrator has to replace it")


def statement_fingerprint(public: Ed25519PublicKey) -> str:
    """SHA-256 of a public statement key, in hexadecimal."""
    return digest(public.public_bytes_raw())


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def clean_fingerprint(text: str) -> str:
    """A fingerprint as it is compared, from one as people write it.

    Raises:
        InputError: it is not the SHA-256 of anything.
    """
    digits = "".join(text.split()).replace(":", "").lower()
    if len(digits) != 64 or not all(digit in "0123456789abcdef" for digit in digits):
        raise InputError("a fingerprint is 64 hexadecimal digits; colons and spaces between them may be left in")
    return digits


def subject_of(certificate: x509.Certificate) -> str:
    """The common name in a certificate, or its whole subject where there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def document_algorithm(key: object) -> str:
    """The kind of a key that signs documents.

    Args:
        key: the private or the public key.

    Raises:
        InputError: PDF software cannot be expected to check signatures of this kind.
    """
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise InputError(f"an RSA key that signs documents has {LEAST_RSA_BITS} bits or more, not {key.key_size}")
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return f"ECDSA {_CURVES[key.curve.name]}"
    raise InputError("a key that signs documents is an RSA key, or one on the curves P-256, P-384 or P-521")


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded
