"""Bounds on counts of columns that were not measured together, from the sets of columns that were.

**Subsets.** Rows that meet conditions on several columns are at most those that meet the conditions on some of them;
and at least those that meet the first ones less those that fail any of the others.

**A third column** that was measured with each of two. With a_b the rows of its cell b that meet the first condition,
c_b those that meet the second and f_b those that fail it, the rows that meet both lie between Σ max(a_b - f_b, 0) and
Σ min(a_b, c_b). Of noisy counts with errors X and Y of variances v and w,

    Σ min(a_b, c_b) ≤ Σ min(noisy) + Σ max(-X_b, -Y_b),   Σ max(a_b - f_b, 0) ≥ Σ max(noisy, 0) - Σ max(X_b - Y_b, 0),

each error with mean √((v + w) / 2π). Its sum is a Lipschitz function of the noise, so it exceeds its mean by more than
√(2 s² ln(1/β)) with a chance of at most β, s² the sum of max(v, w), or of v + w (Gaussian concentration).

All bounds of a side may miss with equal parts of the side's chance, so the best of them may be taken.

Source: Fréchet (1940), for joint distributions with given marginals; Boucheron, Lugosi, Massart, "Concentration
    Inequalities" (2013), Theorem 5.6; Bonferroni for taking the best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from engine.answers.cells import ColumnCells
from engine.answers.intervals import HALF_A_ROW, BoolArray
from engine.answers.joint import Asked, Parts

FloatArray = npt.NDArray[np.float64]
Ends = tuple[float, float]


def count_ends(asked: Asked, parts: Parts, chance: float) -> Ends:
    """Ends of an interval of a count, measured or not.

    Args:
        asked: the noisy counts.
        parts: what is meant of each column.
        chance: with which the interval may miss.
    """
    if asked.tables.is_measured(tuple(parts)):
        return asked.cells(parts).count_ends(float(-ndtri(chance / 2.0)))
    subsets = asked.tables.measured_within(tuple(sorted(parts)))
    between = asked.tables.common_partners(tuple(sorted(parts)))
    each = chance / 2.0 / (1 + len(between))
    found = [_from_subsets(asked, parts, each / len(subsets))]
    found += [_through(asked, parts, third, each) for third in between]
    low, high = max(ends[0] for ends in found), min(ends[1] for ends in found)
    return min(low, high), high


def share_ends(asked: Asked, parts: Parts, base: Parts, chance: float) -> Ends:
    """Ends of an interval of the share of rows that are meant among those of a base, not all of it measured together.

    Args:
        asked: the noisy counts.
        parts: the rows that are meant, all of them in the base.
        base: the rows of which the share is asked.
        chance: with which the interval may miss.
    """
    meant, whole = count_ends(asked, parts, chance / 2.0), count_ends(asked, base, chance / 2.0)
    low = meant[0] / whole[1] if whole[1] > 0.0 else 0.0
    high = meant[1] / whole[0] if whole[0] > 0.0 else 1.0
    return min(low, 1.0), min(high, 1.0)


def _from_subsets(asked: Asked, parts: Parts, chance: float) -> Ends:
    """Ends from the largest subsets of the columns that were measured; each count misses with the given chance."""
    quantile = float(-ndtri(chance))
    low, high, covered = 0.0, math.inf, set[int]()
    for columns in asked.tables.measured_within(tuple(sorted(parts))):
        own = {column: parts[column] for column in columns}
        table = asked.table(own)
        cells = asked.on(table, own)
        high = min(high, cells.count_at_most(cells.possibly, quantile))
        if not covered:
            low = cells.count_at_least(cells.surely, quantile)
        else:
            met = asked.on(table, {at: part if at in covered else _all(part) for at, part in own.items()})
            low -= cells.count_at_most(met.possibly & ~cells.surely, quantile)
        covered |= set(columns)
    return max(low, 0.0), high


def _through(asked: Asked, parts: Parts, third: int, chance: float) -> Ends:
    """Ends of a count of two columns through a third one; each end misses with the given chance."""
    first, second = (_Split.of(asked, column, part, third) for column, part in sorted(parts.items()))
    reach = math.sqrt(2.0 * math.log(1.0 / chance))
    most = np.maximum(np.minimum(first.possibly, second.possibly), 0.0)
    upper = np.sqrt((first.possibly_variance + second.possibly_variance) / (2.0 * math.pi))
    spread = float(np.maximum(first.possibly_variance, second.possibly_variance).sum())
    high = float(most.sum() + upper.sum()) + reach * math.sqrt(spread) + HALF_A_ROW
    least = np.maximum(first.surely - second.failing, 0.0)
    variance = first.surely_variance + second.failing_variance
    lower = float(np.sqrt(variance / (2.0 * math.pi)).sum()) + reach * math.sqrt(float(variance.sum()))
    return max(float(least.sum()) - lower - HALF_A_ROW, 0.0), high


@dataclass(frozen=True)
class _Split:
    """Noisy rows of each cell of a third column that possibly or surely meet a condition on another, or may fail it."""

    possibly: FloatArray
    possibly_variance: FloatArray
    surely: FloatArray
    surely_variance: FloatArray
    failing: FloatArray
    failing_variance: FloatArray

    @classmethod
    def of(cls, asked: Asked, column: int, part: ColumnCells, third: int) -> _Split:
        table = asked.tables.groups_of(tuple(sorted((column, third))))
        size = table.counts.shape[table.columns.index(third)]
        cells = asked.on(table, {column: part, third: _every(asked.tables.groups[third].group_of.size)})
        axis = table.columns.index(column)

        def summed(mask: BoolArray) -> tuple[FloatArray, FloatArray]:
            counts = np.where(mask, cells.counts, 0.0).sum(axis=axis)
            variance = np.where(mask, cells.variance, 0.0).sum(axis=axis)
            if asked.population:
                variance = variance + asked.rows_per_unit * np.maximum(counts, 0.0)
            return counts.reshape(size), variance.reshape(size)

        return cls(*summed(cells.possibly), *summed(cells.surely), *summed(~cells.surely))


def _all(part: ColumnCells) -> ColumnCells:
    """The same column without what is asked of it."""
    return _every(part.surely.size)


def _every(size: int) -> ColumnCells:
    whole, one = np.ones(size, dtype=bool), np.ones(size)
    return ColumnCells(whole, whole, one, one, one, one)
