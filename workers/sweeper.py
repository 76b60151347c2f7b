"""Puts right what a crash left behind.

| found | done |
|---|---|
| reserved, but never put into the queue | put into the queue |
| job over before it charged anything | reservation released, run failed |
| job gone or dead after it was charged | run goes on from its checkpoint, or is over; the charge stays |
| job gone or dead that made a report again | run is done as it was before, with a note |
| asked to stop, grace over, still at work | job killed |
"""

from __future__ import annotations

import threading

from app import origin
from app.errors import AppError
from app.logs import get_logger
from app.queueing import JobState
from app.services.results import Attempt, Standing, UnfinishedRun
from app.services.runs import CANCELLED_CHARGED, EVALUATION_CANCELLED
from app.wiring import Services
from workers.failures import FailureGuard

SECONDS_BETWEEN_SWEEPS = 10.0
ENQUEUE_GRACE_SECONDS = 15.0

NOT_STARTED = "The worker could not start the run: not charged."
DIED = "The worker ended before the run did, perhaps for lack of memory. Its ε stays charged."
DIED_OUTSIDE = "The worker ended before the run did, perhaps for lack of memory."
DIED_CHARGED = "The worker ended after the charge: stays charged."
STALLED = (
    "Several workers in a row ended before the run reached its next checkpoint, perhaps for lack of memory. "
    "Its ε stays charged; it can be resumed from its last checkpoint."
)
EVALUATION_DIED = "The report could not be made again: the worker ended before it was done, perhaps for lack of memory."
GOES_ON = "The worker ended before the run did. It goes on from its last checkpoint."

MOST_STALLED_ATTEMPTS = 3
"""Attempts that may be lost one after the other without a new checkpoint between them."""

_logger = get_logger(__name__)


@origin.coming_from(origin.WORKER)
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


@origin.coming_from(origin.WORKER)
def settle(services: Services, attempt: Attempt) -> None:
    """End a run whose job is over, where the job did not do so itself, or have another worker go on with it."""
    standing = services.results.standing(attempt.run_id)
    if standing is None or standing.attempt != attempt.number:
        return
    if standing.task == "evaluation":
        _end_evaluation(services, attempt, standing)
    elif standing.status == "stopping":
        services.results.finish(attempt, "cancelled", ledger_note=CANCELLED_CHARGED)
        _logger.info("run_cancelled", run_id=attempt.run_id)
    elif standing.ledger_state == "reserved" or (standing.ledger_state, standing.status) == ("outside", "queued"):
        if services.ledger.release(attempt.run_id, "failed", NOT_STARTED, error=NOT_STARTED):
            _logger.warning("run_released", run_id=attempt.run_id)
    elif standing.status in ("queued", "running"):
        _go_on(services, attempt, standing)


def _end_evaluation(services: Services, attempt: Attempt, standing: Standing) -> None:
    """End a run whose report was being made again; all that it made before is there, so it is done."""
    note = EVALUATION_CANCELLED if standing.status == "stopping" else EVALUATION_DIED
    if services.results.finish(attempt, "done", note=note, expected=("queued", "running", "stopping")):
        _logger.warning("evaluation_ended", run_id=attempt.run_id)


def _go_on(services: Services, attempt: Attempt, standing: Standing) -> None:
    """Put a charged run into the queue again where it has a checkpoint and moves on from it; end it otherwise."""
    stalled = standing.stalled_attempts + 1
    if standing.has_checkpoint and stalled < MOST_STALLED_ATTEMPTS:
        if services.results.queue_again(attempt, stalled):
            services.queue.note(attempt.run_id, GOES_ON)
            services.queue.enqueue(attempt.run_id, attempt.number + 1)
            _logger.warning("run_goes_on", run_id=attempt.run_id, attempt=attempt.number + 1)
        return
    error = STALLED if standing.has_checkpoint else DIED_OUTSIDE if standing.ledger_state == "outside" else DIED
    if services.results.finish(
        attempt, "failed", error=error, ledger_note=DIED_CHARGED, expected=("queued", "running")
    ):
        _logger.error("run_died", run_id=attempt.run_id)


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
        """Sweep at once, and again and again."""
        while True:
            guard = FailureGuard()
            with guard:
                sweep(self._services)
            if guard.failure is not None:
                _logger.warning("sweep_failed", place=guard.failure.place)
            if self._ended.wait(self._seconds):
                return

    def end(self) -> None:
        """Let the thread end."""
        self._ended.set()


def _look_at(services: Services, run: UnfinishedRun) -> None:
    run_id, number = run.attempt.run_id, run.attempt.number
    state = services.queue.state(run_id, number)
    if run.status == "queued" and state is JobState.MISSING:
        if run.age_seconds > ENQUEUE_GRACE_SECONDS:
            services.queue.enqueue(run_id, number)
            _logger.warning("run_enqueued_again", run_id=run_id, attempt=number)
    elif state in (JobState.MISSING, JobState.FINISHED, JobState.BROKEN):
        settle(services, run.attempt)
    elif run.cancel_seconds is not None and run.cancel_seconds > services.settings.cancel_grace_seconds:
        _stop(services, run.attempt)


def _stop(services: Services, attempt: Attempt) -> None:
    try:
        services.queue.stop(attempt.run_id, attempt.number)
    except AppError as error:
        _logger.warning("stop_failed", run_id=attempt.run_id, code=error.code)
