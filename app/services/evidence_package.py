"""The package of a report: its stored files and the synthetic table, as one zip file that is made when it is asked for."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from app.artifacts import CHUNK_BYTES, FileStore
from app.errors import UnavailableError
from app.reporting.evidence import INTERNAL_EDITION
from app.services import evidence_files as files_of
from app.services import reports
from app.services.views import ArtifactFile, ArtifactView
from app.store import datasets as dataset_rows
from app.store.ledger import OUTSIDE
from app.store.models import EvidenceReport
from app.store.session import Database

PACKAGED_DATA = {f"data/{kind}": kind for kind in (reports.SYNTHETIC_CSV, reports.SYNTHETIC_PARQUET)}
"""Names in the package, and the kinds of the run's files that they are."""


def holds_data(report: EvidenceReport) -> bool:
    """Whether the package holds the synthetic table.

    The internal edition of a run with a guarantee leaves it out: that edition can be had while the release is closed,
    and would otherwise be a way around the criteria.
    """
    return report.edition != INTERNAL_EDITION or report.run.ledger_entry.state == OUTSIDE
