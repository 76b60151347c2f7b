"""Whole rows from real-valued counts, with as little error of their own as whole rows allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

_GOLDEN = (5.0**0.5 - 1.0) / 2.0
_ROWS_AT_ONCE = 2**20


def spread(weights: FloatArray, groups: npt.NDArray[np.integer[Any]], rng: np.random.Generator) -> Codes:
    """A cell for each row such that every group's rows follow its row of `weights` as closely as whole rows can.

    Rows of a group that are neighbours get different cells wherever they can, as a pack of cards is dealt: any run of
    a group's rows holds each cell in nearly its share. A cell without weight gets no row.

    Args:
        weights: non-negative, shape (n_groups, n_cells).
        groups: group of each row, shape (n_rows,), not decreasing.
        rng: generator; the result reads released numbers only.

    Raises:
        ValueError: a row is in a group without weight.
    """
    sizes = np.bincount(groups, minlength=len(weights))
    used = np.flatnonzero(sizes)
    counts = _systematic_counts(weights[used], sizes[used], rng)
    cells = np.repeat(np.tile(np.arange(weights.shape[1], dtype=np.int32), len(used)), counts.ravel())
    return _deal(cells, sizes[used], rng)


def random_order(n_rows: int, rng: np.random.Generator) -> Codes:
    """Positions of rows in random order, four bytes each."""
    return rng.permutation(np.arange(n_rows, dtype=np.int32))


def _systematic_counts(weights: FloatArray, sizes: IntArray, rng: np.random.Generator) -> IntArray:
    """Whole counts that sum to each row's size, each within one of its expectation and right on average.

    Source: systematic sampling, Madow (1949).
    """
    cumulative = np.cumsum(weights, axis=1)
    mass = cumulative[:, -1:].copy()
    if not (mass > 0.0).all():
        raise ValueError("rows were to be spread over a group without weight")
    complete = cumulative >= mass  # from the last cell with weight on: rounding must neither lack nor add a row there
    cumulative /= mass
    cumulative *= sizes[:, None]
    cumulative += rng.random((len(sizes), 1))
    borders = np.floor(cumulative, out=cumulative).astype(np.int64)
    np.minimum(borders, sizes[:, None], out=borders)
    np.copyto(borders, sizes[:, None], where=complete)
    return np.diff(borders, axis=1, prepend=0)


def _deal(cells: Codes, sizes: IntArray, rng: np.random.Generator) -> Codes:
    """Rearrange the cells within each group so that every run of rows holds each cell in nearly its share.

    Row r of a group of n takes place (step · r + offset) mod n, with the step next to the golden section of n: it
    leaves the most even gaps after any number of rows.
    """
    starts = np.cumsum(sizes) - sizes
    steps = _coprime_near(np.maximum(1, np.round(sizes * _GOLDEN).astype(np.int64)), sizes)
    offsets = np.floor(rng.random(len(sizes)) * sizes).astype(np.int64)
    result = np.empty_like(cells)
    for first in range(0, len(cells), _ROWS_AT_ONCE):
        rows = np.arange(first, min(first + _ROWS_AT_ONCE, len(cells)), dtype=np.int64)
        group = np.searchsorted(starts, rows, side="right") - 1
        place = ((rows - starts[group]) * steps[group] + offsets[group]) % sizes[group]
        result[rows[0] : rows[-1] + 1] = cells[starts[group] + place]
    return result


def _coprime_near(steps: IntArray, sizes: IntArray) -> IntArray:
    """The next number from each step on that shares no factor with the size."""
    found = steps.copy()
    open_ones = np.flatnonzero(np.gcd(found, sizes) > 1)
    while len(open_ones):
        found[open_ones] += 1
        open_ones = open_ones[np.gcd(found[open_ones], sizes[open_ones]) > 1]
    return found
