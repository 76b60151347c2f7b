"""Real servers for tests: PostgreSQL, Redis and S3, each started on first use and stopped at the end."""

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from app.queueing import redis_answers
from app.redis_server import find_redis_server, redis_command


@contextmanager
def redis_server():
    """A Redis on a Unix socket; gives its URL without a database number."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        socket = Path(folder) / "redis.sock"
        process = subprocess.Popen(
            [*redis_command(find_redis_server(), socket, Path(folder)), "--databases", "64"],
            stdout=subprocess.DEVNULL,
        )
        url = f"unix://{socket}"
        try:
            end = time.monotonic() + 20
            while not redis_answers(url):
                assert time.monotonic() < end, "Redis did not start"
                time.sleep(0.02)
            yield url
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def postgres_server():
    """A PostgreSQL on a Unix socket; gives a function that makes an empty database and gives its URL."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pgserver

        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        socket = quote(str(Path(folder) / "data"), safe="")

        def make_database() -> str:
            name = f"test_{uuid4().hex[:12]}"
            server.psql(f"CREATE DATABASE {name};")
            return f"postgresql://postgres:@/{name}?host={socket}"

        try:
            yield make_database
        finally:
            server.cleanup()


@contextmanager
def s3_server():
    """An S3 that keeps nothing; gives its address. Credentials are set for this process."""
    from moto.server import ThreadedMotoServer

    credentials = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in credentials}
    os.environ.update(credentials)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
