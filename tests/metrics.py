"""One metric of the report on given tables."""

from engine.evaluation.evaluate import evaluate


def measure(name, train, holdout, synthetic, schema, **options):
    """A metric's part of the report: `findings`, `details`, `alarms`, or `unavailable`."""
    return evaluate(train, holdout, synthetic, schema, only=[name], **options)["metrics"][name]


def found(metric, measure):
    """One finding of a metric's part of the report."""
    return next(finding for finding in metric["findings"] if finding["measure"] == measure)
