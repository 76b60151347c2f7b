"""Distances between tables of counts, with the interval that other rows of the same number would give.

Every distance is a total variation distance: half the sum of the absolute differences of the cells' shares, 0
for the same distribution and 1 for disjoint ones. A sample of n rows is some way off its own population, and the
further the smaller n is. So the ceiling, which is the distance of the holdout from the training rows, stands
beside the distance of *as many* synthetic rows; the distance of all synthetic rows is given as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binning import ColumnCells
from engine.evaluation.intervals import CONFIDENCE, normal_interval
from engine.evaluation.results import DECIMALS, Interval, Score, score, unavailable

NO_HOLDOUT = "no real rows were set aside"

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distances:
    """Distances of one table of counts.

    Args:
        distance: from the training rows to as many synthetic rows as the holdout has.
        interval: 95 % interval of `distance` over other rows of the same numbers.
        all_rows: from the training rows to all synthetic rows.
        ceiling: from the training rows to the holdout.
        counts: rows per cell of every table, shape (n_cells,) each.
    """

    distance: float
    interval: tuple[float, float]
    all_rows: float
    ceiling: Score
    counts: Mapping[str, IntArray]

    def to_json(self) -> dict[str, Any]:
        """What a report says of them."""
        return {
            "distance": round(self.distance, DECIMALS),
            "interval": [round(end, DECIMALS) for end in self.interval],
            "distance_all_rows": round(self.all_rows, DECIMALS),
            "ceiling": self.ceiling,
        }


def total_variation(left: IntArray, right: IntArray) -> float:
    """Total variation distance of two vectors of counts over the same cells, in [0, 1]."""
    return float(0.5 * np.abs(left / left.sum() - right / right.sum()).sum())


def equal_rows(columns: Sequence[ColumnCells], rng: np.random.Generator) -> tuple[tuple[ColumnCells, ...], int | None]:
    """The columns with a further table `drawn`, of as many random synthetic rows as the holdout has.

    Args:
        columns: cells of the tables `train`, `synthetic` and, where there is one, `holdout`, which is cut to as many
            rows as the synthetic table has. Without a holdout, `drawn` is the synthetic table itself.
        rng: decides the rows.

    Returns:
        The columns, and the rows of `drawn` and `holdout`, or None without a holdout.
    """
    sizes = {name: len(codes) for name, codes in columns[0].codes.items()}
    if "holdout" not in sizes:
        with_drawn = [replace(column, codes={**column.codes, "drawn": column.codes["synthetic"]}) for column in columns]
        return tuple(with_drawn), None
    n_rows = min(sizes["holdout"], sizes["synthetic"])
    drawn, holdout = (_positions(sizes[name], n_rows, rng) for name in ("synthetic", "holdout"))
    return tuple(_with_drawn(column, drawn, holdout) for column in columns), n_rows


def draw_cells(columns: Sequence[ColumnCells], most: int, rng: np.random.Generator) -> tuple[ColumnCells, ...]:
    """The columns with at most so many random rows of every table, the same rows in all columns."""
    chosen = {name: _positions(len(codes), min(most, len(codes)), rng) for name, codes in columns[0].codes.items()}
    return tuple(
        replace(column, codes={name: codes[chosen[name]] for name, codes in column.codes.items()}) for column in columns
    )


def _with_drawn(column: ColumnCells, drawn: IntArray, holdout: IntArray) -> ColumnCells:
    codes = {**column.codes, "drawn": column.codes["synthetic"][drawn], "holdout": column.codes["holdout"][holdout]}
    return replace(column, codes=codes)


class MeanDistance:
    """Mean distance over several tables of counts of the same rows, and how it varies with the rows.

    A distance is half the sum of s·(q - p) over its cells, where s is the sign of the difference. To first order, a
    further synthetic row in cell c moves it by s_c / 2, and the mean over tables by the mean of that; so the variance
    over rows of that mean, divided by their number, is the variance of the mean distance, with whatever the tables
    have in common. Where real and synthetic shares are equal but for noise, the true variance is smaller, as that of
    |x| is smaller than that of x, so that the interval is then wider than it needs to be. Resampling rows would take
    a hundred times as long and give distances that are too large, because a resample is off the sample too.

    Args:
        n_rows: rows of `train`, `synthetic` and `drawn`.

    Source: van der Vaart (1998), "Asymptotic Statistics", section 20.1 (influence functions).
    """

    def __init__(self, n_rows: Mapping[str, int]) -> None:
        self._n_rows = dict(n_rows)
        self._moves = {name: np.zeros(n_rows[name], dtype=np.float32) for name in ("train", "synthetic")}
        self._found: list[tuple[float, float, Score]] = []

    @property
    def n_tables(self) -> int:
        """How many tables of counts were added."""
        return len(self._found)

    def add(self, cells: Mapping[str, IntArray], n_cells: int) -> Distances:
        """Add a table of counts.

        Args:
            cells: cell of each row of `train`, `synthetic`, `drawn` and, where there is one, `holdout`.
            n_cells: number of cells.
        """
        counts = {name: np.bincount(codes, minlength=n_cells) for name, codes in cells.items()}
        found = distances_of(counts)
        signs = _signs(counts).astype(np.float32)
        for name, moves in self._moves.items():
            moves += signs[cells[name]]
        self._found.append((found.distance, found.all_rows, found.ceiling))
        return found

    def value(self) -> float:
        """Mean distance of as many synthetic rows as the holdout has."""
        return float(np.mean([found[0] for found in self._found]))

    def all_rows(self) -> float:
        """Mean distance of all synthetic rows."""
        return float(np.mean([found[1] for found in self._found]))

    def ceiling(self) -> Score:
        """Mean distance of the holdout."""
        ceilings = [found[2] for found in self._found if isinstance(found[2], float)]
        return score(float(np.mean(ceilings)), NO_HOLDOUT) if ceilings else unavailable(NO_HOLDOUT)

    def interval(self, all_rows: bool = False, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Interval of `value`, or of `all_rows`."""
        value, compared = (self.all_rows(), "synthetic") if all_rows else (self.value(), "drawn")
        spread = {name: float(np.var(moves)) / (2 * self.n_tables) ** 2 for name, moves in self._moves.items()}
        variance = spread["train"] / self._n_rows["train"] + spread["synthetic"] / self._n_rows[compared]
        return normal_interval(value, variance, 0.0, 1.0, confidence)


