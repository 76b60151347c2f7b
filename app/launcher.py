"""`python -m app.launcher`: the whole product on one machine, with one command.

It starts a Redis where none is given, migrates the database, makes the signing keys, starts the workers and serves the
pages and the API. Everything it started ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from app.logs import configure_logs, get_logger
from app.processes import Child, Supervisor
from app.redis_server import RedisServerError, prepare_redis
from app.settings import SettingError, Settings

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_CLOSE_CONNECTIONS = 3

_logger = get_logger(__name__)


def main() -> int:
    """Run the product until a signal says to stop.

    Returns:
        Exit status: 2 where the settings cannot be used.
    """
    try:
        settings = Settings.from_environment()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logs(settings.log_format, settings.log_level)
    signal.signal(signal.SIGTERM, _end)
    supervisor = Supervisor()
    try:
        _start(settings, supervisor)
        _serve(settings)
    except RedisServerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        _logger.info("stopping")
    finally:
        supervisor.stop()
    return 0


def _start(settings: Settings, supervisor: Supervisor) -> None:
    """Everything that the pages need, in the order in which it is needed."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chdir(ROOT)
    os.environ["DATA_DIR"] = str(settings.data_dir)
    os.environ["DATABASE_URL"] = settings.database_url
    os.environ["SIGNING_KEY_FILE"] = settings.signing_key_file
    os.environ["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] = str(settings.max_upload_mb)
    if not settings.redis_url:
        os.environ["REDIS_URL"] = prepare_redis(settings.data_dir, supervisor)
    _prepare(settings)
    for number in range(settings.workers):
        supervisor.start(Child(f"worker-{number + 1}", (sys.executable, "-m", "workers.main"), cwd=ROOT))
    supervisor.watch()


def _prepare(settings: Settings) -> None:
    """Bring the tables to the newest version, and make the signing keys at the first start."""
    from app.wiring import build

    services = build(settings)
    services.database.migrate()
    services.signing.prepare()
    services.close()


def _serve(settings: Settings) -> None:
    import uvicorn

    address = f"http://{settings.host}:{settings.port}"
    sys.stdout.write(f"Synthetic Data Studio is at {address} (press Ctrl+C to stop)\n")
    sys.stdout.flush()
    uvicorn.run(
        "app.server:app",
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SECONDS_TO_CLOSE_CONNECTIONS,
    )


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
