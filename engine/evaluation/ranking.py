"""How well scores tell two groups apart."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from engine.evaluation.binomial import clopper_pearson_interval
from engine.evaluation.intervals import CONFIDENCE

MOST_POINTS = 80

FloatArray = npt.NDArray[np.float64]


def area_under_roc(positives: FloatArray, negatives: FloatArray) -> tuple[float, tuple[float, float]]:
    """The chance that a positive scores higher than a negative, ties counting as half, and its interval.

    Args:
        positives: scores, shape (n,), n at least 1.
        negatives: scores, shape (m,), m at least 1.

    Where all pairs agree the variance is zero; then the interval is Clopper and Pearson's for the smaller group.
    """
    area, variance = area_and_variance(positives, negatives)
    if variance <= 0.0:
        few = min(len(positives), len(negatives))
        low, high = clopper_pearson_interval(round(area * few), few)
        return area, (min(low, area), max(high, area))
    half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * math.sqrt(variance)
    return area, (max(0.0, area - half), min(1.0, area + half))


def area_and_variance(positives: FloatArray, negatives: FloatArray) -> tuple[float, float]:
    """The area under the ROC curve, ties counting as half, and its variance; a group of one row adds none to it.

    Args:
        positives: scores, shape (n,), n at least 1.
        negatives: scores, shape (m,), m at least 1.

    Source: DeLong, DeLong, Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver operating
        characteristic curves", Biometrics 44.
    """
    above = _share_below(positives, negatives)
    below = 1.0 - _share_below(negatives, positives)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    return float(above.mean()), float(variance)


def _share_below(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Per score, the share of the others that are lower, ties counting as half."""
    ordered = np.sort(others)
    ranks = np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")
    return np.asarray(ranks / (2.0 * len(others)), dtype=np.float64)


def true_positives_at(positives: FloatArray, negatives: FloatArray, rate: float) -> int:
    """How many positives score above a threshold that at most this share of the negatives score above."""
    allowed = math.floor(rate * len(negatives) + 1e-9)
    threshold = np.sort(negatives)[len(negatives) - allowed - 1] if allowed < len(negatives) else -math.inf
    return int((positives > threshold).sum())


def roc_points(positives: FloatArray, negatives: FloatArray) -> dict[str, list[float]]:
    """Points of the ROC curve at false positive rates that are even on a logarithmic axis, lowest first."""
    m = len(negatives)
    counts = np.unique(np.rint(np.geomspace(1, m, MOST_POINTS)).astype(np.int64))
    return {
        "false_positive_rate": [round(int(count) / m, 6) for count in counts],
        "true_positive_rate": [
            round(true_positives_at(positives, negatives, count / m) / len(positives), 6) for count in counts.tolist()
        ],
    }
