"""Distance to the closest real record, for training rows and for as many rows that were never trained on.

A synthesizer that copies rows makes synthetic rows lie nearer to the training rows than to the holdout. The
comparison is a detector of bugs: it proves nothing about privacy when it finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field
from engine.evaluation.binning import is_numeric, value_range
from engine.evaluation.context import Context
from engine.evaluation.intervals import wilson_interval
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError
from engine.evaluation.tables import EvaluationTables, draw_rows

MOST_SYNTHETIC_ROWS = 2_000
MOST_REAL_ROWS = 20_000
MOST_COMPARISONS = 1_500_000_000
"""Cells compared per real table: synthetic rows × real rows × columns; fewer real rows for a wide table."""

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
_BLOCK_ROWS = 64

NO_HOLDOUT = "no real rows were set aside to compare with"

CAVEAT = (
    "A share near one half means only that this comparison saw no copying. It proves nothing about privacy: what is "
    "guaranteed stands in the certificate. A share well above one half is a sign of a fault."
)

FloatArray = npt.NDArray[np.float32]


def closest_records(context: Context) -> MetricResult:
    """Whether synthetic rows lie nearer to training rows than to as many rows set aside."""
    details = _distances(context.tables, context.rng)
    low, high = details["interval"]
    value = details["share_closer_to_train"]
    finding = Finding(
        "share-closer-to-training",
        value,
        (low, high),
        0.5,
        f"{100 * value:.1f} % of the synthetic rows lie closer to a training row; without copying, half of them would.",
    )
    return MetricResult((finding,), details)


def nearest_distances(
    rows: Sequence[FloatArray], reference: Sequence[FloatArray], numeric: Sequence[bool]
) -> FloatArray:
    """Gower distance of each row to the nearest reference row, in [0, 1], shape (n_rows,).

    Args:
        rows: one array per column, shape (n_rows,); numbers scaled to [0, 1], categories as codes, missing as NaN.
        reference: the same columns of the reference rows, shape (n_reference,).
        numeric: per column, whether the difference counts instead of being different; a missing value is at
            distance 0 from a missing one and at 1 from any other.

    Source: Gower (1971), "A general coefficient of similarity and some of its properties", Biometrics 27.
    """
    nearest = [
        _block_nearest([column[start : start + _BLOCK_ROWS] for column in rows], reference, numeric)
        for start in range(0, len(rows[0]), _BLOCK_ROWS)
    ]
    return np.concatenate(nearest)


def _block_nearest(rows: Sequence[FloatArray], reference: Sequence[FloatArray], numeric: Sequence[bool]) -> FloatArray:
    total = np.zeros((len(rows[0]), len(reference[0])), dtype=np.float32)
    for left, right, is_number in zip(rows, reference, numeric, strict=True):
        if is_number:
            difference = np.abs(left[:, None] - right[None, :])
            left_missing, right_missing = np.isnan(left), np.isnan(right)
            if left_missing.any() or right_missing.any():
                unlike = left_missing[:, None] != right_missing[None, :]
                difference = np.where(np.isnan(difference), unlike, np.minimum(difference, 1.0))
            total += difference
        else:
            total += left[:, None] != right[None, :]
    return np.asarray(total.min(axis=1) / len(rows), dtype=np.float32)


def _distances(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, Any]:
    """Distances to equally many training and holdout rows; the interval is for the draw of synthetic rows."""
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    synthetic = draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, rng)
    affordable = MOST_COMPARISONS // (len(synthetic) * len(tables.fields))
    n_real = max(1, min(len(tables.holdout), len(tables.train), MOST_REAL_ROWS, affordable))
    real = {"train": draw_rows(tables.train, n_real, rng), "holdout": draw_rows(tables.holdout, n_real, rng)}
    scaled, numeric = _scale(tables, {"synthetic": synthetic, **real})
    train = nearest_distances(scaled["synthetic"], scaled["train"], numeric)
    holdout = nearest_distances(scaled["synthetic"], scaled["holdout"], numeric)
    closer = float((train < holdout).sum() + 0.5 * (train == holdout).sum())
    n = len(synthetic)
    return {
        "median_train": _rounded(np.median(train)),
        "median_holdout": _rounded(np.median(holdout)),
        "share_closer_to_train": _rounded(closer / n),
        "interval": [_rounded(bound) for bound in wilson_interval(closer, n)],
        "n": n,
        "real_rows_each": n_real,
        "quantiles": {
            "levels": list(QUANTILE_LEVELS),
            "train": [_rounded(value) for value in np.quantile(train, QUANTILE_LEVELS)],
            "holdout": [_rounded(value) for value in np.quantile(holdout, QUANTILE_LEVELS)],
        },
        "caveat": CAVEAT,
    }


def _scale(tables: EvaluationTables, drawn: dict[str, pd.DataFrame]) -> tuple[dict[str, list[FloatArray]], list[bool]]:
    """Columns ready for `nearest_distances`, per table, and which of them are numbers."""
    scaled: dict[str, list[FloatArray]] = {name: [] for name in drawn}
    for field in tables.fields:
        columns = {name: table[field.name] for name, table in drawn.items()}
        arrays = (
            _scale_numbers(field, columns, tables.train[field.name]) if is_numeric(field) else _code_categories(columns)
        )
        for name, array in arrays.items():
            scaled[name].append(array)
    return scaled, [is_numeric(field) for field in tables.fields]


def _scale_numbers(field: Field, columns: dict[str, pd.Series], train: pd.Series) -> dict[str, FloatArray]:
    low, high = value_range(field, to_numbers(train, field.type)) or (0.0, 1.0)
    width = high - low if high > low else 1.0
    return {
        name: np.clip((to_numbers(column, field.type) - low) / width, 0.0, 1.0).astype(np.float32)
        for name, column in columns.items()
    }


def _code_categories(columns: dict[str, pd.Series]) -> dict[str, FloatArray]:
    """Codes that all tables share; missing is a value of its own."""
    codes, _ = pd.factorize(pd.concat(list(columns.values()), ignore_index=True), use_na_sentinel=True)
    ends = np.cumsum([len(column) for column in columns.values()])
    parts = np.split(codes.astype(np.float32), ends[:-1])
    return dict(zip(columns, parts, strict=True))


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)
