"""`python -m workers.main`: one worker of the queue, and the sweeper beside it."""

from __future__ import annotations

import sys

from app.settings import SettingError, Settings
from workers.threads import limit_threads

MONITORING_SECONDS = 15


def main() -> int:
    """Work until a signal says to stop.

    Returns:
        Exit status: 2 where the settings cannot be used.
    """
    try:
        settings = Settings.from_environment()
        if not settings.redis_url:
            raise SettingError("REDIS_URL is needed: a worker has no queue without it")
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    limit_threads(settings.worker_threads)
    return _work(settings)


def _work(settings: Settings) -> int:
    # Imported only now: numpy reads the number of threads when it is imported.
    from redis import Redis
    from rq import Queue

    from app.logs import configure_logs
    from app.wiring import process_services
    from workers.devices import announce
    from workers.spawning import RunWorker
    from workers.sweeper import Sweeper

    configure_logs(settings.log_format, settings.log_level)
    services = process_services()
    services.database.migrate()
    announce(settings.gpu)
    connection = Redis.from_url(settings.redis_url)
    queue = Queue(settings.queue_name, connection=connection, serializer="json")
    worker = RunWorker(
        [queue],
        connection=connection,
        serializer="json",
        job_monitoring_interval=MONITORING_SECONDS,
        log_job_description=False,
    )
    sweeper = Sweeper(services)
    sweeper.start()
    worker.work(logging_level=settings.log_level)
    sweeper.end()
    services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
