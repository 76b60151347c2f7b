"""Stored files of a signed report: their kinds, and the names to save them under, which are made of ids only."""

from __future__ import annotations

from pathlib import PurePosixPath
from uuid import UUID

from app.reporting.evidence import INTERNAL_EDITION
from app.services.evidence_views import EvidenceFileView, EvidenceView
from app.services.reports import INTERNAL, NO_GUARANTEE_PREFIX, RELEASABLE
from app.services.views import ArtifactView
from app.store.ledger import OUTSIDE
from app.store.models import EvidenceFile, EvidenceReport

INTERNAL_PREFIX = "INTERNAL_"
"""Begins the name of every file of a report that holds numbers which no budget paid for."""

PACKAGE = "package.zip"
PACKAGE_MEDIA_TYPE = "application/zip"

MEDIA_TYPES = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".pem": "application/x-pem-file",
    ".py": "text/x-python",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}


def media_type(kind: str) -> str:
    """The media type of a file of a report."""
    return MEDIA_TYPES.get(PurePosixPath(kind).suffix, "application/octet-stream")


def document_id(report_id: str) -> str:
    """A report's id as its documents print it."""
    return str(UUID(hex=report_id))


def file_name(report: EvidenceReport, kind: str) -> str:
    """Name to save a file under."""
    is_outside = report.run.ledger_entry.state == OUTSIDE
    prefix = NO_GUARANTEE_PREFIX if is_outside else INTERNAL_PREFIX if report.edition == INTERNAL_EDITION else ""
    return f"{prefix}run-{report.run_id[:8]}-v{report.version}-{PurePosixPath(kind).name}"


def find_file(report: EvidenceReport, kind: str) -> EvidenceFile | None:
    """A file by its name in the package, or by the last part of it."""
    return next((file for file in report.files if kind in (file.kind, PurePosixPath(file.kind).name)), None)


def artifact_view(report: EvidenceReport, file: EvidenceFile) -> ArtifactView:
    """A stored file of a report as every other file that is handed out."""
    return ArtifactView(
        kind=file.kind,
        filename=file_name(report, file.kind),
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        classification=classification(report),
        created_at=file.created_at,
    )


def classification(report: EvidenceReport) -> str:
    """Whether a report's files may leave."""
    return INTERNAL if report.edition == INTERNAL_EDITION else RELEASABLE


def evidence_view(report: EvidenceReport) -> EvidenceView:
    """The row as a view."""
    successor = report.successor
    return EvidenceView(
        id=report.id,
        document_id=document_id(report.id),
        run_id=report.run_id,
        dataset_id=report.dataset_id,
        version=report.version,
        status=report.status,
        edition=report.edition,
        frameworks=tuple(report.frameworks),
        declarations_version=report.declarations_version,
        created_at=report.created_at,
        created_by=report.user.username,
        evidence_sha256=report.evidence_sha256,
        statement_fingerprint=report.statement_fingerprint,
        document_fingerprint=report.document_fingerprint,
        superseded_by=None if successor is None else successor.id,
        superseded_by_version=None if successor is None else successor.version,
        superseded_at=None if successor is None else successor.created_at,
        is_protected=report.run.ledger_entry.state != OUTSIDE,
        package_filename=file_name(report, PACKAGE),
        files=tuple(
            EvidenceFileView(
                kind=file.kind,
                filename=file_name(report, file.kind),
                media_type=file.media_type,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
            )
            for file in report.files
        ),
    )
