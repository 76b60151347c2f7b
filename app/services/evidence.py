"""Signed reports of finished runs: made in versions, of which none is ever overwritten, and verified."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.artifacts import FileStore, save_bytes
from app.clock import Clock
from app.errors import AppError, ConflictError, InvalidInputError, NotFoundError, UnavailableError
from app.reporting.evidence import DRAFT, FINAL, INTERNAL_EDITION, RELEASABLE_EDITION, Evidence
from app.services import evidence_files as files_of
from app.services.audit import AuditService
from app.services.declarations import DeclarationsService
from app.services.evidence_collection import GENERATOR, EvidenceCollector, moment
from app.services.evidence_package import open_package, packaged_data
from app.services.evidence_requests import Choices, Request, checks, read_request, require_finished
from app.services.evidence_views import EvidenceView, VerificationView
from app.services.release import require_open
from app.services.signing import SigningService
from app.services.sources import sentence
from app.services.verification import Verifier
from app.services.views import ArtifactFile, UserView
from app.store import evidence as rows
from app.store import runs as run_rows
from app.store.models import EvidenceFile, EvidenceReport, new_id
from app.store.session import Database, IntegrityError, Session
from engine.errors import EngineError
from engine.evidence.names import EVIDENCE_NAME
from engine.version import __version__

if TYPE_CHECKING:
    from engine.evidence.keys import Signer

MOST_TRIES = 20
"""Each lost race means that somebody else's report of the same run got the version."""


