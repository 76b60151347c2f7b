"""Coarser cells: rare ones merged into one, judged by noisy counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.data.encode import ColumnDomain
from engine.synthesizers.marginals import OneWay, project_to_simplex
from engine.synthesizers.rounding import spread

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

RARE_CELL_DEVIATIONS = 3.0
"""Standard deviations of noise below which a cell is rare."""

GROUP_DEVIATIONS = 8.0
"""Standard deviations of noise that a group of neighbouring bins has to hold; pairs get coarser noise than columns."""

MOST_GROUPS = 32.0
FEWEST_GROUPS = 4.0
"""Bounds on the number of groups of a smooth column."""

PAIR_DEVIATIONS = 1.5
"""Standard deviations of a pair's noise that a cell of a pair of smooth columns has to hold on average."""

SPIKE_DENSITY = 4.0
"""How many times denser than its neighbour a group is that stays alone with fewer rows than that."""


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
        """A cell for each group, by weight, with no more error than whole rows need.

        Rows are shuffled within groups: dealt in the same order, the cells of two columns would follow each other.
        """
        if self.size == len(self.group_of):
            return np.argsort(self.group_of).astype(np.int32)[groups]
        belongs = self.group_of == np.arange(self.size)[:, None]
        weights = np.where(belongs, self.weights, 0.0)
        empty = weights.sum(axis=1) <= 0.0
        weights[empty] = belongs[empty]
        shuffled = rng.permutation(len(groups))
        order = shuffled[np.argsort(groups[shuffled], kind="stable")]
        cells = np.empty(len(groups), dtype=np.int32)
        cells[order] = spread(weights, groups[order], rng)
        return cells


def keep_all(one_way: OneWay, total: float) -> CellGroups:
    """Every cell its own group; a cell that was set to zero stays so."""
    held = one_way.counts != 0.0
    if not held.any():
        held[:] = True
    weights = np.zeros(held.size)
    weights[held] = project_to_simplex(one_way.counts[held], total)
    return CellGroups(np.arange(held.size, dtype=np.int32), weights)


def smooth_groups(total: float, pair_scale: float) -> float:
    """About how many groups a smooth column of numbers gets: as many as the noise on pairs lets apart.

    Args:
        total: number of rows, noisy or stated.
        pair_scale: standard deviation of the noise on pairs, in rows.
    """
    return min(max(math.sqrt(total / (PAIR_DEVIATIONS * pair_scale)), FEWEST_GROUPS), MOST_GROUPS)


def merge_cells(column: ColumnDomain, one_way: OneWay, total: float, pair_scale: float) -> CellGroups:
    """Cells in groups that stand out from noise: what a model of several columns can tell apart.

    Neighbouring bins of a number line are joined until they hold enough; what stays within noise, in any column, is
    merged into one group. Inside a group rows follow the one-way counts.

    Source: McKenna, Miklau, Sheldon, "Winning the NIST Contest" (2021), §3.3 (domain compression), for rare cells.
    """
    deviation = math.sqrt(one_way.variance)
    group_of = np.arange(one_way.counts.size, dtype=np.int32)
    if column.is_numeric:
        bins = slice(len(column.atoms), column.n_values)
        widths = np.diff(np.asarray(column.edges))
        plenty = total / smooth_groups(total, pair_scale)
        joined = _join_neighbours(one_way.counts[bins], widths, GROUP_DEVIATIONS * deviation, plenty)
        group_of[bins] = joined + bins.start
        group_of[bins.stop :] -= (bins.stop - bins.start) - (int(joined.max()) + 1)
    group_of = _merge_rare(group_of, one_way.counts, RARE_CELL_DEVIATIONS * deviation)
    return CellGroups(group_of, keep_all(one_way, total).weights)


def _join_neighbours(counts: FloatArray, widths: FloatArray, enough: float, plenty: float) -> npt.NDArray[np.int32]:
    """Groups of neighbours, from left to right.

    A bin joins the group on its left while neither holds `enough`, and while neither holds `plenty` unless one is
    a spike beside the other: smooth columns need few groups, and an exact value that many rows hold is one alone.
    """
    group_of = np.zeros(counts.size, dtype=np.int32)
    held, stretch = float(counts[0]), float(widths[0])
    for number in range(1, counts.size):
        count, width = float(counts[number]), float(widths[number])
        low, high = sorted((max(held / stretch, 0.0), max(count / width, 0.0)))
        most = max(held, count)
        apart = most >= enough and (most >= plenty or high > SPIKE_DENSITY * low)
        group_of[number] = group_of[number - 1] + apart
        held, stretch = (count, width) if apart else (held + count, stretch + width)
    return group_of


def _merge_rare(group_of: npt.NDArray[np.int32], counts: FloatArray, deviation: float) -> npt.NDArray[np.int32]:
    """The same groups with those merged into one, the last, whose sum is below `deviation` times √members."""
    held = np.bincount(group_of, weights=counts)
    kept = held >= deviation * np.sqrt(np.bincount(group_of))
    if kept.sum() >= kept.size - 1:
        return group_of
    if not kept.any():
        kept[int(np.argmax(held))] = True
    return np.where(kept, np.cumsum(kept) - 1, int(kept.sum())).astype(np.int32)[group_of]
