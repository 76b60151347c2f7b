"""What a worker needs of the store: the work to do, and where to put what it made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.artifacts import FileStore, StoredFile
from app.clock import Clock
from app.errors import NotFoundError, SupersededError
from app.services.accounts import user_view
from app.services.audit import AuditService
from app.services.dataset_view import dataset_view
from app.services.reports import INTERNAL, MEDIA_TYPES, RELEASABLE
from app.services.views import DatasetView, UserView
from app.store import datasets as dataset_rows
from app.store import ledger as ledger_rows
from app.store import runs as rows
from app.store.models import Artifact, Run, new_id
from app.store.runs import Attempt, Standing
from app.store.session import Database, Session
from engine.privacy.guarantee import NON_PRIVATE
from engine.privacy.plan import SynthesisPlan

if TYPE_CHECKING:
    from engine.evaluation.criteria import Verdict

OUTSIDE_NOTES = {
    rows.FAILED: "Failed. It could read the rows without protection; nothing is charged for that.",
    rows.CANCELLED: "Cancelled. It could read the rows without protection; nothing is charged for that.",
}
"""What the ledger says beside an entry outside the budget, whose run ended early."""


@dataclass(frozen=True)
class RunWork:
    """One run as its worker sees it.

    Args:
        attempt: which run, and which attempt to do it.
        dataset: the dataset.
        owner: whose it is.
        plan: what to do.
        charged_event: privacy event that the ledger charges for it.
        holdout_share: share of units to set aside for the evaluation.
        target: column that the utility check predicts.
        holdout_key: secret from which every attempt sets the same units aside.
        criteria: limits that the release is held against, as they were stored.
        is_repeated: whether the attempt only makes the report again.
    """

    attempt: Attempt
    dataset: DatasetView
    owner: UserView
    plan: SynthesisPlan
    charged_event: dict[str, Any]
    holdout_share: float
    target: str | None
    holdout_key: bytes
    criteria: tuple[dict[str, Any], ...] = ()
    is_repeated: bool = False

    @property
    def run_id(self) -> str:
        """The run."""
        return self.attempt.run_id

    @property
    def is_protected(self) -> bool:
        """Whether the run has a privacy guarantee."""
        return self.charged_event != NON_PRIVATE

    @property
    def classification(self) -> str:
        """Of its files but the evaluation, which is internal always."""
        return RELEASABLE if self.is_protected else INTERNAL


@dataclass(frozen=True)
class UnfinishedRun:
    """A run as the sweeper sees it.

    Args:
        attempt: the attempt that is queued or at work.
        status: `queued`, `running` or `stopping`.
        age_seconds: seconds since it was reserved.
        cancel_seconds: seconds since somebody asked it to stop; None where nobody did.
    """

    attempt: Attempt
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

    def standing(self, run_id: str) -> Standing | None:
        """Where a run stands; None where there is no such run."""
        with self._database.read() as session:
            return rows.read_standing(session, run_id)

    def start_again(self, attempt: Attempt) -> bool:
        """Mark a run as at work that was charged before and waits to go on; False where it does not."""
        with self._database.write() as session:
            return rows.move_attempt(session, attempt, (rows.QUEUED,), status=rows.RUNNING)

    def is_evaluation(self, attempt: Attempt) -> bool:
        """Whether the attempt only makes the report of a finished run again."""
        standing = self.standing(attempt.run_id)
        return standing is not None and standing.task == rows.EVALUATION

    def local_file(self, run_id: str, kind: str) -> AbstractContextManager[Path]:
        """A file that the run has stored, as a local path; raises NotFoundError where there is none."""
        opened: AbstractContextManager[Path] = self._files.local_path(self._stored(run_id, kind).id)
        return opened

    def _stored(self, run_id: str, kind: str) -> Artifact:
        with self._database.read() as session:
            found = dataset_rows.find_run_file(session, run_id, kind)
        if found is None:
            raise NotFoundError("file")
        return found

    def queue_again(self, attempt: Attempt, stalled_attempts: int) -> bool:
        """Have a run whose worker was lost wait for another one, to go on from its checkpoint.

        Args:
            attempt: the attempt that was lost; from now on it writes nothing.
            stalled_attempts: attempts lost since the last checkpoint, with this one.

        Returns:
            False where the run has changed since, or has no checkpoint.
        """
        expected = (rows.QUEUED, rows.RUNNING)
        with self._database.write() as session:
            return rows.next_attempt(session, attempt, expected, stalled_attempts=stalled_attempts)

    def load(self, attempt: Attempt) -> RunWork:
        """What an attempt is to do; raises NotFoundError where there is no such run."""
        with self._database.read() as session:
            run = rows.find_run(session, attempt.run_id)
            if run is None:
                raise NotFoundError("run")
            return RunWork(
                attempt=attempt,
                dataset=dataset_view(run.dataset),
                owner=user_view(run.user),
                charged_event=run.ledger_entry.event,
                plan=SynthesisPlan.from_json(run.plan.plan),
                holdout_share=run.holdout_share,
                target=run.target,
                holdout_key=bytes.fromhex(run.holdout_key),
                criteria=tuple(run.plan.criteria),
                is_repeated=run.task == rows.EVALUATION,
            )

    def save_verdict(self, attempt: Attempt, verdict: Verdict) -> None:
        """Keep what became of a run's criteria; who overrode an earlier verdict did not know this one.

        Raises:
            SupersededError: another attempt took over, or the run has ended.
        """
        changes = {"verdict": verdict.to_json(), "release_override": None}
        with self._database.write() as session:
            if not rows.move_attempt(session, attempt, rows.AT_WORK, **changes):
                raise SupersededError
            run = rows.find_run(session, attempt.run_id)
            failed = [outcome.title for outcome in verdict.outcomes if outcome.state != "met"]
            self._audit.add(
                session, user_view(run.user) if run else None, "run.verdict", "run", attempt.run_id, failed=failed
            )

    def save_file(self, attempt: Attempt, kind: str, path: Path, classification: str) -> StoredFile:
        """Store a file that a run made, in the place of what an earlier attempt made.

        Args:
            attempt: who made it.
            kind: one of `MEDIA_TYPES`.
            path: the local file.
            classification: `releasable` or `internal`.

        Raises:
            SupersededError: another attempt took over, or the run has ended.
        """
        file_id = new_id()
        stored = self._files.save(file_id, path)
        with self._database.write() as session:
            is_mine = rows.hold(session, attempt)
            if is_mine:
                unneeded = dataset_rows.remove_run_file(session, attempt.run_id, kind)
                session.add(self._artifact(session, attempt, file_id, kind, stored, classification))
            else:
                unneeded = file_id
        if unneeded is not None:
            self._files.delete(unneeded)
        if not is_mine:
            raise SupersededError
        return stored

    def _artifact(
        self, session: Session, attempt: Attempt, file_id: str, kind: str, stored: StoredFile, classification: str
    ) -> Artifact:
        run = session.get_one(Run, attempt.run_id)
        return Artifact(
            id=file_id,
            dataset_id=run.dataset_id,
            run_id=run.id,
            kind=kind,
            media_type=MEDIA_TYPES[kind],
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            classification=classification,
            created_at=self._now(),
        )

    def set_stage(self, attempt: Attempt, stage: str) -> None:
        """Keep the stage that a run has reached."""
        with self._database.write() as session:
            rows.move_attempt(session, attempt, rows.AT_WORK, stage=stage)

    def is_cancel_requested(self, attempt: Attempt) -> bool:
        """Whether somebody asked the run to stop.

        Raises:
            SupersededError: another attempt took over, or the run has ended.
        """
        standing = self.standing(attempt.run_id)
        if standing is None or standing.attempt != attempt.number or standing.status not in rows.AT_WORK:
            raise SupersededError
        return standing.cancel_requested

    def finish(
        self,
        attempt: Attempt,
        status: str,
        *,
        error: str | None = None,
        note: str | None = None,
        ledger_note: str | None = None,
        expected: Sequence[str] = rows.AT_WORK,
    ) -> bool:
        """End a run that was charged; its charge stays.

        Args:
            attempt: who ends it, or whose end it is.
            status: `done`, `failed` or `cancelled`.
            error: why it failed, as a safe sentence.
            note: what a finished run could not do.
            ledger_note: what the ledger says beside the charge; None leaves what it says.
            expected: statuses that it may have.

        Returns:
            False where the run has ended before, or another attempt took over.
        """
        changes: dict[str, Any] = {"status": status, "finished_at": self._now(), "error": error, "note": note}
        if status == rows.DONE:
            changes["stage"] = "done"
        with self._database.write() as session:
            if not rows.move_attempt(session, attempt, expected, **changes):
                return False
            run = rows.find_run(session, attempt.run_id)
            if ledger_note is not None and run is not None:
                is_outside = run.ledger_entry.state == ledger_rows.OUTSIDE
                note_here = OUTSIDE_NOTES.get(status, "") if is_outside else ledger_note
                ledger_rows.annotate_entry(session, attempt.run_id, note_here)
            owner = user_view(run.user) if run is not None else None
            self._audit.add(session, owner, f"run.{status}", "run", attempt.run_id)
            return True

    def unfinished(self) -> list[UnfinishedRun]:
        """All runs that wait or are at work, oldest first."""
        now = self._now()
        with self._database.read() as session:
            return [
                UnfinishedRun(
                    attempt=Attempt(run.id, run.attempt),
                    status=run.status,
                    age_seconds=(now - run.created_at).total_seconds(),
                    cancel_seconds=_seconds_since(run.cancel_requested_at, now),
                )
                for run in rows.list_unfinished(session)
            ]


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return (now - moment).total_seconds() if moment is not None else None
