"""From the engine's progress callback to the queue, and the place where a cancelled run stops."""

from __future__ import annotations

import time
from contextlib import suppress

from app.errors import QueueUnavailableError
from app.queueing import LOG_LINES, progress_line
from app.services.results import Attempt
from app.wiring import Services
from engine.errors import CancelledError
from engine.progress import Progress, ProgressEvent, TrainingNumbers
from workers.training_series import TrainingSeries

SECONDS_BETWEEN_WRITES = 0.3
SECONDS_BETWEEN_SERIES = 1.0


class RunProgress:
    """Writes where a run stands, and raises where its owner asked it to stop.

    Args:
        services: the application.
        attempt: the attempt that is at work.
    """

    def __init__(self, services: Services, attempt: Attempt) -> None:
        self._services = services
        self._attempt = attempt
        self._stage = ""
        self._fraction = 0.0
        self._written_at = float("-inf")
        self._unwritten: list[dict[str, str]] = []
        self._series: TrainingSeries | None = None
        self._series_written_at = float("-inf")

    def report(self, stage: str, fraction: float, message: str, training: TrainingNumbers | None = None) -> None:
        """Write a step.

        Args:
            stage: the stage.
            fraction: share of the whole run that is done.
            message: a sentence without any cell value.
            training: numbers of a training's step, which go to its series and not to the log.

        Raises:
            CancelledError: the owner asked the run to stop.
            SupersededError: another attempt took over, or the run has ended.
        """
        if training is not None:
            self._add(training)
        self._fraction = fraction
        is_new = stage != self._stage
        if not is_new and time.monotonic() - self._written_at < SECONDS_BETWEEN_WRITES:
            if training is None:
                self._unwritten = [*self._unwritten, progress_line(stage, message)][-LOG_LINES:]
            return
        if self._services.results.is_cancel_requested(self._attempt):
            raise CancelledError("the run was cancelled")
        if is_new:
            self._services.results.set_stage(self._attempt, stage)
        self._stage = stage
        self._written_at = time.monotonic()
        # Redis may be away for a moment; the work goes on, and the next step is written again.
        with suppress(QueueUnavailableError):
            self._services.queue.save_progress(
                self._attempt.run_id,
                stage=stage,
                fraction=fraction,
                message=message,
                earlier=self._unwritten,
                is_logged=training is None or is_new,
            )
            self._unwritten = []

    def flush(self) -> None:
        """Write the steps that came too soon after another one; never stops the work."""
        if not self._unwritten:
            return
        *earlier, last = self._unwritten
        with suppress(QueueUnavailableError):
            self._services.queue.save_progress(
                self._attempt.run_id,
                stage=self._stage,
                fraction=self._fraction,
                message=last["message"],
                earlier=earlier,
            )
            self._unwritten = []

    def part(self, start: float, end: float) -> Progress:
        """A callback for work that is the part of the run from `start` to `end`."""

        def callback(event: ProgressEvent) -> None:
            self.report(event.stage, start + (end - start) * event.fraction, event.message, event.training)

        return callback

    def _add(self, training: TrainingNumbers) -> None:
        """Take the numbers of a step, and write the series now and then and at its end."""
        with suppress(QueueUnavailableError):
            if self._series is None:
                self._series = TrainingSeries(self._services.queue.training(self._attempt.run_id))
            self._series.add(training)
            is_due = time.monotonic() - self._series_written_at >= SECONDS_BETWEEN_SERIES
            if is_due or training.step == training.steps:
                self._services.queue.save_training(self._attempt.run_id, self._series.points())
                self._series_written_at = time.monotonic()
