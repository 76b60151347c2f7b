"""`python -m engine audit`."""

import json
from dataclasses import replace

import pytest

from engine.audit import audit as auditing
from engine.audit import recorded
from engine.audit.audit import AuditResult, Proof
from engine.cli import main


def run(capsys, *arguments):
    status = main(["audit", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_one_method(capsys, tmp_path):
    out = tmp_path / "audit.json"
    status, printed, err = run(capsys, "--method", "independent", "--epsilon", 1, "--runs", 40, "--out", out)
    assert (status, err) == (0, "")
    result = json.loads(printed)
    assert printed.count("\n") == 1
    assert (result["verdict"], len(result["audits"])) == ("consistent", 1)
    assert result["audits"][0]["runs"] == 40
    assert set(result["audits"][0]["epsilon_at_least"]) == {"white-box", "black-box"}
    assert json.loads(out.read_text())["proofs"][0]["adversary"] == "white-box"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "state --method and --epsilon, or --all"),
        (["--method", "aim"], "state --method and --epsilon, or --all"),
        (["--all", "--method", "aim"], "state --method and --epsilon, or --all"),
        (["--method", "aim", "--epsilon", 1, "--record"], "add --all"),
        (["--method", "aim", "--epsilon", 1, "--runs", 7], "between 36"),
        (["--method", "tvae", "--epsilon", 1], "no privacy guarantee"),
        (["--method", "aim", "--epsilon", 1, "--delta", 2], "δ must be between"),
    ],
)
def test_bad_input(capsys, arguments, words):
    status, printed, err = run(capsys, *arguments)
    assert (status, printed) == (2, "")
    assert err.count("\n") == 1
    assert words in err


PROOF = Proof("white-box", "unseen", 20, 0.5, "a", 0.1, "b", 0.4)


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Audits that prove what a test says, and a file of its own to record them in."""
    asked = []

    def pretended(method, epsilon, delta, *, runs, confidence):
        asked.append((method, epsilon, runs))
        proofs = (replace(PROOF, epsilon=9.0 if method == "mst" and pretended.leaks else 0.5),)
        return AuditResult(method, epsilon, delta, 0.2, runs, confidence, proofs, {"unseen": "a row"}, {}, 1.0, "7.7.7")

    pretended.leaks, pretended.asked = False, asked
    monkeypatch.setattr(auditing, "audit", pretended)
    monkeypatch.setattr(recorded.RecordedAudits.save, "__defaults__", (tmp_path / "recorded.json",))
    pretended.path = tmp_path / "recorded.json"
    return pretended


def test_all_methods_are_recorded(capsys, told):
    status, printed, _ = run(capsys, "--all", "--record")
    assert status == 0
    assert len(json.loads(printed)["audits"]) == 10
    assert told.asked[0] == ("aim", 1.0, 8000)
    assert told.asked[-1] == ("dp-tvae", 4.0, 600)
    found = recorded.recorded_audits(told.path)
    assert (found.version, len(found.audits), found.code_changed) == ("7.7.7", 10, False)


def test_a_fault_is_an_error_and_is_not_recorded(capsys, told, tmp_path):
    told.leaks = True
    status, printed, err = run(capsys, "--all", "--record", "--out", tmp_path / "all.json")
    assert (status, printed) == (2, "")
    assert "the method 'mst' claims ε = 1" in err
    assert "at least ε = 9.000" in err
    assert not told.path.exists()
    assert {audit["verdict"] for audit in json.loads((tmp_path / "all.json").read_text())} == {"consistent", "violated"}
