"""Verification: a changed byte fails and its part is named, and what is signed with other keys is found."""

import io
import json
import random
import re
import zipfile

import pikepdf
import pytest

from engine.errors import InputError
from engine.evidence.canonical import canonical_bytes
from engine.evidence.checks import are_good
from engine.evidence.evidence_verification import MOST_EVENTS, check_evidence, recompute_bounded
from engine.evidence.keys import make_signer
from engine.evidence.pdf_reading import read_pdf
from engine.evidence.pdf_signature import sign_pdf
from engine.evidence.pdf_verification import PAGES, check_pdf_signature
from engine.evidence.statements import MANIFEST, sign_statement
from engine.evidence.verification import verify_file
from tests.engine.evidence.samples import (
    DOCUMENT_ID,
    MOMENT,
    archive,
    certificate,
    changed,
    draw_pdf,
    evidence,
    flipped,
    manifest_of,
    package_files,
    report,
    shared_package,
    shared_report,
    signed,
    signer,
)

OTHER = make_signer(MOMENT)
POSITIONS = random.Random(20261128)


def verify(tmp_path, content, name="report.pdf", **choices):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return verify_file(path, **choices)


def failed(found):
    return {check.part: check.sentence for check in found.checks if not check.is_good}


def verdict(tmp_path, content, name="report.pdf"):
    """The parts that fail, or the reason why the file is refused; empty where nothing is found."""
    try:
        found = verify(tmp_path, content, name)
    except InputError as error:
        return str(error)
    assert found.is_valid is not bool(failed(found))
    return " ".join([*failed(found), *failed(found).values()])


def refusal(tmp_path, content, name="report.pdf", **choices):
    with pytest.raises(InputError) as caught:
        verify(tmp_path, content, name, **choices)
    return str(caught.value)


def fingerprints(keys=None):
    identity = (keys or signer()).identity()
    return [identity[name]["fingerprint"] for name in ("statement_key", "document_key")]


@pytest.mark.parametrize(("method", "loss"), [("mst", "ε = 2 at"), ("gaussian-copula", "no privacy guarantee")])
def test_a_report(tmp_path, method, loss):
    found = verify(tmp_path, report(evidence(method)))
    assert (found.kind, found.is_valid) == ("pdf", True)
    assert found.document["id"] == DOCUMENT_ID
    assert [found.statement_fingerprint, found.document_fingerprint] == fingerprints()
    sentences = {check.part: check.sentence for check in found.checks}
    assert loss in sentences["privacy loss"]
    assert "Not proven" in sentences["origin"] and fingerprints()[0] in sentences["origin"]
    assert "covers every byte" in sentences["PDF signature"]


def test_whose_keys_signed(tmp_path):
    content = shared_report()
    statement, document = fingerprints()
    spaced = ":".join(re.findall("..", document.upper()))
    found = verify(tmp_path, content, fingerprints=[statement, spaced])
    assert found.is_valid
    assert found.checks[-1].sentence == "Signed with keys that are among those given."
    for known in ([], [statement], [document], fingerprints(OTHER)):
        found = verify(tmp_path, content, fingerprints=known)
        assert not found.is_valid
        assert list(failed(found)) == ["origin"]
    for wrong in ("", "12", "z" * 64):
        assert "64 hexadecimal digits" in refusal(tmp_path, content, fingerprints=[wrong])


def places(content):
    """Where each part of a signed PDF begins and ends."""
    attached = [match.start() for match in re.finditer(rb"/EmbeddedFile", content)]
    gap = re.search(rb"/Contents <[0-9A-F]+>", content)
    page = content.index(b"/Type/Page/")
    return {
        "header": (0, 8),
        "attachment": (attached[0], attached[0] + 1500),
        "page": (page - 600, page),
        "signature": gap.span(),
        "byte range": (gap.end(), gap.end() + 40),
        "trailer": (content.rindex(b"trailer"), len(content)),
        "anything": (0, len(content)),
    }


PART_WORDS = "PDF|pages and structure|evidence|begin as one|none that Synthetic Data Studio signs"


@pytest.mark.parametrize("part", ["header", "attachment", "page", "signature", "byte range", "trailer", "anything"])
def test_a_changed_byte_of_a_report(tmp_path, part):
    content = shared_report()
    first, end = places(content)[part]
    for _ in range(24):
        position = POSITIONS.randrange(first, end)
        said = verdict(tmp_path, flipped(content, position, POSITIONS.randrange(8)))
        assert re.search(PART_WORDS, said), (part, position, said)


