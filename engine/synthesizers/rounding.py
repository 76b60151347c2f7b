"""Whole rows from real-valued counts, with as little error of their own as whole rows allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def spread(
    weights: FloatArray, groups: npt.NDArray[np.integer[Any]], rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """A cell for each row such that every group's rows follow its row of `weights` as closely as whole rows can.

    Args:
        weights: non-negative, shape (n_groups, n_cells).
        groups: group of each row, shape (n_rows,).
        rng: generator; the result reads released numbers only.
    """
    result = np.empty(len(groups), dtype=np.int32)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=len(weights))
    start = 0
    for group in np.flatnonzero(sizes):
        size = int(sizes[group])
        counts = _randomised_rounding(weights[group], size, rng)
        cells = np.repeat(np.arange(weights.shape[1], dtype=np.int32), counts)
        result[order[start : start + size]] = rng.permutation(cells)
        start += size
    return result


def _randomised_rounding(weights: FloatArray, size: int, rng: np.random.Generator) -> IntArray:
    """Whole counts that sum to `size`, each within one of its expectation and right on average.

    Source: systematic sampling, Madow (1949).
    """
    mass = float(weights.sum())
    share = weights / mass if mass > 0.0 else np.full(len(weights), 1.0 / len(weights))
    borders = np.floor(np.cumsum(share) * size + rng.random())
    borders[-1] = size
    borders = np.minimum(borders, size)
    return np.diff(borders, prepend=0.0).astype(np.int64)
