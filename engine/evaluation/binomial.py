"""Exact statements about a number of successes: an interval for their share, and how surprising they are."""

from __future__ import annotations

import math

from engine.evaluation.intervals import CONFIDENCE


def clopper_pearson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval that holds the share of successes with at least the stated chance, whatever the share is.

    Args:
        successes: how many of `n`.
        n: number of independent trials, at least 1.
        confidence: least chance that the interval holds the share.

    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the
        binomial", Biometrika 26.
    """
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1.0 - tail)) if successes < n else 1.0
    return low, high


def binomial_tail(successes: int, n: int, share: float, together: int = 1) -> float:
    """Bound on the chance of so many successes or more; exact where trials are independent.

    Args:
        successes: how many of `n`.
        n: number of trials.
        share: chance of each, in [0, 1].
        together: most trials that succeed or fail together, such as the rows of one person.

    Source: where trials go together, Chernoff's bound with n / together trials. It holds for any groups of at most that
        size: log(1 - p + p e^(λw)) is convex in the weight w and 0 at 0, so a group of w trials counts for at most
        w / together of one of `together` trials.
    """
    from scipy.stats import binom

    if successes <= n * share:
        return 1.0
    if together == 1:
        return float(binom.sf(successes - 1, n, share))
    return math.exp(-n / together * _relative_entropy(successes / n, share))


def _relative_entropy(first: float, second: float) -> float:
    if second in (0.0, 1.0):
        return 0.0 if first == second else math.inf
    inside = first * math.log(first / second) if first > 0.0 else 0.0
    outside = (1.0 - first) * math.log((1.0 - first) / (1.0 - second)) if first < 1.0 else 0.0
    return inside + outside
