"""Noisy gradient sums as their strongest adversary sees them.

It knows all rows but the canary, every weight before each step, and which of the known rows a step sampled: a Poisson
sample's other units say nothing about the last one. So it takes the known rows' exact sum off each release, and what is
left is noise, and with the chance of a sample the canary's clipped gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from engine.audit.watched_table import GRADIENTS, RAW_GRADIENTS, SAMPLES, WEAK_GRADIENTS
from engine.privacy import clipped_gradients
from engine.privacy.clipped_gradients import LossOf
from engine.privacy.gradient_sums import GradientSums
from engine.privacy.mechanisms import gradient_sensitivity

if TYPE_CHECKING:
    from engine.audit.watched_table import WatchedTable

SUSPECTED = 3.0
"""How many times too small the adversary suspects the noise to be, beside trusting it."""


class WatchedSums(GradientSums):
    """The steps of one training, each weighed as it is released.

    Args:
        table: the watched table, which keeps the evidence.
        sums: the steps as the door gives them.
    """

    def __init__(self, table: WatchedTable, sums: GradientSums) -> None:
        super().__init__(sums._rows, sums._sampled, sums._clipping_norm, sums.step, sums._key, sums._release)
        self._table = table

    def next(self, loss_of: LossOf, layers: Sequence[nn.Linear]) -> list[torch.Tensor]:
        """Take a step as every training does, and weigh what it releases."""
        table, own = self._table, self._canary_gradient(loss_of, layers)
        first_key = len(table.keys)
        released = super().next(loss_of, layers)
        is_in = table.sampled_units(self._sampled.sampling_rate, table.keys[first_key])
        has_canary = table.present and bool(is_in[-1])
        known_sum = table.exact_sum - own if has_canary else table.exact_sum
        self._note(float((_flat(released) - known_sum) @ own), float(own @ own))
        table.evidence[SAMPLES] -= int(is_in.sum()) - has_canary
        return released

    def _canary_gradient(self, loss_of: LossOf, layers: Sequence[nn.Linear]) -> torch.Tensor:
        """What the canary adds to a sum that it is sampled for, in double precision."""
        rows = torch.from_numpy(self._table.canary_codes.astype(np.int64))
        owners = torch.zeros(len(rows), dtype=torch.int64) if self._table.rows_per_unit > 1 else None
        return _flat(clipped_gradients.clipped_gradient_sum(loss_of, layers, rows, self._clipping_norm, owners))

    def _note(self, along: float, square: float) -> None:
        """Weigh what is left of a release, by its product with the canary's gradient and that gradient's square."""
        rate = self._sampled.sampling_rate
        scale = self._sampled.noise_multiplier * gradient_sensitivity(self._clipping_norm)

        def evidence(deviation: float) -> float:
            likelihood = (along - square / 2.0) / deviation**2.0
            return float(np.logaddexp(math.log1p(-rate) if rate < 1.0 else -np.inf, math.log(rate) + likelihood))

        self._table.note(evidence(scale), GRADIENTS)
        self._table.evidence[WEAK_GRADIENTS] += evidence(scale / SUSPECTED)
        self._table.evidence[RAW_GRADIENTS] += along > square / 2.0


def _flat(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.flatten() for part in parts]).double()
