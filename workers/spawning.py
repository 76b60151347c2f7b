"""The worker class. It is importable by name, since each job runs in a fresh process that imports it."""

from __future__ import annotations

from typing import Any

from rq.worker import SpawnWorker

from app.services.results import Attempt
from app.wiring import process_services
from workers.failures import FailureGuard
from workers.sweeper import settle


class RunWorker(SpawnWorker):
    """Runs each job in a fresh process, so that no random state and no thread is inherited."""

    def monitor_work_horse(self, job: Any, queue: Any, execution: Any) -> None:
        """Wait for the job's process; where it died without a word, say so in the run at once."""
        super().monitor_work_horse(job, queue, execution)
        guard = FailureGuard()
        with guard:
            settle(process_services(), Attempt(*job.args))
        if guard.failure is not None:
            self.log.warning("Job %s is left to the sweeper: %s", job.id, guard.failure.place)
