"""What a run made: the internal evaluation, and the files that may leave the building."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.artifacts import FileStore
from app.errors import NotFoundError, OutdatedReportError, UnavailableError
from app.services.audit import AuditService
from app.services.comparison import check_choice, compare_reports
from app.services.comparison_views import Comparison
from app.services.release import require_open
from app.services.run_view import run_view
from app.services.views import ArtifactFile, ArtifactView, UserView
from app.store import datasets as rows
from app.store import runs as run_rows
from app.store.ledger import OUTSIDE
from app.store.models import Artifact, Run
from app.store.session import Database

if TYPE_CHECKING:
    import pandas as pd

SYNTHETIC_CSV = "synthetic.csv"
SYNTHETIC_RAW_CSV = "synthetic_raw.csv"
SYNTHETIC_PARQUET = "synthetic.parquet"
CERTIFICATE = "certificate.json"
EVALUATION = "report.json"
RELEASED_REPORT = "released_report.json"
PDF = "report.pdf"  # made by earlier versions only
MODEL = "model.npz"

RELEASABLE = "releasable"
INTERNAL = "internal"

NO_GUARANTEE_PREFIX = "NO-PRIVACY-GUARANTEE_"
"""Begins the name of every file of a run without a privacy guarantee."""

MEDIA_TYPES = {
    SYNTHETIC_CSV: "text/csv",
    SYNTHETIC_RAW_CSV: "text/csv",
    SYNTHETIC_PARQUET: "application/vnd.apache.parquet",
    CERTIFICATE: "application/json",
    EVALUATION: "application/json",
    RELEASED_REPORT: "application/json",
    PDF: "application/pdf",
    MODEL: "application/octet-stream",
}


class ReportsService:
    """Results of runs on the datasets of a user.

    Args:
        database: where the files are listed.
        files: where they are kept.
        audit: told of every download.
    """

    def __init__(self, database: Database, files: FileStore, audit: AuditService) -> None:
        self._database = database
        self._files = files
        self._audit = audit

    def evaluation(self, user: UserView, run_id: str) -> dict[str, Any]:
        """The evaluation, internal: it shows statistics of real rows.

        Raises:
            UnavailableError: the run made none; it says why.
        """
        return self._load_json(user, run_id, EVALUATION)

    def current_evaluation(self, user: UserView, run_id: str) -> dict[str, Any]:
        """The evaluation in the form that this version writes and shows.

        Raises:
            UnavailableError: the run made none; it says why.
            OutdatedReportError: an earlier version made it, in another form.
        """
        from engine.evaluation.metric import REPORT_VERSION

        report = self.evaluation(user, run_id)
        if report.get("report_version") != REPORT_VERSION:
            raise OutdatedReportError
        return report

    def compare(self, user: UserView, run_ids: Sequence[str]) -> Comparison:
        """Reports of some runs of one dataset side by side; internal, as they are.

        Args:
            user: the owner.
            run_ids: the runs.

        Raises:
            InvalidInputError: too few, too many, or of different datasets.
            NotFoundError: the user has no such run.
            UnavailableError: one of them has no report; it says why.
            OutdatedReportError: an earlier version made a report, in another form.
        """
        check_choice(run_ids)
        with self._database.read() as session:
            runs = [run_view(self._own_run(session, user, run_id)) for run_id in run_ids]
        return compare_reports(runs, [self.current_evaluation(user, run.id) for run in runs])

    def released_report(self, user: UserView, run_id: str) -> dict[str, Any]:
        """The findings that may leave with the rows: charged to the run, or free.

        Raises:
            UnavailableError: the run made none; it says why.
        """
        return self._load_json(user, run_id, RELEASED_REPORT)

    def certificate(self, user: UserView, run_id: str) -> dict[str, Any]:
        """The certificate: everything the run did and what it cost."""
        return self._load_json(user, run_id, CERTIFICATE)

    def preview(self, user: UserView, run_id: str, n: int = 50) -> pd.DataFrame:
        """The first synthetic rows.

        Args:
            user: the owner.
            run_id: the run.
            n: most rows.
        """
        import pyarrow as pa
        import pyarrow.parquet

        with self.local_file(user, run_id, SYNTHETIC_PARQUET) as path, pyarrow.parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=max(1, n))
            batch = next(batches, None)
            rows_read = pa.Table.from_batches([batch] if batch is not None else [], schema=file.schema_arrow)
        table: pd.DataFrame = rows_read.to_pandas()
        return table

    def list_artifacts(self, user: UserView, run_id: str) -> list[ArtifactView]:
        """All files that the run made."""
        with self._database.read() as session:
            run = self._own_run(session, user, run_id)
            return [artifact_view(run, artifact) for artifact in rows.list_run_files(session, run_id)]

    def open_artifact(self, user: UserView, run_id: str, kind: str) -> ArtifactFile:
        """Open a file to download it; the audit trail keeps that it was.

        Raises:
            NotFoundError: the user has no such run, or files have no such kind.
            UnavailableError: the run did not make it; it says why.
            ReleaseClosedError: it is releasable, and the run does not meet its criteria.
        """
        artifact = self._find(user, run_id, kind)
        with self._database.read() as session:
            run = self._own_run(session, user, run_id)
            if artifact.classification == RELEASABLE:
                require_open(run)
            view = artifact_view(run, artifact)
        stream = self._files.open(artifact.id)
        action = "artifact.release" if artifact.classification == RELEASABLE else "artifact.download_internal"
        self._audit.record(user, action, "run", run_id, kind=kind)
        return ArtifactFile(view, stream)

    def releasable_file(self, user: UserView, run_id: str, kind: str) -> AbstractContextManager[Path]:
        """A file of the run as a local path, to make something of it that is handed out.

        Raises:
            NotFoundError: the user has no such run, or files have no such kind.
            UnavailableError: the run did not make it; it says why.
            ReleaseClosedError: the run does not meet its criteria.
        """
        artifact = self._find(user, run_id, kind)
        with self._database.read() as session:
            require_open(self._own_run(session, user, run_id))
        opened: AbstractContextManager[Path] = self._files.local_path(artifact.id)
        return opened

    def local_file(self, user: UserView, run_id: str, kind: str) -> AbstractContextManager[Path]:
        """A file of the run as a local path, to be read here and not handed out.

        Raises:
            NotFoundError: the user has no such run, or files have no such kind.
            UnavailableError: the run did not make it; it says why.
        """
        opened: AbstractContextManager[Path] = self._files.local_path(self._find(user, run_id, kind).id)
        return opened

    def _load_json(self, user: UserView, run_id: str, kind: str) -> dict[str, Any]:
        artifact = self._find(user, run_id, kind)
        with self._files.open(artifact.id) as stream:
            loaded: dict[str, Any] = json.load(stream)
        return loaded

    def _find(self, user: UserView, run_id: str, kind: str) -> Artifact:
        if kind not in MEDIA_TYPES:
            raise NotFoundError("file")
        with self._database.read() as session:
            run = self._own_run(session, user, run_id)
            artifact = rows.find_run_file(session, run_id, kind)
            if artifact is None:
                raise UnavailableError(_why_missing(run, kind))
        return artifact

    @staticmethod
    def _own_run(session: Any, user: UserView, run_id: str) -> Run:
        run = run_rows.find_own_run(session, user.id, run_id)
        if run is None:
            raise NotFoundError("run")
        return run


def artifact_view(run: Run, artifact: Artifact) -> ArtifactView:
    """The row as a view; the name to save under is made of the run's id, never of what a user typed.

    A file that protects nobody says so in its name, where it cannot get lost.
    """
    is_outside = run.ledger_entry.state == OUTSIDE
    return ArtifactView(
        kind=artifact.kind,
        filename=f"{NO_GUARANTEE_PREFIX if is_outside else ''}run-{run.id[:8]}-{artifact.kind}",
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        classification=artifact.classification,
        created_at=artifact.created_at,
    )


def _why_missing(run: Run, kind: str) -> str:
    if run.status in run_rows.UNFINISHED:
        return "The run is not finished yet."
    if kind == MODEL and run.ledger_entry.state == OUTSIDE:
        return "A run without a privacy guarantee keeps no model to draw further rows from."
    return run.error or run.note or "The run did not make this file."
