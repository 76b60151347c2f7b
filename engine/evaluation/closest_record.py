"""Distance to the closest real record, for training rows and for as many rows that were never trained on.

A synthesizer that copies rows makes synthetic rows lie nearer to the training rows than to the holdout. The
comparison is a detector of bugs: it proves nothing about privacy when it finds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.context import Context
from engine.evaluation.intervals import CONFIDENCE, wilson_interval
from engine.evaluation.neighbours import nearest, stated_ranges, to_points
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError, unavailable
from engine.evaluation.tables import draw_rows

MOST_SYNTHETIC_ROWS = 5_000
MOST_REAL_ROWS = 20_000
MOST_COMPARISONS = 1_500_000_000
"""Cells compared per real table: synthetic rows × real rows × columns; fewer real rows for a wide table."""

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95)
CURVE_LEVELS = tuple(round(0.02 * step, 2) for step in range(51))
LOW_LEVEL = 0.05
"""Share of the synthetic rows that lie nearest to real ones, by which distances and ratios are summed up."""

NO_HOLDOUT = "no real rows were set aside to compare with"
ONE_ROW = "a second nearest row is needed, and there is one real row"

CAVEAT = (
    "A share near one half means only that this comparison saw no copying. It proves nothing about privacy: what is "
    "guaranteed stands in the certificate. A share well above one half is a sign of a fault."
)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Nearness:
    """How near synthetic rows lie to the rows of a real table.

    Args:
        distances: Gower distance to the nearest row, in [0, 1], shape (n,).
        ratios: that distance over the one to the second nearest row, in [0, 1], shape (n,): near 0 where a row clings
            to a single real one. 1 where both are 0, and for all where the table has one row.
    """

    distances: FloatArray
    ratios: FloatArray


def closest_records(context: Context) -> MetricResult:
    """Whether synthetic rows lie nearer to training rows than to as many rows set aside.

    `details` holds:
        n, real_rows_each: synthetic rows, and real rows of each table, that are compared.
        share_closer_to_train, interval: synthetic rows that lie closer to a training row, ties counting as half; the
            interval is for the draw of synthetic rows.
        median_train, median_holdout: median distance to the nearest row.
        quantiles: `{levels, train, holdout}` of the distances.
        curves: `{levels, distance: {train, holdout}, ratio: {train, holdout}}`: quantiles at many levels, for
            cumulative curves; `ratio` is the distance to the nearest row over that to the second nearest.
        caveat: what finding nothing means.
    """
    near, n_real = _nearness(context)
    details = _details(near, n_real)
    value = details["share_closer_to_train"]
    low, high = details["interval"]
    sentence = (
        f"{100 * value:.1f} % of the synthetic rows lie closer to a training row; without copying, half of them would."
    )
    findings = (
        Finding("share-closer-to-training", value, (low, high), 0.5, sentence),
        _low_quantile("distance", near["train"].distances, near["holdout"].distances),
        _low_quantile("ratio", near["train"].ratios, near["holdout"].ratios) if n_real > 1 else _no_ratio(),
    )
    return MetricResult(findings, details)


def _nearness(context: Context) -> tuple[dict[str, Nearness], int]:
    """Nearness to equally many training rows and rows set aside, and how many these are."""
    tables, rng = context.tables, context.rng
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    synthetic = draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, rng)
    affordable = MOST_COMPARISONS // (len(synthetic) * len(tables.fields))
    n_real = max(1, min(len(tables.holdout), len(tables.train), MOST_REAL_ROWS, affordable))
    real = {"train": draw_rows(tables.train, n_real, rng), "holdout": draw_rows(tables.holdout, n_real, rng)}
    ranges = stated_ranges(tables.fields, tables.train)
    points = to_points(tables.fields, {"synthetic": synthetic, **real}, ranges)
    found = {}
    for number, name in enumerate(real):
        distances = nearest(points["synthetic"], points[name], min(2, n_real), _steps(context, number)).distances
        first, second = distances[:, 0], distances[:, -1]
        found[name] = Nearness(first, np.divide(first, second, out=np.ones(len(first)), where=second > 0.0))
    return found, n_real


def _steps(context: Context, number: int) -> Any:
    return lambda share: context.advance((number + share) / 2.0)


def _details(near: Mapping[str, Nearness], n_real: int) -> dict[str, Any]:
    train, holdout = near["train"].distances, near["holdout"].distances
    n = len(train)
    closer = float((train < holdout).sum() + 0.5 * (train == holdout).sum())
    return {
        "median_train": _rounded(np.median(train)),
        "median_holdout": _rounded(np.median(holdout)),
        "share_closer_to_train": _rounded(closer / n),
        "interval": [_rounded(bound) for bound in wilson_interval(closer, n)],
        "n": n,
        "real_rows_each": n_real,
        "quantiles": {
            "levels": list(QUANTILE_LEVELS),
            "train": _quantiles(train, QUANTILE_LEVELS),
            "holdout": _quantiles(holdout, QUANTILE_LEVELS),
        },
        "curves": {
            "levels": list(CURVE_LEVELS),
            "distance": {name: _quantiles(found.distances, CURVE_LEVELS) for name, found in near.items()},
            "ratio": {name: _quantiles(found.ratios, CURVE_LEVELS) for name, found in near.items()},
        },
        "caveat": CAVEAT,
    }


def _low_quantile(measure: str, train: FloatArray, holdout: FloatArray) -> Finding:
    """What the nearest rows lie below, beside the same for rows set aside."""
    value, reference = (float(np.quantile(values, LOW_LEVEL, method="inverted_cdf")) for values in (train, holdout))
    what = "a distance" if measure == "distance" else "a ratio of the distances to the nearest and the second nearest"
    sentence = (
        f"{100 * LOW_LEVEL:g} % of the synthetic rows have {what} of at most {value:.3f} to training rows, and of at "
        f"most {reference:.3f} to rows that were not learned from."
    )
    return Finding(measure, value, _quantile_interval(train), reference, sentence)


def _quantile_interval(values: FloatArray) -> tuple[float, float]:
    """An interval for the quantile at `LOW_LEVEL` of what the rows are drawn from: two order statistics.

    Source: Thompson (1936), "On confidence ranges for the median and other expectation distributions", Annals of
        Mathematical Statistics 7; the ranks are binomial quantiles.
    """
    from scipy.stats import binom

    ordered, tail = np.sort(values), (1.0 - CONFIDENCE) / 2.0
    low = int(binom.ppf(tail, len(ordered), LOW_LEVEL)) - 1
    high = int(binom.ppf(1.0 - tail, len(ordered), LOW_LEVEL))
    return float(ordered[max(low, 0)]), float(ordered[min(high, len(ordered) - 1)])


def _no_ratio() -> Finding:
    missing = unavailable(ONE_ROW)
    return Finding("ratio", missing, missing, missing, f"It could not be computed: {ONE_ROW}.")


def _quantiles(values: FloatArray, levels: tuple[float, ...]) -> list[float]:
    return [_rounded(value) for value in np.quantile(values, levels)]


def _rounded(value: Any) -> float:
    return round(float(value), DECIMALS)
