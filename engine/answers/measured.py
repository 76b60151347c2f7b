"""Noisy counts of the cells of some columns: every measured marginal that holds them, summed down and pooled.

Summing a marginal over its other columns leaves an unbiased count with the variance of all cells summed. Marginals
have independent noise, so their mean weighed by precision is the best unbiased one. Which sets were measured
depends on earlier noise where a method chooses them, but in one direction: a set is measured again, or inside a larger
one, where what is known of it looks wrong. Intervals of chance α keep it then: if the first count misses only where
its noise is past z, and a second one is taken wherever it is past some c, then for c ≤ z all misses are misses of
the pooled count, and for c > z all misses have a first count past z; either has a chance of at most α.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from engine.synthesizers.cells import CellGroups
from engine.synthesizers.graphical_model import Columns
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay
from engine.synthesizers.released import ReleasedCounts

FloatArray = npt.NDArray[np.float64]

ROUNDING_VARIANCE = 1.0 / 12.0
"""Of a count's rounding to whole rows: round(Z) has at most the variance of the Gaussian Z and this (Sheppard)."""

NOT_KEPT = (
    "this model was kept by an earlier version, without its noisy counts, so no interval can be computed from it: "
    "fit it again"
)


@dataclass(frozen=True)
class NoisyTable:
    """Noisy counts of the cells of some columns.

    Args:
        columns: positions of the columns, increasing.
        counts: unbiased counts, shape (size of each column).
        variance: noise variance per cell, of the same shape; cells are independent.
        grouped: whether the cells are groups of a column's own cells.
        sources: sets of columns that were measured and summed down.
    """

    columns: Columns
    counts: FloatArray
    variance: FloatArray
    grouped: bool
    sources: tuple[Columns, ...]


class NoisyTables:
    """All that a fitted method measured, by the columns that it is asked about.

    Args:
        released: noisy counts of the fit.
        groups: groups of each column's cells.
    """

    def __init__(self, released: ReleasedCounts, groups: Sequence[CellGroups]) -> None:
        self.groups = tuple(groups)
        self._one_ways = released.one_ways
        self._joint = released.joint
        self._pooled: dict[Columns, NoisyTable] = {}

    @classmethod
    def of(cls, synthesizer: MarginalSynthesizer) -> NoisyTables:
        """Those of a fitted synthesizer; raises InputError where its file did not hold them."""
        if synthesizer.released_ is None:
            raise InputError(NOT_KEPT)
        return cls(synthesizer.released_, synthesizer.groups_)

    def measured_within(self, columns: Columns) -> tuple[Columns, ...]:
        """The largest subsets of some columns that were measured together; single columns always were."""
        wanted = frozenset(columns)
        found = {wanted & set(item.columns) for item in self._joint} | {frozenset([column]) for column in columns}
        largest = [each for each in found if each and not any(each < other for other in found)]
        return tuple(sorted(tuple(sorted(each)) for each in largest))

    def is_measured(self, columns: Columns) -> bool:
        """Whether some columns were measured together."""
        return len(columns) < 2 or any(set(columns) <= set(item.columns) for item in self._joint)

    def partners(self, column: int) -> tuple[int, ...]:
        """Columns that were measured together with one."""
        together = {other for item in self._joint if column in item.columns for other in item.columns}
        return tuple(sorted(together - {column}))

    def common_partners(self, columns: Columns) -> tuple[int, ...]:
        """Columns that were measured with each of two; none for another number of columns."""
        if len(columns) != 2:
            return ()
        first, second = (set(self.partners(column)) for column in columns)
        return tuple(sorted((first & second) - set(columns)))

    def cells(self, column: int) -> NoisyTable:
        """Counts of a column's own cells."""
        one_way = self._one_ways[column]
        variance = np.full(one_way.counts.shape, one_way.variance + ROUNDING_VARIANCE)
        return NoisyTable((column,), one_way.counts, variance, grouped=False, sources=((column,),))

    def groups_of(self, columns: Columns) -> NoisyTable:
        """Counts of groups of cells of columns that were measured together; of all rows for no columns.

        Raises:
            ValueError: they were not measured together.
        """
        if columns not in self._pooled:
            self._pooled[columns] = self._pool(columns)
        return self._pooled[columns]

    def _pool(self, columns: Columns) -> NoisyTable:
        found = [
            (item.columns, *_summed(item.columns, columns, item.counts, float(item.variance)))
            for item in self._joint
            if set(columns) <= set(item.columns)
        ]
        if len(columns) < 2:
            found += [((at,), *self._merged(at, columns)) for at in (columns or range(len(self._one_ways)))]
        if not found:
            raise ValueError(f"the columns {columns} were not measured together")
        precision = np.sum([1.0 / variance for _, _, variance in found], axis=0)
        counts = np.sum([own / variance for _, own, variance in found], axis=0) / precision
        return NoisyTable(columns, counts, 1.0 / precision, grouped=True, sources=tuple(each[0] for each in found))

    def _merged(self, column: int, columns: Columns) -> tuple[FloatArray, FloatArray]:
        one_way = self._one_ways[column]
        if not columns:
            return _summed((column,), (), one_way.counts, one_way.variance)
        return self.groups[column].merge(OneWay(one_way.counts, one_way.variance + ROUNDING_VARIANCE))


def _summed(held: Columns, wanted: Columns, counts: FloatArray, variance: float) -> tuple[FloatArray, FloatArray]:
    """A measured marginal without the columns that nobody asked about, and the variance of what is left."""
    dropped = tuple(axis for axis, column in enumerate(held) if column not in wanted)
    cells = math.prod(counts.shape[axis] for axis in dropped)
    summed = np.asarray(counts.sum(axis=dropped), dtype=np.float64)
    return summed, np.full(summed.shape, (variance + ROUNDING_VARIANCE) * cells)
