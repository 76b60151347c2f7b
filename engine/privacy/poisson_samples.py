"""Random samples of units: each is in a sample with the same chance, independently of all others.

The size of a sample is random and can be zero. A sample of fixed size, or the next part of a shuffled table, is
another mechanism, which costs more than the accountant would say.

Source: Chua et al., "How Private are DP-SGD Implementations?" (2024), for the difference that shuffling makes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.privacy.column_blocks import ColumnBlocks
from engine.privacy.noise import IntArray, NoiseSource


class SampledRows:
    """Cells of the rows of random units. Only `PrivateTable` may hold one.

    Args:
        codes: cells of all rows.
        units: number of the unit of each row, shape (n_rows,); a row is a unit where None.
    """

    def __init__(self, codes: ColumnBlocks, units: IntArray | None) -> None:
        self._codes = codes
        self._units = units
        if units is None:
            self._n_units = codes.n_rows
        else:
            self._n_units = int(units.max()) + 1 if len(units) else 0

    def draw(self, sampling_rate: float, source: NoiseSource) -> tuple[IntArray, IntArray | None]:
        """Rows of a new sample.

        Args:
            sampling_rate: chance of each unit, in (0, 1].
            source: where the randomness comes from, one word per unit.

        Returns:
            Cells, shape (n_sampled_rows, n_columns), and the unit of each row in increasing order, or None where a
            row is a unit.
        """
        is_in = self.units_in(sampling_rate, source)
        rows = np.flatnonzero(is_in if self._units is None else is_in[self._units])
        if self._units is None:
            return self._gather(rows), None
        units = self._units[rows]
        order = np.argsort(units, kind="stable")
        return self._gather(rows)[order], units[order]

    def units_in(self, sampling_rate: float, source: NoiseSource) -> npt.NDArray[np.bool_]:
        """Which units a sample holds, shape (n_units,); as private as the rows."""
        return chosen_units(self._n_units, sampling_rate, source)

    def _gather(self, rows: IntArray) -> IntArray:
        parts, first = [], 0
        for block, place in zip(self._codes.blocks(), self._codes.places, strict=True):
            low, high = np.searchsorted(rows, [first, first + place.n_rows])
            inside = rows[low:high] - first
            parts.append(np.stack([column[inside] for column in block], axis=1).astype(np.int64))
            first += place.n_rows
        return np.concatenate(parts) if parts else np.zeros((0, len(self._codes.dtypes)), dtype=np.int64)


def chosen_units(n_units: int, sampling_rate: float, source: NoiseSource) -> npt.NDArray[np.bool_]:
    """Which units are in; the chance is rounded down to a multiple of 2⁻⁶⁴, so no unit is in too often."""
    limit = int(sampling_rate * 2**64)
    words = source.words(n_units)
    return words < np.uint64(limit) if limit < 2**64 else np.ones(n_units, dtype=bool)
