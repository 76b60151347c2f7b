"""Puts right what a crash left behind.

| found | done |
|---|---|
| reserved, but never put into the queue | put into the queue |
| job over before it charged anything | reservation released, run failed |
| job gone or dead after it was charged | run failed or cancelled; the charge stays |
| asked to stop, grace over, still at work | job killed |
"""

from __future__ import annotations

import threading

from app.errors import AppError
from app.logs import get_logger
from app.queueing import JobState
from app.services.results import UnfinishedRun
from app.services.runs import CANCELLED_CHARGED
from app.wiring import Services
from workers.failures import FailureGuard

SECONDS_BETWEEN_SWEEPS = 10.0
ENQUEUE_GRACE_SECONDS = 15.0

NOT_STARTED = "The worker could not start the run: not charged."
DIED = "The worker ended before the run did, perhaps for lack of memory. Its ε stays charged."
DIED_CHARGED = "The worker ended after the charge: stays charged."

_logger = get_logger(__name__)


def sweep(services: Services) -> None:
    """Look at every unfinished run once.

    Args:
        services: the application.

    Raises:
        QueueUnavailableError: Redis does not answer; nothing was changed by mistake.
    """
    services.queue.clean_abandoned()
    for run in services.results.unfinished():
        _look_at(services, run)


def settle(services: Services, run_id: str) -> None:
    """End a run whose job is over, where the job did not do so itself."""
    status = services.results.status(run_id)
    if status == "queued":
        if services.ledger.release(run_id, "failed", NOT_STARTED, error=NOT_STARTED):
            _logger.warning("run_released", run_id=run_id)
    elif status == "stopping":
        services.results.finish(run_id, "cancelled", ledger_note=CANCELLED_CHARGED)
        _logger.info("run_cancelled", run_id=run_id)
    elif status == "running":
        services.results.finish(run_id, "failed", error=DIED, ledger_note=DIED_CHARGED)
        _logger.error("run_died", run_id=run_id)


class Sweeper(threading.Thread):
    """Sweeps until it is told to end; several may sweep at once, since every repair is one conditional UPDATE.

    Args:
        services: the application.
        seconds: between sweeps.
    """

    def __init__(self, services: Services, seconds: float = SECONDS_BETWEEN_SWEEPS) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._services = services
        self._seconds = seconds
        self._ended = threading.Event()

    def run(self) -> None:
        """Sweep again and again."""
        while not self._ended.wait(self._seconds):
            guard = FailureGuard()
            with guard:
                sweep(self._services)
            if guard.failure is not None:
                _logger.warning("sweep_failed", place=guard.failure.place)

    def end(self) -> None:
        """Let the thread end."""
        self._ended.set()


def _look_at(services: Services, run: UnfinishedRun) -> None:
    state = services.queue.state(run.run_id)
    if run.status == "queued" and state is JobState.MISSING:
        if run.age_seconds > ENQUEUE_GRACE_SECONDS:
            services.queue.enqueue(run.run_id)
            _logger.warning("run_enqueued_again", run_id=run.run_id)
    elif state in (JobState.MISSING, JobState.FINISHED, JobState.BROKEN):
        settle(services, run.run_id)
    elif run.cancel_seconds is not None and run.cancel_seconds > services.settings.cancel_grace_seconds:
        _stop(services, run.run_id)


def _stop(services: Services, run_id: str) -> None:
    try:
        services.queue.stop(run_id)
    except AppError as error:
        _logger.warning("stop_failed", run_id=run_id, code=error.code)
