"""Intervals of counts and means from noisy counts of cells, of which some are surely meant and some possibly.

**Count.** With y the noisy counts, the count lies between the sum over the cells surely meant and that over those
possibly meant. Each sum has Gaussian noise of the summed variance; that its noise is of whole rows moves an end by at
most half a row.

**Mean** (and share, the mean of zeros and ones). Rows of cell c bring a number between low_c and high_c. For the true
mean t the rows that are meant bring Σ (x - t) = 0, so with n the true counts

    Σ n_c g_c(t) ≤ 0,   g_c(t) = low_c - t for a cell surely meant, min(low_c - t, 0) for one possibly meant.

The lower end is the smallest t for which Σ y_c g_c(t) ≤ z sd, sd² = Σ variance_c g_c(t)²: the true mean passes that
test with the chance of z, so the end lies above it no more often. The upper end is the same from above. Unlike the
delta method this stays true where the number of rows is hardly told from noise; then an end is that of the range.

Source: Fieller, "Some problems in interval estimation" (1954), for the ratio; Imbens and Manski, "Confidence Intervals
for Partially Identified Parameters" (2004), for a quantity that data only bound; two-sided quantiles are kept here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

HALF_A_ROW = 0.5
_GRID, _REFINEMENTS = 65, 6


@dataclass(frozen=True)
class Cells:
    """Noisy counts of cells and what a question means of them; arrays of one shape.

    Args:
        counts: unbiased noisy counts.
        variance: their noise variance.
        surely: whether all rows of a cell are meant.
        possibly: whether any can be.
        share: part of its rows that is expected to be meant.
        low: least that a row of the cell brings to a mean.
        high: most that it brings.
        middle: what one is expected to bring.
        rows_per_unit: rows that one person has at most, where rows are drawn from a population by person.
        population: whether the sampling of rows from a population counts as noise too.
    """

    counts: FloatArray
    variance: FloatArray
    surely: BoolArray
    possibly: BoolArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    middle: FloatArray
    rows_per_unit: int = 1
    population: bool = False

    def count(self) -> float:
        """The expected number of rows that are meant."""
        return float((self.counts * self.share).sum())

    def mean(self) -> float | None:
        """The expected mean of what they bring; None where there are no rows but for noise."""
        rows = self.count()
        return float((self.counts * self.share * self.middle).sum()) / rows if rows > 0.0 else None

    @property
    def noise_deviation(self) -> float:
        """Standard deviation of the noise on the count of all cells that can be meant."""
        return math.sqrt(float(self.variance[self.possibly].sum()))

    @property
    def open_rows(self) -> float:
        """Rows, but for noise, of cells that are not surely meant and can be."""
        return max(float(self.counts[self.possibly & ~self.surely].sum()), 0.0)

    def noise_variance(self, *, of_mean: bool) -> float:
        """Variance that noise gives to the count, or about that to the mean, of cells that are surely meant."""
        if not of_mean:
            return float(self.variance[self.surely].sum())
        mean, rows = self.mean(), self.count()
        if mean is None:
            return math.inf
        return float((self.variance[self.surely] * (self.middle[self.surely] - mean) ** 2).sum()) / rows**2

    def count_ends(self, quantile: float) -> tuple[float, float]:
        """Ends of the interval of the count; none below zero."""
        return self.count_at_least(self.surely, quantile), self.count_at_most(self.possibly, quantile)

    def count_at_most(self, cells: BoolArray, quantile: float) -> float:
        """Upper end of the rows in some cells; no rows are in no cells."""
        if not cells.any():
            return 0.0
        return max(float(self.counts[cells].sum()) + quantile * self._deviation(cells) + HALF_A_ROW, 0.0)

    def count_at_least(self, cells: BoolArray, quantile: float) -> float:
        """Lower end of the rows in some cells."""
        if not cells.any():
            return 0.0
        return max(float(self.counts[cells].sum()) - quantile * self._deviation(cells) - HALF_A_ROW, 0.0)

    def mean_ends(self, quantile: float) -> tuple[float, float]:
        """Ends of the interval of the mean, within what rows can bring; (0, 0) where no cell is meant."""
        if not self.possibly.any():
            return 0.0, 0.0
        held = self._possible()
        least, most = float(held.low.min()), float(held.high.max())
        lower = _first_accepted(lambda at: held._excess(held.low, at, quantile), least, most)
        upper = -_first_accepted(lambda at: held._excess(-held.high, at, quantile), -most, -least)
        return min(lower, upper), max(lower, upper)

    def _possible(self) -> Cells:
        """The cells that can be meant, in a row."""
        arrays = ("counts", "variance", "surely", "possibly", "share", "low", "high", "middle")
        return replace(self, **{name: getattr(self, name)[self.possibly] for name in arrays})

    def _deviation(self, cells: BoolArray) -> float:
        variance = float(self.variance[cells].sum())
        if self.population:
            variance += self.rows_per_unit * max(float(self.counts[cells].sum()), 0.0)
        return math.sqrt(variance)

    def _excess(self, brought: FloatArray, at: FloatArray, quantile: float) -> FloatArray:
        """How far means are from passing the test; one passes where this is not positive.

        Args:
            brought: least that a row of a cell brings, shape (number of cells,).
            at: the means, shape (number of means,).
            quantile: of the normal distribution.
        """
        gain = brought - at[:, None]
        gain = np.where(self.surely, gain, np.minimum(gain, 0.0))
        variance = gain**2 @ self.variance
        if self.population:
            reach = np.abs(gain) + (self.high - self.low)
            variance += self.rows_per_unit * (reach**2 @ np.maximum(self.counts, 0.0))
        slack = HALF_A_ROW * np.abs(gain).max(axis=1)
        return np.asarray(gain @ self.counts - quantile * np.sqrt(variance) - slack, dtype=np.float64)


def _first_accepted(excess: Callable[[FloatArray], FloatArray], least: float, most: float) -> float:
    """Smallest number of a range that passes a test, but for rounding; the range's end where none does."""
    for _ in range(_REFINEMENTS):
        grid = np.linspace(least, most, _GRID)
        accepted = np.flatnonzero(excess(grid) <= 0.0)
        if not accepted.size:
            return most
        if accepted[0] == 0:
            return least
        least, most = grid[accepted[0] - 1], grid[accepted[0]]
    return float(least)
