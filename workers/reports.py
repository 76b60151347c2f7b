"""What a worker makes of finished synthetic rows: the evaluation, and the verdict on the plan's criteria."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.logs import get_logger
from app.services import reports
from app.services.results import RunWork
from app.wiring import Services
from workers.failures import Failure, FailureGuard
from workers.reporting_progress import RunProgress

if TYPE_CHECKING:
    import pandas as pd

    from engine.synthesizers.base import Synthesizer
    from workers.tables import ComparedTables

_logger = get_logger(__name__)


@dataclass(frozen=True)
class Made:
    """What a run has made and stored.

    Args:
        synthetic: typed synthetic rows.
        certificate: what the run did.
        synthesizer: the fitted method; None where the run has kept no model.
        released: the releasable report; None for a run without a privacy guarantee.
    """

    synthetic: pd.DataFrame
    certificate: dict[str, Any]
    synthesizer: Synthesizer | None
    released: dict[str, Any] | None


def save_reports(
    services: Services,
    work: RunWork,
    compared: ComparedTables,
    made: Made,
    progress: RunProgress,
    part: tuple[float, float],
    folder: Path,
) -> str | None:
    """Evaluation and verdict. The synthetic table is safe by now, so a failure here becomes a note.

    Args:
        services: the application.
        work: the run.
        compared: private rows to compare with.
        made: what the run made.
        progress: where to tell how far it is.
        part: which part of the run the evaluation is.
        folder: for files on their way to the store.

    Returns:
        What could not be made; None where all was.
    """
    from engine.evaluation.criteria import judge_stored

    evaluation: dict[str, Any] | None = None
    guard = FailureGuard()
    with guard:
        evaluation = _evaluate(services, work, compared, made, progress, part, folder)
    progress.flush()
    note = None if guard.failure is None else _note(work, "The evaluation could not be made", guard.failure)
    if evaluation is None and work.is_repeated:
        return note  # the report and the verdict of before stay
    services.results.save_verdict(work.attempt, judge_stored(work.criteria, evaluation, made.released))
    return note


def _evaluate(
    services: Services,
    work: RunWork,
    compared: ComparedTables,
    made: Made,
    progress: RunProgress,
    part: tuple[float, float],
    folder: Path,
) -> dict[str, Any]:
    from engine.evaluation.context import Claim
    from engine.evaluation.evaluate import evaluate

    progress.report("evaluating", part[0], "Comparing with the real rows, for the owner only")
    evaluation = evaluate(
        compared.train,
        compared.holdout,
        made.synthetic,
        work.plan.schema,
        target=work.target,
        progress=progress.part(*part),
        claim=Claim.of(made.certificate),
        synthesizer=made.synthesizer,
    )
    write_json(folder / reports.EVALUATION, evaluation)
    services.results.save_file(work.attempt, reports.EVALUATION, folder / reports.EVALUATION, reports.INTERNAL)
    return evaluation


def _note(work: RunWork, what: str, failure: Failure) -> str:
    _logger.warning("report_failed", run_id=work.run_id, what=what, place=failure.place)
    return f"{what}: {failure.sentence[:1].lower()}{failure.sentence[1:]}"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that every reader can read: no NaN, no infinity."""
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2), encoding="utf-8")
