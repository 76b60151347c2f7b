"""The package of a report: its stored files and the synthetic table as one zip file, made when it is asked for."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from app.artifacts import CHUNK_BYTES, FileStore
from app.errors import UnavailableError
from app.reporting.evidence import INTERNAL_EDITION
from app.services import evidence_files as files_of
from app.services import reports
from app.services.sources import sentence
from app.services.views import ArtifactFile, ArtifactView
from app.store import datasets as dataset_rows
from app.store.ledger import OUTSIDE
from app.store.models import EvidenceReport, Run
from app.store.session import Database
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.evidence.keys import Signer

PACKAGED_DATA = {f"data/{kind}": kind for kind in (reports.SYNTHETIC_CSV, reports.SYNTHETIC_PARQUET)}
"""Names in the package, and the kinds of the run's files that they are."""


def holds_data(edition: str, run: Run) -> bool:
    """Whether the package of a run's report holds the synthetic table.

    The internal edition of a run with a guarantee leaves it out: that edition can be had while the release is closed,
    and would otherwise be a way around the criteria.
    """
    return edition != INTERNAL_EDITION or run.ledger_entry.state == OUTSIDE


def packaged_data(edition: str, run: Run, synthetic_files: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Digest and size of every file in the package that is a table.

    Args:
        edition: of the report.
        run: its run.
        synthetic_files: as the evidence lists them.
    """
    if not holds_data(edition, run):
        return {}
    listed = {file["name"]: file for file in synthetic_files}
    return {
        name: {"sha256": listed[kind]["sha256"], "size_bytes": listed[kind]["size_bytes"]}
        for name, kind in PACKAGED_DATA.items()
        if kind in listed
    }


def open_package(database: Database, files: FileStore, report: EvidenceReport, signer: Signer | None) -> ArtifactFile:
    """See `EvidenceService.open_package`.

    Args:
        database: where files are listed.
        files: where they are kept.
        report: the report.
        signer: seals the archive where its keys signed the report; None leaves it without a seal.
    """
    from app.reporting.package import write_package

    with ExitStack() as closing:
        target = closing.enter_context(tempfile.TemporaryFile())
        with ExitStack() as opened:
            documents = {file.kind: _read(files, file.id) for file in report.files}
            data = {
                name: opened.enter_context(files.local_path(file_id))
                for name, file_id in _data_files(database, report).items()
            }
            try:
                write_package(cast(BinaryIO, target), documents, data, signer)
            except EngineError as error:
                raise UnavailableError(f"The package cannot be made. {sentence(error)}") from None
        size, sha256 = _measure(cast(BinaryIO, target))
        closing.pop_all()  # from here on, the caller closes it
    view = ArtifactView(
        kind=files_of.PACKAGE,
        filename=files_of.file_name(report, files_of.PACKAGE),
        media_type=files_of.PACKAGE_MEDIA_TYPE,
        size_bytes=size,
        sha256=sha256,
        classification=files_of.classification(report),
        created_at=report.created_at,
    )
    return ArtifactFile(view, cast(BinaryIO, target))


def _data_files(database: Database, report: EvidenceReport) -> dict[str, str]:
    """Id of the stored file of each table in the package.

    Raises:
        UnavailableError: they were deleted with the dataset.
    """
    if not report.files:
        raise UnavailableError("The files of this report were removed with its dataset.")
    if not holds_data(report.edition, report.run):
        return {}
    with database.read() as session:
        stored = {artifact.kind: artifact.id for artifact in dataset_rows.list_run_files(session, report.run_id)}
    if not stored:
        raise UnavailableError(
            "The synthetic table was deleted with its dataset, so there is no package any more. The report's files "
            "are still there, one by one."
        )
    return {name: stored[kind] for name, kind in PACKAGED_DATA.items() if kind in stored}


def _read(files: FileStore, file_id: str) -> bytes:
    with files.open(file_id) as stream:
        return stream.read()


def _measure(stream: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256 of a file, which is at its beginning again afterwards."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    found = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        found.update(chunk)
    stream.seek(0)
    return size, found.hexdigest()
