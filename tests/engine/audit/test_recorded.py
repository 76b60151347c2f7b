"""The recorded audit of the package."""

import shutil

import pytest

from engine.audit.game import ADVERSARIES
from engine.audit.recorded import AUDITED_CODE, ENGINE, RecordedAudits, code_digest, recorded_audits
from engine.commands.audit import EPSILONS, RECORDED_RUNS, RECORDED_TRAININGS
from engine.synthesizers.registry import list_methods
from engine.version import __version__

PRIVATE = [info.name for info in list_methods() if info.private]


def test_every_method_of_this_version_is_recorded():
    found = recorded_audits()
    assert found.version == __version__
    assert {audit["version"] for audit in found.audits} == {__version__}
    assert [(audit["method"], audit["epsilon"]) for audit in found.audits] == [
        (method, epsilon) for method in PRIVATE for epsilon in EPSILONS
    ]


def test_the_runs_are_those_of_a_full_audit():
    for audit in recorded_audits().audits:
        assert audit["runs"] == (RECORDED_TRAININGS if audit["shortened"] else RECORDED_RUNS[audit["epsilon"]])
        assert audit["confidence"] == 0.999


def test_no_recorded_bound_passes_a_claim():
    for audit in recorded_audits().audits:
        assert audit["verdict"] == "consistent"
        assert [proof["adversary"] for proof in audit["proofs"]] == list(ADVERSARIES)
        for proof in audit["proofs"]:
            assert 0.0 <= proof["epsilon"] <= audit["epsilon"]
            assert 0.0 <= proof["mu"] <= audit["mu"]
            assert proof["epsilon_of_mu"] <= audit["epsilon"]


def test_a_file_is_read_as_it_was_written(tmp_path):
    recorded_audits().save(tmp_path / "audits.json")
    assert recorded_audits(tmp_path / "audits.json") == recorded_audits()


@pytest.mark.parametrize("changed", ["privacy/noise.py", "synthesizers/aim.py", "data/encode.py", "privacy/new.py"])
def test_a_change_of_the_audited_code_is_seen(tmp_path, changed):
    for part in AUDITED_CODE:
        copy = shutil.copy if (ENGINE / part).is_file() else shutil.copytree
        (tmp_path / part).parent.mkdir(exist_ok=True)
        copy(ENGINE / part, tmp_path / part)
    assert code_digest(tmp_path) == code_digest()
    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert code_digest(tmp_path) != code_digest()


def test_code_is_changed_where_the_digest_is_another():
    current = RecordedAudits("1", "2026-01-01", code_digest(), ())
    assert not current.code_changed
    assert RecordedAudits("1", "2026-01-01", "0" * 64, ()).code_changed
