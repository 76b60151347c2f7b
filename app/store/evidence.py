"""Rows of signed reports, their files, and what binds a private file to them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, delete, func, null, select, update
from sqlalchemy.orm import joinedload, selectinload

from app.reporting.evidence import DRAFT, FINAL
from app.store.models import Dataset, EvidenceFile, EvidenceReport, LedgerEntry, Run, is_id
from app.store.session import Session


def newest_version(session: Session, run_id: str) -> int:
    """The highest version of a run's reports; 0 where there is none."""
    statement = select(func.max(EvidenceReport.version)).where(EvidenceReport.run_id == run_id)
    return session.scalar(statement) or 0


def predecessor(session: Session, report: EvidenceReport) -> EvidenceReport | None:
    """The newest report that a new one supersedes."""
    statement = _reports().where(*_superseded(report)).order_by(EvidenceReport.version.desc())
    return session.scalar(statement.limit(1))


def add_report(session: Session, report: EvidenceReport, files: list[EvidenceFile]) -> None:
    """Add a report with its files, and have it supersede earlier ones of the same run and edition.

    Raises:
        IntegrityError: somebody else's report has the version.
    """
    session.add(report)
    session.flush()
    session.add_all(files)
    session.execute(update(EvidenceReport).where(*_superseded(report)).values(superseded_by=report.id))


def list_own_reports(session: Session, owner_id: str, run_id: str) -> list[EvidenceReport]:
    """All reports of a run on a dataset of this owner, newest first; also where the dataset was deleted."""
    if not is_id(run_id):
        return []
    statement = _owned(owner_id).where(EvidenceReport.run_id == run_id)
    return list(session.scalars(statement.order_by(EvidenceReport.version.desc())))


def find_own_report(session: Session, owner_id: str, report_id: str) -> EvidenceReport | None:
    """A report about a dataset of this owner; also where the dataset was deleted."""
    if not is_id(report_id):
        return None
    return session.scalar(_owned(owner_id).where(EvidenceReport.id == report_id))


def find_report(session: Session, report_id: str) -> EvidenceReport | None:
    """A report by id, whoever owns the dataset."""
    if not is_id(report_id):
        return None
    return session.scalar(_reports().where(EvidenceReport.id == report_id))


def owns_run(session: Session, owner_id: str, run_id: str) -> bool:
    """Whether a run is on a dataset of this owner, deleted or not."""
    if not is_id(run_id):
        return False
    statement = select(Run.id).join(Run.dataset).where(Run.id == run_id, Dataset.owner_id == owner_id)
    return session.scalar(statement) is not None


def find_owned_dataset(session: Session, owner_id: str, dataset_id: str) -> Dataset | None:
    """A dataset of this owner, deleted or not."""
    if not is_id(dataset_id):
        return None
    return session.scalar(select(Dataset).where(Dataset.id == dataset_id, Dataset.owner_id == owner_id))


def remove_files_of_edition(session: Session, dataset_id: str, edition: str) -> list[str]:
    """Forget the files of all reports of one edition about a dataset; gives their ids, for the bytes to be removed."""
    reports = select(EvidenceReport.id).where(
        EvidenceReport.dataset_id == dataset_id, EvidenceReport.edition == edition
    )
    ids = list(session.scalars(select(EvidenceFile.id).where(EvidenceFile.report_id.in_(reports))))
    session.execute(delete(EvidenceFile).where(EvidenceFile.id.in_(ids)))
    return ids


def keep_commitment(session: Session, dataset_id: str, key: str, commitment: str) -> bool:
    """Keep what binds a dataset's private file; False where it was bound before, which stays."""
    statement = (
        update(Dataset)
        .where(Dataset.id == dataset_id, Dataset.commitment.is_(null()))
        .values(commitment_key=key, commitment=commitment)
    )
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1


def _superseded(report: EvidenceReport) -> tuple[ColumnElement[bool], ...]:
    """What a report supersedes: earlier versions, but a draft no final one, which may have been filed."""
    earlier = (
        EvidenceReport.run_id == report.run_id,
        EvidenceReport.edition == report.edition,
        EvidenceReport.version < report.version,
    )
    return earlier if report.status == FINAL else (*earlier, EvidenceReport.status == DRAFT)


def _reports() -> Select[EvidenceReport]:
    return select(EvidenceReport).options(
        joinedload(EvidenceReport.user),
        joinedload(EvidenceReport.successor),
        joinedload(EvidenceReport.run).joinedload(Run.ledger_entry).joinedload(LedgerEntry.user),
        joinedload(EvidenceReport.run).joinedload(Run.plan),
        selectinload(EvidenceReport.files),
    )


def _owned(owner_id: str) -> Select[EvidenceReport]:
    return _reports().join(Dataset, Dataset.id == EvidenceReport.dataset_id).where(Dataset.owner_id == owner_id)
