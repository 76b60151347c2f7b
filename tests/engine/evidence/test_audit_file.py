"""Exported audit logs, read by the command line."""

import json
from datetime import UTC, datetime

import pytest

from engine.cli import main
from engine.errors import InputError
from engine.evidence.audit_file import line, own_lines_header, read_head, verify_audit_file, whole_log_header
from engine.evidence.keys import make_signer
from tests.engine.evidence.audit_logs import head_of, log, sealed

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def signer():
    return make_signer(NOW)


@pytest.fixture
def export(signer, tmp_path):
    """Writes a log as a file; gives its path."""

    def write(entries, name="audit.jsonl", head=None, signed_by=signer):
        header = whole_log_header(head or head_of(entries), NOW, signed_by)
        path = tmp_path / name
        path.write_bytes(line(header) + b"".join(line(entry.to_json()) for entry in entries))
        return path

    return write


def run(capsys, *arguments):
    status = main(["verify-audit", *map(str, arguments)])
    told = capsys.readouterr()
    return status, told.out, told.err.splitlines()


def test_a_whole_log_is_told_with_its_head_and_key(export, signer, capsys):
    entries = log()
    status, out, errors = run(capsys, export(entries))
    told = json.loads(out)
    assert (status, errors) == (0, [told["signature"]])
    assert (told["is_whole"], told["entries"], told["head"]) == (True, 12, entries[-1].hash)
    assert told["fingerprint"] == signer.identity()["statement_key"]["fingerprint"]
    assert "Origin is not proven" in told["signature"]


def test_an_empty_log_is_whole(export, capsys):
    assert run(capsys, export([]))[0] == 0


def test_a_given_key_proves_the_origin_and_another_one_does_not(export, signer, capsys):
    path, mine = export(log()), signer.identity()["statement_key"]["fingerprint"]
    status, out, _ = run(capsys, path, "--fingerprint", "0" * 64, "--fingerprint", mine.upper())
    assert status == 0
    assert json.loads(out)["signature"] == "The signature of the head holds, with one of the given keys."
    status, out, errors = run(capsys, path, "--fingerprint", "0" * 64)
    assert (status, json.loads(out)["is_whole"], json.loads(out)["n_breaks"]) == (1, False, 0)
    assert errors == ["The head is signed with a key that is not among the given ones."]


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def altered(value):
    """A line with another action."""
    return line(json.loads(value) | {"action": "nothing.happened"})


ATTACKS = {
    "altered": (lambda lines: [*lines[:5], altered(lines[5]), *lines[6:]], "Entry 5 (id {5}) was altered"),
    "deleted": (lambda lines: lines[:5] + lines[6:], "Entry 5 is missing."),
    "cut": (lambda lines: lines[:9], "The head counts 12 entries, but the last one is 8"),
    "swapped": (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], "Entry 5 (id {5}) stands after entry 6."),
    "forged": (
        lambda lines: [*lines, line(sealed(13, json.loads(lines[12])["hash"]).to_json())],
        "Entry 13 (id {13}) is not counted by the head",
    ),
    "not JSON": (lambda lines: [*lines[:5], b"hello\n", *lines[6:]], "Entry 5 cannot be read"),
    "twice": (
        lambda lines: [*lines[:5], b'{"action": "x", ' + lines[5][1:], *lines[6:]],
        "Entry 5 cannot be read: its line is no JSON object, or names a part twice.",
    ),
    "no end": (lambda lines: [*lines[:-1], lines[-1].rstrip()], "Entry 12 cannot be read"),
    "further part": (
        lambda lines: [*lines[:-1], line(json.loads(lines[-1]) | {"note": "x"})],
        "Entry 12 (id {12}) cannot be read: it has 1 further parts",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_change_of_a_file_is_named_with_number_and_id(export, capsys, attack):
    path = export(log())
    change, expected = ATTACKS[attack]
    path.write_bytes(b"".join(change(lines_of(path))))
    status, out, errors = run(capsys, path)
    assert (status, json.loads(out)["is_whole"]) == (1, False)
    assert errors[0] == json.loads(out)["breaks"][0]["sentence"]
    assert errors[0].startswith(expected.format(*(f"{number:032x}" for number in range(14))))


@pytest.mark.parametrize("name", ["entries", "hash", "exported_at"])
def test_an_altered_head_does_not_fit_its_signature(export, capsys, name):
    path = export(log())
    first, *rest = lines_of(path)
    header = json.loads(first)
    header[name] = {"entries": 11, "hash": "e" * 64, "exported_at": "2020-01-01T00:00:00+00:00"}[name]
    path.write_bytes(line(header) + b"".join(rest))
    found = verify_audit_file(path)
    assert found.fingerprint is None
    assert not found.is_whole
    assert "the content is not the one that was signed" in found.signature
    assert run(capsys, path)[0] == 1


def test_a_log_that_was_sealed_and_signed_anew_shows_against_what_was_kept(export, signer, tmp_path, capsys):
    entries = log()
    kept = export(entries[:7], "earlier.jsonl")
    evidence = tmp_path / "evidence.json"
    evidence.write_text(json.dumps({"audit_log": {"entries": 3, "head": entries[2].hash}}))
    forged = entries[:1]
    for number in range(2, 13):
        forged.append(sealed(number, forged[-1].hash, action="nothing.happened"))
    path = export(forged)
    assert run(capsys, path)[0] == 0
    status, _, errors = run(capsys, path, "--earlier", kept, "--earlier", evidence)
    assert status == 1
    assert [said.split(" is not")[0] for said in errors[:2]] == [f"Entry {n} (id {n:032x})" for n in (3, 7)]
    assert run(capsys, export(entries), "--earlier", kept, "--earlier", evidence)[0] == 0


def test_an_earlier_head_that_was_altered_is_refused(export, tmp_path):
    path = export(log())
    first, *_ = lines_of(path)
    (tmp_path / "forged.jsonl").write_bytes(line(json.loads(first) | {"hash": "e" * 64}))
    with pytest.raises(InputError, match=r"the head in forged\.jsonl was altered"):
        read_head(tmp_path / "forged.jsonl")


@pytest.mark.parametrize("content", [b"", b"hello", b"[1]", b'{"a": 1}\n', b"\xff\xfe", b"[" * 100_000, b"%PDF-1.7\n"])
def test_what_is_no_export_is_refused_in_one_line(tmp_path, capsys, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    status, out, errors = run(capsys, path)
    assert (status, out, len(errors)) == (2, "", 1)
    assert "not an export of the audit log" in errors[0]
    with pytest.raises(InputError, match="neither an export"):
        read_head(path)


@pytest.mark.parametrize(
    "change", [{"audit_log": 2}, {"audit_log": True}, {"entries": "12"}, {"hash": None}, {"scope": "x"}]
)
def test_a_first_line_of_another_form_is_refused(export, change):
    path = export(log())
    first, *rest = lines_of(path)
    path.write_bytes(line(json.loads(first) | change) + b"".join(rest))
    with pytest.raises(InputError):
        verify_audit_file(path)


def test_a_file_of_one_users_lines_claims_no_chain(tmp_path, capsys):
    path = tmp_path / "own.jsonl"
    path.write_bytes(line(own_lines_header(NOW)))
    status, _, errors = run(capsys, path)
    assert status == 2
    assert "have an administrator export the whole log" in errors[0]


def test_a_missing_file_is_told(tmp_path, capsys):
    assert run(capsys, tmp_path / "none")[0] == 2
