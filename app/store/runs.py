"""Rows of runs. Every change of a status is one conditional UPDATE, so of two who try exactly one wins.

A run that was put into the queue again has a new attempt, and everything that an attempt writes is conditional on
its number: a worker that was taken for dead, but is not, changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Update, null, select, update
from sqlalchemy.orm import joinedload

from app.store.models import Dataset, LedgerEntry, Run, is_id
from app.store.session import Session

QUEUED = "queued"
RUNNING = "running"
STOPPING = "stopping"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
UNFINISHED = (QUEUED, RUNNING, STOPPING)
AT_WORK = (RUNNING, STOPPING)
RESUMABLE = (CANCELLED, FAILED)
FINISHED = (DONE, FAILED, CANCELLED)
SYNTHESIS = "synthesis"
EVALUATION = "evaluation"

_PARTS = (
    joinedload(Run.plan),
    joinedload(Run.dataset),
    joinedload(Run.user),
    joinedload(Run.ledger_entry).joinedload(LedgerEntry.user),
)


@dataclass(frozen=True)
class Attempt:
    """One attempt to do a run; of all attempts, only the one with the highest number may write.

    Args:
        run_id: the run.
        number: 1, 2 and so on.
    """

    run_id: str
    number: int = 1


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Args:
        status: its status.
        attempt: number of the attempt that may write.
        ledger_state: `reserved`, `committed` or `released`.
        stalled_attempts: attempts that were lost since the last checkpoint.
        has_checkpoint: whether another attempt could go on.
        task: what the attempt does, `synthesis` or `evaluation`.
        cancel_requested: whether somebody asked it to stop.
    """

    status: str
    attempt: int
    ledger_state: str
    stalled_attempts: int
    has_checkpoint: bool
    cancel_requested: bool
    task: str


def read_standing(session: Session, run_id: str) -> Standing | None:
    """Where a run stands; None where there is no such run."""
    row = session.execute(
        select(
            Run.status,
            Run.attempt,
            LedgerEntry.state,
            Run.stalled_attempts,
            Run.checkpoint_id.is_not(None),
            Run.cancel_requested_at.is_not(None),
            Run.task,
        )
        .join(Run.ledger_entry)
        .where(Run.id == run_id)
    ).one_or_none()
    return None if row is None else Standing(*row)


def find_run(session: Session, run_id: str) -> Run | None:
    """A run by id, whoever owns it."""
    return session.scalar(select(Run).options(*_PARTS).where(Run.id == run_id))


def find_own_run(session: Session, owner_id: str, run_id: str) -> Run | None:
    """A run on a dataset of this owner."""
    if not is_id(run_id):
        return None
    statement = (
        select(Run)
        .join(Run.dataset)
        .options(*_PARTS)
        .where(Run.id == run_id, Dataset.owner_id == owner_id, Dataset.deleted_at.is_(None))
    )
    return session.scalar(statement)


def list_own_runs(session: Session, owner_id: str, dataset_id: str | None) -> list[Run]:
    """Runs on datasets of this owner, newest first."""
    if dataset_id is not None and not is_id(dataset_id):
        return []
    statement = (
        select(Run)
        .join(Run.dataset)
        .options(*_PARTS)
        .where(Dataset.owner_id == owner_id, Dataset.deleted_at.is_(None))
        .order_by(Run.created_at.desc(), Run.id)
    )
    if dataset_id is not None:
        statement = statement.where(Run.dataset_id == dataset_id)
    return list(session.scalars(statement))


def list_unfinished(session: Session) -> list[Run]:
    """All runs that are queued or at work, oldest first."""
    statement = select(Run).where(Run.status.in_(UNFINISHED)).order_by(Run.created_at)
    return list(session.scalars(statement))


def move_run(session: Session, run_id: str, expected: Sequence[str], **changes: Any) -> bool:
    """Change a run where its status is one of those expected; False where it is not."""
    return _changed_one(session, update(Run).where(Run.id == run_id, Run.status.in_(expected)).values(**changes))


def move_attempt(session: Session, attempt: Attempt, expected: Sequence[str], **changes: Any) -> bool:
    """The same on behalf of an attempt; False also where another one took over."""
    return _changed_one(session, _of(attempt, expected).values(**changes))


def hold(session: Session, attempt: Attempt) -> bool:
    """Keep others from taking over until the transaction ends; False where somebody has."""
    return _changed_one(session, _of(attempt, AT_WORK).values(attempt=attempt.number))


def record_override(session: Session, attempt: Attempt, override: dict[str, Any]) -> bool:
    """Keep who opened the release of a finished run; False where somebody did before, or another attempt began."""
    statement = _of(attempt, FINISHED).where(Run.release_override.is_(null()))
    return _changed_one(session, statement.values(release_override=override))


def begin_steps(session: Session, attempt: Attempt, steps: int) -> bool:
    """Count steps as taken; False where somebody took over, or where more are counted."""
    statement = _of(attempt, AT_WORK).where(Run.steps_begun <= steps)
    return _changed_one(session, statement.values(steps_begun=steps))


def next_attempt(
    session: Session, before: Attempt, expected: Sequence[str], *, stalled_attempts: int, **changes: Any
) -> bool:
    """Have a run that can go on wait for a worker again; False where it has changed since it was looked at.

    Args:
        session: a writing transaction.
        before: the attempt that is over.
        expected: statuses that the run may have.
        stalled_attempts: attempts lost since the last checkpoint, from now on.
        changes: further columns to set.
    """
    statement = _of(before, expected).where(Run.checkpoint_id.is_not(None))
    changes |= {"status": QUEUED, "attempt": before.number + 1, "stalled_attempts": stalled_attempts}
    return _changed_one(session, statement.values(**changes))


def begin_evaluation(session: Session, before: Attempt) -> bool:
    """Have a finished run wait for a worker that makes its report again; False where it has changed meanwhile."""
    changes: dict[str, Any] = {"status": QUEUED, "attempt": before.number + 1, "task": EVALUATION, "stage": QUEUED}
    changes |= dict.fromkeys(("cancel_requested_at", "finished_at", "error", "note"))
    return _changed_one(session, _of(before, FINISHED).values(**changes))


def _of(attempt: Attempt, expected: Sequence[str]) -> Update:
    return update(Run).where(Run.id == attempt.run_id, Run.attempt == attempt.number, Run.status.in_(expected))


def _changed_one(session: Session, statement: Any) -> bool:
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1
