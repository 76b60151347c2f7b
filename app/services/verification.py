"""Is a file what this installation signed, and is it the newest of its kind?"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from app.artifacts import FileStore
from app.errors import InvalidInputError, UnavailableError
from app.services import evidence_files as files_of
from app.services.audit import AuditService
from app.services.dataset_checks import printable
from app.services.evidence_views import CheckView, VerificationView
from app.services.signing import SigningService
from app.services.sources import sentence
from app.services.views import UserView
from app.store import evidence as rows
from app.store.models import EvidenceReport
from app.store.session import Database
from engine.errors import EngineError

LARGEST_EVIDENCE_BYTES = 64 * 1024 * 1024
LONGEST_FILENAME = 200

RECORD = "record of this installation"


class Verifier:
    """Checks files against the keys and the records of this installation.

    Args:
        database: where reports are listed.
        files: where their files are kept.
        signing: whose keys count.
        audit: told of every check.
    """

    def __init__(self, database: Database, files: FileStore, signing: SigningService, audit: AuditService) -> None:
        self._database = database
        self._files = files
        self._signing = signing
        self._audit = audit

    def verify(self, path: Path, filename: str, user: UserView | None) -> VerificationView:
        """See `EvidenceService.verify`."""
        from engine.evidence.verification import verify_file

        with self._prepared(path) as candidate:
            try:
                found = verify_file(candidate, fingerprints=self._signing.fingerprints())
            except EngineError as error:
                raise InvalidInputError(sentence(error)) from None
        report = self._recorded(found.document)
        record = _record(report, found.document)
        checks = [CheckView(check.part, check.is_good, check.sentence) for check in found.checks] + [record]
        view = VerificationView(
            filename=printable(filename)[-LONGEST_FILENAME:],
            kind=found.kind,
            is_valid=found.is_valid and record.is_good,
            checks=tuple(checks),
            document=dict(found.document) if found.document else None,
            statement_fingerprint=found.statement_fingerprint,
            document_fingerprint=found.document_fingerprint,
            is_recorded=report is not None and record.is_good,
            superseded_by_version=report.successor.version if report and report.successor else None,
            superseded_at=report.successor.created_at if report and report.successor else None,
        )
        kind, object_id = "evidence", report.id if report else None
        self._audit.record(user, "evidence.verify", kind, object_id, kind=found.kind, is_valid=view.is_valid)
        return view
