"""The dependency rule, read from the source: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"app", "engine", "pages", "workers", "tests"}

HEAVY = ("torch", "opacus", "ctgan", "rdt", "copulas", "dask")

ALLOWED = {
    "engine": {"engine"},
    "app": {"app", "engine"},
    "workers": {"workers", "app", "engine"},
    "pages": {"app.ui", "app.services", "app.errors", "engine.privacy.plan", "engine.data.schema"},
}
CONFINED = {
    "streamlit": ("pages/", "app/ui/", "app/main.py", "app/server.py"),
    "streamlit_authenticator": ("pages/", "app/ui/", "app/main.py", "app/server.py", "app/services/passwords.py"),
    "sqlalchemy": ("app/store/",),
    "alembic": ("app/store/",),
    "redis": ("app/queueing.py", "app/launcher.py", "workers/"),
    "rq": ("app/queueing.py", "workers/"),
    "boto3": ("app/artifacts.py",),
    "starlette": ("app/api/", "app/server.py"),
    "torch": (
        *("engine/synthesizers/", "engine/evaluation/"),
        *("engine/privacy/clipped_gradients.py", "engine/privacy/gradient_sums.py", "engine/devices.py"),
        "engine/audit/watched_sums.py",
    ),
    "opacus": ("engine/synthesizers/", "engine/evaluation/"),
    "ctgan": ("engine/synthesizers/",),
    "copulas": (),
    "sdmetrics": ("engine/evaluation/",),
    "sklearn": ("engine/evaluation/",),
    "distributed": ("engine/privacy/cluster.py",),
}


def modules():
    return [path for folder in ("engine", "app", "workers", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_one_way(path):
    folder = name_of(path).split("/")[0]
    for imported in imports(path):
        if imported.split(".")[0] in OURS:
            allowed = any(f"{imported}.".startswith(f"{prefix}.") for prefix in ALLOWED[folder])
            assert allowed, f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_libraries_stay_where_they_belong(path):
    for imported in imports(path):
        homes = CONFINED.get(imported.split(".")[0])
        assert homes is None or name_of(path).startswith(homes), f"{name_of(path)} imports {imported}"


def test_workers_use_neither_pages_nor_routes():
    for path in sorted((ROOT / "workers").rglob("*.py")):
        assert not [name for name in imports(path) if name.startswith(("app.ui", "app.api"))], name_of(path)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_shadows_the_standard_library(path):
    assert path.stem not in sys.stdlib_module_names - {"__main__"}, name_of(path)


@pytest.mark.parametrize("module", ["app.wiring", "app.api.standalone", "app.services.views", "engine.privacy.price"])
def test_the_web_process_never_loads_torch(module):
    assert not loads_torch(f"import {module}")


def test_naming_and_pricing_any_method_loads_no_torch():
    assert not loads_torch(
        """
from engine.privacy.price import price_plan
from engine.resources import estimate_resources
from engine.synthesizers.registry import list_methods, synthesizer_class
from tests.tables import small_plan
for info in list_methods():
    synthesizer_class(info.name).parameters(small_plan(info.name))
    price_plan(small_plan(info.name))
    estimate_resources(small_plan(info.name), 1000)
"""
    )
    assert loads_torch("import engine.synthesizers.ctgan_training")


def loads_torch(code):
    """Whether a new interpreter that runs some code has loaded a library that the web process must not hold."""
    test = f"{code}\nimport sys; print(any(name in sys.modules for name in {HEAVY}))"
    done = subprocess.run([sys.executable, "-c", test], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout == "True\n"


def test_size_limits():
    """A module holds at most 400 lines and a function at most 80."""
    for path in modules():
        if "migrations/versions" in name_of(path):
            continue  # a migration is one list of statements
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 400, f"{name_of(path)} has {source.count(chr(10))} lines"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 80, f"{name_of(path)}: {node.name} is too long"


def test_top_level_holds_what_was_agreed():
    agreed = {
        *("app", "pages", "engine", "workers", "tests", ".streamlit"),
        *("requirements.txt", "Dockerfile", "docker-compose.yml", "README.md"),
        *("pyproject.toml", "Makefile", "CHANGELOG.md", "LICENSE", ".gitignore", ".ci"),
    }
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split("/")[0] for line in tracked.splitlines()} <= agreed | {".dockerignore"}
