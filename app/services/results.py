"""What a worker needs of the store: the work to do, and where to put what it made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.artifacts import FileStore, StoredFile
from app.clock import Clock
from app.errors import NotFoundError
from app.services.accounts import user_view
from app.services.audit import AuditService
from app.services.dataset_view import dataset_view
from app.services.reports import MEDIA_TYPES
from app.services.views import DatasetView, UserView
from app.store import ledger as ledger_rows
from app.store import runs as rows
from app.store.models import Artifact, new_id
from app.store.session import Database
from engine.privacy.plan import SynthesisPlan


@dataclass(frozen=True)
class RunWork:
    """One run as its worker sees it.

    Args:
        run_id: the run.
        dataset: the dataset.
        owner: whose it is.
        plan: what to do.
        charged_event: privacy event that the ledger charges for it.
        holdout_share: share of units to set aside for the evaluation.
        target: column that the utility check predicts.
    """

    run_id: str
    dataset: DatasetView
    owner: UserView
    plan: SynthesisPlan
    charged_event: dict[str, Any]
    holdout_share: float
    target: str | None


@dataclass(frozen=True)
class UnfinishedRun:
    """A run as the sweeper sees it.

    Args:
        status: `queued`, `running` or `stopping`.
        age_seconds: seconds since it was reserved.
        cancel_seconds: seconds since somebody asked it to stop; None where nobody did.
    """

    run_id: str
    status: str
    age_seconds: float
    cancel_seconds: float | None


class ResultsService:
    """Used by workers only; there is no user to check, since the run was checked when it was submitted.

    Args:
        database: where runs are kept.
        files: where their files go.
        audit: told how a run ended.
        now: the time.
    """

    def __init__(self, database: Database, files: FileStore, audit: AuditService, now: Clock) -> None:
        self._database = database
        self._files = files
        self._audit = audit
        self._now = now

    def status(self, run_id: str) -> str | None:
        """A run's status; None where there is no such run."""
        with self._database.read() as session:
            run = rows.find_run(session, run_id)
            return run.status if run is not None else None

    def load(self, run_id: str) -> RunWork:
        """What a run is to do; raises NotFoundError where there is no such run."""
        with self._database.read() as session:
            run = rows.find_run(session, run_id)
            if run is None:
                raise NotFoundError("run")
            return RunWork(
                run_id=run_id,
                dataset=dataset_view(run.dataset),
                owner=user_view(run.user),
                charged_event=run.ledger_entry.event,
                plan=SynthesisPlan.from_json(run.plan.plan),
                holdout_share=run.holdout_share,
                target=run.target,
            )

    def save_file(self, run_id: str, kind: str, path: Path, classification: str) -> StoredFile:
        """Store a file that a run made.

        Args:
            run_id: the run.
            kind: one of `MEDIA_TYPES`.
            path: the local file.
            classification: `releasable` or `internal`.
        """
        file_id = new_id()
        stored = self._files.save(file_id, path)
        with self._database.write() as session:
            run = rows.find_run(session, run_id)
            if run is None:
                raise NotFoundError("run")
            session.add(
                Artifact(
                    id=file_id,
                    dataset_id=run.dataset_id,
                    run_id=run_id,
                    kind=kind,
                    media_type=MEDIA_TYPES[kind],
                    size_bytes=stored.size_bytes,
                    sha256=stored.sha256,
                    classification=classification,
                    created_at=self._now(),
                )
            )
        return stored

    def set_stage(self, run_id: str, stage: str) -> None:
        """Keep the stage that a run has reached."""
        with self._database.write() as session:
            rows.move_run(session, run_id, rows.AT_WORK, stage=stage)

    def is_cancel_requested(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop."""
        with self._database.read() as session:
            return rows.is_cancel_requested(session, run_id)

    def finish(
        self, run_id: str, status: str, *, error: str | None = None, note: str | None = None, ledger_note: str = ""
    ) -> bool:
        """End a run that is at work; its charge stays.

        Args:
            run_id: the run.
            status: `done`, `failed` or `cancelled`.
            error: why it failed, as a safe sentence.
            note: what a finished run could not do.
            ledger_note: what the ledger says beside the charge.

        Returns:
            False where the run was not at work any more.
        """
        changes: dict[str, Any] = {"status": status, "finished_at": self._now(), "error": error, "note": note}
        if status == rows.DONE:
            changes["stage"] = "done"
        with self._database.write() as session:
            if not rows.move_run(session, run_id, rows.AT_WORK, **changes):
                return False
            if ledger_note:
                ledger_rows.annotate_entry(session, run_id, ledger_note)
            run = rows.find_run(session, run_id)
            owner = user_view(run.user) if run is not None else None
            self._audit.add(session, owner, f"run.{status}", "run", run_id)
            return True

    def unfinished(self) -> list[UnfinishedRun]:
        """All runs that wait or are at work, oldest first."""
        now = self._now()
        with self._database.read() as session:
            return [
                UnfinishedRun(
                    run_id=run.id,
                    status=run.status,
                    age_seconds=(now - run.created_at).total_seconds(),
                    cancel_seconds=_seconds_since(run.cancel_requested_at, now),
                )
                for run in rows.list_unfinished(session)
            ]


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return (now - moment).total_seconds() if moment is not None else None
