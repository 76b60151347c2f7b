"""Whether a PDF is as it was signed, and by which certificate.

The signature is checked apart from trust: that it holds is a fact about the file, whose key it is has to be asked
elsewhere. Every byte counts. The signed hash covers all but the signature's own digits, and those have to be exactly
what this program writes for the values in them, so that no other bytes stand for the same signature.

Source: RFC 5652, cryptographic message syntax; ISO 32000-1, 12.8.1, byte range of a signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.evidence.checks import Check, bad, good
from engine.evidence.keys import certificate_fingerprint, subject_of
from engine.evidence.pdf_reading import UNREADABLE, PdfContents
from engine.evidence.pdf_signature import DIGEST, FIELD_NAME

if TYPE_CHECKING:
    from cryptography import x509

SIGNATURE, COVERAGE, CERTIFICATE = "PDF signature", "end of the PDF", "certificate"
PAGES = "pages and structure of the PDF"

_MECHANISMS = ("sha256_ecdsa", "sha256_rsa")


@dataclass(frozen=True)
class SignedPdf:
    """What was found about a PDF's signature.

    Args:
        checks: all that was looked at.
        certificate: whose signature holds; None where none does.
        chain: fingerprints of the further certificates in it.
        reason: why it was signed, in the signer's words.
    """

    checks: tuple[Check, ...]
    certificate: x509.Certificate | None
    chain: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Signature:
    """The parts of the one signature of a PDF."""

    embedded: Any
    start: int
    end: int
    moment: datetime


class _BrokenError(Exception):
    """Raised where a check fails after which no other makes sense."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.sentence)
        self.check = check


def check_pdf_signature(contents: PdfContents) -> SignedPdf:
    """Check that a PDF has one signature, that it holds, and that it covers the whole file.

    Args:
        contents: the PDF.
    """
    from pyhanko.pdf_utils.misc import PdfError

    try:
        signature = _find(contents)
        _check_coverage(contents, signature)
        return _check_signature(contents, signature)
    except _BrokenError as broken:
        return SignedPdf((broken.check,), None)
    except (PdfError, *UNREADABLE):
        return SignedPdf((bad(SIGNATURE, "The signature in the PDF is damaged, so that it cannot be read."),), None)


def names_signature_field(content: bytes) -> bool:
    """Whether a PDF, readable or not, names the field that this program signs in."""
    return FIELD_NAME.encode("ascii") in content


def _find(contents: PdfContents) -> _Signature:
    from pyhanko.sign.fields import enumerate_sig_fields
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    found = list(enumerate_sig_fields(contents.reader, filled_status=True))
    if not found:
        raise _BrokenError(bad(SIGNATURE, "The PDF is not signed, or its signature was removed."))
    if len(found) > 1:
        raise _BrokenError(bad(SIGNATURE, "The PDF was signed again by somebody else after it was issued."))
    name, _, field = found[0]
    embedded = EmbeddedPdfSignature(contents.reader, field, name)
    if embedded.sig_object["/SubFilter"] != "/ETSI.CAdES.detached" or name != FIELD_NAME:
        raise _BrokenError(bad(SIGNATURE, "The signature in the PDF is not of the form that this program writes."))
    byte_range = [int(number) for number in embedded.byte_range]
    if len(byte_range) != 4 or byte_range[0] != 0 or not 0 < byte_range[1] < byte_range[2]:
        raise _BrokenError(bad(SIGNATURE, "The signature in the PDF does not cover one stretch from its beginning."))
    return _Signature(embedded, byte_range[1], byte_range[2], _moment(embedded))


def _moment(embedded: Any) -> datetime:
    moment: datetime | None = embedded.self_reported_timestamp
    if moment is None or moment.tzinfo is None:
        raise _BrokenError(bad(SIGNATURE, "The signature in the PDF does not say when it was made."))
    return moment


def _check_coverage(contents: PdfContents, signature: _Signature) -> None:
    """Raise where bytes were added or cut off, or where something else than the signature is left out."""
    covered = signature.end + int(signature.embedded.byte_range[3])
    size = len(contents.content)
    if covered < size:
        raise _BrokenError(bad(COVERAGE, f"{size - covered:,} bytes were added at the end after the PDF was signed."))
    if covered > size:
        raise _BrokenError(bad(COVERAGE, f"{covered - size:,} bytes of the signed PDF are missing at its end."))
    left_out = contents.content[signature.start : signature.end]
    message = _message(signature.embedded.pkcs7_content)
    digits = message.hex().upper().encode("ascii").ljust(len(left_out) - 2, b"0")
    if left_out != b"<" + digits + b">" or message != _written_again(signature.embedded, message):
        raise _BrokenError(bad(SIGNATURE, "The signature in the PDF was altered: its bytes are not those issued."))


