"""Registry entries of the releasable report: what the plan's own privacy loss paid for, or what costs nothing."""

from __future__ import annotations

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_CHANCE = "As many rows drawn from the synthetic shares"
_GUESSING = "Guessing without the other columns"
_NOTHING = "A bound has no reference"

NOISY_DISTANCES = MetricInfo(
    name="noisy-distances",
    title="Noisy distances",
    part=Part.FIDELITY,
    question="How far do the synthetic rows lie from the private ones, as a charged measurement says?",
    measures=(
        Measure("one-way", "Distance of single columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CHANCE),
        Measure("two-way", "Distance of pairs of columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CHANCE),
        Measure("three-way", "Distance of three columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CHANCE),
    ),
    reads_real_rows=False,
    cost=2.0,
    target="engine.evaluation.charged:noisy_distances",
)
NOISY_UTILITY = MetricInfo(
    name="noisy-utility",
    title="Noisy utility",
    part=Part.UTILITY,
    question="How well does a model that saw synthetic rows only predict rows that nobody learned from?",
    measures=(
        Measure("auc", "Area under the ROC curve", Goal.HIGH, 0.0, 1.0, Unit.SCORE, _GUESSING),
        Measure("accuracy", "Accuracy", Goal.HIGH, 0.0, 1.0, Unit.SHARE, _GUESSING),
        Measure("f1", "F1", Goal.HIGH, 0.0, 1.0, Unit.SCORE, _GUESSING),
    ),
    reads_real_rows=False,
    cost=2.0,
    target="engine.evaluation.charged:noisy_utility",
)
MEASURED_ERROR = MetricInfo(
    name="measured-error",
    title="Error that the method's own measurements allow",
    part=Part.FIDELITY,
    question="How far can the model be from the private counts, given the noise that it was fitted to?",
    measures=(
        Measure("one-way", "Distance of single columns, at most", Goal.LOW, 0.0, 1.0, Unit.SHARE, _NOTHING),
        Measure("measured-sets", "Distance of measured sets, at most", Goal.LOW, 0.0, 1.0, Unit.SHARE, _NOTHING),
        Measure("all-pairs", "Distance of all pairs, at most", Goal.LOW, 0.0, 1.0, Unit.SHARE, _NOTHING),
    ),
    reads_real_rows=False,
    cost=1.0,
    target="engine.evaluation.charged:measured_error",
)

CHARGED_METRICS = (NOISY_DISTANCES, MEASURED_ERROR, NOISY_UTILITY)
