"""Fidelity: how far the synthetic table's distributions are from the real ones, beside what real rows reach.

Every distance is a total variation distance: half the sum of the absolute differences of the cells' shares, 0
for the same distribution and 1 for disjoint ones. A sample of n rows is some way off its own population, and the
further the smaller n is. So the ceiling, which is the distance of the holdout from the training rows, stands
beside the distance of *as many* synthetic rows; the distance of all synthetic rows is given as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.association import cramers_v
from engine.evaluation.binning import ColumnCells, cut_columns
from engine.evaluation.context import Context
from engine.evaluation.results import DECIMALS, Finding, MetricResult, Score, mean_score, score, unavailable

MOST_COLUMNS_IN_PAIRS = 40

NO_HOLDOUT = "no real rows were set aside"
NO_ASSOCIATION = "a column has a single value, or there are too few rows"

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Distances:
    """Distances of one table of counts.

    Args:
        distance: from the training rows to as many synthetic rows as the holdout has.
        all_rows: from the training rows to all synthetic rows.
        ceiling: from the training rows to the holdout.
    """

    distance: float
    all_rows: float
    ceiling: Score


@dataclass(frozen=True)
class EqualRows:
    """Compares tables by equally many rows, drawn from their counts.

    Args:
        n_rows: rows to compare, or None without a holdout.
        rng: decides the draws.
    """

    n_rows: int | None
    rng: np.random.Generator

    def distances(self, train: IntArray, synthetic: IntArray, holdout: IntArray | None) -> Distances:
        """Distances of counts over the same cells, each of shape (n_cells,)."""
        all_rows = total_variation(train, synthetic)
        if self.n_rows is None or holdout is None:
            return Distances(all_rows, all_rows, unavailable(NO_HOLDOUT))
        distance = total_variation(train, self._draw(synthetic))
        ceiling = total_variation(train, self._draw(holdout))
        return Distances(distance, all_rows, round(ceiling, DECIMALS))

    def _draw(self, counts: IntArray) -> IntArray:
        if self.n_rows is None or counts.sum() <= self.n_rows:
            return counts
        return self.rng.multivariate_hypergeometric(counts, self.n_rows, method="marginals")


def total_variation(left: IntArray, right: IntArray) -> float:
    """Total variation distance of two vectors of counts over the same cells, in [0, 1]."""
    return float(0.5 * np.abs(left / left.sum() - right / right.sum()).sum())


def marginals(context: Context) -> MetricResult:
    """Distances of all columns and of pairs of columns, with the cells that charts show."""
    details = compare_cells(cut_columns(context.tables.fields, context.tables.by_name()), context.target, context.rng)
    one_way = _mean_finding("one-way", "a column", details, "1way", [part["distance"] for part in details["columns"]])
    two_way = _mean_finding("two-way", "a pair", details, "2way", [part["distance"] for part in details["pairs"]])
    return MetricResult((one_way, two_way), details)


def compare_cells(columns: Sequence[ColumnCells], target: str | None, rng: np.random.Generator) -> dict[str, Any]:
    """Distances and associations of cells.

    Args:
        columns: cells of the tables `train`, `synthetic` and, where there is one, `holdout`.
        target: a column whose pairs are always among those compared.
        rng: decides the columns whose pairs are compared, where there are many, and the rows of equal sizes.
    """
    first = columns[0].codes
    sizes = {name: len(codes) for name, codes in first.items()}
    equal = EqualRows(min(sizes["holdout"], sizes["synthetic"]) if "holdout" in sizes else None, rng)
    one_way = [_column_report(column, equal) for column in columns]
    compared = _columns_of_pairs(columns, target, rng)
    pairs = [_pair_report(left, right, equal) for left, right in combinations(compared, 2)]
    no_pair = "there is a single column"
    return {
        "columns": one_way,
        "pairs": pairs,
        "pairs_compared": _pairs_compared(len(columns), len(compared)),
        "ceiling_rows": equal.n_rows if equal.n_rows is not None else unavailable(NO_HOLDOUT),
        "mean_distance_1way": mean_score((part["distance"] for part in one_way), "there are no columns"),
        "mean_distance_1way_all_rows": mean_score(
            (part["distance_all_rows"] for part in one_way), "there are no columns"
        ),
        "ceiling_1way": mean_score((part["ceiling"] for part in one_way), NO_HOLDOUT),
        "mean_distance_2way": mean_score((part["distance"] for part in pairs), no_pair),
        "mean_distance_2way_all_rows": mean_score((part["distance_all_rows"] for part in pairs), no_pair),
        "ceiling_2way": mean_score((part["ceiling"] for part in pairs), NO_HOLDOUT if len(compared) > 1 else no_pair),
        "association": _association_matrices(compared, pairs),
    }


def _mean_finding(measure: str, what: str, details: dict[str, Any], key: str, distances: Sequence[float]) -> Finding:
    value, ceiling = details[f"mean_distance_{key}"], details[f"ceiling_{key}"]
    if isinstance(value, dict):
        return Finding(measure, value, value, ceiling, "There is one column only, so there are no pairs.")
    sentence = f"On average {100 * value:.1f} % of the rows would have to move to another cell of {what}"
    if not isinstance(ceiling, dict):
        sentence += f"; equally many real rows that were set aside lie {100 * ceiling:.1f} % away"
    return Finding(measure, value, (min(distances), max(distances)), ceiling, f"{sentence}.")


def _column_report(column: ColumnCells, equal: EqualRows) -> dict[str, Any]:
    train, synthetic = column.counts("train"), column.counts("synthetic")
    holdout = column.counts("holdout") if "holdout" in column.codes else None
    distances = equal.distances(train, synthetic, holdout)
    real, artificial = _shares(train), _shares(synthetic)
    return {
        "name": column.name,
        "type": column.type,
        "distance": round(distances.distance, DECIMALS),
        "distance_all_rows": round(distances.all_rows, DECIMALS),
        "ceiling": distances.ceiling,
        "labels": list(column.labels),
        "real": real[:-1],
        "synthetic": artificial[:-1],
        "missing_real": real[-1],
        "missing_synthetic": artificial[-1],
    }


def _shares(counts: IntArray) -> list[float]:
    return [round(float(share), DECIMALS) for share in counts / counts.sum()]


def _columns_of_pairs(
    columns: Sequence[ColumnCells], target: str | None, rng: np.random.Generator
) -> list[ColumnCells]:
    """All columns, or a random choice of them that includes the target."""
    if len(columns) <= MOST_COLUMNS_IN_PAIRS:
        return list(columns)
    ranks = rng.permutation(len(columns)).tolist()
    ranks = [-1 if column.name == target else rank for column, rank in zip(columns, ranks, strict=True)]
    chosen = sorted(range(len(columns)), key=lambda position: ranks[position])[:MOST_COLUMNS_IN_PAIRS]
    return [columns[position] for position in sorted(chosen)]


def _pairs_compared(n_columns: int, n_compared: int) -> str:
    total, compared = n_columns * (n_columns - 1) // 2, n_compared * (n_compared - 1) // 2
    if total == compared:
        return f"all {total} pairs"
    return f"the {compared} pairs of {n_compared} columns drawn at random, of {total} pairs"


def _pair_report(left: ColumnCells, right: ColumnCells, equal: EqualRows) -> dict[str, Any]:
    counts = {name: _pair_counts(left, right, name) for name in left.codes}
    holdout = counts.get("holdout")
    distances = equal.distances(
        counts["train"].ravel(),
        counts["synthetic"].ravel(),
        holdout.ravel() if holdout is not None else None,
    )
    return {
        "columns": [left.name, right.name],
        "association_real": score(cramers_v(counts["train"]), NO_ASSOCIATION),
        "association_synthetic": score(cramers_v(counts["synthetic"]), NO_ASSOCIATION),
        "association_holdout": (
            score(cramers_v(holdout), NO_ASSOCIATION) if holdout is not None else unavailable(NO_HOLDOUT)
        ),
        "distance": round(distances.distance, DECIMALS),
        "distance_all_rows": round(distances.all_rows, DECIMALS),
        "ceiling": distances.ceiling,
    }


def _pair_counts(left: ColumnCells, right: ColumnCells, table: str) -> IntArray:
    flat = left.codes[table] * right.size + right.codes[table]
    return np.bincount(flat, minlength=left.size * right.size).reshape(left.size, right.size)


def _association_matrices(columns: Sequence[ColumnCells], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Square matrices over the columns; an entry that cannot be computed says why."""
    names = [column.name for column in columns]
    position = {name: index for index, name in enumerate(names)}
    keys = ("real", "synthetic", "difference")
    matrices: dict[str, list[list[Score]]] = {key: [[0.0 for _ in names] for _ in names] for key in keys}
    for column in columns:
        itself = {
            "columns": [column.name, column.name],
            "association_real": score(cramers_v(np.diag(column.counts("train"))), NO_ASSOCIATION),
            "association_synthetic": score(cramers_v(np.diag(column.counts("synthetic"))), NO_ASSOCIATION),
        }
        _enter(matrices, position, itself)
    for pair in pairs:
        _enter(matrices, position, pair)
    return {"columns": names, **matrices}


def _enter(matrices: dict[str, list[list[Score]]], position: dict[str, int], pair: dict[str, Any]) -> None:
    row, column = (position[name] for name in pair["columns"])
    real, synthetic = pair["association_real"], pair["association_synthetic"]
    entries = {"real": real, "synthetic": synthetic, "difference": _difference(real, synthetic)}
    for key, entry in entries.items():
        matrices[key][row][column] = matrices[key][column][row] = entry


def _difference(real: Score, synthetic: Score) -> Score:
    if isinstance(real, float) and isinstance(synthetic, float):
        return round(synthetic - real, DECIMALS)
    return unavailable(NO_ASSOCIATION)
