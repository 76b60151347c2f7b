"""Registry entries of the utility metrics: what an analyst can do with the synthetic rows."""

from __future__ import annotations

import math

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_REAL = "The same, trained on real rows"
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
        cost=6.0,
        target="engine.evaluation.prediction:prediction",
    ),
)
