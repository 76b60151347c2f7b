"""Registry entries of the fidelity metrics: how close the synthetic rows are to the real ones."""

from __future__ import annotations

import math

from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit

_HOLDOUT = "Equally many real rows set aside"

FIDELITY_METRICS = (
    MetricInfo(
        name="marginals",
        title="Distributions of columns, pairs and triples",
        part=Part.FIDELITY,
        question="Which share of the rows would have to change a value for the tables to count alike?",
        measures=(
            Measure("one-way", "Distance of single columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure("two-way", "Distance of pairs of columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure("three-way", "Distance of triples of columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure(
                "two-way-sample-share",
                "Random sample of the real rows whose pairs are as far off",
                Goal.HIGH,
                0.0,
                1.0,
                Unit.SHARE,
                "As many fresh real rows, by calculation",
            ),
        ),
        reads_real_rows=True,
        cost=0.8,
        target="engine.evaluation.fidelity:marginals",
    ),
    MetricInfo(
        name="association",
        title="Associations between columns",
        part=Part.FIDELITY,
        question="Do columns go together as strongly as in the real rows?",
        measures=(
            Measure("cramers-v", "Mean difference of Cramér's V", Goal.LOW, 0.0, 1.0, Unit.SCORE, _HOLDOUT),
            Measure(
                "rank-correlation", "Mean difference of rank correlation", Goal.LOW, 0.0, 2.0, Unit.SCORE, _HOLDOUT
            ),
        ),
        reads_real_rows=True,
        cost=0.4,
        target="engine.evaluation.association:associations",
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
        cost=7.0,
        target="engine.evaluation.sdmetrics_scores:sdmetrics_scores",
    ),
    MetricInfo(
        name="detection",
        title="Telling synthetic from real rows",
        part=Part.FIDELITY,
        question="Can a classifier tell a synthetic row from a real one, and by which columns?",
        measures=(
            Measure("auc", "Area under the ROC curve, boosted trees", Goal.LOW, 0.5, 1.0, Unit.SCORE, _HOLDOUT),
            Measure(
                "auc-linear", "Area under the ROC curve, logistic regression", Goal.LOW, 0.5, 1.0, Unit.SCORE, _HOLDOUT
            ),
        ),
        reads_real_rows=True,
        cost=4.0,
        target="engine.evaluation.detection:detection",
    ),
    MetricInfo(
        name="coverage",
        title="Coverage of categories and ranges",
        part=Part.FIDELITY,
        question="Do synthetic rows reach every real category and stretch of the number line, and do they invent any?",
        measures=(
            Measure("categories", "Real categories reached", Goal.HIGH, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure("ranges", "Real number ranges reached", Goal.HIGH, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure(
                "invented",
                "Rows with a category that no training row has",
                Goal.LOW,
                0.0,
                1.0,
                Unit.SHARE,
                "Real rows set aside",
            ),
        ),
        reads_real_rows=True,
        cost=0.3,
        target="engine.evaluation.coverage:coverage",
    ),
    MetricInfo(
        name="missingness",
        title="Missing values",
        part=Part.FIDELITY,
        question="Are values missing as often, and together with the same others?",
        measures=(
            Measure("shares", "Mean difference of a column's missing share", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT),
            Measure(
                "patterns", "Distance of the patterns of missing columns", Goal.LOW, 0.0, 1.0, Unit.SHARE, _HOLDOUT
            ),
        ),
        reads_real_rows=True,
        cost=0.2,
        target="engine.evaluation.missingness:missingness",
    ),
    MetricInfo(
        name="subgroups",
        title="Worst subgroups",
        part=Part.FIDELITY,
        question="Which groups of rows are of the wrong size, or made up otherwise inside?",
        measures=(
            Measure(
                "size-error",
                "Largest relative error of a subgroup's size",
                Goal.LOW,
                0.0,
                math.inf,
                Unit.SHARE,
                _HOLDOUT,
            ),
            Measure(
                "inside-distance",
                "Largest distance of columns inside a subgroup",
                Goal.LOW,
                0.0,
                1.0,
                Unit.SHARE,
                _HOLDOUT,
            ),
        ),
        reads_real_rows=True,
        cost=0.5,
        target="engine.evaluation.subgroups:subgroups",
    ),
    MetricInfo(
        name="violations",
        title="Violations of the schema and its rules",
        part=Part.FIDELITY,
        question="Does every synthetic row keep the schema and its rules?",
        measures=(Measure("rows", "Rows that break them", Goal.LOW, 0.0, math.inf, Unit.COUNT, "None expected"),),
        reads_real_rows=False,
        cost=0.1,
        target="engine.evaluation.violations:violations",
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
