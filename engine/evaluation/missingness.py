"""Missing values: how many each column has, and which columns miss theirs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binning import ColumnCells
from engine.evaluation.context import Context
from engine.evaluation.distances import Distances, MeanDistance, equal_rows
from engine.evaluation.results import DECIMALS, Finding, MetricResult

MOST_PATTERNS = 15

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def missingness(context: Context) -> MetricResult:
    """Missing shares of columns and patterns of missing columns, real and synthetic.

    Details:
        columns: per column that misses a value in some table `name`, shares `real` and `synthetic` of all rows and
            `holdout` of the rows compared, their `difference`, and its `distance`, `interval` and `ceiling`.
        patterns: the most frequent combinations: `columns` that are missing together (none for whole rows), shares
            `real`, `synthetic` and, with a holdout, `holdout`.
        n_patterns: how many combinations the training rows have, and the synthetic rows.
        n_columns: how many columns were looked at.
    """
    columns, _ = equal_rows(context.tables.cells, context.rng)
    missing = {
        name: np.column_stack([column.codes[name] == len(column.labels) for column in columns])
        for name in columns[0].codes
    }
    sizes = {name: len(rows) for name, rows in missing.items()}
    shares, patterns = MeanDistance(sizes), MeanDistance(sizes)
    found = [
        shares.add({name: rows[:, place].astype(np.int64) for name, rows in missing.items()}, 2)
        for place in range(len(columns))
    ]
    context.advance(0.5)
    codes, shown = _patterns(missing, context.rng)
    together = patterns.add(codes, len(shown))
    missing_columns = [
        _column_report(column, each) for column, each in zip(columns, found, strict=True) if _misses(each)
    ]
    details = {
        "columns": missing_columns,
        "patterns": _patterns_report(columns, shown, together),
        "n_patterns": {name: int((together.counts[name] > 0).sum()) for name in ("train", "synthetic")},
        "n_columns": len(columns),
    }
    return MetricResult(
        (
            _finding("shares", "column by column", shares, missing_columns),
            _finding("patterns", "counting which columns are missing together", patterns, missing_columns),
        ),
        details,
    )


def _finding(measure: str, how: str, distances: MeanDistance, columns: Sequence[Any]) -> Finding:
    if columns:
        sentence = f"Missing values differ in {100 * distances.value():.2f} % of the rows, {how}"
        ceiling = distances.ceiling()
        if isinstance(ceiling, float):
            sentence += f"; equally many real rows set aside differ in {100 * ceiling:.2f} %"
    else:
        sentence = "No column misses a value, in the real rows or in the synthetic ones"
    return Finding(measure, distances.value(), distances.interval(), distances.ceiling(), f"{sentence}.")


def _misses(found: Distances) -> bool:
    return any(int(counts[1]) > 0 for counts in found.counts.values())


def _column_report(column: ColumnCells, found: Distances) -> dict[str, Any]:
    shares = {name: round(float(counts[1] / counts.sum()), DECIMALS) for name, counts in found.counts.items()}
    report = found.to_json()
    return {
        "name": column.name,
        "real": shares["train"],
        "synthetic": shares["synthetic"],
        "holdout": shares.get("holdout", report["ceiling"]),
        "difference": round(shares["synthetic"] - shares["train"], DECIMALS),
        **report,
    }


def _patterns(missing: dict[str, BoolArray], rng: np.random.Generator) -> tuple[dict[str, IntArray], BoolArray]:
    """Pattern of each row of each table, and the patterns, shape (n_patterns, n_columns).

    A pattern is known by the sum of random 64-bit numbers of its missing columns; two of them share a sum with a
    chance of 2^-64.
    """
    n_columns = next(iter(missing.values())).shape[1]
    numbers = np.asarray(rng.integers(-(2**63), 2**63, n_columns), dtype=np.int64)
    sums = {name: _sums(rows, numbers) for name, rows in missing.items()}
    _, first, codes = np.unique(np.concatenate(list(sums.values())), return_index=True, return_inverse=True)
    starts = np.cumsum([0] + [len(rows) for rows in missing.values()])
    shown = np.concatenate(list(missing.values()))[first]
    return {
        name: codes[start : start + len(missing[name])] for name, start in zip(missing, starts, strict=False)
    }, shown


def _sums(rows: BoolArray, numbers: IntArray) -> IntArray:
    sums = np.zeros(len(rows), dtype=np.int64)
    for place, number in enumerate(numbers):
        sums[rows[:, place]] += number
    return sums


def _patterns_report(columns: Sequence[ColumnCells], shown: BoolArray, found: Distances) -> list[dict[str, Any]]:
    shares = {name: counts / counts.sum() for name, counts in found.counts.items()}
    weight = np.maximum(shares["train"], shares["synthetic"])
    order = np.lexsort((*shown.T, -weight))[:MOST_PATTERNS]
    return [
        {"columns": [column.name for column, misses in zip(columns, shown[place], strict=True) if misses]}
        | {
            label: round(float(shares[name][place]), DECIMALS)
            for label, name in (("real", "train"), ("synthetic", "synthetic"), ("holdout", "holdout"))
            if name in shares
        }
        for place in order
        if weight[place] > 0
    ]
