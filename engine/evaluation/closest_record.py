"""Distance to the closest real record, for training rows and for as many rows that were never trained on.

A synthesizer that copies rows makes synthetic rows lie nearer to the training rows than to the holdout. The
comparison is a detector of bugs: it proves nothing about privacy when it finds nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.evaluation.context import Context
from engine.evaluation.intervals import wilson_interval
from engine.evaluation.neighbours import nearest, stated_ranges, to_points
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError
from engine.evaluation.tables import EvaluationTables, draw_rows

MOST_SYNTHETIC_ROWS = 2_000
MOST_REAL_ROWS = 20_000
MOST_COMPARISONS = 1_500_000_000
"""Cells compared per real table: synthetic rows × real rows × columns; fewer real rows for a wide table."""

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95)

NO_HOLDOUT = "no real rows were set aside to compare with"

CAVEAT = (
    "A share near one half means only that this comparison saw no copying. It proves nothing about privacy: what is "
    "guaranteed stands in the certificate. A share well above one half is a sign of a fault."
)


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


def _distances(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, Any]:
    """Distances to equally many training and holdout rows; the interval is for the draw of synthetic rows."""
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    synthetic = draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, rng)
    affordable = MOST_COMPARISONS // (len(synthetic) * len(tables.fields))
    n_real = max(1, min(len(tables.holdout), len(tables.train), MOST_REAL_ROWS, affordable))
    real = {"train": draw_rows(tables.train, n_real, rng), "holdout": draw_rows(tables.holdout, n_real, rng)}
    ranges = stated_ranges(tables.fields, tables.train)
    points = to_points(tables.fields, {"synthetic": synthetic, **real}, ranges)
    train = nearest(points["synthetic"], points["train"]).distances[:, 0]
    holdout = nearest(points["synthetic"], points["holdout"]).distances[:, 0]
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


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)
