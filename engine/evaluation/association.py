"""How strongly two columns go together."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def cramers_v(counts: IntArray) -> float:
    """Cramér's V of a table of counts, corrected for the bias that few rows bring.

    Without the correction, independent columns with many cells look associated, and more so in the smaller
    table, so a holdout could not be compared with its training table.

    Args:
        counts: rows per pair of cells, shape (n_cells, n_cells); empty rows and columns do not count as cells.

    Returns:
        A number in [0, 1], or NaN where a column has one value only or there are too few rows.

    Source: Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42.
    """
    n = float(counts.sum())
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    n_rows, n_columns = int((rows > 0).sum()), int((columns > 0).sum())
    if n < 2 or min(n_rows, n_columns) < 2:
        return math.nan
    filled = counts[np.ix_(rows > 0, columns > 0)]
    expected = np.outer(rows[rows > 0], columns[columns > 0]) / n
    phi_squared = float(((filled - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi_squared - (n_rows - 1) * (n_columns - 1) / (n - 1))
    shrunk = min(
        n_rows - (n_rows - 1) ** 2 / (n - 1),
        n_columns - (n_columns - 1) ** 2 / (n - 1),
    )
    return min(1.0, math.sqrt(corrected / (shrunk - 1))) if shrunk > 1 else math.nan
