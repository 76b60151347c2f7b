"""A distance read as a sample: how small a random sample of the real rows would be as far off as the synthetic rows.

A sample of m of N rows, drawn without replacement, puts X rows into a cell of k rows, where X is hypergeometric. Its
mean absolute deviation has a closed form, so the mean distance of a sample of any size follows from the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellSizes:
    """How many cells of several tables of counts hold how many rows.

    Args:
        sizes: rows of a cell, at least 1, each once, shape (n_sizes,).
        weights: how many cells of that size there are, divided by the number of tables, shape (n_sizes,).
        n_rows: rows of every table.
    """

    sizes: IntArray
    weights: FloatArray
    n_rows: int

    @classmethod
    def of(cls, tables: Sequence[IntArray]) -> CellSizes:
        """The cells of tables of counts of the same rows."""
        counts = np.concatenate([table[table > 0] for table in tables])
        sizes, numbers = np.unique(counts, return_counts=True)
        return cls(sizes.astype(np.int64), numbers / len(tables), int(tables[0].sum()))

    def expected_distance(self, n_drawn: int) -> float:
        """Mean total variation distance of a random sample from all rows, exactly.

        Args:
            n_drawn: rows of the sample, from 1 to `n_rows`.

        Source: mean absolute deviation 2ν(N-k-m+ν)/N · P(X = ν), with ν = floor(km/N) + 1, of a hypergeometric
        number; Diaconis and Zabell (1991), "Closed form summation for classical distributions", Statistical Science 6.
        """
        n_rows, sizes = self.n_rows, self.sizes
        first = sizes * n_drawn // n_rows + 1
        possible = (first <= sizes) & (first <= n_drawn) & (n_rows - sizes - n_drawn + first > 0)
        first, sizes, weights = first[possible], sizes[possible], self.weights[possible]
        others = n_rows - sizes
        log_chance = (
            _log_choose(sizes, first)
            + _log_choose(others, n_drawn - first)
            - _log_choose(np.array([n_rows]), np.array([n_drawn]))
        )
        deviations = first * (others - n_drawn + first) / n_rows * np.exp(log_chance)
        return float(weights @ deviations) / n_drawn

    def share(self, distance: float) -> float:
        """The least share of the rows whose random sample is on average no farther off, in (0, 1].

        Args:
            distance: mean total variation distance of the tables.
        """
        low, high = 1, self.n_rows
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.expected_distance(middle) <= distance else (middle + 1, high)
        return low / self.n_rows


def fresh_share(n_rows: int, n_fresh: int) -> float:
    """What fresh rows of the same population would read as.

    Samples of n and of N rows differ by noise of the size 1/n + 1/N, and a sample of m of N rows from those by 1/m -
    1/N; both are equal at m = 1 / (2/N + 1/n).

    Args:
        n_rows: rows that a sample is drawn from.
        n_fresh: fresh rows.
    """
    return 1.0 / (2.0 + n_rows / n_fresh)


def _log_choose(n: IntArray, k: IntArray) -> FloatArray:
    from scipy.special import gammaln

    chosen: FloatArray = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return chosen
