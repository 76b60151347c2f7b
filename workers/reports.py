"""What a worker makes of finished synthetic rows: the evaluation, the verdict on the plan's criteria, and the PDF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.logs import get_logger
from app.services import reports
from app.services.results import RunWork
from app.wiring import Services
from workers.documents import dataset_document, ledger_document
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
        csv_sha256: digest of the synthetic CSV.
        released: the releasable report; None for a run without a privacy guarantee.
    """

    synthetic: pd.DataFrame
    certificate: dict[str, Any]
    synthesizer: Synthesizer | None
    csv_sha256: str
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
    """Evaluation, verdict and PDF. The synthetic table is safe by now, so a failure here becomes a note.

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

    notes = []
    evaluation: dict[str, Any] | None = None
    guard = FailureGuard()
    with guard:
        evaluation = _evaluate(services, work, compared, made, progress, part, folder)
    progress.flush()
    if guard.failure is not None:
        notes.append(_note(work, "The evaluation could not be made", guard.failure))
    if evaluation is None and work.is_repeated:
        return notes[0]  # the report, the verdict and the PDF of before stay
    services.results.save_verdict(work.attempt, judge_stored(work.criteria, evaluation, made.released))
    guard = FailureGuard()
    with guard:
        _save_pdf(services, work, made, evaluation, folder)
    if guard.failure is not None:
        notes.append(_note(work, "The PDF could not be made", guard.failure))
    return " ".join(notes) or None


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


def _save_pdf(services: Services, work: RunWork, made: Made, evaluation: dict[str, Any] | None, folder: Path) -> None:
    from app.reporting.pdf import render_pdf

    content = render_pdf(
        certificate=made.certificate,
        ledger=ledger_document(services, work),
        dataset=dataset_document(work, made.csv_sha256),
        evaluation=evaluation,
        released=made.released,
    )
    path = folder / reports.PDF
    path.write_bytes(content)
    services.results.save_file(work.attempt, reports.PDF, path, work.classification)


def _note(work: RunWork, what: str, failure: Failure) -> str:
    _logger.warning("report_failed", run_id=work.run_id, what=what, place=failure.place)
    return f"{what}: {failure.sentence[:1].lower()}{failure.sentence[1:]}"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that every reader can read: no NaN, no infinity."""
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2), encoding="utf-8")
