"""Scores of rows by public weights of their cells: the only computation on a row that a report may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from engine.privacy.column_blocks import Column
from engine.privacy.noise import IntArray


@dataclass(frozen=True)
class RowScores:
    """A row's scores are sums of whole weights, one per column and score, and they decide the cell it falls in.

    Whole numbers add up exactly, so a row's cell depends on that row alone, to the last bit.

    Args:
        weights: per column, the weight of each cell for each score, shape (size, n_scores).
        borders: of a single score, increasing; a row falls into the cell after all borders that its score reaches.
            None puts a row into the cell of its largest score, the first of equal ones.

    Raises:
        ValueError: weights are not whole, their shapes do not fit, or the borders do not increase.
    """

    weights: tuple[IntArray, ...]
    borders: IntArray | None = None

    def __post_init__(self) -> None:
        if not self.weights or any(part.ndim != 2 or part.dtype != np.int64 for part in self.weights):
            raise ValueError("weights are whole numbers per column, one row per cell and one column per score")
        if len({part.shape[1] for part in self.weights}) != 1:
            raise ValueError("every column needs a weight for every score")
        if self.borders is not None and (self.n_scores != 1 or (np.diff(self.borders) <= 0).any()):
            raise ValueError("borders increase, and belong to a single score")

    @property
    def n_scores(self) -> int:
        """Number of scores of a row."""
        return int(self.weights[0].shape[1])

    @property
    def n_cells(self) -> int:
        """Number of cells that rows fall into."""
        return self.n_scores if self.borders is None else len(self.borders) + 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells per column."""
        return tuple(len(part) for part in self.weights)

    def cells(self, block: Sequence[Column]) -> IntArray:
        """Where rows fall, shape (n_rows,).

        Args:
            block: cells of each column, each of shape (n_rows,).
        """
        scores = self.values(block)
        if self.borders is None:
            return np.asarray(scores.argmax(axis=1), dtype=np.int64)
        return np.asarray(np.searchsorted(self.borders, scores[:, 0], side="right"), dtype=np.int64)

    def values(self, block: Sequence[Column]) -> IntArray:
        """Scores of rows, shape (n_rows, n_scores)."""
        total = np.zeros((len(block[0]), self.n_scores), dtype=np.int64)
        for part, cells in zip(self.weights, block, strict=True):
            if part.any():
                total += part[cells]
        return total

    def digest(self) -> str:
        """A checksum of the weights and borders."""
        found = sha256()
        for part in (*self.weights, *([] if self.borders is None else [self.borders])):
            found.update(f"{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()
