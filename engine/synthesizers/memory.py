"""What a model takes of memory, known before the run from its sizes alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

_BYTES = 8
_VECTORS = 26
"""Flat arrays over all measured cells in a fit: potentials, marginals, counts, precisions, slopes, ten of remembered
moves, and what a step makes on the way."""
_MESSAGES = 4
_LARGEST_TABLES_IN_A_DRAW = 6
_ARRAYS_OF_ROWS = 16
"""Four-byte arrays over all rows in a draw, beside one per column: orders, keys, groups, cells and their sorts."""


def memory_bytes(
    sizes: Sequence[int],
    cliques: Iterable[Collection[int]],
    n_rows: int = 0,
    measured: Iterable[Collection[int]] | None = None,
) -> int:
    """An upper estimate of the bytes that fitting, asking for counts, and sampling take at their peak.

    It holds for NumPy; on a CUDA device the first term lies there. Answers kept by the caller are not in it.

    Args:
        sizes: number of cells per column.
        cliques: the columns of each clique of the tree.
        n_rows: rows to sample at once.
        measured: sets of columns with noisy marginals; by default every column, every pair within a clique, and every
            clique of up to three columns.
    """
    shapes = [[sizes[column] for column in clique] for clique in cliques]
    cells = [math.prod(shape) for shape in shapes]
    tables = sum(size * _intermediates(shape) for size, shape in zip(cells, shapes, strict=True))
    if measured is None:
        flat = sum(sizes) + sum(_measured_cells(shape) for shape in shapes)
    else:
        flat = sum(math.prod(sizes[column] for column in columns) for columns in measured)
    separators = sum(size / max(min(shape, default=1), 1) for size, shape in zip(cells, shapes, strict=True))
    beliefs = sum(cells)
    fit = tables + beliefs + _MESSAGES * separators + _VECTORS * flat
    draw = 2 * beliefs + _LARGEST_TABLES_IN_A_DRAW * max(cells, default=0)
    rows = 4 * n_rows * (len(sizes) + _ARRAYS_OF_ROWS)
    return math.ceil(_BYTES * max(fit, draw) + rows)


def _intermediates(shape: Sequence[int]) -> float:
    """A clique's table and all that it is summed to on the way, in units of the table.

    Every table on the way is over a subset of the columns, which gives the first bound. The ways to sets of up to
    three columns share their beginnings: they halve at least, four times over, which gives the second.
    """
    subsets = math.prod(1.0 + 1.0 / size for size in shape)
    smallest = min((size for size in shape if size > 1), default=2)
    shared = (smallest / (smallest - 1.0)) ** 4.0 * 2.0 ** sum(size == 1 for size in shape)
    return float(min(subsets, shared))


def _measured_cells(shape: Sequence[int]) -> int:
    pairs = sum(math.prod(pair) for pair in combinations(shape, 2))
    return pairs + (math.prod(shape) if len(shape) == 3 else 0)
