"""Rows of runs. Every change of a status is one conditional UPDATE, so of two who try exactly one wins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
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

_PARTS = (
    joinedload(Run.plan),
    joinedload(Run.dataset),
    joinedload(Run.user),
    joinedload(Run.ledger_entry).joinedload(LedgerEntry.user),
)


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
    statement = update(Run).where(Run.id == run_id, Run.status.in_(expected)).values(**changes)
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1


def is_cancel_requested(session: Session, run_id: str) -> bool:
    """Whether somebody asked the run to stop."""
    asked: datetime | None = session.scalar(select(Run.cancel_requested_at).where(Run.id == run_id))
    return asked is not None