def test_the_digits_of_the_signature_in_a_report():
    """They are outside of what is hashed, so each has to be checked for itself, the zeros at the end too."""
    content = shared_report()
    first, end = re.search(rb"<[0-9A-F]{400,}>", content).span()
    for position in (*range(first, end - 40, 11), *range(end - 40, end)):
        for changed_byte in (content[position] ^ 1, content[position] | 0x20):
            if changed_byte != content[position]:
                damaged = content[:position] + bytes([changed_byte]) + content[position + 1 :]
                try:
                    found = check_pdf_signature(read_pdf(damaged))
                except InputError:
                    continue
                assert not are_good(found.checks), position


def test_the_sentence_names_the_part(tmp_path):
    content = shared_report()
    place = content.index(b"/Type/Page/")
    assert list(failed(verify(tmp_path, content.replace(b"(Evidence)", b"(evidence)")))) == [
        "pages and structure of the PDF"
    ]
    assert "pages, its structure" in verdict(tmp_path, content[:place] + b"/Type/Pagf/" + content[place + 11 :])
    assert "7 bytes were added at the end" in verdict(tmp_path, content + b"%hello\n")
    assert "structure of the PDF is damaged" in verdict(tmp_path, content[:-9])


def test_a_changed_attachment_is_named(tmp_path):
    value = evidence()
    genuine, signature = signed(value)
    forged = canonical_bytes(changed(value, "document", "status", to="draft"))
    pdf = draw_pdf([("evidence.json", forged), ("evidence.sig.json", signature)])
    found = verify(tmp_path, sign_pdf(pdf, signer(), reason="Evidence", moment=MOMENT))
    assert failed(found) == {
        "evidence.sig.json": "The content is not the one that was signed: its SHA-256 differs.",
    }
    loose = json.dumps(json.loads(genuine), indent=1).encode()
    pdf = draw_pdf([("evidence.json", loose), ("evidence.sig.json", signature)])
    found = verify(tmp_path, sign_pdf(pdf, signer(), reason="Evidence", moment=MOMENT))
    assert "not in its canonical form" in failed(found)["evidence.json"]
    pdf = draw_pdf([("evidence.json", genuine)])
    found = verify(tmp_path, sign_pdf(pdf, signer(), reason="Evidence", moment=MOMENT))
    assert list(failed(found)) == ["evidence.sig.json"]
    pdf = draw_pdf([("evidence.sig.json", signature)])
    found = verify(tmp_path, sign_pdf(pdf, signer(), reason="Evidence", moment=MOMENT))
    assert "missing" in failed(found)["evidence.json"]


def only_the_pdf_signature(content):
    """A verifier as many are: it asks whether the PDF is signed, and not by whom nor what is in it."""
    return are_good(check_pdf_signature(read_pdf(content)).checks)


def only_the_evidence(content):
    """A verifier that believes the pages, since what is attached to them is signed."""
    attached = read_pdf(content).attachments
    return are_good(check_evidence(attached["evidence.json"], attached["evidence.sig.json"]).checks)


def test_other_pages_around_genuine_evidence(tmp_path):
    """Somebody puts their own text around evidence that was really issued, and signs the PDF themselves."""
    content, signature = signed(evidence())
    pdf = draw_pdf([("evidence.json", content), ("evidence.sig.json", signature)], text="Approved for everything.")
    forged = sign_pdf(pdf, OTHER, reason="Evidence", moment=MOMENT)
    assert only_the_pdf_signature(forged) and only_the_evidence(forged)
    found = verify(tmp_path, forged)
    assert failed(found) == {
        "keys": "The PDF was signed with another certificate than the one that the signed evidence names."
    }


def test_pages_changed_after_signing(tmp_path):
    content = shared_report()
    forged = content.replace(b"/Reason (Evidence)", b"/Reason (Approved)")
    assert only_the_evidence(forged)
    assert not only_the_pdf_signature(forged)
    assert not verify(tmp_path, forged).is_valid


