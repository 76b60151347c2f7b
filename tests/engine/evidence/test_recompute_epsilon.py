"""The script in a package: it gives what the engine gives, alone, and finds what was tampered with."""

import ast
import json
import runpy
import subprocess
import sys

import pytest

from engine.certificate import recompute
from engine.evidence.recompute_script import SCRIPT_PATH
from tests.engine.evidence.samples import certificate, changed, evidence

METHODS = ["mst", "aim", "dp-ctgan"]


SCRIPT = runpy.run_path(str(SCRIPT_PATH))


def run(tmp_path, value):
    """Run the script where nothing of this project can be imported."""
    path = tmp_path / "file.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    command = [sys.executable, "-I", str(SCRIPT_PATH), str(path)]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def main(tmp_path, value):
    """The exit status or the message that the script ends with."""
    path = tmp_path / "file.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    try:
        return SCRIPT["main"]([str(path)])
    except SystemExit as ended:
        return ended.code


def test_it_is_short_and_imports_nothing_of_ours():
    text = SCRIPT_PATH.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"dp_accounting"}
    isolated = [sys.executable, "-I", "-c", "import engine"]
    assert subprocess.run(isolated, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("method", METHODS)
def test_it_gives_what_the_engine_gives(tmp_path, method):
    value = certificate(method)
    expected = recompute(value)
    finished = run(tmp_path, evidence(method) if method == "mst" else value)
    assert (finished.returncode, finished.stderr) == (0, "")
    found = json.loads(finished.stdout)
    assert found["epsilon"] == pytest.approx(expected["epsilon"], rel=1e-9)
    assert (found["delta"], found["stated_epsilon"]) == (expected["delta"], expected["stated_epsilon"])
    assert found["agrees"] is expected["agrees"] is True
    extra = [charge for charge in value["events"] if "delta_extra" in charge["event"]]
    assert bool(extra) is (method == "dp-ctgan")


def test_it_takes_delta_off_that_an_event_uses_beside_its_composition(tmp_path):
    value = certificate("dp-ctgan")
    place = next(number for number, charge in enumerate(value["events"]) if "delta_extra" in charge["event"])
    more = changed(value, "events", place, "event", "delta_extra", to=value["privacy"]["delta"] / 2)
    assert SCRIPT["recompute"](more)["epsilon"] == pytest.approx(recompute(more)["epsilon"], rel=1e-9)
    assert recompute(more)["epsilon"] > recompute(value)["epsilon"]
    used_up = changed(value, "events", place, "event", "delta_extra", to=value["privacy"]["delta"])
    assert "all of δ" in main(tmp_path, used_up)


def test_it_finds_another_epsilon(tmp_path, capsys):
    assert main(tmp_path, changed(certificate(), "privacy", "epsilon", to=1.0)) == 1
    assert json.loads(capsys.readouterr().out)["agrees"] is False


@pytest.mark.parametrize(("name", "factor"), [("steps", 100), ("noise_multiplier", 0.1), ("sampling_rate", 4)])
def test_it_finds_a_training_that_costs_more_than_it_is_charged(name, factor):
    value = certificate("dp-ctgan")
    charge = value["events"][-1]
    forged = changed(value, "events", len(value["events"]) - 1, name, to=charge[name] * factor)
    assert recompute(forged)["agrees"] is False
    assert SCRIPT["recompute"](forged)["agrees"] is False
    assert SCRIPT["recompute"](forged)["epsilon"] == pytest.approx(value["privacy"]["epsilon"])


def test_without_a_guarantee_there_is_no_number(tmp_path):
    value = certificate("gaussian-copula")
    assert SCRIPT["recompute"](value) == {"epsilon": None, "stated_epsilon": None, "agrees": True}
    assert main(tmp_path, value) == 0
    assert main(tmp_path, changed(value, "privacy", "epsilon", to=1.0)) == 1


def test_files_that_it_cannot_read(tmp_path):
    unknown = changed(certificate(), "events", 0, "event", "type", to="Laplace")
    for value in ("{", "[]", "{}", unknown):
        assert str(main(tmp_path, value)).startswith("error: the file cannot be read")
    with pytest.raises(SystemExit, match=r"python recompute_epsilon\.py"):
        SCRIPT["main"]([])
