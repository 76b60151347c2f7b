"""Registry entries of the utility metrics: what an analyst can do with the synthetic rows."""

from __future__ import annotations

import math

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

UTILITY_METRICS = (
    MetricInfo(
        name="prediction",
        title="Models trained on synthetic rows",
        part=Part.UTILITY,
        question="Do models that saw synthetic rows only predict real rows as well as models that saw real ones?",
        measures=(
            Measure(
                "score",
                "Best model, AUC or R²",
                Goal.HIGH,
                -math.inf,
                1.0,
                Unit.SCORE,
                "The same, trained on real rows",
            ),
        ),
        reads_real_rows=True,
        cost=6.0,
        target="engine.evaluation.utility:prediction",
    ),
)
