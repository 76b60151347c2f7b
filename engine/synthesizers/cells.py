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
"""Bounds on the number of groups of a column of numbers."""

PAIR_DEVIATIONS = 2.0
"""Standard deviations of a pair's noise that a cell of a pair of numeric columns has to hold on average."""

GROUP_GROWTH = 1.2
"""Step by which groups grow until there are few enough."""


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


def most_groups(total: float, pair_scale: float) -> float:
    """How many groups a column of numbers may have: as many as the noise on pairs lets apart.

    Args:
        total: number of rows, noisy or stated.
        pair_scale: standard deviation of the noise on pairs, in rows; 0 where there are none.
    """
    if pair_scale == 0.0:
        return MOST_GROUPS
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
        enough = GROUP_DEVIATIONS * deviation
        joined = _few_groups(one_way.counts[bins], enough, most_groups(total, pair_scale))
        group_of[bins] = joined + bins.start
        group_of[bins.stop :] -= (bins.stop - bins.start) - (int(joined.max()) + 1)
    group_of = _merge_rare(group_of, one_way.counts, RARE_CELL_DEVIATIONS * deviation)
    return CellGroups(group_of, keep_all(one_way, total).weights)


def _few_groups(counts: FloatArray, enough: float, most: float) -> npt.NDArray[np.int32]:
    """Groups of neighbours that hold `enough` rows each, and more where there would be more than `most` groups.

    A pair pays noise for each group whatever it holds, so a column with most of its rows in one place can afford
    small groups elsewhere.
    """
    joined = _join_neighbours(counts, enough)
    while joined.max() >= most and enough < counts.sum():
        enough *= GROUP_GROWTH
        joined = _join_neighbours(counts, enough)
    return joined


def _join_neighbours(counts: FloatArray, enough: float) -> npt.NDArray[np.int32]:
    """Groups from left to right: a bin joins the group on its left while neither holds `enough`."""
    group_of = np.zeros(counts.size, dtype=np.int32)
    held = float(counts[0])
    for number in range(1, counts.size):
        count = float(counts[number])
        apart = max(held, count) >= enough
        group_of[number] = group_of[number - 1] + apart
        held = count if apart else held + count
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
