import hashlib
import io
import json
import re
import struct
import tracemalloc
import zipfile
from datetime import UTC, datetime
from functools import cache

import docx
import pytest

from app.errors import InvalidInputError
from app.reporting.evidence import INTERNAL_EDITION, RELEASABLE_EDITION, Evidence
from app.reporting.manifest import seal_documents
from app.reporting.model_card import build_model_card
from app.reporting.package import CHUNK_BYTES, make_documents, texts_of, write_package
from app.reporting.report import build_report
from engine.errors import InputError
from engine.evidence.keys import make_signer
from engine.evidence.verification import verify_file
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.rendering.test_html_page import Page

MADE = datetime(2026, 11, 1, tzinfo=UTC)
TABLE = b"age,region\n34,north\n" * 500
CSV = "data/synthetic.csv"
RELEASABLE = ("mst", RELEASABLE_EDITION)
INTERNAL = ("mst", INTERNAL_EDITION)
UNPROTECTED = ("gaussian-copula", INTERNAL_EDITION)
RUNS = (RELEASABLE, INTERNAL, UNPROTECTED)
ALWAYS = {
    "README.txt",
    "certificate.json",
    "evidence.json",
    "evidence.sig.json",
    "keys/document_certificate.pem",
    "keys/statement_key.pem",
    "manifest.json",
    "manifest.sig.json",
    "model_card.html",
    "model_card.md",
    "recompute_epsilon.py",
    "report.docx",
    "report.html",
    "report.pdf",
}


@cache
def signer():
    return make_signer(MADE)


def measured(content):
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


@cache
def evidence_of(method, edition, answers=()):
    made = evidence(method, edition=edition, answers=dict(answers) or None)
    file = {"name": "synthetic.csv", "media_type": "text/csv", **measured(TABLE)}
    return Evidence({**made.json, "signing": signer().identity(), "synthetic_files": [file]})


@cache
def documents_of(method, edition):
    """The files of a report with their manifest; the internal edition of a run with a guarantee has no table."""
    made = evidence_of(method, edition)
    documents = make_documents(made, signer())
    data = {} if (method, edition) == INTERNAL else {CSV: measured(TABLE)}
    return documents | seal_documents(made.at("/document/id"), documents, data, signer())


def tables_of(run, folder):
    if run == INTERNAL:
        return {}
    path = folder / "table.csv"
    path.write_bytes(TABLE)
    return {CSV: path}


def write(run, folder, **changes):
    path = folder / "package.zip"
    with path.open("wb") as target:
        write_package(target, documents_of(*run), tables_of(run, folder), **changes)
    return path


def repacked(run, folder, **changes):
    """The package as somebody else would pack it, with other content in some of its files."""
    path = folder / "repacked.zip"
    with zipfile.ZipFile(write(run, folder)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, changes.get(name, source.read(name)))
    return path


def failures(path):
    return [check for check in verify_file(path).checks if not check.is_good]


@pytest.mark.parametrize("run", RUNS)
def test_a_package_holds_its_edition_and_verifies(run, tmp_path):
    path = write(run, tmp_path, signer=signer())
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 28, 10, 0, 0)}
    expected = ALWAYS | ({CSV} if run != INTERNAL else set()) | ({"dp_registry.yaml"} if run != UNPROTECTED else set())
    assert set(names) == expected and names[0] == "README.txt"
    found = verify_file(path)
    assert found.is_valid and found.document["id"] == evidence_of(*run).at("/document/id")


@pytest.mark.parametrize("name", sorted({*ALWAYS, CSV, "dp_registry.yaml"}))
def test_a_changed_byte_of_a_file_is_named(name, tmp_path):
    content = TABLE if name == CSV else documents_of(*RELEASABLE)[name]
    place = len(content) // 2
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    found = failures(repacked(RELEASABLE, tmp_path, **{name: changed}))
    signed = name.replace("manifest.json", "manifest.sig.json")  # that they do not fit is all that can be seen
    assert any(check.part.startswith((name, signed)) for check in found), found


def test_a_package_that_somebody_packed_anew_verifies_by_its_manifest(tmp_path):
    path = repacked(RELEASABLE, tmp_path)
    assert verify_file(path).is_valid and path.read_bytes() != write(RELEASABLE, tmp_path).read_bytes()


def test_a_changed_byte_between_the_files_breaks_the_seal(tmp_path):
    path = write(RELEASABLE, tmp_path, signer=signer())
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, 10, 0)  # time in the header of the first file
    path.write_bytes(content)
    assert [check.part for check in failures(path)] == ["archive"]


def test_a_package_made_after_the_keys_were_rotated_is_of_the_old_keys_alone(tmp_path):
    path = write(RELEASABLE, tmp_path, signer=make_signer(MADE))
    assert verify_file(path).is_valid
    assert path.read_bytes() == write(RELEASABLE, tmp_path).read_bytes()


def test_the_same_files_make_the_same_package(tmp_path):
    first = write(RELEASABLE, tmp_path, signer=signer()).read_bytes()
    assert first == write(RELEASABLE, tmp_path, signer=signer()).read_bytes()


def test_a_table_that_is_not_the_signed_one_is_refused(tmp_path):
    other = tmp_path / "other.csv"
    other.write_bytes(TABLE[:-1] + b"\r")
    with pytest.raises(InputError, match=r"data/synthetic\.csv is not the file that was signed"):
        write_package(io.BytesIO(), documents_of(*RELEASABLE), {CSV: other})


