"""Runs: submit, watch, cancel."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from app.clock import Clock
from app.errors import ConflictError, InvalidPlanError, NotFoundError, QueueUnavailableError
from app.queueing import RunQueue
from app.services.audit import AuditService
from app.services.ledger import LedgerService, Reservation
from app.services.plans import PlansService
from app.services.reports import CERTIFICATE, SYNTHETIC_CSV, SYNTHETIC_PARQUET
from app.services.run_view import run_view
from app.services.views import ProgressLine, ProgressView, RunView, UserView
from app.store import datasets as dataset_rows
from app.store import ledger as ledger_rows
from app.store import runs as rows
from app.store.models import Run
from app.store.runs import Attempt
from app.store.session import Database
from engine.privacy.plan import SynthesisPlan
from engine.progress import TrainingNumbers

CANCELLED_FREE = "Cancelled before any private row was read: not charged."
CANCELLED_CHARGED = "Cancelled while it was running: noise had been drawn, so its ε stays charged."
NOT_RESUMABLE = "This run cannot go on: only one that was charged and has ended early with a checkpoint can."
NOT_EVALUABLE = "Only the report of a finished run can be made again. One that can go on is resumed instead."
NO_TABLE = "This run has stored no synthetic table, so there is nothing to report on."
EVALUATION_CANCELLED = "The report could not be made again: the run was cancelled."
QUEUE_DOWN = "The queue did not answer: not charged."

EVALUATED_FILES = (SYNTHETIC_PARQUET, SYNTHETIC_CSV, CERTIFICATE)
RESUMING = "Waiting for a worker, to go on from the last checkpoint"
_MESSAGES = {
    rows.QUEUED: "Waiting for a worker",
    rows.RUNNING: "Starting",
    rows.STOPPING: "Stopping; what was charged stays charged",
    rows.DONE: "Done",
    rows.FAILED: "Failed",
    rows.CANCELLED: "Cancelled",
}


class RunsService:
    """Runs on the datasets of a user.

    Args:
        database: where runs are kept.
        queue: where they wait.
        plans: prices and checks.
        ledger: reserves and releases.
        audit: told of every submission and cancellation.
        now: the time.
    """

    def __init__(
        self,
        database: Database,
        queue: RunQueue,
        plans: PlansService,
        ledger: LedgerService,
        audit: AuditService,
        now: Clock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._plans = plans
        self._ledger = ledger
        self._audit = audit
        self._now = now

    def submit(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> RunView:
        """Reserve a plan's ε and put its run into the queue.

        Args:
            user: the owner.
            dataset_id: the dataset.
            plan: from `plans.draft_plan`.

        Raises:
            BudgetRefusedError: it would pass the cap.
            ForbiddenError: it has no privacy guarantee, and the dataset forbids such runs.
            QueueUnavailableError: Redis does not answer; nothing was spent.
            InvalidPlanError: the plan is not about this dataset, cannot be carried out, or needs more memory than
                there is.
        """
        price = self._plans.price(user, dataset_id, plan)
        if refusal := self._plans.memory_refusal(self._plans.resources(user, dataset_id, plan)):
            raise InvalidPlanError(f"{refusal} Nothing was spent.")
        reservation = Reservation(
            plan=plan.to_json(),
            price=price.to_json(),
            holdout_share=self._plans.holdout_share(user, dataset_id),
            target=plan.target,
            criteria=self._plans.criteria(user, dataset_id, plan),
        )
        run_id = self._ledger.reserve(user, dataset_id, reservation)
        try:
            self._queue.enqueue(run_id)
        except QueueUnavailableError:
            self._ledger.release(run_id, rows.FAILED, QUEUE_DOWN, error=QUEUE_DOWN)
            raise
        return self.get(user, run_id)

    def list(self, user: UserView, dataset_id: str | None = None) -> list[RunView]:
        """Runs on the user's datasets, newest first."""
        with self._database.read() as session:
            return [run_view(run) for run in rows.list_own_runs(session, user.id, dataset_id)]

    def get(self, user: UserView, run_id: str) -> RunView:
        """One run; raises NotFoundError where the user has none of that id."""
        with self._database.read() as session:
            return run_view(_found(rows.find_own_run(session, user.id, run_id)))

    def worker_count(self) -> int:
        """Number of workers that wait for runs or are at work; 0 also where the queue does not answer."""
        try:
            return self._queue.worker_count()
        except QueueUnavailableError:
            return 0

    def progress(self, user: UserView, run_id: str) -> ProgressView:
        """Where a run stands, from what the worker wrote last."""
        run = self.get(user, run_id)
        try:
            written = self._queue.progress(run_id) or {}
            training = tuple(TrainingNumbers(**point) for point in self._queue.training(run_id))
        except QueueUnavailableError:
            written, training = {}, ()
        log = tuple(
            ProgressLine(datetime.fromisoformat(line["at"]), line["stage"], line["message"])
            for line in written.get("log", ())
        )
        fraction = 1.0 if run.status == rows.DONE else float(written.get("fraction", 0.0))
        goes_on = run.status == rows.QUEUED and run.attempt > 1 and run.task == rows.SYNTHESIS
        message = RESUMING if goes_on else _MESSAGES[run.status]
        at_work = run.status == rows.RUNNING and "message" in written
        waits_for_device = run.status == rows.QUEUED and written.get("stage") == rows.QUEUED
        return ProgressView(
            stage=run.stage,
            fraction=fraction,
            message=written["message"] if at_work or waits_for_device else message,
            log=log,
            updated_at=datetime.fromisoformat(written["updated_at"]) if "updated_at" in written else None,
            training=training,
        )

    def cancel(self, user: UserView, run_id: str) -> RunView:
        """Stop a run: one that waits costs nothing, one at work keeps its charge.

        Raises:
            ConflictError: it is finished.
        """
        run = self.get(user, run_id)
        if run.is_finished:
            raise ConflictError("This run is finished; there is nothing to cancel.")
        self._audit.record(user, "run.cancel", "run", run_id)
        if not self._ledger.release(run_id, rows.CANCELLED, CANCELLED_FREE) and not self._cancel_charged(run):
            return self.get(user, run_id)
        # It does not wait any more, so a job that is left in the queue will do nothing.
        with suppress(QueueUnavailableError):
            self._queue.remove(run_id, run.attempt)
        return self.get(user, run_id)

    def _cancel_charged(self, run: RunView) -> bool:
        """Ask a run at work to stop; True where it waits to go on, so that it is cancelled at once."""
        now, run_id, is_evaluation = self._now(), run.id, run.task == rows.EVALUATION
        with self._database.write() as session:
            asked = {"status": rows.STOPPING, "cancel_requested_at": now}
            if rows.move_run(session, run_id, (rows.RUNNING,), **asked):
                return False
            ended: dict[str, Any] = {"status": rows.CANCELLED, "finished_at": now}
            if is_evaluation:
                ended |= {"status": rows.DONE, "stage": "done", "note": EVALUATION_CANCELLED}
            if not rows.move_run(session, run_id, (rows.QUEUED,), **ended):
                return False
            if not is_evaluation:
                ledger_rows.annotate_entry(session, run_id, CANCELLED_CHARGED)
            return True

    def evaluate(self, user: UserView, run_id: str) -> RunView:
        """Have the report of a finished run made again, from what the run has stored; nothing is charged.

        The report, the verdict and an override of before stay until there is a new report.

        Raises:
            ConflictError: the run is at work, can still go on, or has stored no synthetic table.
        """
        run = self.get(user, run_id)
        if not run.is_finished or run.can_resume:
            raise ConflictError(NOT_EVALUABLE)
        with self._database.write() as session:
            if any(dataset_rows.find_run_file(session, run_id, kind) is None for kind in EVALUATED_FILES):
                raise ConflictError(NO_TABLE)
            if not rows.begin_evaluation(session, Attempt(run_id, run.attempt)):
                raise ConflictError(NOT_EVALUABLE)
            self._audit.add(session, user, "run.evaluate", "run", run_id, attempt=run.attempt + 1)
        # Where the queue is away, the sweeper puts the run into it later.
        with suppress(QueueUnavailableError):
            self._queue.enqueue(run_id, run.attempt + 1)
        return self.get(user, run_id)

    def resume(self, user: UserView, run_id: str) -> RunView:
        """Have a run that was cancelled or failed go on from its last checkpoint; the ledger stays as it is.

        Raises:
            ConflictError: it is not over, or has nothing to go on from.
        """
        run = self.get(user, run_id)
        if not run.can_resume:
            raise ConflictError(NOT_RESUMABLE)
        fresh = {"cancel_requested_at": None, "finished_at": None, "error": None, "note": None}
        with self._database.write() as session:
            before = Attempt(run_id, run.attempt)
            if not rows.next_attempt(session, before, rows.RESUMABLE, stalled_attempts=0, **fresh):
                raise ConflictError(NOT_RESUMABLE)
            self._audit.add(session, user, "run.resume", "run", run_id, attempt=run.attempt + 1)
        # Where the queue is away, the sweeper puts the run into it later.
        with suppress(QueueUnavailableError):
            self._queue.enqueue(run_id, run.attempt + 1)
        return self.get(user, run_id)


def _found(run: Run | None) -> Run:
    if run is None:
        raise NotFoundError("run")
    return run
