"""What the README says of settings, methods, routes and commands is what there is."""

import re
import tomllib
from pathlib import Path

from app.api.routes import ROUTES
from app.settings import SETTINGS
from engine.audit.recorded import recorded_audits
from engine.cli import _parser
from engine.evaluation.registry import list_metrics
from engine.synthesizers.registry import list_methods
from engine.version import __version__

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading):
    """Cells of the first table under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_settings():
    documented = [(name.strip("`"), default.strip("`"), text) for name, default, text in rows("Deployment")]
    assert documented == [(setting.name, setting.default, setting.help) for setting in SETTINGS]


def test_methods():
    assert [row[0].strip("`") for row in rows("Methods")] == [info.name for info in list_methods()]


def test_audits():
    found = []
    for audit in recorded_audits().audits:
        white_box, black_box = audit["proofs"]
        proven = (
            white_box["epsilon_of_mu"],
            black_box["epsilon_of_mu"],
            max(white_box["epsilon"], black_box["epsilon"]),
        )
        figures = [f"{audit['epsilon']:g}", *(f"{value:.2f}" for value in proven), f"{audit['runs']:,}"]
        found.append([f"`{audit['method']}`", *figures])
    assert rows("Audits") == found, "\n".join(f"| {' | '.join(row)} |" for row in found)


def test_metrics():
    documented = [tuple(cell.strip("`") for cell in row) for row in rows("Evaluation")]
    registered = [(info.name, info.part.value, info.question, info.classification) for info in list_metrics()]
    assert documented == registered


def test_routes():
    documented = {row[0].strip("`"): set(re.findall(r"\b(?:GET|POST|PUT|DELETE)\b", row[1])) for row in rows("API")}
    served = {}
    for route in ROUTES:
        served.setdefault(f"/api{route.path}", set()).update(route.methods - {"HEAD"})
    assert documented == served


def test_commands():
    commands = next(action for action in _parser()._actions if action.choices).choices
    section = README.split("\n## Command line\n")[1].split("\n## ")[0]
    assert set(re.findall(r"python -m engine ([\w-]+)", section)) - {"COMMAND"} == set(commands)


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert project["version"] == changelog[1] == __version__


def test_requirements_are_pinned():
    for name in (
        "requirements.txt",
        "tests/requirements.txt",
        "tests/bench/requirements.txt",
        "tests/bench/anonymeter-requirements.txt",
    ):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            assert not line or line.startswith("#") or re.fullmatch(r"[\w.\[\],-]+==[\w.+-]+", line), line
