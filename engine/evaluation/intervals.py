"""Intervals: a number that rests on a sample never stands alone."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
BOOTSTRAP_REPLICATES = 200

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def wilson_interval(successes: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval for a share, sound at 0 and at n successes too.

    Args:
        successes: how many of `n`; a tie may count as a half, which only makes the interval wider than needed.
        n: number of trials, at least 1.
        confidence: chance that the interval holds the share.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_weights(n: int, replicates: int, rng: np.random.Generator) -> IntArray:
    """How often each of n rows is drawn in each of the resamples, shape (replicates, n)."""
    return rng.multinomial(n, np.full(n, 1.0 / n), size=replicates).astype(np.int64)


def percentile_interval(values: FloatArray, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The middle of the resampled values, or None where none is finite.

    Args:
        values: one statistic per resample, shape (replicates,); not finite where a resample has none.
        confidence: share of the values inside.

    Source: Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)