class EvidenceService:
    """Reports of runs on the datasets of a user.

    Args:
        database: where they are listed.
        files: where they are kept.
        declarations: what people stated.
        signing: the keys.
        collector: reads what a report says.
        audit: told of every report and every download.
        now: the time.
    """

    def __init__(
        self,
        database: Database,
        files: FileStore,
        declarations: DeclarationsService,
        signing: SigningService,
        collector: EvidenceCollector,
        audit: AuditService,
        now: Clock,
    ) -> None:
        self._database = database
        self._files = files
        self._declarations = declarations
        self._signing = signing
        self._collector = collector
        self._audit = audit
        self._now = now
        self._verifier = Verifier(database, files, signing, audit)

    def make(
        self,
        user: UserView,
        run_id: str,
        *,
        final: bool,
        frameworks: Sequence[str] | None = None,
        edition: str | None = None,
    ) -> EvidenceView:
        """Make a new version of a run's report, and sign it.

        It supersedes every earlier version of the same edition, but a draft supersedes no final one; none is changed.

        Args:
            user: the owner of the dataset.
            run_id: a finished run.
            final: whether it is meant to be filed.
            frameworks: ids of the frameworks to have an annex for; None takes those that were saved with the
                declarations. A run without a privacy guarantee has none.
            edition: `releasable`, or `internal` with everything that no budget paid for; None takes the releasable one
                where the run has a privacy guarantee, and the internal one where it has none.

        Raises:
            NotFoundError: the user has no such run.
            UnavailableError: the run is not finished, or there is no key to sign with; it says why.
            ReleaseClosedError: a releasable edition is asked for, and the run does not meet its criteria.
            InvalidInputError: the frameworks or the edition cannot be had, or a final report lacks answers.
            ConflictError: ε cannot be computed again from what the run recorded.
        """
        request = self._request(user, run_id, Choices(final, frameworks, edition))
        for check in checks(request):
            check()
        signer = self._signing.signer()
        facts = self._collector.collect(user, request.run, request.edition, request.frameworks, request.declarations)
        for _ in range(MOST_TRIES):
            report_id = self._try_version(user, request, facts, signer)
            if report_id is not None:
                return self.get(user, report_id)
        raise ConflictError("Too many reports of this run are being made at once. Try again.")

    def obstacles(
        self,
        user: UserView,
        run_id: str,
        *,
        final: bool,
        frameworks: Sequence[str] | None = None,
        edition: str | None = None,
    ) -> tuple[str, ...]:
        """Why `make` would refuse with the same choices, a sentence each; empty where it would not."""
        found = []
        try:
            request = self._request(user, run_id, Choices(final, frameworks, edition))
        except InvalidInputError as error:
            return (error.user_message,)
        for check in (*checks(request), self._signing.signer):
            try:
                check()
            except AppError as error:
                found.append(error.user_message)
        return tuple(found)

    def list(self, user: UserView, run_id: str) -> builtins.list[EvidenceView]:
        """All versions of a run's report, newest first; raises NotFoundError where the user has no such run."""
        with self._database.read() as session:
            if not rows.owns_run(session, user.id, run_id):
                raise NotFoundError("run")
            return [files_of.evidence_view(report) for report in rows.list_own_reports(session, user.id, run_id)]

    def get(self, user: UserView, report_id: str) -> EvidenceView:
        """One version; raises NotFoundError where the user has no such report."""
        with self._database.read() as session:
            return files_of.evidence_view(self._own_report(session, user, report_id))

    def open_file(self, user: UserView, report_id: str, kind: str) -> ArtifactFile:
        """Open a file of a report to download it; the audit log keeps that it was.

        Args:
            user: the owner of the dataset.
            report_id: the report.
            kind: its name in the package, or the last part of that.

        Raises:
            NotFoundError: the user has no such report, or it has no such file.
            ReleaseClosedError: it is releasable, and the run does not meet its criteria any more.
            UnavailableError: the stored file is gone.
        """
        with self._database.read() as session:
            report = self._own_report(session, user, report_id)
        self._require_open(report)
        file = files_of.find_file(report, kind)
        if file is None:
            raise NotFoundError("file")
        stream = self._files.open(file.id)
        self._note_download(user, report, file.kind)
        return ArtifactFile(files_of.artifact_view(report, file), stream)

    def open_package(self, user: UserView, report_id: str) -> ArtifactFile:
        """Everything of a report as one zip file, with the synthetic table.

        Raises:
            NotFoundError: the user has no such report.
            ReleaseClosedError: it is releasable, and the run does not meet its criteria any more.
            UnavailableError: a file of it was deleted with the dataset.
        """
        with self._database.read() as session:
            report = self._own_report(session, user, report_id)
        self._require_open(report)
        opened = open_package(self._database, self._files, report, self._usable_signer())
        self._note_download(user, report, files_of.PACKAGE)
        return opened

    def verify(self, path: Path, filename: str, user: UserView | None = None) -> VerificationView:
        """Check whether a file is what this installation signed, and whether a later report supersedes it.

        Args:
            path: the file.
            filename: the name that it came with, to show.
            user: who asks; None where nobody is signed in.

        Raises:
            InvalidInputError: it is no file of ours, or cannot be read; it says why.
        """
        return self._verifier.verify(path, filename, user)

    def commitment_key(self, user: UserView, dataset_id: str) -> str:
        """The secret key, in hexadecimal digits, that lets an auditor who has the private file check its commitment.

        Raises:
            NotFoundError: the user has no such dataset.
            UnavailableError: the file was deleted before a report bound it.
        """
        with self._database.read() as session:
            dataset = rows.find_owned_dataset(session, user.id, dataset_id)
        if dataset is None:
            raise NotFoundError("dataset")
        key = self._collector.commitment_key(dataset)
        if key is None:
            raise UnavailableError("The private file was deleted before any report bound it, so there is no key.")
        self._audit.record(user, "evidence.commitment_key", "dataset", dataset_id)
        return key

    def _usable_signer(self) -> Signer | None:
        """The keys in use; None where there are none, which keeps nobody from a report that was signed before."""
        try:
            return self._signing.signer()
        except UnavailableError:
            return None

    def _request(self, user: UserView, run_id: str, choices: Choices) -> Request:
        with self._database.read() as session:
            run = run_rows.find_own_run(session, user.id, run_id)
        if run is None:
            raise NotFoundError("run")
        return read_request(run, self._declarations.current(user, run.dataset_id), choices)

    def _try_version(self, user: UserView, request: Request, facts: Mapping[str, Any], signer: Signer) -> str | None:
        """Make the next version; None where somebody else's report got its number."""
        from app.reporting.manifest import seal_documents
        from app.reporting.package import make_documents

        report = self._next_report(user, request, signer)
        evidence = Evidence({**facts, "document": self._document(report), "signing": signer.identity()})
        try:
            documents = make_documents(evidence, signer)
            data = packaged_data(request.edition, request.run, facts["synthetic_files"])
            documents |= seal_documents(files_of.document_id(report.id), documents, data, signer)
        except EngineError as error:
            raise UnavailableError(f"The report cannot be signed. {sentence(error)}") from None
        report.evidence_sha256 = hashlib.sha256(documents[EVIDENCE_NAME]).hexdigest()
        return report.id if self._store(user, request, report, documents) else None

    def _next_report(self, user: UserView, request: Request, signer: Signer) -> EvidenceReport:
        identity = signer.identity()
        with self._database.read() as session:
            version = rows.newest_version(session, request.run.id) + 1
        return EvidenceReport(
            id=new_id(),
            run_id=request.run.id,
            dataset_id=request.run.dataset_id,
            user_id=user.id,
            version=version,
            status=FINAL if request.is_final else DRAFT,
            edition=request.edition,
            frameworks=list(request.frameworks),
            declarations_version=request.declarations.version or None,
            statement_fingerprint=identity["statement_key"]["fingerprint"],
            document_fingerprint=identity["document_key"]["fingerprint"],
            created_at=self._now(),
        )

    def _document(self, report: EvidenceReport) -> dict[str, Any]:
        with self._database.read() as session:
            before = rows.predecessor(session, report)
        supersedes = None if before is None else {"id": files_of.document_id(before.id), "version": before.version}
        return {
            "id": files_of.document_id(report.id),
            "version": report.version,
            "status": report.status,
            "edition": report.edition,
            "created": moment(report.created_at),
            "generator": {"name": GENERATOR, "version": __version__},
            "supersedes": supersedes,
            "frameworks": list(report.frameworks),
        }

    def _store(self, user: UserView, request: Request, report: EvidenceReport, documents: Mapping[str, bytes]) -> bool:
        """Keep a report; False, with nothing kept, where somebody else's report got its version."""
        with ExitStack() as undo:
            kept = [self._save(report, kind, content, undo) for kind, content in documents.items()]
            try:
                with self._database.write() as session:
                    self._recheck(session, user, request)
                    rows.add_report(session, report, kept)
                    self._audit.add(
                        session,
                        user,
                        "evidence.make",
                        "evidence",
                        report.id,
                        run=report.run_id,
                        version=report.version,
                        status=report.status,
                        edition=report.edition,
                    )
            except IntegrityError:
                return False
            undo.pop_all()
        return True

    def _save(self, report: EvidenceReport, kind: str, content: bytes, undo: ExitStack) -> EvidenceFile:
        file_id = new_id()
        undo.callback(self._files.delete, file_id)
        stored = save_bytes(self._files, file_id, content)
        return EvidenceFile(
            id=file_id,
            report_id=report.id,
            kind=kind,
            media_type=files_of.media_type(kind),
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            created_at=report.created_at,
        )

    @staticmethod
    def _recheck(session: Session, user: UserView, request: Request) -> None:
        """Refuse where the dataset was deleted, or the release closed, while the report was being made."""
        run = run_rows.find_own_run(session, user.id, request.run.id)
        if run is None:
            raise NotFoundError("run")
        require_finished(run)
        if not request.is_internal:
            require_open(run)

    @staticmethod
    def _require_open(report: EvidenceReport) -> None:
        if report.edition == RELEASABLE_EDITION:
            require_open(report.run)

    def _note_download(self, user: UserView, report: EvidenceReport, kind: str) -> None:
        is_internal = report.edition == INTERNAL_EDITION
        action = "evidence.download_internal" if is_internal else "evidence.release"
        self._audit.record(user, action, "evidence", report.id, kind=kind, version=report.version)

    @staticmethod
    def _own_report(session: Session, user: UserView, report_id: str) -> EvidenceReport:
        report = rows.find_own_report(session, user.id, report_id)
        if report is None:
            raise NotFoundError("report")
        return report
