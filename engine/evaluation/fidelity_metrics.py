"""Registry entries of the fidelity metrics: how close the synthetic rows are to the real ones."""

from __future__ import annotations

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_HOLDOUT = "Equally many real rows set aside"

FIDELITY_METRICS = (
    MetricInfo(
        name="marginals",
        title="Distributions of columns and pairs",
        part=Part.FIDELITY,
        question="Which share of the rows would have to change a value for the tables to count alike?",
        measures=(
            Measure("one-way", "Distance of single columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure("two-way", "Distance of pairs of columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
        ),
        reads_real_rows=True,
        cost=2.0,
        target="engine.evaluation.fidelity:marginals",
    ),
    MetricInfo(
        name="sdmetrics",
        title="Scores of the sdmetrics library",
        part=Part.FIDELITY,
        question="Which scores does a widely used library give, by its own definitions?",
        measures=(
            Measure("quality", "Quality", Goal.HIGH, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure("diagnostic", "Diagnostic", Goal.HIGH, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
        ),
        reads_real_rows=True,
        cost=8.0,
        target="engine.evaluation.sdmetrics_scores:sdmetrics_scores",
    ),
    MetricInfo(
        name="projection",
        title="The table in two dimensions",
        part=Part.FIDELITY,
        question="Are synthetic rows spread as the real ones are, along the directions in which these vary most?",
        measures=(Measure("spread", "Distance in the plane", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),),
        reads_real_rows=True,
        cost=1.0,
        target="engine.evaluation.projection:projection",
    ),
)
