"""What training reads of private rows: noisy sums of clipped gradients over Poisson samples of the units.

Source: Abadi et al., "Deep Learning with Differential Privacy" (2016), Algorithm 1, without the division by the size
    of a sample, which is private.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.errors import BudgetExceededError
from engine.privacy.clipped_gradients import LossOf, clipped_gradient_sum
from engine.privacy.mechanisms import gradient_sensitivity
from engine.privacy.noise import IntArray, KeyedNoise, NoiseSource
from engine.privacy.poisson_samples import SampledRows
from engine.privacy.sampled_gaussian import SampledGaussian

PART_ROWS = 4096
"""Rows whose gradients are taken at a time, about: a sample of any size fits in memory."""

GRID = 2.0**-20
"""Noisy sums are rounded to this part of the noise, so that what is released is no trace of a sum's last bits."""

NORMALS_AT_ONCE = 2**15
"""Draws at a time, few enough to stay in the processor's cache; an even number."""

Release = Callable[[tuple[Any, ...], torch.Tensor, Callable[[], torch.Tensor]], torch.Tensor]


class GradientSums:
    """The steps of one training, as many as were paid for. `PrivateTable.train` makes it.

    Args:
        rows: samples of the private rows.
        sampled: rate, noise and number of steps.
        clipping_norm: largest L2 norm of what a unit adds to a sum.
        steps_taken: steps that count as taken before this.
        key: a fresh key for each sample and each noise.
        release: the door's single point of release.
    """

    def __init__(
        self,
        rows: SampledRows,
        sampled: SampledGaussian,
        clipping_norm: float,
        steps_taken: int,
        key: Callable[[], bytes],
        release: Release,
    ) -> None:
        self._rows = rows
        self._sampled = sampled
        self._clipping_norm = clipping_norm
        self._key = key
        self._release = release
        self.step = steps_taken

    @property
    def steps(self) -> int:
        """Number of all steps."""
        return self._sampled.steps

    def next(self, loss_of: LossOf, layers: Sequence[nn.Linear]) -> list[torch.Tensor]:
        """Draw a sample, and give the noisy sum of its units' clipped gradients; the sample may be empty.

        Args:
            loss_of: loss of each row from its cells, shape (n_rows, n_columns), through `layers`; a row's loss must
                depend on that row, the parameters and fresh randomness alone.
            layers: all layers that learn from private rows; each row passes each of them once.

        Returns:
            Noisy sums for weight and bias of each layer, float32. They are not divided by the size of the sample.

        Raises:
            BudgetExceededError: all steps that were paid for are taken.

        Privacy: L2 sensitivity `gradient_sensitivity(clipping_norm)` over all parameters together; Gaussian noise of
            `noise_multiplier` times as much, in double precision. All steps were charged when the training began.
        """
        if self.step >= self.steps:
            raise BudgetExceededError("the training would take more steps than the run's envelope holds")
        self.step += 1
        sums = self._clipped(loss_of, layers)
        shapes = [parameter.shape for parameter in sums]
        exact = torch.cat([parameter.flatten() for parameter in sums]).cpu()
        scale = self._sampled.noise_multiplier * gradient_sensitivity(self._clipping_norm)
        key = (self.step, self._sampled, self._clipping_norm, tuple(map(tuple, shapes)))
        noisy = self._release(
            key, exact, lambda: _on_grid(normals(len(exact), scale, self._noise()).add_(exact), scale)
        )
        parts = torch.split(noisy.float().to(sums[0].device), [math.prod(shape) for shape in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]

    def _noise(self) -> NoiseSource:
        return KeyedNoise(self._key())

    def _clipped(self, loss_of: LossOf, layers: Sequence[nn.Linear]) -> list[torch.Tensor]:
        """Exact sum over a new sample, in double precision over its parts."""
        codes, units = self._rows.draw(self._sampled.sampling_rate, self._noise())
        device = layers[0].weight.device
        total: list[torch.Tensor] | None = None
        for part in _parts(len(codes), units):
            rows = torch.from_numpy(codes[part]).to(device)
            owners = torch.from_numpy(units[part]).to(device) if units is not None else None
            found = clipped_gradient_sum(loss_of, layers, rows, self._clipping_norm, owners)
            sums = [value.double() for value in found]
            total = sums if total is None else [old.add_(new) for old, new in zip(total, sums, strict=True)]
        assert total is not None
        return total


def normals(count: int, scale: float, source: NoiseSource) -> torch.Tensor:
    """Independent draws of N(0, scale²) in double precision, shape (count,).

    Real numbers cannot be drawn exactly; both tails keep full relative precision up to 9.4 standard deviations.

    Source: Box, Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    """
    drawn = torch.empty(count + count % 2, dtype=torch.float64)
    for part in torch.split(drawn, NORMALS_AT_ONCE):
        half = len(part) // 2
        words = source.words(2 * half) & np.uint64(2**63 - 1)  # signed numbers become real ones much faster
        uniform = torch.from_numpy(words.view(np.int64)).double().add_(0.5).mul_(2.0**-63)
        radius = uniform[:half].log_().mul_(-2.0 * scale * scale).sqrt_()
        angle = uniform[half:].mul_(2.0 * math.pi)
        torch.cos(angle, out=part[:half]).mul_(radius)
        torch.sin(angle, out=part[half:]).mul_(radius)
    return drawn[:count]


def _on_grid(values: torch.Tensor, scale: float) -> torch.Tensor:
    return values.mul_(1.0 / (GRID * scale)).round_().mul_(GRID * scale)


def _parts(n_rows: int, units: IntArray | None) -> Iterator[slice]:
    """Slices of about `PART_ROWS` rows that cut no unit in two; one empty slice where there are no rows."""
    start = 0
    while True:
        end = min(start + PART_ROWS, n_rows)
        if units is not None and end < n_rows:
            end = int(np.searchsorted(units, units[end - 1], side="right"))
        yield slice(start, end)
        start = end
        if start >= n_rows:
            return
