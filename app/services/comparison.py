"""Reports of several runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.errors import InvalidInputError
from app.services.comparison_views import ComparedFinding, ComparedMeasure, ComparedRun, Comparison
from app.services.views import RunView

FEWEST_RUNS, MOST_RUNS = 2, 4
NOT_IN_REPORT = "this report does not have it"


def check_choice(run_ids: Sequence[str]) -> None:
    """Refuse a choice of runs that cannot be compared; raises InvalidInputError."""
    if not FEWEST_RUNS <= len(run_ids) <= MOST_RUNS or len(set(run_ids)) < len(run_ids):
        raise InvalidInputError(f"Choose {FEWEST_RUNS} to {MOST_RUNS} different runs to compare.")


def compare_reports(runs: Sequence[RunView], reports: Sequence[Mapping[str, Any]]) -> Comparison:
    """All findings of several reports, measure by measure.

    Args:
        runs: runs of one dataset.
        reports: the evaluation of each, of the current version.

    Raises:
        InvalidInputError: the runs are of different datasets.
    """
    if len({run.dataset_id for run in runs}) > 1:
        raise InvalidInputError("These runs are of different datasets. Choose runs of one dataset.")
    return Comparison(
        classification="internal",
        dataset_id=runs[0].dataset_id,
        dataset_name=runs[0].dataset_name,
        runs=tuple(_run(run, report) for run, report in zip(runs, reports, strict=True)),
        measures=tuple(_measures(reports)),
    )


def _run(run: RunView, report: Mapping[str, Any]) -> ComparedRun:
    return ComparedRun(
        id=run.id,
        method=run.method,
        guarantee=run.guarantee,
        epsilon=run.epsilon,
        delta=run.delta,
        synthetic_rows=report["tables"]["synthetic_rows"],
        holdout_rows=report["tables"]["holdout_rows"],
        created_at=run.created_at,
        alarms=tuple(str(alarm["title"]) for alarm in report["alarms"]),
    )


def _measures(reports: Sequence[Mapping[str, Any]]) -> Iterator[ComparedMeasure]:
    """Every measure of any report, in the order of the reports, which say themselves what their numbers are."""
    for name in dict.fromkeys(name for report in reports for name in report["metrics"]):
        metrics = [report["metrics"].get(name) for report in reports]
        entry = next(metric for metric in metrics if metric is not None)
        for measure in entry["measures"]:
            findings = _mark_best([_finding(metric, measure["name"]) for metric in metrics], measure["goal"])
            yield ComparedMeasure(
                part=entry["part"],
                metric=name,
                metric_title=entry["title"],
                measure=measure["name"],
                title=measure["title"],
                goal=measure["goal"],
                unit=measure["unit"],
                reference_title=measure["reference"],
                classification=entry["class"],
                findings=tuple(findings),
            )


def _finding(metric: Mapping[str, Any] | None, measure: str) -> dict[str, Any]:
    if metric is None:
        return _missing(NOT_IN_REPORT)
    if "unavailable" in metric:
        return _missing(str(metric["unavailable"]))
    found = next((finding for finding in metric["findings"] if finding["measure"] == measure), None)
    if found is None:
        return _missing(NOT_IN_REPORT)
    if isinstance(found["value"], Mapping):
        return _missing(str(found["value"]["unavailable"])) | {"reference": _number(found["reference"])}
    interval = None if isinstance(found["interval"], Mapping) else tuple(found["interval"])
    return {
        "value": float(found["value"]),
        "interval": interval,
        "reference": _number(found["reference"]),
        "reason": None,
    }


def _missing(reason: str) -> dict[str, Any]:
    return {"value": None, "interval": None, "reference": None, "reason": reason}


def _number(value: Any) -> float | None:
    return None if isinstance(value, Mapping) else float(value)


def _mark_best(findings: list[dict[str, Any]], goal: str) -> list[ComparedFinding]:
    """Say which findings are nearest to the goal; where all are equal, none is."""
    values = {found["value"] for found in findings if found["value"] is not None}
    best = None if len(values) < 2 else min(values) if goal == "low" else max(values)
    return [ComparedFinding(**found, is_best=best is not None and found["value"] == best) for found in findings]
