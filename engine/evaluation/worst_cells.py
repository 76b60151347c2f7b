"""The cells whose shares differ most, by name, with intervals that hold for all cells together."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binning import ColumnCells
from engine.evaluation.intervals import CONFIDENCE, newcombe_interval
from engine.evaluation.results import DECIMALS

MISSING_LABEL = "missing"

IntArray = npt.NDArray[np.int64]


@dataclass
class WorstCells:
    """Collects the worst cell of every table of counts and keeps the worst of them.

    A cell is chosen for being the worst of many, so its interval is made for all of them at once (Bonferroni): the
    chance that any interval of any cell misses is 5 %.

    Args:
        most: how many to keep.
    """

    most: int
    n_cells: int = 0
    _kept: list[tuple[float, int, dict[str, Any], tuple[int, int, int, int]]] = field(default_factory=list)

    def add(self, columns: Sequence[ColumnCells], counts: Mapping[str, IntArray]) -> None:
        """Look at one table of counts over the cells of columns, shape (n_cells,) in row-major order."""
        real, synthetic = counts["train"], counts["synthetic"]
        n_real, n_synthetic = int(real.sum()), int(synthetic.sum())
        differences = np.abs(synthetic / n_synthetic - real / n_real)
        worst = int(np.argmax(differences))
        self.n_cells += int(((real > 0) | (synthetic > 0)).sum())
        cell = {
            "columns": [column.name for column in columns],
            "labels": cell_labels(columns, worst),
            "real": round(int(real[worst]) / n_real, DECIMALS),
            "synthetic": round(int(synthetic[worst]) / n_synthetic, DECIMALS),
        }
        entry = (
            float(differences[worst]),
            -self.n_cells,
            cell,
            (int(real[worst]), n_real, int(synthetic[worst]), n_synthetic),
        )
        if len(self._kept) < self.most:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def to_json(self) -> list[dict[str, Any]]:
        """The worst cells, worst first."""
        confidence = 1 - (1 - CONFIDENCE) / max(self.n_cells, 1)
        cells = []
        for _, _, cell, (real, n_real, synthetic, n_synthetic) in sorted(
            self._kept, key=lambda entry: entry[:2], reverse=True
        ):
            interval = newcombe_interval((real, n_real), (synthetic, n_synthetic), confidence)
            cells.append(
                {
                    **cell,
                    "difference": round(cell["synthetic"] - cell["real"], DECIMALS),
                    "interval": [round(end, DECIMALS) for end in interval],
                }
            )
        return cells


def cell_labels(columns: Sequence[ColumnCells], position: int) -> list[str]:
    """Labels of a cell of several columns, which is numbered in row-major order."""
    places = np.unravel_index(position, [column.size for column in columns])
    return [
        column.labels[place] if place < len(column.labels) else MISSING_LABEL
        for column, place in zip(columns, map(int, places), strict=True)
    ]
