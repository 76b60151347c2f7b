"""How long work tells its caller where it stands; the engine knows neither queue nor page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingNumbers:
    """Where a training by steps stands. No number is a statistic of private rows that nothing paid for.

    Args:
        step: steps taken, at most `steps`.
        steps: steps of the whole training.
        epoch: passes over the data so far, as a fraction; of the declared number of rows, not the real one.
        generator_loss: loss of the generator or the decoder, on synthetic or noised quantities only.
        discriminator_loss: the same of the discriminator; None where a method has none.
        epsilon: ε that the steps so far have used, at the plan's δ; None where nothing protects the rows.
        rows_per_second: examples that the training takes in a second.
        seconds_left: about how long the training still lasts; None while nobody can say.
        device: what it computes on, such as `cpu` or the GPU's name.
    """

    step: int
    steps: int
    epoch: float
    generator_loss: float
    discriminator_loss: float | None
    epsilon: float | None
    rows_per_second: float
    seconds_left: float | None
    device: str

    def __post_init__(self) -> None:
        if not 0 <= self.step <= self.steps:
            raise ValueError(f"step {self.step} is not one of {self.steps} steps")

    def to_json(self) -> dict[str, Any]:
        """All numbers by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class ProgressEvent:
    """One step of a run.

    Args:
        stage: `checking`, `measuring`, `fitting`, `training`, `sampling`, `evaluating` or `writing`.
        fraction: share of the whole run that is done, in [0, 1].
        message: a sentence for the analyst; no cell value and no statistic of private rows.
        training: where a training by steps stands; None in every other part of a run.
    """

    stage: str
    fraction: float
    message: str
    training: TrainingNumbers | None = None


Progress = Callable[[ProgressEvent], None]
"""Called after each step. It may raise `CancelledError`, which stops the work."""


def no_progress(event: ProgressEvent) -> None:
    """Ignore the event."""
