"""The error that a marginal method's own measurements bound, at no further privacy loss.

The method measured some sets of columns with noise of a known size and fitted a model to them. What lies between the
noisy counts and the model's, less what noise alone makes, says how far the model can be from the private counts. The
model followed the noisy counts, so their distance is too small an estimate: only the bounds are given. They are about
the model's cells and the model's counts; rounding to whole rows and drawing values inside a cell come on top.
"""

from __future__ import annotations

import math
from itertools import combinations

from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError, unavailable
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.uncertainty import MeasuredError, mean_bounds

NO_MODEL = "the method measures no counts that would bound its error"
NO_PAIR = "the method measured no set of several columns"
NO_CHOICE = "the method chose among no pairs, so nothing bounds those that it did not measure"
NO_BOUND = "the noise is so large that it bounds nothing"


def measured_error(synthesizer: Synthesizer) -> MetricResult:
    """Bounds on the mean distance of single columns, of measured sets of columns, and of all pairs.

    Args:
        synthesizer: fitted.

    Returns:
        Findings whose value is the upper bound and whose interval holds the mean distance with 95 % confidence. As
        details: `sets`, how many measured columns and larger sets there are; `bounded_pairs`, how many pairs were
        candidates of the last choice, while the others count as wholly different; and `rows`, the noisy number of rows.

    Raises:
        NotComputableError: the method measures no counts.
    """
    if not isinstance(synthesizer, MarginalSynthesizer):
        raise NotComputableError(NO_MODEL)
    total = synthesizer.model_.total
    errors = synthesizer.measured_errors()
    single = [error for error in errors if len(error.columns) == 1]
    larger = [error for error in errors if len(error.columns) > 1]
    findings = (
        _measured("one-way", single, total, "a column", NO_MODEL),
        _measured("measured-sets", larger, total, "a set of columns that was measured", NO_PAIR),
        _all_pairs(synthesizer, total),
    )
    details = {
        "sets": {"one-way": len(single), "measured-sets": len(larger)},
        "bounded_pairs": len(synthesizer.pair_bounds()),
        "rows": round(total),
    }
    return MetricResult(findings, details)


def _measured(measure: str, errors: list[MeasuredError], total: float, what: str, why_not: str) -> Finding:
    if not errors:
        return _missing(measure, why_not)
    low, high = (bound / (2.0 * total) for bound in mean_bounds(errors))
    return _bound(measure, low, high, what)


def _all_pairs(synthesizer: MarginalSynthesizer, total: float) -> Finding:
    bounds = synthesizer.pair_bounds()
    pairs = list(combinations(range(len(synthesizer.domain_.names)), 2))
    if not bounds:
        return _missing("all-pairs", NO_CHOICE)
    # No distance exceeds 1, which is all that is known of a pair that was no candidate.
    high = math.fsum(min(bounds.get(pair, math.inf) / (2.0 * total), 1.0) for pair in pairs) / len(pairs)
    return _bound("all-pairs", 0.0, high, "a pair of columns")


def _bound(measure: str, low: float, high: float, what: str) -> Finding:
    high = math.ceil(high * 10.0**DECIMALS) / 10.0**DECIMALS  # a bound is never rounded down
    if high >= 1.0:
        return _missing(measure, NO_BOUND)
    sentence = (
        f"On average at most {100.0 * high:.1f} % of the rows would have to move to another cell of {what}, as the "
        "model counts them; the method's own noise says so with 95 % confidence, and the truth is often far less."
    )
    reference = unavailable("a bound has nothing to be held against")
    return Finding(measure, high, (min(low, high), high), reference, sentence)


def _missing(measure: str, why_not: str) -> Finding:
    reason = unavailable(why_not)
    return Finding(measure, reason, reason, reason, f"It could not be computed: {why_not}.")
