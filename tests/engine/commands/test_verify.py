"""`verify`, `commitment`, and `recompute` of evidence and of reports."""

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.certificate import recompute
from engine.cli import main
from engine.evidence.canonical import canonical_bytes
from tests.engine.evidence.samples import (
    certificate,
    changed,
    draw_pdf,
    evidence,
    report,
    shared_package,
    shared_report,
    signer,
)

ROOT = Path(__file__).resolve().parents[3]


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def report_file(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(shared_report())
    return path


def keys():
    identity = signer().identity()
    fingerprints = [identity[name]["fingerprint"] for name in ("statement_key", "document_key")]
    return [part for fingerprint in fingerprints for part in ("--fingerprint", fingerprint)]


def test_a_valid_report(capsys, report_file):
    status, out, err = run(capsys, "verify", report_file, *keys())
    assert (status, out.count("\n")) == (0, 1)
    result = json.loads(out)
    assert (result["kind"], result["is_valid"], result["document"]["version"]) == ("pdf", True, 1)
    assert len(result["checks"]) == len(err.splitlines())
    assert all(line.startswith("ok     ") for line in err.splitlines())


def test_a_changed_report(capsys, report_file):
    report_file.write_bytes(shared_report().replace(b"/Reason (Evidence)", b"/Reason (evidence)"))
    status, out, err = run(capsys, "verify", report_file)
    assert (status, json.loads(out)["is_valid"]) == (1, False)
    assert "FAILED pages and structure of the PDF: The PDF was changed after it was signed" in err


def test_keys_that_are_not_those(capsys, report_file):
    status, _, err = run(capsys, "verify", report_file, "--fingerprint", "0" * 64)
    assert status == 1
    assert "FAILED origin: Signed with a key that is not among those given" in err


def test_what_cannot_be_verified(capsys, tmp_path):
    path = tmp_path / "other.pdf"
    path.write_bytes(draw_pdf([("notes.json", b"{}")]))
    assert run(capsys, "verify", path) == (
        2,
        "",
        "error: this PDF was not made by Synthetic Data Studio: it holds no evidence.json\n",
    )
    assert run(capsys, "verify", tmp_path / "none.pdf")[0] == 2
    assert "64 hexadecimal digits" in run(capsys, "verify", path, "--fingerprint", "12")[2]


def test_as_a_process_without_the_rest(tmp_path):
    """A stranger verifies a package with the engine alone: no page, no database, no network."""
    path = tmp_path / "package.zip"
    path.write_bytes(shared_package())
    program = (
        "import socket, sys\n"
        "def refuse(*arguments): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "from engine.cli import main\n"
        "status = main(['verify', sys.argv[1]])\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "assert not names & {'app', 'streamlit', 'sqlalchemy', 'torch', 'typst'}, names\n"
        "sys.exit(status)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["is_valid"] is True


def test_a_commitment(capsys, tmp_path):
    private, key = tmp_path / "private.csv", tmp_path / "key.txt"
    private.write_bytes(b"age\n30\n")
    key.write_text("ab" * 32 + "\n")
    status, out, _ = run(capsys, "commitment", private, "--key-file", key)
    expected = hmac.new(b"\xab" * 32, b"age\n30\n", hashlib.sha256).hexdigest()
    assert (status, json.loads(out)["commitment"]) == (0, expected)
    key.write_text("secret words")
    status, out, err = run(capsys, "commitment", private, "--key-file", key)
    assert (status, out) == (2, "")
    assert "64 hexadecimal digits" in err and "secret words" not in err
    assert run(capsys, "commitment", tmp_path / "none.csv", "--key-file", key)[0] == 2


@pytest.mark.parametrize("method", ["mst", "gaussian-copula"])
def test_recompute_takes_a_certificate_evidence_and_a_report(capsys, tmp_path, method):
    contents = {
        "certificate.json": json.dumps(certificate(method)).encode(),
        "evidence.json": canonical_bytes(evidence(method)),
        "report.pdf": report(evidence(method)),
    }
    expected = recompute(certificate(method))
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        status, out, _ = run(capsys, "recompute", tmp_path / name)
        assert (status, json.loads(out)) == (0, expected), name


def test_recompute_finds_what_does_not_agree(capsys, tmp_path):
    forged = changed(evidence(), "certificate", "privacy", "epsilon", to=0.5)
    for name, content in (("evidence.json", canonical_bytes(forged)), ("report.pdf", report(forged))):
        (tmp_path / name).write_bytes(content)
        status, out, err = run(capsys, "recompute", tmp_path / name)
        assert (status, out) == (2, "")
        assert "but the certificate states 0.5" in err
    cases = [
        ("a.json", b"{", "is not JSON"),
        ("b.json", b'{"evidence_version": 1}', "not a certificate"),
        ("c.pdf", draw_pdf([("evidence.json", b"[1]")]), "evidence.json in this PDF is damaged"),
        ("d.pdf", draw_pdf([]), "holds no evidence.json"),
        ("e.pdf", b"%PDF-1.7", "structure of the PDF is damaged"),
    ]
    for name, content, expected in cases:
        (tmp_path / name).write_bytes(content)
        status, _, err = run(capsys, "recompute", tmp_path / name)
        assert status == 2 and expected in err
