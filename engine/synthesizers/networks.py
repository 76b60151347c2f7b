"""Networks of the deep methods and the losses that need no private row.

A generator maps latent points to one softmax per column. Given a point, columns are independent, so the model is a
mixture of products: its pair marginals are one matrix product, and rows can be drawn under conditions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

FloatArray = npt.NDArray[np.float64]

LEAST_SHARE = 1e-5
"""Share of a cell that a new generator gives it at least, so that it can still be learned."""

WEIGHT_FLOOR = 1e-3
"""Share that is added to a cell's own where squared errors are divided by it."""

FORCED = 30.0
"""How far the logits of a conditioned column lie apart: other cells get e⁻³⁰ of the condition's share."""

ONE_WAY_WEIGHT = 10.0
"""How much a column's own distribution counts beside its pairs."""


@dataclass(frozen=True)
class CellLayout:
    """Cells of all columns side by side.

    Args:
        sizes: number of cells per column.
    """

    sizes: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of cells of all columns."""
        return sum(self.sizes)

    @property
    def offsets(self) -> list[int]:
        """Position of each column's first cell."""
        return [0, *itertools.accumulate(self.sizes[:-1])]

    def one_hot(self, codes: torch.Tensor) -> torch.Tensor:
        """Rows of zeros and ones, shape (n_rows, width), from cells, shape (n_rows, n_columns)."""
        rows = torch.zeros(len(codes), self.width, device=codes.device)
        return rows.scatter_(1, self.positions(codes), 1.0)

    def positions(self, codes: torch.Tensor) -> torch.Tensor:
        """Where a one-hot row has its ones, of the shape of the cells."""
        return codes + torch.tensor(self.offsets, device=codes.device)

    def split(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """One tensor of shape (n_rows, size) per column."""
        parts: tuple[torch.Tensor, ...] = torch.split(values, list(self.sizes), dim=1)
        return parts

    def softmax(self, logits: torch.Tensor) -> torch.Tensor:
        """Probabilities of each column's cells, shape (n_rows, width)."""
        return torch.cat([functional.softmax(part, 1) for part in self.split(logits)], 1)

    def log_softmax(self, logits: torch.Tensor) -> torch.Tensor:
        """Their logarithms."""
        return torch.cat([functional.log_softmax(part, 1) for part in self.split(logits)], 1)

    def spread_over_columns(self, values: torch.Tensor) -> torch.Tensor:
        """In each cell the sum over its column, shape (n_rows, width)."""
        return torch.cat([part.sum(1, keepdim=True).expand(part.shape) for part in self.split(values)], 1)

    def draw(self, probabilities: torch.Tensor) -> torch.Tensor:
        """One cell per row and column, shape (n_rows, n_columns)."""
        return torch.cat([torch.multinomial(part, 1) for part in self.split(probabilities)], 1)


class PositionsLinear(nn.Linear):
    """A linear layer that also takes rows of zeros and ones as the positions of their ones, which is much faster."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n_rows, out_features), from numbers (n_rows, in_features) or integers (n_rows, n_ones)."""
        if rows.is_floating_point():
            return super().forward(rows)
        return functional.embedding_bag(rows, self.weight.t().contiguous(), mode="sum") + self.bias


class Generator(nn.Module):
    """From latent points to logits of all cells, shape (n, width).

    A latent point is noise and, where the generator is conditional, one-hot cells of which at most one per column is
    set: that column then has this cell for certain.

    Args:
        layout: cells of the columns.
        latent: dimensions of the noise.
        hidden: width of the hidden layer.
        shares: noisy share of each cell, by column; where the generator starts.
        conditional: whether latent points, of shape (n, latent + width) then, end with a condition.
    """

    def __init__(
        self,
        layout: CellLayout,
        latent: int,
        hidden: int,
        shares: Sequence[FloatArray],
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self._layout = layout
        self._latent = latent
        self.first = nn.Linear(latent + (layout.width if conditional else 0), hidden)
        self.last = nn.Linear(hidden, layout.width)
        nn.init.normal_(self.last.weight, std=0.05)
        logarithms = np.concatenate([np.log(np.maximum(part / part.sum(), LEAST_SHARE)) for part in shares])
        with torch.no_grad():
            self.last.bias.copy_(torch.from_numpy(logarithms))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Logits of all cells."""
        logits: torch.Tensor = self.last(functional.relu(self.first(latents)))
        conditions = latents[:, self._latent :]
        if not conditions.shape[1]:
            return logits
        conditioned = self._layout.spread_over_columns(conditions) > 0.0
        return torch.where(conditioned, (conditions - 1.0) * FORCED, logits)


class Moments:
    """Squared errors of a mixture's one- and two-way marginals, each cell's by the share that it should have.

    Args:
        layout: cells of the columns.
        shares: share of each cell, by column, from released numbers.
        pairs: share of each pair of cells, by increasing pair of columns, from released numbers.
        device: where to compute.
    """

    def __init__(
        self,
        layout: CellLayout,
        shares: Sequence[FloatArray],
        pairs: Mapping[tuple[int, ...], FloatArray],
        device: torch.device,
    ) -> None:
        offsets = [*layout.offsets, layout.width]
        target, weight = (np.zeros((layout.width, layout.width), dtype=np.float32) for _ in range(2))
        for (first, second), share in pairs.items():
            block = (slice(*offsets[first : first + 2]), slice(*offsets[second : second + 2]))
            target[block] = share
            weight[block] = 1.0 / (share + WEIGHT_FLOOR)
        columns = np.concatenate(shares).astype(np.float32)
        self._pairs, self._pair_weights = (torch.from_numpy(part).to(device) for part in (target, weight))
        self._columns = torch.from_numpy(columns).to(device)
        self._column_weights = ONE_WAY_WEIGHT / (self._columns + WEIGHT_FLOOR)

    def loss(self, probabilities: torch.Tensor) -> torch.Tensor:
        """The weighted sum, for rows of probabilities that count alike, shape (n, width).

        The slope of the pairs is put in by hand: the matrix of pairs is symmetric, so that one product is enough where
        automatic differentiation takes two.
        """
        given = probabilities.detach()
        missed = given.t() @ given / len(given) - self._pairs
        slope = missed * self._pair_weights
        value = (slope * missed).sum()
        straight = (probabilities * (given @ (slope + slope.t()))).sum() * (2.0 / len(given))
        columns = probabilities.mean(0)
        squares = ((columns - self._columns).square() * self._column_weights).sum()
        return value + (straight - straight.detach()) + squares


def drawn_conditions(n_points: int, layout: CellLayout, shares: Sequence[FloatArray]) -> torch.Tensor:
    """One-hot conditions, shape (n_points, width): the columns in turn, and their cells as often as shares say.

    Random numbers come from PyTorch's generator.

    Source: systematic sampling, Madow (1949).
    """
    conditions = torch.zeros(n_points, layout.width)
    for column, (offset, share) in enumerate(zip(layout.offsets, shares, strict=True)):
        points = torch.arange(n_points)[column :: len(shares)]
        borders = torch.from_numpy(np.cumsum(share) / np.sum(share))
        places = (torch.arange(len(points)) + torch.rand(1)) / max(len(points), 1)
        cells = torch.searchsorted(borders, places[torch.randperm(len(points))].double())
        conditions[points, offset + cells.clamp(max=len(share) - 1)] = 1.0
    return conditions


def cosine(start: float, done: float) -> float:
    """A learning rate that falls from `start` to zero as `done` goes from 0 to 1."""
    return start * 0.5 * (1.0 + math.cos(math.pi * min(max(done, 0.0), 1.0)))
