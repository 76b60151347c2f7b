"""Is a file what this installation signed, and is it the newest of its kind?"""

from __future__ import annotations

import json
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
from engine.evidence.canonical import LARGEST_JSON
from engine.evidence.names import EVIDENCE_NAME, REPORT_NAME, SIGNATURE_NAME

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
        record = _record(report, found.evidence_sha256)
        checks = [*(CheckView(check.part, check.is_good, check.sentence) for check in found.checks), record]
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
        object_id = report.id if report else None
        self._audit.record(user, "evidence.verify", "evidence", object_id, kind=found.kind, is_valid=view.is_valid)
        return view

    @contextmanager
    def _prepared(self, path: Path) -> Iterator[Path]:
        """The file under the name that its content calls for; beside evidence, the signature that is kept here."""
        with tempfile.TemporaryDirectory(prefix="studio-") as folder:
            place = Path(folder) / "upload" / "file"  # no manifest that lies further up is taken for the file's own
            place.mkdir(parents=True)
            with path.open("rb") as stream:
                start = stream.read(16)
            evidence = _read_evidence(path) if _is_object(start) else None
            candidate = place / (_name_by_start(start) if evidence is None else EVIDENCE_NAME)
            candidate.symlink_to(path.resolve())
            report = self._recorded(evidence.get("document")) if evidence is not None else None
            signature = files_of.find_file(report, SIGNATURE_NAME) if report is not None else None
            if signature is not None:
                with suppress(UnavailableError), self._files.open(signature.id) as stored:
                    (place / SIGNATURE_NAME).write_bytes(stored.read())
            yield candidate

    def _recorded(self, document: object) -> EvidenceReport | None:
        """The report of a document's id, where this installation made it."""
        try:
            report_id = UUID(document["id"]).hex if isinstance(document, Mapping) else ""
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        with self._database.read() as session:
            return rows.find_report(session, report_id)


def _record(report: EvidenceReport | None, evidence_sha256: str | None) -> CheckView:
    """What this installation knows of the report."""
    if report is None:
        return CheckView(RECORD, False, "This installation has no record of this report: it was not made here.")
    if evidence_sha256 != report.evidence_sha256:
        return CheckView(
            RECORD, False, "This installation made another report under this number: its evidence differs."
        )
    made = f"This installation made it on {report.created_at:%Y-%m-%d} as version {report.version}, {report.status}."
    successor = report.successor
    if successor is None:
        return CheckView(RECORD, True, f"{made} No later version supersedes it.")
    return CheckView(
        RECORD,
        True,
        f"{made} Version {successor.version}, {successor.status}, of {successor.created_at:%Y-%m-%d} supersedes it: "
        "use that one.",
    )


def _name_by_start(start: bytes) -> str:
    """A name for a file, from its first bytes; what a caller typed never becomes one."""
    if start.startswith(b"PK"):
        return files_of.PACKAGE
    if _is_object(start):
        return "file.json"
    return REPORT_NAME if start.lstrip().startswith(b"%PDF") else "file"


def _is_object(start: bytes) -> bool:
    return start.lstrip().startswith(b"{")


def _read_evidence(path: Path) -> dict[str, Any] | None:
    """A file as evidence, where it is small enough and has its form."""
    if path.stat().st_size > LARGEST_JSON:
        return None
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "evidence_version" in value else None
