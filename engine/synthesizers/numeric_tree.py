"""Cells of a numeric column, fine where its rows are: a public grid, refined under differential privacy.

Equal bins fail where most rows lie in few of them: zero-inflated, heavy-tailed and narrow columns. Here a histogram
of the public grid is measured, then of the parts of those cells that hold many rows, and so on. Every level is one
histogram of disjoint cells, so it costs one Gaussian release whatever its cells; what is split follows from noisy
counts alone.

Source: the tree of Cormode, Procopiuc, Srivastava, Shen, Yu, "Differentially Private Spatial Decompositions" (2012),
with the stopping rule by noisy counts of Zhang, Xiao, Xie, "PrivTree" (2016), §3; measured by levels with Gaussian
noise instead of by nodes with Laplace noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.data.number_line import Grid
from engine.privacy.private_table import PrivateTable

FloatArray = npt.NDArray[np.float64]

FAN_OUT = 16
"""Parts into which a level divides a cell: four halvings for the price of one."""

MOST_LEVELS = 7
"""Histograms of a column whose values have a step; enough to find one exact value among 10⁸."""

LEVELS_WITHOUT_STEP = 5
"""Histograms of a column of any numbers; the last one tells apart the 2,621,440th part of its range."""

MOST_CELLS = 96
"""Cells of a column at most, atoms and a missing cell aside, unless its grid has more by itself."""

SMALLEST_SHARE = 1.0 / 64.0
"""Part of the rows that a cell has to hold to be divided."""

SIGNIFICANT = 3.0
"""Standard deviations of the noise that it has to hold as well."""


UNEVEN = 2.0
"""Standard deviations of the noise by which two halves of a cell have to differ to be kept apart."""


@dataclass
class _Cell:
    """A stretch of the line with its noisy count and, where it was divided, its parts in order."""

    lower: float
    upper: float
    count: float
    parts: list[_Cell]


def assumed_cells(n_bins: int) -> int:
    """Cells that a forecast may assume for a column before its tree is grown: half of the room beside the grid's.

    Args:
        n_bins: cells of the column's grid.
    """
    return n_bins + max(MOST_CELLS - n_bins, 0) // 2


def level_count(grid: Grid) -> int:
    """Histograms that a tree on this grid may measure; it depends on the grid alone."""
    if grid.step is None:
        return LEVELS_WITHOUT_STEP
    widest = max(grid.values_between(low, high) for low, high in pairwise(grid.edges))
    halvings = math.ceil(math.log2(widest)) if widest > 1 else 0
    return 1 + min(MOST_LEVELS - 1, math.ceil(halvings / math.log2(FAN_OUT)))


def refined_edges(table: PrivateTable, name: str, grid: Grid, mu_squared: float) -> tuple[float, ...]:
    """Borders of the grid, and further ones inside cells that hold many rows.

    Args:
        table: the private rows, not encoded yet.
        name: the column.
        grid: its public or released grid.
        mu_squared: what it may cost at most; levels that nothing needs are not measured, and cost nothing.

    Returns:
        Increasing borders in numeric units, at most MOST_CELLS + 1 of them where the grid has no more itself.

    Privacy: charges at most `mu_squared`, an equal part per level measured.
    """
    scale = table.rows_per_unit * math.sqrt(level_count(grid) / mu_squared)
    roots = _measure(table, name, grid, [grid.edges], scale)
    rows = max(sum(root.count for root in roots), 1.0)
    threshold = max(SMALLEST_SHARE * rows, SIGNIFICANT * scale)
    heavy = roots
    for _ in range(level_count(grid) - 1):
        heavy = [cell for cell in heavy if cell.count > threshold and grid.values_between(cell.lower, cell.upper) > 1]
        if not heavy:
            break
        borders = [grid.divide(cell.lower, cell.upper, FAN_OUT) for cell in heavy]
        found = iter(_measure(table, name, grid, borders, scale))
        for cell, inner in zip(heavy, borders, strict=True):
            cell.parts = [next(found) for _ in inner[1:]]
        heavy = [part for cell in heavy for part in cell.parts]
    return _pruned_edges(roots, threshold, scale)


def _measure(
    table: PrivateTable, name: str, grid: Grid, borders: Sequence[Sequence[float]], scale: float
) -> list[_Cell]:
    """One histogram of all cells between the borders of each group; atoms have cells elsewhere, and are left out."""
    cells = [_Cell(low, high, 0.0, []) for group in borders for low, high in pairwise(group)]
    owners, lower, upper = [], [], []
    for number, cell in enumerate(cells):
        lowest = -math.inf if cell.lower == grid.edges[0] else cell.lower
        highest = math.inf if cell.upper == grid.edges[-1] else cell.upper
        for low, high in grid.without_atoms(lowest, highest):
            owners.append(number)
            lower.append(low)
            upper.append(high)
    if owners:
        counts = table.histogram(name, np.array(lower), np.array(upper), scale, "learn where the rows are")
        for owner, count in zip(owners, counts, strict=True):
            cells[owner].count += float(count)
    return cells


def _pruned_edges(roots: list[_Cell], threshold: float, scale: float) -> tuple[float, ...]:
    most = max(MOST_CELLS, len(roots))
    while True:
        borders = [roots[0].lower]
        for root in roots:
            borders += _merge_light(_leaves([root], threshold, scale), threshold)
        if len(borders) - 1 <= most:
            return tuple(borders)
        threshold *= 1.25


def _leaves(cells: list[_Cell], threshold: float, scale: float) -> list[_Cell]:
    """Halves, and halves of halves, of neighbouring cells, down to those that hold no more than the threshold.

    Two halves without further parts stay one where they hold equally many rows but for noise: a smooth column needs no
    finer cells, and each costs it noise.
    """
    count = sum(cell.count for cell in cells)
    whole = [_Cell(cells[0].lower, cells[-1].upper, count, [])]
    if len(cells) == 1 and count > threshold and cells[0].parts:
        cells = cells[0].parts
    if len(cells) == 1 or count <= threshold:
        return whole
    middle = len(cells) // 2
    first, second = (_leaves(half, threshold, scale) for half in (cells[:middle], cells[middle:]))
    if len(first) == len(second) == 1:
        density = [leaf.count / (leaf.upper - leaf.lower) for leaf in (first[0], second[0])]
        width = whole[0].upper - whole[0].lower
        if abs(density[0] - density[1]) * width / 2.0 <= UNEVEN * scale * math.sqrt(len(cells)):
            return whole
    return first + second


def _merge_light(leaves: list[_Cell], threshold: float) -> list[float]:
    """Right borders of the leaves of one grid cell, neighbours joined while they hold little together."""
    borders: list[float] = []
    held = math.inf
    for leaf in leaves:
        if held + leaf.count <= threshold / 2.0:
            borders[-1] = leaf.upper
            held += leaf.count
        else:
            borders.append(leaf.upper)
            held = leaf.count
    return borders
