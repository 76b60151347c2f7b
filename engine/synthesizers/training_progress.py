"""What a training without a privacy guarantee tells its caller: once a second at most, and at the last step."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from engine.progress import Progress, ProgressEvent, TrainingNumbers
from engine.synthesizers.torch_setting import device_title

SECONDS_BETWEEN_REPORTS = 1.0
FIRST, LAST = 0.1, 0.95


class TrainingReport:
    """Counts steps and reports them.

    Args:
        progress: called with the numbers; it may raise to stop the training.
        epochs: passes over the rows.
        steps_per_epoch: steps of one of them.
        batch_size: rows of a step.
        device: what is computed on.
    """

    def __init__(
        self, progress: Progress, epochs: int, steps_per_epoch: int, batch_size: int, device: torch.device
    ) -> None:
        self._progress = progress
        self._epochs, self._steps_per_epoch, self._batch_size = epochs, steps_per_epoch, batch_size
        self._device = device_title(device)
        self._taken = 0
        self._began = self._reported = time.monotonic()

    def step(self, generator_loss: Tensor, discriminator_loss: Tensor | None) -> None:
        """Count a step, and report where the last report is a while ago or this was the last step."""
        self._taken += 1
        steps, now = self._epochs * self._steps_per_epoch, time.monotonic()
        if now - self._reported < SECONDS_BETWEEN_REPORTS and self._taken < steps:
            return
        self._reported = now
        per_second = self._taken / max(now - self._began, 1e-9)
        epoch = self._taken / self._steps_per_epoch
        numbers = TrainingNumbers(
            step=self._taken,
            steps=steps,
            epoch=epoch,
            generator_loss=float(generator_loss),
            discriminator_loss=None if discriminator_loss is None else float(discriminator_loss),
            epsilon=None,
            rows_per_second=per_second * self._batch_size,
            seconds_left=(steps - self._taken) / per_second,
            device=self._device,
        )
        message = f"Epoch {min(int(epoch) + 1, self._epochs)} of {self._epochs}, without a privacy guarantee"
        self._progress(ProgressEvent("fitting", FIRST + (LAST - FIRST) * self._taken / steps, message, numbers))