def _message(padded: bytes) -> bytes:
    """The signature without the zeros that fill its place."""
    from asn1crypto import parser

    length: int = parser.peek(padded)
    return padded[:length]


def _written_again(embedded: Any, message: bytes) -> bytes:
    """A signature as this program writes it, for the same signed attributes, certificates and signature value."""
    from asn1crypto import cms

    read = cms.ContentInfo.load(message, strict=True)["content"]
    (signer_info,) = read["signer_infos"]
    mechanism = signer_info["signature_algorithm"]["algorithm"].native
    if mechanism not in _MECHANISMS or signer_info["digest_algorithm"]["algorithm"].native != DIGEST:
        raise _BrokenError(bad(SIGNATURE, "The signature in the PDF uses an algorithm that this program never uses."))
    digest_algorithm = cms.DigestAlgorithm({"algorithm": DIGEST})
    signer = embedded.signer_cert
    signed_by = {"issuer": signer.issuer, "serial_number": signer.serial_number}
    written_info = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": cms.IssuerAndSerialNumber(signed_by)}),
        "digest_algorithm": digest_algorithm,
        "signature_algorithm": cms.SignedDigestAlgorithm({"algorithm": mechanism}),
        "signed_attrs": cms.CMSAttributes.load(signer_info["signed_attrs"].untag().dump(), strict=True),
        "signature": signer_info["signature"].native,
    }
    written = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": cms.DigestAlgorithms((digest_algorithm,)),
            "encap_content_info": {"content_type": "data"},
            "certificates": [
                cms.CertificateChoices(name="certificate", value=each)
                for each in (signer, *embedded.other_embedded_certs)
            ],
            "signer_infos": [cms.SignerInfo(written_info)],
        }
    )
    encoded: bytes = cms.ContentInfo({"content_type": "signed_data", "content": written}).dump()
    return encoded


def _check_signature(contents: PdfContents, signature: _Signature) -> SignedPdf:
    from cryptography import x509
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    embedded = signature.embedded
    is_intact, is_valid = validate_sig_integrity(
        embedded.signer_info, embedded.signer_cert, "data", embedded.compute_digest()
    )
    if not is_valid:
        return SignedPdf((bad(SIGNATURE, "The signature in the PDF is not one of the certificate in it."),), None)
    if not is_intact:
        return SignedPdf((bad(PAGES, _changed(contents)),), None)
    if embedded.docmdp_level != MDPPerm.NO_CHANGES:
        return SignedPdf(
            (bad(SIGNATURE, "The signature in the PDF allows changes, which this program never does."),), None
        )
    certificate = x509.load_der_x509_certificate(embedded.signer_cert.dump())
    chain = sorted(
        certificate_fingerprint(x509.load_der_x509_certificate(each.dump())) for each in embedded.other_embedded_certs
    )
    when = signature.moment.strftime("%Y-%m-%d %H:%M %Z")
    checks = (
        good(
            SIGNATURE, f"The signature holds and covers every byte of the PDF; its time, {when}, is the signer's word."
        ),
        _check_certificate(certificate, signature.moment),
    )
    return SignedPdf(checks, certificate, tuple(chain), str(embedded.sig_object.get("/Reason", "")))


def _changed(contents: PdfContents) -> str:
    """What to say where the hash differs: the attachments have signatures of their own and are judged by them."""
    damaged = [name for name, content in contents.attachments.items() if content is None]
    if damaged:
        return f"The PDF was changed after it was signed: its attachment {damaged[0]!r} is damaged."
    return "The PDF was changed after it was signed: in its pages, its structure, or an attachment that fails below."


def _check_certificate(certificate: x509.Certificate, moment: datetime) -> Check:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    name = subject_of(certificate)
    if not begin <= moment <= end:
        return bad(
            CERTIFICATE,
            f"The certificate of {name!r} was not valid when the PDF says that it was signed: it is valid from "
            f"{begin:%Y-%m-%d} to {end:%Y-%m-%d}.",
        )
    issuer = "itself" if certificate.issuer == certificate.subject else repr(certificate.issuer.rfc4514_string())
    return good(
        CERTIFICATE,
        f"The certificate of {name!r}, issued by {issuer}, was valid at that time (from {begin:%Y-%m-%d} to "
        f"{end:%Y-%m-%d}).",
    )
