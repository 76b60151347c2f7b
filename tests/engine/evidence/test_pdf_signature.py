"""Signing a PDF: it holds for other software, and breaks neither the archival nor the accessible form."""

import io
import re
from datetime import timedelta

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from engine.errors import InputError
from engine.evidence.keys import Signer, make_signer
from engine.evidence.pdf_reading import read_pdf
from engine.evidence.pdf_signature import sign_pdf
from engine.evidence.pdf_verification import check_pdf_signature
from tests.engine.evidence.samples import MOMENT, draw_pdf, shared_report, signer
from tests.engine.evidence.test_keys import STATEMENT_KEY, certificate_for


@pytest.fixture(scope="module")
def plain():
    return draw_pdf([("evidence.json", b'{"a":1}')])


@pytest.fixture(scope="module")
def signed(plain):
    return sign_pdf(plain, signer(), reason="Evidence", moment=MOMENT)


def validated(content, root=None):
    """What pyHanko, which trusts the signer's certificate or a root, says of a PDF."""
    (embedded,) = PdfFileReader(io.BytesIO(content)).embedded_signatures
    context = ValidationContext(trust_roots=[root or embedded.signer_cert], moment=MOMENT)
    return embedded, validate_pdf_signature(embedded, context)


def test_other_software_finds_it_valid(signed):
    embedded, status = validated(signed)
    assert status.bottom_line and status.intact and status.valid and status.trusted
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert status.modification_level == ModificationLevel.NONE
    assert embedded.docmdp_level == MDPPerm.NO_CHANGES
    assert embedded.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert embedded.sig_object["/Reason"] == "Evidence"
    assert embedded.self_reported_timestamp == MOMENT
    names = {attribute["type"].native for attribute in embedded.signer_info["signed_attrs"]}
    assert names == {"content_type", "message_digest", "signing_certificate_v2"}
    assert not {"/Name", "/Location", "/ContactInfo", "/Prop_Build"} & set(embedded.sig_object)


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())],
    ids=["RSA", "P-384"],
)
def test_keys_of_the_operator(plain, key):
    root = ec.generate_private_key(ec.SECP256R1())
    chain = (certificate_for(root, name="Root", usage=["key_cert_sign"]),)
    certificate = certificate_for(key, issuer=("Root", root), usage=["digital_signature", "content_commitment"])
    keys = Signer(STATEMENT_KEY, key, certificate, chain, "given")
    content = sign_pdf(plain, keys, reason="Evidence", moment=MOMENT)
    found = check_pdf_signature(read_pdf(content))
    assert [check.is_good for check in found.checks] == [True, True]
    assert found.certificate == certificate
    assert list(found.chain) == keys.identity()["document_key"]["chain"]
    embedded, _ = validated(content)
    assert len(embedded.other_embedded_certs) == 1


def test_the_signed_file_begins_with_the_one_that_was_drawn(plain, signed):
    assert signed.startswith(plain)


def test_it_stays_an_archival_file(plain, signed):
    with pikepdf.open(io.BytesIO(signed)) as pdf, pikepdf.open(io.BytesIO(plain)) as before:
        metadata = pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False)
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
        assert metadata["pdfuaid:part"] == "1"
        moments = (metadata["xmp:CreateDate"], metadata["xmp:ModifyDate"])
        assert moments == ("2026-11-28T10:00:00+00:00",) * 2
        assert (str(pdf.docinfo["/CreationDate"]), str(pdf.docinfo["/ModDate"])) == ("D:20261128100000Z",) * 2
        assert pdf.docinfo == before.docinfo
        assert pdf.check_pdf_syntax() == []
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert "/NeedAppearances" not in pdf.Root.AcroForm and "/XFA" not in pdf.Root.AcroForm
        assert [str(key) for key in pdf.Root.Perms] == ["/DocMDP"]
        (reference,) = pdf.Root.Perms.DocMDP.Reference
        assert not {"/DigestLocation", "/DigestMethod", "/DigestValue"} & set(reference.keys())
        (attached,) = pdf.Root.AF
        assert attached.AFRelationship == "/Data" and attached.EF.F.Subtype == "/application/json"
        assert pdf.attachments["evidence.json"].get_file().read_bytes() == b'{"a":1}'
        assert len(pdf.trailer.ID) == 2 and "/Encrypt" not in pdf.trailer
        for page in pdf.pages:
            assert {annotation.F & 0b1111 for annotation in page.get("/Annots", [])} <= {0b100}


def test_it_stays_accessible(signed):
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        assert pdf.Root.MarkInfo.Marked is True
        assert pdf.Root.Lang == "en" and pdf.Root.ViewerPreferences.DisplayDocTitle is True
        assert "/StructTreeRoot" in pdf.Root
        assert all(page.Tabs == "/S" for page in pdf.pages if "/Annots" in page)
        (field,) = pdf.Root.AcroForm.Fields
        left, bottom, right, top = map(float, field.Rect)
        _, _, width, height = map(float, pdf.pages[0].MediaBox)
        assert right < 0 or top < 0 or left > width or bottom > height
        assert (right - left) * (top - bottom) == 0
        assert field.F & 0b100 and not field.F & 0b10
        assert field.TU == "Signature of the installation that made this document"


def test_the_pages_are_the_same(plain, signed):
    with pikepdf.open(io.BytesIO(plain)) as before, pikepdf.open(io.BytesIO(signed)) as after:
        assert len(before.pages) == len(after.pages) == 2
        for one, other in zip(before.pages, after.pages, strict=True):
            assert one.Contents.read_bytes() == other.Contents.read_bytes()
        assert len(after.pages[0].Annots) == len(before.pages[0].Annots) + 1


def test_its_place_holds_every_signature_of_the_key(plain):
    """ECDSA signatures differ in length; what is left of their place is a few zeros."""
    spare = set()
    for _ in range(12):
        content = sign_pdf(plain, signer(), reason="Evidence", moment=MOMENT)
        digits = re.search(rb"/Contents <([0-9A-F]+)>", content)[1]
        spare.add(len(digits) - len(digits.rstrip(b"0")))
        assert all(check.is_good for check in check_pdf_signature(read_pdf(content)).checks)
    assert min(spare) >= 2 and max(spare) < 80


def test_keys_that_are_not_valid_do_not_sign(plain):
    keys = make_signer(MOMENT, years=1)
    with pytest.raises(InputError, match="expired on"):
        sign_pdf(plain, keys, reason="Evidence", moment=MOMENT + timedelta(days=400))
    with pytest.raises(InputError, match="valid from"):
        sign_pdf(plain, keys, reason="Evidence", moment=MOMENT - timedelta(days=1))


def test_files_that_cannot_be_signed(plain, signed):
    encrypted = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain)) as pdf:
        pdf.save(encrypted, encryption=pikepdf.Encryption(owner="o", user="u"))
    for content in (signed, shared_report(), plain[: len(plain) // 2], b"", b"%PDF-1.7", encrypted.getvalue()):
        with pytest.raises(InputError, match="cannot be signed"):
            sign_pdf(content, signer(), reason="Evidence", moment=MOMENT)
