"""The releasable report: findings that the run's own privacy loss paid for, or that cost nothing.

What reads private rows happens in `measure`, through the door and within the part of the envelope that the plan set
aside; all else here is post-processing of what was released, of the synthetic rows and of the plan.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from engine.evaluation import charged_distances, charged_utility
from engine.evaluation.charged_cells import ReportCells
from engine.evaluation.charged_distances import CONFIDENCE, NOT_PAID, NoisyDistance
from engine.evaluation.charged_metrics import CHARGED_METRICS
from engine.evaluation.charged_utility import NO_HOLDOUT, NoisyUtility, UtilityTask
from engine.evaluation.context import Context
from engine.evaluation.metric import REPORT_VERSION, MetricInfo
from engine.evaluation.registry import list_metrics
from engine.evaluation.results import MetricResult, NotComputableError
from engine.evaluation.tables import EvaluationTables
from engine.privacy.evaluation_queries import EvaluationQueries
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent, no_progress
from engine.synthesizers.base import Synthesizer

UTILITY_PART = 0.75
"""Part of the report's μ² for the prediction, where there is one: a mean distance needs far less than areas do."""

RELEASABLE = "releasable"


@dataclass(frozen=True)
class Released:
    """What the door released for a report.

    Args:
        cells: the report's cells; None where nothing was measured.
        distances: by name, as `measure_distances` gives them.
        utility: counts of rows set aside, or None.
        why_no_utility: why there are none.
        why_nothing: why nothing was measured at all.
    """

    cells: ReportCells | None = None
    distances: dict[str, NoisyDistance] = field(default_factory=dict)
    utility: NoisyUtility | None = None
    why_no_utility: str = NOT_PAID
    why_nothing: str = NOT_PAID


@dataclass(frozen=True)
class ChargedContext:
    """What a metric of the releasable report is given: nothing of it is private.

    Args:
        released: what the door released.
        synthesizer: the fitted method.
        rng: the metric's own generator.
    """

    released: Released
    synthesizer: Synthesizer
    rng: np.random.Generator


def measure(
    cells: ReportCells,
    target: str | None,
    train: PrivateTable,
    holdout: PrivateTable | None,
    mu_squared: float,
    progress: Progress = no_progress,
) -> Released:
    """Ask the private rows for all that a releasable report says of them.

    Args:
        cells: the report's cells.
        target: column to predict, or None.
        train: rows that the synthesizer read, not encoded yet.
        holdout: rows that it did not, not encoded yet; None where none were set aside.
        mu_squared: what it may cost in all.
        progress: called before each part; it may raise to stop the work.

    Raises:
        BudgetExceededError: the envelope does not hold the charge.

    Privacy: charges `mu_squared` to the budget of both tables, which is one and the same. A unit is in one of the two
        tables, so charging both in sequence is more than needed.
    """
    task: UtilityTask | None = None
    why = NO_HOLDOUT
    if holdout is not None:
        try:
            task = charged_utility.plan_task(cells, target, np.random.default_rng(0))
        except NotComputableError as error:
            why = str(error)
    for_utility = 0.0 if task is None else UTILITY_PART * mu_squared
    progress(ProgressEvent("measuring the report", 0.88, "Measuring distances for the releasable report"))
    queries = _in_cells(train, cells, cells.groups)
    distances = charged_distances.measure_distances(queries, cells, mu_squared - for_utility)
    if task is None or holdout is None:
        return Released(cells, distances, None, why)
    progress(ProgressEvent("measuring the report", 0.94, "Measuring predictions for the releasable report"))
    queries = _in_cells(holdout, cells, task.groups(cells))
    return Released(cells, distances, charged_utility.measure_utility(queries, task, for_utility))


def _in_cells(table: PrivateTable, cells: ReportCells, groups: Any) -> EvaluationQueries:
    table.encode(cells.domain)
    for column, group in enumerate(groups):
        table.merge_cells(column, group)
    return table.evaluation()


def noisy_distances(context: ChargedContext) -> MetricResult:
    """Mean distances of synthetic and private rows."""
    released = context.released
    if released.cells is None:
        raise NotComputableError(released.why_nothing)
    return charged_distances.distances_metric(released.cells, released.distances)


def noisy_utility(context: ChargedContext) -> MetricResult:
    """Predictions of a model that saw synthetic rows only, on rows set aside."""
    released = context.released
    if released.cells is None:
        raise NotComputableError(released.why_nothing)
    if released.utility is None:
        raise NotComputableError(released.why_no_utility)
    return charged_utility.utility_metric(released.cells, released.utility, context.rng)


def measured_error(context: ChargedContext) -> MetricResult:
    """Bounds that the method's own measurements give."""
    from engine.evaluation.measured_error import measured_error as bounds

    return bounds(context.synthesizer)


def released_report(
    plan: SynthesisPlan, synthesizer: Synthesizer, synthetic: pd.DataFrame, released: Released
) -> dict[str, Any]:
    """The releasable report of a run, in the form of the internal one.

    Args:
        plan: what was asked.
        synthesizer: the fitted method.
        synthetic: synthetic rows that were measured, typed.
        released: what the door released.

    Returns:
        `report_version`, `classification` (`releasable`), `confidence`, `evaluation_share`, `tables`, `alarms` and
        `metrics` with the findings of each. What could not be computed is `{"unavailable": reason}`.
    """
    results = {
        info.name: info.result(ChargedContext(released, synthesizer, _generator(info))) for info in CHARGED_METRICS
    }
    unreal = _synthetic_only(plan, synthetic)
    for info in list_metrics():
        if not info.reads_real_rows:
            results[info.name] = info.result(Context(unreal, plan.schema, plan.target, _generator(info)))
    alarms = [{"metric": name, **alarm} for name, result in results.items() for alarm in result.get("alarms", ())]
    columns = [column for column in plan.synthesized_names() if column in synthetic.columns]
    return {
        "report_version": REPORT_VERSION,
        "classification": RELEASABLE,
        "confidence": CONFIDENCE,
        "evaluation_share": plan.evaluation_share,
        "tables": {
            "synthetic_rows": len(synthetic),
            "estimated_rows": round(synthesizer.estimated_rows_),
            "columns": columns,
        },
        "alarms": alarms,
        "metrics": results,
    }


def _synthetic_only(plan: SynthesisPlan, synthetic: pd.DataFrame) -> EvaluationTables:
    """Tables for metrics that read no real row: there is none in them."""
    names = plan.synthesized_names()
    fields = tuple(field for field in plan.schema.fields if field.name in names and field.name in synthetic.columns)
    rows = synthetic[[field.name for field in fields]]
    return EvaluationTables(fields, rows, None, rows)


def _generator(info: MetricInfo) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(info.name.encode()))