def distances_of(counts: Mapping[str, IntArray], confidence: float = CONFIDENCE) -> Distances:
    """Distances of one table of counts of `train`, `synthetic`, `drawn` and, where there is one, `holdout`."""
    distance, all_rows = (total_variation(counts["train"], counts[name]) for name in ("drawn", "synthetic"))
    holdout = counts.get("holdout")
    ceiling = unavailable(NO_HOLDOUT) if holdout is None else score(total_variation(counts["train"], holdout), "")
    signs = _signs(counts)
    variance = 0.25 * sum(_variance(counts[name], signs) / counts[name].sum() for name in ("train", "drawn"))
    interval = normal_interval(distance, variance, 0.0, 1.0, confidence)
    return Distances(distance, interval, all_rows, ceiling, counts)


def mean_interval(mean: MeanDistance, all_rows: bool = False) -> Interval:
    """The interval of a mean, or why there is none."""
    return mean.interval(all_rows) if mean.n_tables else unavailable("nothing was compared")


def _signs(counts: Mapping[str, IntArray]) -> FloatArray:
    shares = {name: counts[name] / counts[name].sum() for name in ("train", "synthetic")}
    return np.asarray(np.sign(shares["synthetic"] - shares["train"]), dtype=np.float64)


def _variance(counts: IntArray, values: FloatArray) -> float:
    """Variance over rows of a number that each cell has."""
    shares = counts / counts.sum()
    return max(0.0, float(shares @ values**2 - (shares @ values) ** 2))


def _positions(n_rows: int, n_drawn: int, rng: np.random.Generator) -> IntArray:
    return np.sort(rng.choice(n_rows, n_drawn, replace=False)) if n_drawn < n_rows else np.arange(n_rows)
