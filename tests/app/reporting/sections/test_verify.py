from app.reporting.document import Code
from app.reporting.sections.verify import build
from tests.app.reporting.blocks import statement, statements, texts
from tests.app.reporting.evidence_samples import SIGNING, evidence


def commands(section):
    return [line for block in section.blocks if isinstance(block, Code) for line in block.text.split("\n")]


def test_the_commands_are_there_word_by_word():
    assert commands(build(evidence())) == [
        "python -m engine verify report.pdf",
        "python -m engine recompute report.pdf",
        "python recompute_epsilon.py evidence.json",
        "sha256sum synthetic.csv",
        "python -m engine commitment private-file.csv --key-file key.txt",
    ]


def test_without_a_guarantee_nothing_is_computed_again():
    section = build(evidence("gaussian-copula"))
    assert not [line for line in commands(section) if "recompute" in line]
    assert not [text for text in texts([section]) if "ε" in text]


def test_both_fingerprints_and_the_validity_are_printed():
    blocks = build(evidence()).blocks
    for name, key in (("Key of the statement", "statement_key"), ("Certificate of the document", "document_key")):
        said = statement(blocks, f"{name}, SHA-256 fingerprint")
        assert said.value == f"{SIGNING[key]['fingerprint']} ({SIGNING[key]['algorithm']})"
    assert statement(blocks, "Public key of the statement").value == SIGNING["statement_key"]["public_key"]
    valid = statement(blocks, "Certificate: valid").value
    assert valid == "from 2026-01-01 00:00:00 UTC to 2029-01-01 00:00:00 UTC"


def test_that_a_signature_does_not_name_its_maker_is_said():
    said = " ".join(texts([build(evidence())]))
    assert "Who holds them, they do not prove" in said and "compare" in said


def test_each_file_has_its_digest():
    found = evidence()
    found.json["synthetic_files"].append(
        {"name": "synthetic.parquet", "media_type": "x", "size_bytes": 5000, "sha256": "cd" * 32}
    )
    section = build(found)
    assert statement(section.blocks, "SHA-256 of synthetic.parquet").value == f"{'cd' * 32} (5,000 bytes)"
    assert "sha256sum synthetic.parquet" in commands(section)
    found.json["synthetic_files"] = []
    assert not [line for line in commands(build(found)) if "sha256sum" in line]


def test_what_the_document_supersedes_is_told_where_there_is_one():
    found = evidence()
    said = statement(build(found).blocks, "Takes the place of")
    assert said.value.endswith("-000000000000, version 1")
    found.json["document"]["supersedes"] = None
    assert "Takes the place of" not in [row.name for row in statements(build(found).blocks)]


def test_a_private_file_without_a_commitment_is_said_to_have_none():
    found = evidence()
    found.json["private_file"] = None
    assert statement(build(found).blocks, "Commitment to the private file").value == "not provided"
