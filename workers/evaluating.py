"""The report of a finished run, made again from what the run has stored. Nothing is charged and nothing is drawn."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import NotFoundError
from app.logs import get_logger
from app.services import reports
from app.services.results import Attempt, RunWork
from app.services.sources import ingest_limits
from app.wiring import Services
from engine.errors import EngineError
from workers.failures import FailureGuard
from workers.reporting_progress import RunProgress
from workers.reports import Made, save_reports

if TYPE_CHECKING:
    import pandas as pd

    from engine.synthesizers.base import Synthesizer

EVALUATION_PART = (0.05, 0.95)
NOT_AGAIN = "The report could not be made again: "

_logger = get_logger(__name__)


def evaluate_run(services: Services, attempt: Attempt) -> None:
    """Make a run's report again, and say how that ended; what was there before stays where it fails.

    Args:
        services: the application.
        attempt: which run, and which attempt.
    """
    if not services.results.start_again(attempt):
        _logger.info("evaluation_skipped", run_id=attempt.run_id, attempt=attempt.number)
        return
    note = None
    guard = FailureGuard()
    with guard:
        note = _work(services, attempt)
    if guard.failure is not None:
        _logger.warning("evaluation_failed", run_id=attempt.run_id, place=guard.failure.place)
        note = f"{NOT_AGAIN}{guard.failure.sentence[:1].lower()}{guard.failure.sentence[1:]}"
    services.results.finish(attempt, "done", note=note)
    _logger.info("evaluation_done", run_id=attempt.run_id, note=note)


def _work(services: Services, attempt: Attempt) -> str | None:
    from workers.tables import read_tables

    work = services.results.load(attempt)
    progress = RunProgress(services, attempt)
    progress.report("checking", 0.0, "Reading the tables again, to make the report again")
    with services.datasets.source_path(work.dataset.id) as path:
        compared = read_tables(path, work, ingest_limits(services.settings)).for_comparison()
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        made = _made(services, work)
        return save_reports(services, work, compared, made, progress, EVALUATION_PART, Path(folder))


def _made(services: Services, work: RunWork) -> Made:
    return Made(
        synthetic=_synthetic(services, work),
        certificate=_json(services, work, reports.CERTIFICATE),
        synthesizer=_synthesizer(services, work),
        released=_released(services, work),
    )


def _json(services: Services, work: RunWork, kind: str) -> dict[str, Any]:
    with services.results.local_file(work.run_id, kind) as path:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _released(services: Services, work: RunWork) -> dict[str, Any] | None:
    """The releasable report; None where the run has no guarantee, or an older version made none."""
    try:
        return _json(services, work, reports.RELEASED_REPORT)
    except NotFoundError:
        return None


def _synthetic(services: Services, work: RunWork) -> pd.DataFrame:
    import pandas as pd

    with services.results.local_file(work.run_id, reports.SYNTHETIC_PARQUET) as path:
        return pd.read_parquet(path)


def _synthesizer(services: Services, work: RunWork) -> Synthesizer | None:
    """The fitted method; None where none was kept, or an older version kept it in a form that is not read any more."""
    from engine.synthesizers.model_file import load_model

    try:
        with services.results.local_file(work.run_id, reports.MODEL) as path:
            return load_model(path)
    except (NotFoundError, EngineError):
        return None
