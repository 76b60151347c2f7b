"""The signature in a PDF: made so that it breaks no archival and no accessible file.

Source: ETSI EN 319 142-1, PAdES baseline signatures, level B-B; ISO 32000-1, 12.8.2.2, certification by the author;
    ISO 19005-3 and ISO 14289-1 for what the widget of an unseen signature has to be like.
"""

from __future__ import annotations

import asyncio
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from engine.errors import InputError
from engine.evidence.keys import Signer, check_validity

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

FIELD_NAME = "EvidenceSignature"
FIELD_TOOLTIP = "Signature of the installation that made this document"
DIGEST = "sha256"
SPARE_BYTES = 16
"""ECDSA signatures of one key differ by a few bytes in length."""


def sign_pdf(pdf: bytes, signer: Signer, *, reason: str, moment: datetime) -> bytes:
    """Certify a PDF, so that every later change breaks the signature.

    The file is appended to and otherwise left as it is, its dates included, so what it conforms to it still does.

    Args:
        pdf: a PDF without signatures.
        signer: the keys.
        reason: why it is signed, in words.
        moment: when it is signed; with a time zone.

    Raises:
        InputError: the certificate is not valid at that time, or the PDF is unreadable or has a signature already.
    """
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError

    check_validity(signer, moment)
    try:
        return _certified(pdf, _document_signer(signer), reason, moment)
    except (PdfError, SigningError, ValueError):
        raise InputError("the PDF cannot be signed: it is damaged, encrypted, or signed already") from None


def _certified(pdf: bytes, signer: SimpleSigner, reason: str, moment: datetime) -> bytes:
    from pyhanko.sign.fields import InvisSigSettings, MDPPerm, SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
    from pyhanko.sign.signers.pdf_byterange import SignatureObject

    field = SigFieldSpec(
        FIELD_NAME,
        on_page=0,
        invis_sig_settings=InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=True),
        readable_field_name=FIELD_TOOLTIP,
    )
    steps = PdfCMSEmbedder(new_field_spec=field).write_cms(FIELD_NAME, _opened(pdf))
    next(steps)
    signature = SignatureObject(
        timestamp=moment,
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        bytes_reserved=_characters(signer),
    )
    certifying = SigMDPSetup(md_algorithm=DIGEST, certify=True, docmdp_perms=MDPPerm.NO_CHANGES)
    steps.send(SigObjSetup(sig_placeholder=signature, mdp_setup=certifying))
    prepared, output = steps.send(SigIOSetup(md_algorithm=DIGEST))
    steps.send(asyncio.run(signer.async_sign(prepared.document_digest, DIGEST, use_pades=True)))
    signed: bytes = output.getvalue()
    return signed


def _opened(pdf: bytes) -> Any:
    """A writer that appends to a PDF what its first page and its catalogue need for a PAdES signature."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import enumerate_sig_fields
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.signers.constants import ESIC_EXTENSION_1

    class DatedWriter(IncrementalPdfFileWriter):
        """Leaves dates and producer alone, which an archival file states in two places that have to agree."""

        def _update_meta(self) -> None:
            pass

    writer: Any = DatedWriter(io.BytesIO(pdf))
    if next(enumerate_sig_fields(writer.prev), None) is not None:
        raise SigningError("there is a signature field already")
    writer.ensure_output_version((1, 7))
    writer.register_extension(ESIC_EXTENSION_1)
    page = writer.find_page_for_modification(0)[0].get_object()
    page[generic.pdf_name("/Tabs")] = generic.pdf_name("/S")  # order of what stands out of the text, for PDF/UA
    return writer


def _document_signer(signer: Signer) -> SimpleSigner:
    from asn1crypto import keys, x509
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    private = signer.document_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificates = [
        x509.Certificate.load(each.public_bytes(serialization.Encoding.DER))
        for each in (signer.document_certificate, *signer.chain)
    ]
    make_store: Any = SimpleCertificateStore
    store = make_store()
    store.register_multiple(certificates[1:])
    return SimpleSigner(
        signing_cert=certificates[0],
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )


def _characters(signer: SimpleSigner) -> int:
    """How many hexadecimal digits the signature takes at most, which has to be known before it is made."""
    example = asyncio.run(signer.async_sign(bytes(32), DIGEST, use_pades=True))
    return 2 * (len(example.dump()) + SPARE_BYTES)
