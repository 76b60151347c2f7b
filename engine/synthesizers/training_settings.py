"""Choices of the deep methods, and what of a training follows from a plan; no network is loaded for them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.privacy.plan import SynthesisPlan

SMALLEST_RATE, LARGEST_RATE = 1e-4, 0.25
"""Bounds of the chance of a unit to be in a sample."""

LARGEST_MOMENT_WORK = 5e12
"""Multiplications that moment steps may take, so that wide tables take fewer of them."""

FEWEST_MOMENT_STEPS = 100

NOISE_WORK = 300.0
"""Multiplications that take as long as drawing the noise of one weight."""


@dataclass(frozen=True)
class TrainingSettings:
    """Choices that every run of a method shares; made on public and simulated tables, never on a user's rows.

    Args:
        gradient_share: part of the model's μ² that pays for noisy gradients.
        steps: noisy gradient sums that a training takes.
        sampling_rate: chance of a unit to be in a sample, where the plan states no number of rows.
        batch_rows: expected size of a sample, where it does; the rate stays within its own bounds.
        clipping_norm: largest norm of a unit's gradient.
        private_rate: learning rate of what learns from private rows.
        hidden: width of the hidden layers.
        latent: dimensions of a latent point.
        first_moment_steps: moment steps before the training.
        last_moment_steps: moment steps after it.
        first_moment_rate: learning rate with which the first ones begin.
        moment_rate: learning rate of those between the steps of the training.
        last_moment_rate: learning rate with which the last ones begin.
        latent_points: components of the mixture that rows are drawn from.
        rehearsal_steps: steps on rows of the marginal model, which are free, before the training.
        rehearsal_rows: size of a sample of them.
        rehearsal_rate: learning rate with which they begin.
        free_rows: rows of the marginal model that these samples are drawn from.
        sleep_steps: steps in which an encoder learns on rows of its decoder, before any private one.
    """

    gradient_share: float
    steps: int
    sampling_rate: float = 0.02
    batch_rows: int = 500
    clipping_norm: float = 1.0
    private_rate: float = 3e-4
    hidden: int = 128
    latent: int = 32
    first_moment_steps: int = 1000
    last_moment_steps: int = 500
    first_moment_rate: float = 5e-3
    moment_rate: float = 1e-3
    last_moment_rate: float = 2e-3
    latent_points: int = 1000
    rehearsal_steps: int = 1000
    rehearsal_rows: int = 500
    rehearsal_rate: float = 2e-3
    free_rows: int = 20_000
    sleep_steps: int = 300


def sampling_rate(settings: TrainingSettings, plan: SynthesisPlan) -> float:
    """Chance of a unit to be in a sample: from public numbers alone."""
    if plan.declared_rows is None:
        return settings.sampling_rate
    units = max(1.0, plan.declared_rows / plan.unit.max_rows_per_unit)
    return min(max(settings.batch_rows / units, SMALLEST_RATE), LARGEST_RATE)


def moment_steps(steps: int, n_points: int, width: int) -> int:
    """How many of some moment steps a table of so many cells takes."""
    return min(steps, max(FEWEST_MOMENT_STEPS, int(LARGEST_MOMENT_WORK / moment_work(n_points, width))))


def moment_work(n_points: int, width: int) -> float:
    """Multiplications of a moment step: all pairs of cells at all points, forth and twice as many back."""
    return 3.0 * n_points * float(width) * width


def training_work(settings: TrainingSettings, width: int, batch: float) -> float:
    """Multiplications of a training, about, with the noise of each weight counted as some."""
    weights = training_weights(settings, width)
    moments = sum(
        moment_steps(steps, settings.latent_points, width)
        for steps in (settings.first_moment_steps, settings.last_moment_steps)
    )
    rehearsal = settings.rehearsal_steps * weights * 6.0 * settings.rehearsal_rows
    return (
        (moments + settings.steps) * moment_work(settings.latent_points, width)
        + settings.steps * weights * (6.0 * batch + NOISE_WORK)
        + rehearsal
    )


def training_weights(settings: TrainingSettings, width: int) -> float:
    """Weights of both networks, about."""
    return 3.0 * width * settings.hidden + float(settings.hidden) * settings.hidden