def test_evidence_of_somebody_else_in_a_genuine_looking_report(tmp_path):
    """Other evidence, signed with another statement key, in a PDF of the right certificate."""
    content, signature = signed(evidence(), OTHER)
    pdf = draw_pdf([("evidence.json", content), ("evidence.sig.json", signature)])
    found = verify(tmp_path, sign_pdf(pdf, signer(), reason="Evidence", moment=MOMENT))
    assert failed(found)["keys"] == "The evidence was signed with another key than the one that it names."


def test_a_report_that_is_all_of_somebody_else(tmp_path):
    """It agrees with itself: only the published fingerprints tell, and the verification says so."""
    forged = report(keys=OTHER)
    found = verify(tmp_path, forged)
    assert found.is_valid and "Not proven" in found.checks[-1].sentence
    found = verify(tmp_path, forged, fingerprints=fingerprints())
    assert list(failed(found)) == ["origin"]


@pytest.mark.parametrize("value", [None, 5, [], {}, {"fingerprint": []}, {"chain": 5}])
def test_evidence_that_names_its_keys_in_another_form(tmp_path, value):
    for path in (("signing",), ("signing", "document_key"), ("signing", "statement_key"), ("document",)):
        found = verify(tmp_path, report(changed(evidence(), *path, to=value)))
        assert set(failed(found)) & {"keys", "document"}


def test_a_report_of_another_document(tmp_path):
    found = verify(tmp_path, report(document_id="00000000-0000-4000-8000-000000000009"))
    assert list(failed(found)) == ["document"]


def test_a_loss_that_the_events_do_not_give(tmp_path):
    value = evidence()
    cases = [
        (("recomputed", "epsilon"), 1.0, "the evidence states another"),
        (("recomputed", "epsilon"), None, "the evidence states another"),
        (("recomputed", "agrees"), False, "the evidence states another"),
        (("certificate", "privacy", "epsilon"), 1.0, "do not give the ε"),
        (("certificate", "events", 0, "event", "noise_multiplier"), 1e-200, "no number that a run could have"),
        (("certificate", "events", 0, "event", "type"), "LaplaceDpEvent", "kind that no run records"),
        (("certificate",), None, "lacks its events"),
        (("certificate", "privacy", "delta"), 2.0, "not between 0 and 1"),
        (("certificate", "events", 0, "event", "noise_multiplier"), [], "no number that a run could have"),
    ]
    for path, to, expected in cases:
        found = verify(tmp_path, report(changed(value, *path, to=to)))
        assert expected in failed(found)["privacy loss"], path
    unprotected = changed(evidence("gaussian-copula"), "recomputed", "epsilon", to=1.0)
    assert "states an ε" in failed(verify(tmp_path, report(unprotected)))["privacy loss"]


def test_a_certificate_cannot_make_the_computation_endless():
    value = certificate("dp-ctgan")
    last = len(value["events"]) - 1
    assert recompute_bounded(value)["agrees"]
    cases = [("steps", 10**15), ("steps", 1e300), ("noise_multiplier", 1e-3), ("sampling_rate", "1"), ("steps", True)]
    for name, to in cases:
        with pytest.raises(InputError, match="more steps, or less noise"):
            recompute_bounded(changed(value, "events", last, name, to=to))
    with pytest.raises(InputError, match="more than any run"):
        recompute_bounded(value | {"events": [{}] * (MOST_EVENTS + 1)})


def test_a_key_that_had_expired(tmp_path):
    """The certificate has to be valid when the PDF says that it was signed; later it may expire."""
    keys = make_signer(MOMENT.replace(year=2020), years=1)
    content, signature = signed(evidence(keys=keys), keys)
    pdf = draw_pdf([("evidence.json", content), ("evidence.sig.json", signature)])
    early = sign_pdf(pdf, keys, reason="Evidence", moment=MOMENT.replace(year=2021, month=1))
    assert verify(tmp_path, early).is_valid
    from engine.evidence import pdf_signature  # signs without asking, as somebody who wants to deceive would

    late = pdf_signature._certified(pdf, pdf_signature._document_signer(keys), "Evidence", MOMENT)
    assert "was not valid when the PDF says" in failed(verify(tmp_path, late))["certificate"]


def edited(edit, **choices):
    """A report that was changed by other software, and not signed again."""
    with pikepdf.open(io.BytesIO(draw_pdf([("evidence.json", b"{}")]))) as pdf:
        edit(pdf)
        target = io.BytesIO()
        pdf.save(target, **choices)
    return target.getvalue()


