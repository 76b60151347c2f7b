"""How long work tells its caller where it stands; the engine knows neither queue nor page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressEvent:
    """One step of a run.

    Args:
        stage: `checking`, `measuring`, `fitting`, `sampling`, `evaluating` or `writing`.
        fraction: share of the whole run that is done, in [0, 1].
        message: a sentence for the analyst; no cell value and no statistic of private rows.
    """

    stage: str
    fraction: float
    message: str


Progress = Callable[[ProgressEvent], None]
"""Called after each step. It may raise `CancelledError`, which stops the work."""


def no_progress(event: ProgressEvent) -> None:
    """Ignore the event."""
