"""Rows of datasets, and of the files that belong to them."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from app.store.ledger import IN_BUDGET
from app.store.models import Artifact, Dataset, LedgerEntry, Run, is_id
from app.store.session import Session


def find_dataset(session: Session, owner_id: str, dataset_id: str) -> Dataset | None:
    """A dataset of this owner that is not deleted."""
    if not is_id(dataset_id):
        return None
    return session.scalar(
        select(Dataset).where(Dataset.id == dataset_id, Dataset.owner_id == owner_id, Dataset.deleted_at.is_(None))
    )


def list_datasets(session: Session, owner_id: str) -> list[Dataset]:
    """All datasets of this owner, newest first."""
    statement = (
        select(Dataset)
        .where(Dataset.owner_id == owner_id, Dataset.deleted_at.is_(None))
        .order_by(Dataset.created_at.desc(), Dataset.id)
    )
    return list(session.scalars(statement))


def has_unfinished_runs(session: Session, dataset_id: str) -> bool:
    """Whether a run of the dataset is queued or at work."""
    statement = select(func.count()).where(
        Run.dataset_id == dataset_id, Run.status.in_(("queued", "running", "stopping"))
    )
    return bool(session.scalar(statement))


def has_charges(session: Session, dataset_id: str) -> bool:
    """Whether anything is reserved or committed on the dataset."""
    statement = select(func.count()).where(LedgerEntry.dataset_id == dataset_id, LedgerEntry.state.in_(IN_BUDGET))
    return bool(session.scalar(statement))


def find_dataset_file(session: Session, dataset_id: str, kind: str) -> Artifact | None:
    """A file of the dataset itself: `source` or `profile.json`."""
    return session.scalar(
        select(Artifact).where(Artifact.dataset_id == dataset_id, Artifact.run_id.is_(None), Artifact.kind == kind)
    )


def find_run_file(session: Session, run_id: str, kind: str) -> Artifact | None:
    """A file that a run made."""
    return session.scalar(select(Artifact).where(Artifact.run_id == run_id, Artifact.kind == kind))


def list_run_files(session: Session, run_id: str) -> list[Artifact]:
    """All files that a run made."""
    return list(session.scalars(select(Artifact).where(Artifact.run_id == run_id).order_by(Artifact.kind)))


def remove_run_file(session: Session, run_id: str, kind: str) -> str | None:
    """Forget a file that a run made; gives its id, for the bytes to be removed, where there was one."""
    found = find_run_file(session, run_id, kind)
    if found is None:
        return None
    session.delete(found)
    session.flush()
    return found.id


def list_unfinished_work(session: Session, dataset_id: str) -> list[Run]:
    """Runs of the dataset that may have left a checkpoint."""
    statement = select(Run).where(Run.dataset_id == dataset_id, (Run.status != "done") | Run.checkpoint_id.is_not(None))
    return list(session.scalars(statement))


def remove_files(session: Session, dataset_id: str) -> list[str]:
    """Forget all files of a dataset and of its runs; gives their ids, for the bytes to be removed."""
    ids = list(session.scalars(select(Artifact.id).where(Artifact.dataset_id == dataset_id)))
    session.execute(delete(Artifact).where(Artifact.dataset_id == dataset_id))
    return ids
