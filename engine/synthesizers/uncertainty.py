"""How far a model's marginals can lie from the private ones: from the noise alone, without reading a row.

All distances are sums of absolute differences of counts (L1), in rows. Z is a vector of independent Gaussian draws
with standard deviations σᵢ, and each released count was rounded, which moves it by at most half a row. For any fixed
a, ‖a + Z‖₁ exceeds its mean, or falls below it, by more than √(2 Σσᵢ² ln(1/β)) with probability at most β each
(Gaussian concentration; Boucheron, Lugosi, Massart 2013, Theorem 5.6). The mean of ‖Z‖₁ is √(2/π) Σσᵢ.

* **Measured**, y = a + Z, model m fitted to y: ‖a - m‖₁ ≤ ‖y - m‖₁ + ‖Z‖₁.
* **Not measured**, but a candidate of a selection: with e the model before it, every candidate's score is at most the
  chosen one's plus 2 Δ ln(candidates/β)/ε (McSherry and Talwar 2007, Theorem 6). The chosen one's distance ‖a - e‖₁ is
  at most the mean of ‖y - e‖₁, since e does not depend on Z (Jensen), and ‖a - m‖₁ ≤ ‖a - e‖₁ + ‖e - m‖₁.

Source: McKenna, Mullins, Sheldon, Miklau, "AIM" (2022), §5, for the two cases; the constants are derived above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Columns = tuple[int, ...]

CONFIDENCE = 0.95
"""Each bound holds with at least this probability; not all of them at once."""

_SCALES = 100
"""Factors of two between the least and the greatest sum of variances that a run can have: 2⁻²⁰ to 2⁸⁰ rows²."""

NOISE_MEAN = math.sqrt(2.0 / math.pi)
"""Mean absolute value of a standard Gaussian."""


@dataclass(frozen=True)
class SelectionRecord:
    """A choice among candidates and what was then measured; released numbers only.

    Args:
        candidates: sets of columns that could have been chosen.
        penalties: number taken off each candidate's distance.
        weights: weight of each candidate's score.
        sensitivity: largest change of a score by one unit.
        epsilon: of the exponential mechanism.
        chosen: index into `candidates`.
        counts: noisy counts of the chosen set, measured after the choice.
        noise_scale: their noise, in rows.
        expected: the model's counts of each candidate before the choice.
    """

    candidates: Sequence[Columns]
    penalties: Sequence[float]
    weights: Sequence[float]
    sensitivity: float
    epsilon: float
    chosen: int
    counts: FloatArray
    noise_scale: float
    expected: Mapping[Columns, FloatArray]


@dataclass(frozen=True)
class MeasuredError:
    """What a measured set of columns says of the model's error; released numbers only.

    Args:
        columns: positions of the columns.
        distance: L1 distance of the noisy counts from the model's, in rows.
        deviations: sum of the noise's standard deviations over the cells.
        variances: sum of its variances.
        rounded: rounded counts behind the cells.
    """

    columns: Columns
    distance: float
    deviations: float
    variances: float
    rounded: float

    @classmethod
    def of(cls, columns: Columns, counts: FloatArray, modelled: FloatArray, variance: FloatArray) -> MeasuredError:
        """From noisy counts, the model's counts and the noise variance per cell, broadcastable to them."""
        variances = np.broadcast_to(variance, counts.shape)
        rounded = float((variances / variances.min()).sum())  # a cell of several merged ones was rounded as often
        deviations = float(np.sqrt(variances).sum())
        return cls(columns, float(np.abs(counts - modelled).sum()), deviations, float(variances.sum()), rounded)


def mean_bounds(errors: Sequence[MeasuredError]) -> tuple[float, float]:
    """Bounds on the mean L1 distance of sets of columns between the private counts and the model's, in rows.

    The noise of each set is drawn after the set and its noise scale are chosen, so the sums of ‖Z‖₁ less their means
    form a martingale whose steps are sub-Gaussian, and the concentration of one set holds for their sum with V, the sum
    of the variances: the mean is bounded more closely than any single set. Which sets are measured follows from earlier
    noise, so V is random. It is known to a factor of two by one of `_SCALES` stretches, and a bound for each of them
    holds with a confidence divided by their number: the sum is within √(4 V ln(2 scales/β)) of its mean. A set that
    was measured again counts as one measurement with less noise.

    Args:
        errors: at least one.

    Returns:
        A lower and an upper bound; both hold together with at least the stated confidence.
    """
    distance = math.fsum(error.distance for error in errors)
    noise = NOISE_MEAN * math.fsum(error.deviations for error in errors)
    chance = (1.0 - CONFIDENCE) / (2.0 * _SCALES)
    slack = _excess(2.0 * np.array([error.variances for error in errors]), chance)
    slack += 0.5 * math.fsum(error.rounded for error in errors)
    return max(distance - noise - slack, 0.0) / len(errors), (distance + noise + slack) / len(errors)


def measured_bound(counts: FloatArray, modelled: FloatArray, variance: FloatArray) -> float:
    """Bound on the L1 distance of a measured marginal from the model's, in rows.

    Args:
        counts: noisy counts.
        modelled: the model's counts, of the same shape.
        variance: noise variance per cell, broadcastable to them.
    """
    error = MeasuredError.of((), counts, modelled, variance)
    noise = NOISE_MEAN * error.deviations + _excess(np.array([error.variances]), 1.0 - CONFIDENCE)
    return error.distance + noise + 0.5 * error.rounded


def candidate_bounds(record: SelectionRecord, marginal: Callable[[Columns], FloatArray]) -> dict[Columns, float]:
    """Bounds on the L1 distance of every candidate of a selection from the final model, in rows.

    Args:
        record: the selection.
        marginal: the final model's counts of a set of columns.
    """
    half = (1.0 - CONFIDENCE) / 2.0
    chosen = record.candidates[record.chosen]
    distance = float(np.abs(record.counts - record.expected[chosen]).sum()) + 0.5 * record.counts.size
    distance += _excess(np.full(record.counts.shape, record.noise_scale**2.0), half)
    score = record.weights[record.chosen] * (distance - record.penalties[record.chosen])
    score += 2.0 * record.sensitivity * math.log(len(record.candidates) / half) / record.epsilon
    return {
        columns: max(score / weight + penalty, 0.0) + float(np.abs(record.expected[columns] - marginal(columns)).sum())
        for columns, penalty, weight in zip(record.candidates, record.penalties, record.weights, strict=True)
    }


def error_entry(names: Sequence[str], bound_rows: float, total: float, **details: Any) -> dict[str, Any]:
    """One line of the certificate: a bound as a share of rows, where it says anything.

    Args:
        names: the columns.
        bound_rows: bound on the L1 distance, in rows.
        total: noisy number of rows.
        details: further fields.
    """
    share = bound_rows / (2.0 * max(total, 1.0))
    return {"columns": list(names), "distance_at_most": round(share, 4) if share < 1.0 else None, **details}


def _excess(variances: FloatArray, chance: float) -> float:
    return math.sqrt(2.0 * float(variances.sum()) * math.log(1.0 / chance))
