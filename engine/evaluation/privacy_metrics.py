"""Registry entries of the privacy attacks. Finding nothing proves nothing; what is guaranteed is in the certificate."""

from __future__ import annotations

import math

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_CONTROL = "No more than on rows never trained on"

PRIVACY_METRICS = (
    MetricInfo(
        name="singling-out",
        title="Singling out",
        part=Part.PRIVACY,
        question="Do conditions that single out a synthetic row single out a training row too?",
        measures=(
            Measure("univariate", "Risk by one column", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CONTROL),
            Measure("multivariate", "Risk by several columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CONTROL),
        ),
        reads_real_rows=True,
        cost=1.0,
        target="engine.evaluation.singling_out:singling_out",
    ),
    MetricInfo(
        name="linkability",
        title="Linkability",
        part=Part.PRIVACY,
        question="Do synthetic rows tell that two halves of a training record belong to one person?",
        measures=(Measure("risk", "Risk of linking two halves", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CONTROL),),
        reads_real_rows=True,
        cost=1.0,
        target="engine.evaluation.linkability:linkability",
    ),
    MetricInfo(
        name="attribute-inference",
        title="Attribute inference",
        part=Part.PRIVACY,
        question="Do synthetic rows tell a value of a training record of which all other values are known?",
        measures=(
            Measure("all-columns", "Risk over all columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CONTROL),
            Measure(
                "clearest-column", "Risk of the column that stands out most", Goal.LOW, 0.0, 1.0, Unit.SHARE, _CONTROL
            ),
        ),
        reads_real_rows=True,
        cost=2.0,
        target="engine.evaluation.inference:attribute_inference",
    ),
    MetricInfo(
        name="membership",
        title="Membership inference",
        part=Part.PRIVACY,
        question="Can the synthetic rows tell who was among the training rows?",
        measures=(
            Measure("auc", "Training rows told from others (AUC)", Goal.LOW, 0.0, 1.0, Unit.SCORE, "Guessing"),
            Measure(
                "true-positives-at-1-percent", "Recognised at 1 % false", Goal.LOW, 0.0, 1.0, Unit.SHARE, "Guessing"
            ),
            Measure(
                "true-positives-at-0.1-percent", "Recognised at 0.1 % false", Goal.LOW, 0.0, 1.0, Unit.SHARE, "Guessing"
            ),
            Measure("advantage", "Recognised, less falsely accused", Goal.LOW, -1.0, 1.0, Unit.SHARE, "Guessing"),
            Measure("epsilon", "ε that the attack proves", Goal.LOW, 0.0, math.inf, Unit.EPSILON, "ε as stated"),
        ),
        reads_real_rows=True,
        cost=3.0,
        target="engine.evaluation.membership:membership_inference",
    ),
    MetricInfo(
        name="closest-record",
        title="Distance to the closest record",
        part=Part.PRIVACY,
        question="Do synthetic rows lie nearer to the rows that were learned from than to rows that were not?",
        measures=(
            Measure(
                "share-closer-to-training", "Closer to a training row", Goal.LOW, 0.0, 1.0, Unit.SHARE, "Chance alone"
            ),
            Measure("distance", "Distance, 5 % are nearer", Goal.HIGH, 0.0, 1.0, Unit.SCORE, "Distance to other rows"),
            Measure("ratio", "Distance ratio, 5 % are lower", Goal.HIGH, 0.0, 1.0, Unit.SCORE, "Ratio for other rows"),
        ),
        reads_real_rows=True,
        cost=4.0,
        target="engine.evaluation.closest_record:closest_records",
    ),
    MetricInfo(
        name="copies",
        title="Copied rows",
        part=Part.PRIVACY,
        question="Do more synthetic rows equal a training row than equal a row that was never trained on?",
        measures=(
            Measure(
                "exact", "Rows equal to a training row", Goal.LOW, 0.0, math.inf, Unit.COUNT, "Equally many other rows"
            ),
            Measure(
                "near", "Rows equal but for one column", Goal.LOW, 0.0, math.inf, Unit.COUNT, "Equally many other rows"
            ),
            Measure("rare", "Unusual training rows found", Goal.LOW, 0.0, 1.0, Unit.SHARE, "Unusual other rows"),
        ),
        reads_real_rows=True,
        cost=2.0,
        target="engine.evaluation.copies:copied_rows",
    ),
    MetricInfo(
        name="noise-check",
        title="Noise on the released counts",
        part=Part.PRIVACY,
        question="Is the noise on the released counts as large as the certificate states?",
        measures=(
            Measure("cells", "Noise drawn, of noise stated", Goal.HIGH, 0.0, math.inf, Unit.SHARE, "As stated"),
            Measure("totals", "The same from totals alone", Goal.HIGH, 0.0, math.inf, Unit.SHARE, "As stated"),
        ),
        reads_real_rows=True,
        cost=1.0,
        target="engine.evaluation.noise_check:noise_as_stated",
    ),
)
