"""From what an adversary saw in many runs to a lower bound on privacy loss that holds with a stated confidence.

The adversary looks at one number and guesses that the canary was there where the number lies above a threshold. Its
rates of true and false alarms bound ε, and μ, from below. Some runs choose the number and the threshold; the others
alone say what they prove, by intervals that hold for any number of runs.

Source: Clopper and Pearson (1934) for the intervals; Jagielski, Ullman, Oprea, "Auditing Differentially Private
    Machine Learning" (2020), for ε; Nasr et al., "Tight Auditing of Differentially Private Machine Learning" (2023),
    for μ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import beta

FloatArray = npt.NDArray[np.float64]
Loss = Callable[[FloatArray, FloatArray], FloatArray]
"""From least true-positive and greatest false-positive rates to the privacy loss that they prove."""

FEWEST_RUNS = 6
CHOOSING_SHARE = 1 / 3
"""Part of the runs that chooses; more of them prove."""

DOUBT = 2.0
"""Standard errors that are taken off the rates of all statistics but the first while one is chosen."""


@dataclass(frozen=True)
class Guess:
    """What an adversary looks at.

    Args:
        statistic: position of the number.
        threshold: above it, the adversary guesses that the canary was there.
        promise: what the guess would prove if its rates stayed as they were taken.
    """

    statistic: int
    threshold: float
    promise: float


def choose(without: FloatArray, with_canary: FloatArray, loss: Loss, error: float, judged: int) -> Guess:
    """The guess that promises most.

    The best of many statistics looks better than it is, by chance. So each but the first has to promise more than the
    first does with rates that are `DOUBT` standard errors worse than they were seen.

    Args:
        without: what was seen without the canary, shape (runs, number of statistics); the first one is the best where
            nothing leaks.
        with_canary: what was seen with it, of the same shape; each statistic tends to be larger here.
        loss: what rates prove.
        error: of the bound to come.
        judged: runs per side that the bound to come will rest on.
    """
    best = Guess(0, math.inf, -math.inf)
    runs = len(without)
    for statistic in range(without.shape[1]):
        sides = without[:, statistic], with_canary[:, statistic]
        thresholds = np.unique(np.concatenate(sides))
        alarms, hits = ((_above(side, thresholds) + 0.5) / (runs + 1.0) for side in sides)
        if statistic > 0:
            hits = np.maximum(hits - DOUBT * np.sqrt(hits * (1.0 - hits) / runs), 0.0)
            alarms = np.minimum(alarms + DOUBT * np.sqrt(alarms * (1.0 - alarms) / runs), 1.0)
        promises = loss(*confident_rates(judged * hits, judged * alarms, judged, error))
        place = int(np.argmax(promises))
        if promises[place] > best.promise:
            best = Guess(statistic, float(thresholds[place]), float(promises[place]))
    return best


def judge(without: FloatArray, with_canary: FloatArray, guess: Guess, loss: Loss, error: float) -> float:
    """What a guess proves on runs that did not choose it; minus infinity where that is nothing.

    Args:
        without: what was seen without the canary, shape (runs, number of statistics).
        with_canary: what was seen with it, of the same shape.
        guess: chosen on other runs.
        loss: what rates prove.
        error: chance that the bound lies above the truth, at most.
    """
    threshold = np.array([guess.threshold])
    alarms, hits = (_above(side[:, guess.statistic], threshold) for side in (without, with_canary))
    return float(loss(*confident_rates(hits, alarms, len(without), error))[0])


def lower_bound(without: FloatArray, with_canary: FloatArray, loss: Loss, error: float) -> float:
    """A lower bound on the privacy loss from one series of runs: the first of them choose, the others prove.

    Args:
        without: what was seen without the canary, shape (runs, number of statistics).
        with_canary: what was seen with it, of the same shape.
        loss: what rates prove.
        error: chance that the bound lies above the truth, at most.

    Raises:
        ValueError: there are too few runs, or not equally many on both sides.
    """
    if len(without) != len(with_canary) or len(without) < FEWEST_RUNS:
        raise ValueError(f"a bound needs at least {FEWEST_RUNS} runs, and equally many on both sides")
    first = int(len(without) * CHOOSING_SHARE)
    guess = choose(without[:first], with_canary[:first], loss, error, len(without) - first)
    return judge(without[first:], with_canary[first:], guess, loss, error)


def _above(values: FloatArray, thresholds: FloatArray) -> FloatArray:
    """How many values lie above each threshold."""
    return np.asarray(len(values) - np.searchsorted(np.sort(values), thresholds, side="right"), dtype=np.float64)


def confident_rates(hits: FloatArray, alarms: FloatArray, runs: int, error: float) -> tuple[FloatArray, FloatArray]:
    """Least true-positive and greatest false-positive rate.

    Args:
        hits: runs with the canary in which the adversary guessed it, shape (n,).
        alarms: runs without it in which the adversary guessed it all the same, shape (n,).
        runs: number of runs on each side.
        error: chance that one of the two rates lies beyond its bound, half of it for each.

    Returns:
        Both rates, shape (n,).
    """
    tail = error / 2.0
    least = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 0.5), runs - hits + 1.0), 0.0)
    greatest = np.where(alarms < runs, beta.ppf(1.0 - tail, alarms + 1.0, np.maximum(runs - alarms, 0.5)), 1.0)
    return least, greatest


def epsilon_of(delta: float) -> Loss:
    """ε that rates prove at least, by both directions of its definition: no rate passes e^ε times the other, and δ."""

    def loss(hits: FloatArray, alarms: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            present = np.log(np.maximum(hits - delta, 0.0)) - np.log(alarms)
            absent = np.log(np.maximum(1.0 - alarms - delta, 0.0)) - np.log(1.0 - hits)
        return np.asarray(np.maximum(present, absent))

    return loss


def mu_of(delta_extra: float = 0.0) -> Loss:
    """μ that rates prove at least, of a Gaussian that fails with a chance of `delta_extra`.

    Two Gaussians that far apart have these rates at one threshold. With the failure, a rate of true alarms is at most
    δ' + (1 - δ') Φ(Φ⁻¹(α) + μ), where α is the rate of false alarms without it: at most the one with it over 1 - δ'.
    """

    def loss(hits: FloatArray, alarms: FloatArray) -> FloatArray:
        true, false = (hits - delta_extra) / (1.0 - delta_extra), alarms / (1.0 - delta_extra)
        known = (true > 0.0) & (false < 1.0)
        apart = ndtri(np.where(known, true, 0.5)) - ndtri(np.where(known, false, 0.5))
        return np.asarray(np.where(known, apart, -np.inf))

    return loss
