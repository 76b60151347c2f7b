"""What the queue runs. Jobs take ids; everything else is in the store."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app import origin
from app.errors import AlreadyCommittedError, QueueUnavailableError
from app.logs import configure_logs, get_logger
from app.services import reports
from app.services.budget import is_same_event
from app.services.ledger import UNPROTECTED_FORBIDDEN
from app.services.results import Attempt, RunWork
from app.services.runs import CANCELLED_CHARGED
from app.services.sources import ingest_limits
from app.wiring import Services, process_services
from workers.devices import Device, DeviceLocks, known_gpus
from workers.evaluating import evaluate_run
from workers.failures import Failure, FailureGuard, RedactedJobError
from workers.reporting_progress import RunProgress
from workers.reports import Made, save_reports, write_json

if TYPE_CHECKING:
    from engine.pipeline import SynthesisResult

PRICE_CHANGED = "A new version prices this plan differently. Submit it again."
STAYS_CHARGED = "What the run was charged stays charged."
FAILED_CHARGED = "Failed after noise could have been drawn: stays charged."
SYNTHESIS_PART = (0.03, 0.70)
EVALUATION_PART = (0.74, 0.94)

_logger = get_logger(__name__)


def run_synthesis(run_id: str, number: int = 1) -> None:
    """Do a run, in this process's application.

    Args:
        run_id: the run.
        number: which attempt to do it this is.

    Raises:
        RedactedJobError: something unexpected happened; the run is marked as failed.
    """
    services = process_services()
    configure_logs(services.settings.log_format, services.settings.log_level)
    do_run(services, run_id, number)


@origin.coming_from(origin.WORKER)
def do_run(services: Services, run_id: str, number: int = 1) -> None:
    """Charge a run, or go on with one that was charged, or make its report again, and say how that ended.

    A run that does not wait for this attempt is left alone.

    Args:
        services: the application.
        run_id: the run.
        number: which attempt to do it this is.

    Raises:
        RedactedJobError: something unexpected happened; the run is marked as failed.
    """
    attempt = Attempt(run_id, number)
    if services.results.is_evaluation(attempt):
        evaluate_run(services, attempt)
        return
    with _device(services, attempt) as device:
        if device is None or not _starts(services, attempt):
            return
        _logger.info("run_started", run_id=run_id, attempt=number, device=device.title)
        guard = FailureGuard()
        with guard:
            note = _work(services, attempt, device)
            if services.results.finish(attempt, "done", note=note, ledger_note="" if number > 1 else None):
                services.checkpoints.delete(run_id)
            _logger.info("run_done", run_id=run_id, note=note)
        if guard.failure is not None:
            _end_failed(services, attempt, guard.failure)


def _device(services: Services, attempt: Attempt) -> AbstractContextManager[Device | None]:
    """What the run computes on; it waits for that before anything is charged."""
    gpus = known_gpus()
    locks = DeviceLocks(services.settings.data_dir / "gpus", gpus)
    return locks.held(
        wants_gpu=bool(gpus) and _wants_gpu(services, attempt),
        choice=services.settings.gpu,
        on_wait=lambda message: _still_waits(services, attempt, message),
    )


def _wants_gpu(services: Services, attempt: Attempt) -> bool:
    from engine.synthesizers.registry import synthesizer_class

    return synthesizer_class(services.results.load(attempt).plan.method).prefers_gpu


def _still_waits(services: Services, attempt: Attempt, message: str) -> bool:
    """Whether nobody has cancelled the run or taken it over; its page says what it waits for."""
    standing = services.results.standing(attempt.run_id)
    if standing is None or (standing.status, standing.attempt) != ("queued", attempt.number):
        return False
    with suppress(QueueUnavailableError):
        services.queue.save_progress(attempt.run_id, stage="queued", fraction=0.0, message=message)
    return True


def _starts(services: Services, attempt: Attempt) -> bool:
    """Whether this attempt may work: a first one that was just charged, or a later one that goes on."""
    if attempt.number > 1:
        return _starts_again(services, attempt)
    if refusal := _refusal(services, attempt):
        services.ledger.release(attempt.run_id, "failed", f"{refusal} Not charged.", error=refusal)
        return False
    try:
        services.ledger.commit(attempt.run_id)
    except AlreadyCommittedError:
        _logger.info("run_skipped", run_id=attempt.run_id)
        return False
    return True


def _starts_again(services: Services, attempt: Attempt) -> bool:
    if not services.results.start_again(attempt):
        _logger.info("run_skipped", run_id=attempt.run_id, attempt=attempt.number)
        return False
    if refusal := _refusal(services, attempt):
        error = f"{refusal} {STAYS_CHARGED}"
        services.results.finish(attempt, "failed", error=error, ledger_note=FAILED_CHARGED)
        return False
    return True


def _refusal(services: Services, attempt: Attempt) -> str | None:
    """Why this version, or this machine, cannot do the run as it is charged; None where it can."""
    if refusal := _forbidden(services, attempt):
        _logger.warning("run_forbidden", run_id=attempt.run_id)
        return refusal
    if not _has_its_price(services, attempt):
        _logger.warning("run_price_changed", run_id=attempt.run_id)
        return PRICE_CHANGED
    if refusal := _memory_refusal(services, attempt):
        _logger.warning("run_needs_memory", run_id=attempt.run_id)
        return refusal
    return None


def _has_its_price(services: Services, attempt: Attempt) -> bool:
    """Whether the engine would spend what the ledger holds; the product may have changed since the reservation."""
    from engine.privacy.price import price_plan

    work = services.results.load(attempt)
    return is_same_event(price_plan(work.plan).event, work.charged_event)


def _memory_refusal(services: Services, attempt: Attempt) -> str | None:
    """Why this machine cannot make the run now, from public numbers alone; None where it can."""
    from engine.resources import estimate_resources

    plan = services.results.load(attempt).plan
    return services.plans.memory_refusal(estimate_resources(plan, plan.declared_rows or 1))


def _forbidden(services: Services, attempt: Attempt) -> str | None:
    """That the owner has forbidden runs without a privacy guarantee since this one was submitted; None otherwise."""
    work = services.results.load(attempt)
    return None if work.is_protected or work.dataset.allows_unprotected else UNPROTECTED_FORBIDDEN


def _end_failed(services: Services, attempt: Attempt, failure: Failure) -> None:
    run_id = attempt.run_id
    if failure.is_cancelled:
        services.results.finish(attempt, "cancelled", ledger_note=CANCELLED_CHARGED)
        _logger.info("run_cancelled", run_id=run_id)
        return
    if not services.results.finish(attempt, "failed", error=failure.sentence, ledger_note=FAILED_CHARGED):
        _logger.warning("attempt_superseded", run_id=run_id, attempt=attempt.number, place=failure.place)
        return
    _logger.error("run_failed", run_id=run_id, place=failure.place)
    if not failure.is_expected:
        raise RedactedJobError(failure.place)


def _work(services: Services, attempt: Attempt, device: Device) -> str | None:
    """The straight line; gives a note where the report could not be made."""
    from engine.pipeline import synthesize
    from workers.tables import read_tables

    work = services.results.load(attempt)
    progress = RunProgress(services, attempt)
    progress.report("checking", 0.0, f"Computing on {device.title}")
    progress.report("checking", 0.0, "Reading the table" if attempt.number == 1 else "Reading the table again")
    with services.datasets.source_path(work.dataset.id) as path:
        tables = read_tables(path, work, ingest_limits(services.settings))
        result = synthesize(
            tables.train,
            work.plan,
            holdout=tables.holdout,
            device=device.engine_name,
            progress=progress.part(*SYNTHESIS_PART),
            checkpoints=services.checkpoints.of(attempt),
        )
        compared = tables.for_comparison()
    progress.report("writing", 0.72, "Writing the synthetic table")
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        _save_synthetic(services, work, result, Path(folder))
        made = Made(result.synthetic, result.certificate, result.synthesizer, result.released_report)
        return save_reports(services, work, compared, made, progress, EVALUATION_PART, Path(folder))


def _save_synthetic(services: Services, work: RunWork, result: SynthesisResult, folder: Path) -> None:
    from engine.data.export import write_csv, write_parquet
    from engine.synthesizers.model_file import save_model

    write_parquet(result.synthetic, folder / reports.SYNTHETIC_PARQUET)
    write_csv(result.synthetic, folder / reports.SYNTHETIC_CSV, neutralise_formulas=True)
    write_csv(result.synthetic, folder / reports.SYNTHETIC_RAW_CSV, neutralise_formulas=False)
    write_json(folder / reports.CERTIFICATE, result.certificate)
    kinds = [reports.SYNTHETIC_PARQUET, reports.SYNTHETIC_CSV, reports.SYNTHETIC_RAW_CSV, reports.CERTIFICATE]
    if result.released_report is not None:
        write_json(folder / reports.RELEASED_REPORT, result.released_report)
        kinds.append(reports.RELEASED_REPORT)
    if work.is_protected:
        save_model(result.synthesizer, folder / reports.MODEL)
        kinds.append(reports.MODEL)
    for kind in kinds:
        services.results.save_file(work.attempt, kind, folder / kind, work.classification)
