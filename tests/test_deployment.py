"""The deployment files agree with the code they start."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from app.settings import SETTINGS

ROOT = Path(__file__).parents[1]
FOREIGN_VARIABLES = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "PATH",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
}
KNOWN_VARIABLES = {setting.name for setting in SETTINGS} | FOREIGN_VARIABLES


def compose():
    """The services of the composition."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def dockerfile():
    return (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("service", ["app", "worker"])
def test_every_variable_of_the_composition_is_a_setting(service):
    assert compose()[service]["environment"].keys() <= KNOWN_VARIABLES


def test_every_variable_of_the_image_is_a_setting():
    names = set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", dockerfile(), re.MULTILINE))
    assert {"PATH", "DATA_DIR", "HOST"} <= names <= KNOWN_VARIABLES


def test_the_image_holds_every_package_of_the_product():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"} | {"pages"}
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile(), re.MULTILINE))
    assert copied == packages
    let_through = set(re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert packages <= let_through


def test_the_commands_name_modules_that_exist():
    commands = [compose()["worker"]["command"], re.search(r"^CMD \[(.*)\]$", dockerfile(), re.MULTILINE).group(1)]
    for command in commands:
        module = re.search(r"-m\W+([\w.]+)", str(command)).group(1)
        assert importlib.util.find_spec(module) is not None


def test_only_the_pages_are_reachable_and_only_from_this_machine():
    ports = {name: service.get("ports", []) for name, service in compose().items()}
    assert [name for name, published in ports.items() if published] == ["app"]
    assert all(port.startswith("127.0.0.1:") for port in ports["app"])


def test_no_password_has_a_default():
    text = (ROOT / "docker-compose.yml").read_text()
    uses = re.findall(r"\$\{POSTGRES_PASSWORD[^}]*\}", text)
    assert len(uses) == 2
    assert all(use.startswith("${POSTGRES_PASSWORD:?") for use in uses)


def test_application_and_worker_share_image_volume_database_and_queue():
    app, worker = compose()["app"], compose()["worker"]
    assert app["volumes"] == worker["volumes"] == ["data:/data"]
    assert app["image"] == worker["image"]
    for name in ("DATABASE_URL", "REDIS_URL", "S3_BUCKET"):
        assert app["environment"][name] == worker["environment"][name]
    assert app["environment"]["WORKERS"] == "0"


def test_the_image_runs_as_a_user_without_rights():
    assert re.search(r"^USER (?!root)\w+$", dockerfile(), re.MULTILINE)