def test_a_document_that_is_not_the_signed_one_is_refused(tmp_path):
    documents = documents_of(*RELEASABLE) | {"report.html": b"<p>other</p>"}
    with pytest.raises(InputError, match=r"report\.html is not the file that was signed"):
        write_package(io.BytesIO(), documents, tables_of(RELEASABLE, tmp_path))


@pytest.mark.parametrize("left_out", ["report.docx", CSV])
def test_a_package_without_a_file_of_its_manifest_is_refused(left_out, tmp_path):
    documents = {name: content for name, content in documents_of(*RELEASABLE).items() if name != left_out}
    tables = {name: path for name, path in tables_of(RELEASABLE, tmp_path).items() if name != left_out}
    with pytest.raises(InputError, match="not those that its manifest names"):
        write_package(io.BytesIO(), documents, tables)


class Counted:
    """A target that keeps nothing, cannot be read or rewound, and counts what it is given."""

    def __init__(self):
        self.size, self.largest = 0, 0

    def write(self, content):
        self.size += len(content)
        self.largest = max(self.largest, len(content))
        return len(content)

    def flush(self):
        pass


@pytest.mark.parametrize("name", ["data/synthetic.csv", "data/synthetic.parquet"])
def test_a_large_table_is_streamed(name, tmp_path):
    """A sparse file of 128 pieces. What is held is a piece, its compressed form, and at most twice the largest
    document (as given to the archive and as compressed), which lies far below 8 pieces; a whole table is 128.
    """
    path, size = tmp_path / "large", 128 * CHUNK_BYTES
    with path.open("wb") as file:
        file.truncate(size)
    digest = hashlib.sha256()
    for _ in range(128):
        digest.update(bytes(CHUNK_BYTES))
    documents = documents_of(*RELEASABLE)
    plain = {key: content for key, content in documents.items() if not key.startswith("manifest")}
    data = {name: {"sha256": digest.hexdigest(), "size_bytes": size}}
    sealed = plain | seal_documents("id", plain, data, signer())
    target = Counted()
    tracemalloc.start()
    try:
        write_package(target, sealed, {name: path}, signer())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * CHUNK_BYTES
    assert target.largest < 3 * CHUNK_BYTES
    assert target.size > (size if name.endswith("parquet") else 0)


def test_evidence_that_names_other_keys_is_not_signed():
    with pytest.raises(InputError, match="names other keys"):
        make_documents(evidence_of(*RELEASABLE), make_signer(MADE))


def test_a_forbidden_claim_is_refused_wherever_it_comes_from():
    claiming = evidence_of(*RELEASABLE, answers=(("purpose", "To have a GDPR compliant table"),))
    with pytest.raises(InvalidInputError, match="GDPR compliant"):
        make_documents(claiming, signer())


def test_a_column_that_is_named_like_a_claim_is_data():
    made = evidence_of(*RELEASABLE)
    text = json.dumps(made.json).replace('"region"', '"hipaa_compliant is HIPAA compliant"')
    assert "HIPAA compliant" in make_documents(Evidence(json.loads(text)), signer())["report.html"].decode()


@pytest.mark.parametrize("run", RUNS)
def test_the_readme_describes_every_file_and_how_to_check_it(run):
    text = documents_of(*run)["README.txt"].decode()
    names = set(json.loads(documents_of(*run)["manifest.json"])["files"]) - {"README.txt"}
    listed = set(re.findall(r"^(\S+)\n    ", text, re.MULTILINE))
    assert listed == names | {"manifest.json", "manifest.sig.json"}
    for command in ("verify package.zip", "verify report.pdf", "verify evidence.json", "verify FILE"):
        assert f"python -m engine {command}" in text
    for name in ("statement_key", "document_key"):
        assert signer().identity()[name]["fingerprint"] in text
    assert "It is not a certification" in text
    assert ("do not pass it on" in text) == (run != RELEASABLE)
    assert ("recompute_epsilon.py evidence.json" in text) == (run != UNPROTECTED)


def word_text(content):
    document = docx.Document(io.BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


@pytest.mark.parametrize("run", RUNS)
def test_every_text_of_a_report_stands_in_the_word_document_and_on_the_page(run):
    made = evidence_of(*run)
    report, documents = build_report(made), documents_of(*run)
    page = Page(documents["report.html"]).one("html")
    attributes = {element.get("aria-label") for element in Page(documents["report.html"]).elements}
    word = word_text(documents["report.docx"])
    statements = [row for section in report.sections for block in section.blocks for row in getattr(block, "rows", ())]
    assert len(statements) > 20
    for row in statements:
        for text in row if isinstance(row, tuple) else (row.name, row.value, row.tag):
            assert text in page["text"] and text in word, text
    for figure in (block for section in report.sections for block in section.blocks if hasattr(block, "chart")):
        assert figure.alt in attributes


def test_no_epsilon_is_printed_where_there_is_no_guarantee():
    documents = documents_of(*UNPROTECTED)
    texts = [documents[name].decode() for name in ("report.html", "model_card.html", "model_card.md", "README.txt")]
    for text in (*texts, word_text(documents["report.docx"])):
        assert "No privacy guarantee" in text or "NO PRIVACY GUARANTEE" in text
        assert not re.search(r"[εδ]\s*(=|≤|<|of \d)", text)


def test_texts_of_a_report_are_all_that_the_linter_sees():
    report = build_model_card(evidence_of(*RELEASABLE))
    texts = list(texts_of(report))
    assert report.preface in texts and report.sections[0].title in texts
    assert report.sections[2].blocks[1].rows[0][0] in texts and report.cover[0].value in texts