def add_script(pdf):
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def add_launch(pdf):
    pdf.pages[0].Annots = pikepdf.Array(
        [pikepdf.Dictionary(Type=pikepdf.Name.Annot, A=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe"))]
    )


def attach_twice(pdf):
    spec = pikepdf.AttachedFileSpec(pdf, b'{"a":2}', filename="evidence.json")
    pdf.Root.AF.append(spec.obj)


def attach_much(pdf):
    pdf.attachments["evidence.json"] = pikepdf.AttachedFileSpec(pdf, bytes(40 << 20), filename="evidence.json")


def test_pdfs_that_are_refused(tmp_path):
    assert "holds no evidence.json" in refusal(tmp_path, draw_pdf([("other.json", b"{}")]))
    assert "JavaScript" in verdict(tmp_path, edited(add_script))
    assert "starts a program" in verdict(tmp_path, edited(add_launch))
    assert "several attachments named 'evidence.json'" in verdict(tmp_path, edited(attach_twice))
    for user in ("", "secret"):
        locked = edited(lambda pdf: None, encryption=pikepdf.Encryption(owner="o", user=user))
        assert "encrypted" in verdict(tmp_path, locked)
    much = edited(attach_much, compress_streams=True)
    assert len(much) < 1 << 20
    assert "not signed" in verdict(tmp_path, much) and "missing or damaged" in verdict(tmp_path, much)
    assert "larger than 64 MiB" in refusal(tmp_path, shared_report() + bytes(64 << 20))
    for broken in (b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(5000), shared_report()[:4000]):
        assert "structure of the PDF is damaged" in refusal(tmp_path, broken)


def test_a_report_whose_structure_is_damaged_is_one_that_was_changed(tmp_path):
    """Not a file that cannot be judged: whoever gets it has to be told that it is not as it was signed."""
    content = shared_report()
    position = content.rindex(b"startxref")
    found = verify(tmp_path, content[:position] + b"S" + content[position + 1 :])
    assert not found.is_valid
    assert "changed after it was signed: the structure of the PDF is damaged" in failed(found)[PAGES]


def test_a_report_that_is_not_signed(tmp_path):
    content, signature = signed(evidence())
    found = verify(tmp_path, draw_pdf([("evidence.json", content), ("evidence.sig.json", signature)]))
    assert failed(found) == {"PDF signature": "The PDF is not signed, or its signature was removed."}


def test_a_second_signature(tmp_path):
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers

    from engine.evidence.pdf_signature import _document_signer

    weak = report()
    relaxed = weak.replace(b"/P 1\n", b"/P 2\n")  # without this, honest software refuses to sign once more
    writer = IncrementalPdfFileWriter(io.BytesIO(relaxed))
    signer_of_other = _document_signer(OTHER)
    meta = PdfSignatureMetadata(field_name="Second", md_algorithm="sha256")
    again = signers.sign_pdf(writer, meta, signer_of_other).getvalue()
    assert "signed again by somebody else" in verdict(tmp_path, again)


def test_evidence_beside_its_signature(tmp_path):
    content, signature = signed(evidence())
    (tmp_path / "evidence.sig.json").write_bytes(signature)
    found = verify(tmp_path, content, "evidence.json", fingerprints=fingerprints()[:1])
    assert (found.kind, found.is_valid, found.document_fingerprint) == ("evidence", True, None)
    for position in range(0, len(content), 61):
        assert "evidence" in verdict(tmp_path, flipped(content, position, POSITIONS.randrange(8)), "evidence.json")
    (tmp_path / "evidence.json").write_bytes(content)
    for position in range(len(signature)):
        (tmp_path / "evidence.sig.json").write_bytes(flipped(signature, position, POSITIONS.randrange(8)))
        assert list(failed(verify_file(tmp_path / "evidence.json"))) == ["evidence.sig.json", "origin"], position


def test_evidence_without_its_signature(tmp_path):
    content, signature = signed(evidence())
    assert "put the signature of this evidence beside it" in refusal(tmp_path, content, "evidence.json")
    assert "give the file that it signs" in refusal(tmp_path, signature, "some.sig.json")
    alone = json.dumps(certificate()).encode()
    assert "carries no signature of its own" in refusal(tmp_path, alone, "certificate.json")
    for name, other in (("a.json", b"[1]"), ("a.json", b"{"), ("a.csv", b"a,b\n"), ("a.docx", b"PK\x03\x04")):
        assert "none that Synthetic Data Studio signs" in refusal(tmp_path, other, name)
    future, signature = signed(evidence() | {"evidence_version": 2})
    (tmp_path / "b.sig.json").write_bytes(signature)
    assert "not of version 1" in refusal(tmp_path, future, "b.json")
    with pytest.raises(InputError, match=r"missing\.pdf cannot be read"):
        verify_file(tmp_path / "missing.pdf")


def test_a_package(tmp_path):
    found = verify(tmp_path, shared_package(), "package.zip", fingerprints=fingerprints())
    assert (found.kind, found.is_valid, failed(found)) == ("package", True, {})
    assert [found.statement_fingerprint, found.document_fingerprint] == fingerprints()
    assert found.document["id"] == DOCUMENT_ID
    assert "sealed, byte by byte" in found.checks[0].sentence
    assert "All 7 files" in found.checks[2].sentence


def test_a_changed_byte_of_a_package(tmp_path):
    content = shared_package()
    directory = content.rindex(b"PK\x01\x02", 0, content.index(b"PK\x01\x02") + 5)
    positions = [POSITIONS.randrange(len(content)) for _ in range(120)]
    positions += [POSITIONS.randrange(directory, len(content)) for _ in range(120)]
    for position in positions:
        assert verdict(tmp_path, flipped(content, position, POSITIONS.randrange(8)), "package.zip"), position
    assert "added at the end" in verdict(tmp_path, content + b"x", "package.zip")
    assert verdict(tmp_path, content[:-1], "package.zip")


def test_a_package_that_was_packed_anew(tmp_path):
    """Without its seal, every file is still checked; what is around the files is all that may differ."""
    files = package_files()
    found = verify(tmp_path, archive(files, is_sealed=False), "package.zip")
    assert found.is_valid and "packed anew" in found.checks[0].sentence
    for name, content in files.items():
        forged = archive(files | {name: flipped(content, len(content) // 2)}, is_sealed=False)
        found = verify(tmp_path, forged, "package.zip")
        about = MANIFEST if name.startswith("manifest") else name
        assert any(about in part for part in failed(found)), name


def test_files_that_are_missing_or_added(tmp_path):
    files = package_files()
    without = {name: content for name, content in files.items() if name != "README.txt"}
    assert failed(verify(tmp_path, archive(without), "package.zip")) == {
        "README.txt": "The file is missing: the manifest names it."
    }
    more = files | {"data/real.csv": b"1"}
    assert failed(verify(tmp_path, archive(more), "package.zip")) == {
        "data/real.csv": "The manifest does not name this file: it was added."
    }
    for name, part in (("manifest.json", "manifest.json"), ("manifest.sig.json", "manifest.sig.json")):
        without = {other: content for other, content in files.items() if other != name}
        assert part in failed(verify(tmp_path, archive(without), "package.zip"))
    without = {name: content for name, content in files.items() if not name.startswith(("manifest", "evidence.json"))}
    assert "holds no manifest.json" in refusal(tmp_path, archive(without), "package.zip")


def repacked(files, keys=None, **replaced):
    """A package whose manifest was made and signed again, by the right key unless another is given."""
    files = {name: content for name, content in files.items() if not name.startswith("manifest")} | replaced
    return archive(files | manifest_of(files, keys), keys)


def test_parts_of_different_documents(tmp_path):
    files = package_files()
    other_table = repacked(files, **{"data/synthetic.csv": b"age\n1\n"})
    assert list(failed(verify(tmp_path, other_table, "package.zip"))) == ["data/synthetic.csv"]
    other_certificate = repacked(files, **{"certificate.json": json.dumps(certificate("aim")).encode()})
    assert list(failed(verify(tmp_path, other_certificate, "package.zip"))) == ["certificate.json"]
    other_report = repacked(files, **{"report.pdf": report(changed(evidence(), "document", "version", to=2))})
    assert list(failed(verify(tmp_path, other_report, "package.zip"))) == ["report.pdf: report.pdf"]
    assert "report.pdf: PDF signature" in failed(
        verify(tmp_path, repacked(files, **{"report.pdf": draw_pdf([("evidence.json", b"{}")])}), "package.zip")
    )
    damaged = repacked(files, **{"report.pdf": b"%PDF-1.7"})
    assert "cannot be read" in failed(verify(tmp_path, damaged, "package.zip"))["report.pdf"]
    other_id = files | manifest_of(
        {name: content for name, content in files.items() if not name.startswith("manifest")}, document_id="other"
    )
    assert "another document" in failed(verify(tmp_path, archive(other_id), "package.zip"))["the package"]


def test_a_manifest_of_somebody_else(tmp_path):
    """Genuine evidence and report, with files of an attacker around them, under the attacker's manifest."""
    files = package_files()
    forged = repacked(files, OTHER, **{"README.txt": b"Trust the key 00 instead.\n"})
    found = verify(tmp_path, forged, "package.zip")
    assert failed(found) == {"the package": "The manifest was signed with another key than the evidence."}
    found = verify(tmp_path, archive(files, OTHER), "package.zip")
    assert failed(found) == {"archive": "The archive was sealed with another key than its manifest."}


def test_a_manifest_is_not_a_statement_of_another_kind(tmp_path):
    files = package_files()
    signature = canonical_bytes(sign_statement(files["manifest.json"], signer(), "evidence"))
    found = verify(tmp_path, archive(files | {"manifest.sig.json": signature}), "package.zip")
    assert "not one of this key" in failed(found)["manifest.sig.json"]
    for value in ({}, {"manifest_version": 1, "document_id": "x", "files": {"../x": {}}}, []):
        content, signature = signed(value, purpose=MANIFEST)
        forged = archive(files | {"manifest.json": content, "manifest.sig.json": signature})
        assert "not of the form" in failed(verify(tmp_path, forged, "package.zip"))["manifest.json"]


def zipped(entries, compression=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return target.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_are_refused(tmp_path):
    manifest = ("manifest.json", b"{}")
    cases = [
        ([manifest, manifest], "two files of one name"),
        ([manifest, ("../x", b"")], "leads out of it"),
        ([manifest, ("/x", b"")], "leads out of it"),
        ([manifest, ("x/", b"")], "holds a folder"),
        ([manifest, *((f"{number}", b"") for number in range(200))], "more than 200 files"),
        ([manifest, ("data/synthetic.csv", bytes(65 << 20))], "grows more than any table"),
        ([("a.txt", b"x")], "holds no manifest.json"),
    ]
    for entries, expected in cases:
        assert expected in refusal(tmp_path, zipped(entries), "package.zip")
    rare = zipped([manifest], zipfile.ZIP_LZMA)
    assert "compressed in a way" in refusal(tmp_path, rare, "package.zip")
    locked = flipped(zipped([manifest]), zipped([manifest]).rindex(b"PK\x01\x02") + 8)
    assert "encrypted" in refusal(tmp_path, locked, "package.zip")


def test_a_size_that_was_not_signed_is_not_read_on(tmp_path):
    files = package_files()
    longer = archive(files | {"README.txt": files["README.txt"] + bytes(5 << 20)})
    assert "does not have the 15 bytes" in failed(verify(tmp_path, longer, "package.zip"))["README.txt"]


def test_an_unpacked_package(tmp_path):
    folder = tmp_path / "package"
    for name, content in package_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    whole = verify_file(folder / "manifest.json", fingerprints=fingerprints())
    assert (whole.kind, whole.is_valid) == ("package", True)
    for name in ("README.txt", "certificate.json", "data/synthetic.csv"):
        found = verify_file(folder / name, fingerprints=fingerprints())
        assert (found.kind, found.is_valid) == ("file", True)
        assert found.document == {"id": DOCUMENT_ID}
        genuine = (folder / name).read_bytes()
        (folder / name).write_bytes(flipped(genuine, 3))
        assert list(failed(verify_file(folder / name))) == [name]
        assert list(failed(verify_file(folder / "manifest.json"))) == [name]
        (folder / name).write_bytes(genuine)
    (folder / "extra.txt").write_bytes(b"x")
    assert "does not belong here" in failed(verify_file(folder / "extra.txt"))["extra.txt"]
    (folder / "README.txt").unlink()
    assert "missing" in failed(verify_file(folder / "manifest.json"))["README.txt"]
    (folder / "manifest.sig.json").unlink()
    assert "manifest.sig.json" in failed(verify_file(folder / "certificate.json"))
