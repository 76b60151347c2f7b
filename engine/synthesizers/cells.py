"""Coarser cells: rare ones merged into one, judged by noisy counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.synthesizers.marginals import OneWay, project_to_simplex

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

RARE_CELL_DEVIATIONS = 3.0


@dataclass(frozen=True)
class CellGroups:
    """A column's cells in groups.

    Args:
        group_of: group of each cell, shape (size,).
        weights: non-negative weight of each cell, shape (size,); how a group is split when rows are made.
    """

    group_of: npt.NDArray[np.int32]
    weights: FloatArray

    @property
    def size(self) -> int:
        """Number of groups."""
        return int(self.group_of.max()) + 1

    def merge(self, one_way: OneWay) -> tuple[FloatArray, FloatArray]:
        """Counts and noise variances of the groups."""
        counts = np.bincount(self.group_of, weights=one_way.counts, minlength=self.size)
        members = np.bincount(self.group_of, minlength=self.size)
        return np.asarray(counts, dtype=np.float64), np.asarray(one_way.variance * members, dtype=np.float64)

    def group_weights(self) -> FloatArray:
        """Weight of each group, shape (number of groups,)."""
        return np.asarray(np.bincount(self.group_of, weights=self.weights, minlength=self.size), dtype=np.float64)

    def refine(self, groups: Codes, rng: np.random.Generator) -> Codes:
        """A cell for each group, drawn by weight."""
        cells = np.zeros(len(groups), dtype=np.int32)
        for group in range(self.size):
            members = np.flatnonzero(self.group_of == group)
            rows = np.flatnonzero(groups == group)
            if len(members) == 1:
                cells[rows] = members[0]
            elif len(rows):
                weights = self.weights[members]
                share = weights / weights.sum() if weights.sum() > 0 else None
                cells[rows] = rng.choice(members, size=len(rows), p=share)
        return cells


def keep_all(one_way: OneWay, total: float) -> CellGroups:
    """Every cell its own group."""
    return CellGroups(np.arange(one_way.counts.size, dtype=np.int32), project_to_simplex(one_way.counts, total))


def merge_rare(one_way: OneWay, total: float) -> CellGroups:
    """Cells whose noisy count does not stand out from noise, merged into one group.

    Source: McKenna, Miklau, Sheldon, "Winning the NIST Contest" (2021), §3.3 (domain compression).
    """
    everything = keep_all(one_way, total)
    kept = one_way.counts >= RARE_CELL_DEVIATIONS * math.sqrt(one_way.variance)
    if kept.sum() >= kept.size - 1:
        return everything
    if not kept.any():
        kept[int(np.argmax(one_way.counts))] = True
    group_of = np.where(kept, np.cumsum(kept) - 1, int(kept.sum())).astype(np.int32)
    return CellGroups(group_of, everything.weights)
