"""Whether the noise that a certificate states was drawn: noisy counts less the exact ones.

A marginal method keeps its noisy counts and the scale of their noise. Over that scale, their distance from the exact
counts is a standard Gaussian draw per cell, so the sum of squares over n cells is a chi-squared with n degrees of
freedom. A method that draws no noise, or a part of it, gives far less.

The same can be seen without a private row: each set of columns was counted with noise of its own, so that the totals
of two sets differ, and by as much as the noise of their cells together says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.context import Context
from engine.evaluation.intervals import CONFIDENCE
from engine.evaluation.results import Alarm, Finding, MetricResult, NotComputableError, Score, unavailable
from engine.evaluation.tables import MAXIMUM_ROWS
from engine.privacy.plan import UnitKind
from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.released import ReleasedCounts

ALARM_LEVEL = 1e-6
"""Chance of a false alarm per report: two chi-squared tests at half of it each."""

LEAST_SCALE = 1.0
"""Noise, in rows, below which rounding to whole rows makes it no Gaussian any more; such counts are left out."""

ROUNDING = 1.0 / 12.0
"""What rounding adds to the variance of noise of `LEAST_SCALE` rows or more, to within 1e-7 of it."""

NO_METHOD = "only the rows are known, not the method that drew them"
NO_COUNTS = "the method did not measure noisy counts"
RESTORED = "the noisy counts were not kept with the model"
SAMPLED = f"of {MAXIMUM_ROWS:,} rows or more a sample is compared, and counts need all of them"
PERSONS = "of a person with too many rows random ones were counted, and it is not known here which"
TOO_FINE = f"the noise is smaller than {LEAST_SCALE:g} row, and counts are whole"
ONE_TOTAL = "a single set of columns was counted, and its total has none to differ from"

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Residuals:
    """Distances of noisy counts from what they count, over the scale that is stated for their noise.

    Args:
        columns: names of the columns that were counted together.
        values: one per cell, shape (n_cells,); independent standard Gaussian draws where the noise is as stated.
        scale: standard deviation of the noise of a cell before cells were merged, in rows.
    """

    columns: tuple[str, ...]
    values: FloatArray
    scale: float


@dataclass(frozen=True)
class VarianceRatio:
    """The observed variance of the noise over the stated one.

    Args:
        ratio: 1 where the noise is as stated.
        interval: 95 % interval.
        freedom: degrees of freedom.
        p_value: chance of so little noise or less, where it is as stated.
        p_bound: bound on that chance for noise of whole rows: few of these agree exactly far more often than few
            Gaussian draws come close.
    """

    ratio: float
    interval: tuple[float, float]
    freedom: int
    p_value: float
    p_bound: float

    @classmethod
    def of(cls, sum_of_squares: float, freedom: int, half_rows: float = 0.0) -> VarianceRatio:
        """From a sum of squares that is chi-squared with so many degrees of freedom where the noise is as stated.

        Args:
            sum_of_squares: of residuals over their scale.
            freedom: degrees of freedom.
            half_rows: length of the vector of half a row over the scale of each residual: as far as rounding can have
                moved them all.
        """
        from scipy.stats import chi2

        tail = (1.0 - CONFIDENCE) / 2.0
        low, high = (sum_of_squares / float(chi2.ppf(level, freedom)) for level in (1.0 - tail, tail))
        moved = (math.sqrt(sum_of_squares) + half_rows) ** 2.0
        chances = (float(chi2.cdf(value, freedom)) for value in (sum_of_squares, moved))
        return cls(sum_of_squares / freedom, (low, high), freedom, *chances)


def noise_as_stated(context: Context) -> MetricResult:
    """The ratio of the noise that was drawn to the noise that is stated, as variances; 1 is what it should be.

    `details` holds:
        cells, totals: `{ratio, interval, freedom, p_value}` from the exact counts, and from the totals of the noisy
            counts alone; or `{"unavailable": reason}`.
        sets: per measured set of columns `{columns, cells, noise_scale, ratio}`, the last from the exact counts.
        histogram: `{edges, observed, expected}`: residuals over their scale, in bins that the outermost ends close,
            as counted and as a standard Gaussian has them; only with exact counts.
        alarm_level: p-value below which the alarm is raised, per test.
        too_fine: measured sets that were left out because their noise is below `LEAST_SCALE`.
    """
    synthesizer, released = _measuring(context)
    measured = _measured(released)
    kept = [item for item in measured if float(np.min(item.variance)) >= LEAST_SCALE**2]
    if not kept:
        raise NotComputableError(TOO_FINE)
    names = synthesizer.domain_.names
    context.advance(0.1)
    residuals = _residuals(context, synthesizer, kept)
    cells = _of_cells(residuals) if isinstance(residuals, list) else unavailable(residuals)
    context.advance(0.9)
    totals = _of_totals(kept)
    details = {
        "cells": _ratio_json(cells),
        "totals": _ratio_json(totals),
        "sets": _sets([tuple(names[column] for column in item.columns) for item in kept], kept, residuals),
        "histogram": _histogram(residuals) if isinstance(residuals, list) else unavailable(residuals),
        "alarm_level": ALARM_LEVEL / 2,
        "too_fine": len(measured) - len(kept),
    }
    findings = (
        _finding("cells", cells, "The noise on the counts has"),
        _finding("totals", totals, "By the totals of the noisy counts alone, their noise has"),
    )
    return MetricResult(findings, details, _alarms(cells, totals))


def _measuring(context: Context) -> tuple[MarginalSynthesizer, ReleasedCounts]:
    """The method, fitted or restored, and its noisy counts; raises NotComputableError where there are none."""
    synthesizer = context.synthesizer
    if synthesizer is None:
        raise NotComputableError(NO_METHOD)
    if not isinstance(synthesizer, MarginalSynthesizer):
        raise NotComputableError(NO_COUNTS)
    if synthesizer.released_ is None:
        raise NotComputableError(RESTORED)
    return synthesizer, synthesizer.released_


def _measured(released: ReleasedCounts) -> list[Measurement]:
    """Single columns as they were released, and every set of two columns or more.

    A set that was measured twice is kept once, as the mean by precision: rounding then adds a little less than
    `ROUNDING`, which leaves the ratio too small by less than 0.04 at the finest noise.
    """
    single = [
        Measurement((column,), one_way.counts, np.array(one_way.variance))
        for column, one_way in enumerate(released.one_ways)
    ]
    return [*single, *released.joint]


def _residuals(
    context: Context, synthesizer: MarginalSynthesizer, measured: Sequence[Measurement]
) -> list[Residuals] | str:
    """Distances from the exact counts over their scale, or why there are none."""
    train = context.tables.train
    if synthesizer.plan_.unit.kind is UnitKind.PERSON:
        return PERSONS
    if len(train) >= MAXIMUM_ROWS:
        return SAMPLED
    if not set(synthesizer.domain_.names) <= set(train.columns):
        return "a column that was measured is not compared"
    cells = synthesizer.domain_.encode(train)
    groups = [grouping.group_of[codes] for grouping, codes in zip(synthesizer.groups_, cells, strict=True)]
    found = []
    for number, item in enumerate(measured):
        codes = [(cells if len(item.columns) == 1 else groups)[column] for column in item.columns]
        exact = np.bincount(np.ravel_multi_index(codes, item.counts.shape), minlength=item.counts.size)
        deviation = np.sqrt(np.broadcast_to(item.variance, item.counts.shape) + ROUNDING).ravel()
        names = tuple(synthesizer.domain_.names[column] for column in item.columns)
        values = (item.counts.ravel() - exact) / deviation
        found.append(Residuals(names, values, math.sqrt(float(np.min(item.variance)))))
        context.advance(0.1 + 0.8 * number / len(measured))
    return found


def _of_cells(residuals: Sequence[Residuals]) -> VarianceRatio:
    values = np.concatenate([item.values for item in residuals])
    half_rows = math.sqrt(sum(0.25 * item.values.size / (item.scale**2.0 + ROUNDING) for item in residuals))
    return VarianceRatio.of(float(values @ values), values.size, half_rows)


def _of_totals(measured: Sequence[Measurement]) -> VarianceRatio | dict[str, str]:
    """From the totals of the noisy counts: all estimate the same number of rows, each with the noise of its cells."""
    if len(measured) < 2:
        return unavailable(ONE_TOTAL)
    totals = np.array([item.counts.sum() for item in measured])
    variances = np.array(
        [float((np.broadcast_to(item.variance, item.counts.shape) + ROUNDING).sum()) for item in measured]
    )
    mean = float((totals / variances).sum() / (1.0 / variances).sum())
    half_rows = math.sqrt(float((0.25 / variances).sum()))
    return VarianceRatio.of(float(((totals - mean) ** 2.0 / variances).sum()), len(measured) - 1, half_rows)


def _ratio_json(found: VarianceRatio | dict[str, str]) -> dict[str, Any]:
    if isinstance(found, dict):
        return found
    return {
        "ratio": round(found.ratio, 6),
        "interval": [round(end, 6) for end in found.interval],
        "freedom": found.freedom,
        "p_value": found.p_value,
    }


def _sets(
    names: Sequence[tuple[str, ...]], measured: Sequence[Measurement], residuals: list[Residuals] | str
) -> list[dict[str, Any]]:
    ratios: list[Score] = (
        [round(float(np.mean(item.values**2.0)), 6) for item in residuals]
        if isinstance(residuals, list)
        else [unavailable(residuals)] * len(measured)
    )
    return [
        {
            "columns": list(columns),
            "cells": item.counts.size,
            "noise_scale": round(math.sqrt(float(np.min(item.variance))), 3),
            "ratio": ratio,
        }
        for columns, item, ratio in zip(names, measured, ratios, strict=True)
    ]


def _histogram(residuals: Sequence[Residuals]) -> dict[str, list[float]]:
    from scipy.special import ndtr

    edges = np.linspace(-4.0, 4.0, 33)
    values = np.clip(np.concatenate([item.values for item in residuals]), edges[0], edges[-1])
    below = np.concatenate([[0.0], ndtr(edges[1:-1]), [1.0]])
    return {
        "edges": edges.tolist(),
        "observed": np.histogram(values, edges)[0].tolist(),
        "expected": np.round(np.diff(below) * values.size, 2).tolist(),
    }


def _finding(measure: str, found: VarianceRatio | dict[str, str], begin: str) -> Finding:
    if isinstance(found, dict):
        return Finding(measure, found, found, 1.0, f"It could not be computed: {found['unavailable']}.")
    low, high = found.interval
    if high < 1.0:
        verdict = "which is less than what is stated"
    elif low > 1.0:
        verdict = "which is more than what is stated, or these are not the rows that were counted"
    else:
        verdict = "which agrees with what is stated"
    sentence = (
        f"{begin} {100 * found.ratio:.0f} % of the stated variance ({100 * low:.0f} to {100 * high:.0f} %), {verdict}."
    )
    return Finding(measure, found.ratio, found.interval, 1.0, sentence)


def _alarms(*ratios: VarianceRatio | dict[str, str]) -> tuple[Alarm, ...]:
    found = [ratio for ratio in ratios if isinstance(ratio, VarianceRatio)]
    worst = min(found, key=lambda ratio: ratio.p_bound, default=None)
    if worst is None or worst.p_bound >= ALARM_LEVEL / 2:
        return ()
    sentence = (
        f"The noise on the released counts has {100 * worst.ratio:.1f} % of the variance that the certificate states. "
        f"Noise as stated is that small in fewer than one of {round(1 / ALARM_LEVEL):,} runs, so the stated ε does not "
        "hold."
    )
    return (Alarm("noise_missing", "The noise that the certificate states was not drawn", sentence),)
