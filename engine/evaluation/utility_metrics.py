"""Registry entries of the utility metrics: what an analyst can do with the synthetic rows."""

from __future__ import annotations

import math

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_REAL = "The same, trained on real rows"
_HOLDOUT = "Equally many real rows set aside"
_NOTHING = "What a model that learned nothing would lose"

UTILITY_METRICS = (
    MetricInfo(
        name="prediction",
        title="Models trained on synthetic rows",
        part=Part.UTILITY,
        question="Do models that saw synthetic rows only predict real rows as well as models that saw real ones?",
        measures=(
            Measure("boosting", "Gradient boosting, AUC or R²", Goal.HIGH, -math.inf, 1.0, Unit.SCORE, _REAL),
            Measure("linear", "Linear model, AUC or R²", Goal.HIGH, -math.inf, 1.0, Unit.SCORE, _REAL),
            Measure("boosting-loss", "Loss of gradient boosting", Goal.LOW, -math.inf, math.inf, Unit.SCORE, _NOTHING),
            Measure("linear-loss", "Loss of the linear model", Goal.LOW, -math.inf, math.inf, Unit.SCORE, _NOTHING),
            Measure(
                "importance",
                "Agreement on which columns matter",
                Goal.HIGH,
                -1.0,
                1.0,
                Unit.SCORE,
                "Two models trained on real rows",
            ),
        ),
        reads_real_rows=True,
        cost=8.0,
        target="engine.evaluation.prediction:prediction",
    ),
    MetricInfo(
        name="queries",
        title="Answers to queries",
        part=Part.UTILITY,
        question="How far off are counts, means and group-bys that are asked of the synthetic rows?",
        measures=(
            Measure("counts-median", "Counts, median error", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
            Measure("counts-95", "Counts, 95 % quantile", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
            Measure("means-median", "Means, median error", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
            Measure("means-95", "Means, 95 % quantile", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
            Measure("groups-median", "Group-bys, median error", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
            Measure("groups-95", "Group-bys, 95 % quantile", Goal.LOW, 0.0, math.inf, Unit.SHARE, _HOLDOUT),
        ),
        reads_real_rows=True,
        cost=1.0,
        target="engine.evaluation.queries:queries",
    ),
)
