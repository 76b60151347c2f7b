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


def newcombe_interval(
    first: tuple[float, int], second: tuple[float, int], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """An interval for the second of two independent shares minus the first, sound at 0 and 1 too.

    Args:
        first: successes and number of trials, the latter at least 1.
        second: the same of the other sample.
        confidence: chance that the interval holds the difference.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17, method 10.
    """
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    low_1, high_1 = wilson_interval(*first, confidence)
    low_2, high_2 = wilson_interval(*second, confidence)
    difference = share_2 - share_1
    low = difference - math.hypot(share_2 - low_2, high_1 - share_1)
    high = difference + math.hypot(high_2 - share_2, share_1 - low_1)
    return max(-1.0, low), min(1.0, high)


def normal_interval(
    value: float, variance: float, lowest: float = -math.inf, highest: float = math.inf, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The interval of a number that varies normally, cut to its range.

    Args:
        value: the number, inside its range.
        variance: its variance over other samples.
        lowest: least value it can take.
        highest: greatest value it can take.
        confidence: chance that the interval holds the number's mean over samples.
    """
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance)
    return max(lowest, value - half), min(highest, value + half)


def jackknife_variance(values: FloatArray) -> float:
    """Variance of a statistic from its values with one of equally large groups of rows left out at a time.

    Args:
        values: the statistic without each group, shape (n_groups,), at least two.

    Source: Shao and Wu (1989), "A general theory for jackknife variance estimation", Annals of Statistics 17.
    """
    n_groups = len(values)
    return float((n_groups - 1) / n_groups * ((values - values.mean()) ** 2).sum())


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
