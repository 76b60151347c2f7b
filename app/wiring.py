"""The only place that joins the parts. Nothing is connected, and no model code is loaded, before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from app.artifacts import BucketStore, FileStore, FolderStore
from app.clock import Clock, utc_now
from app.logs import redact_all_records
from app.queueing import RunQueue
from app.services import passwords
from app.services.accounts import AccountsService
from app.services.answers import AnswersService
from app.services.audit import AuditService
from app.services.audit_export import AuditExportService
from app.services.checkpoints import CheckpointsService
from app.services.datasets import DatasetsService
from app.services.declarations import DeclarationsService
from app.services.evidence import EvidenceService
from app.services.evidence_collection import EvidenceCollector
from app.services.further_rows import FurtherRowsService
from app.services.ledger import LedgerService
from app.services.plans import PlansService
from app.services.release import ReleaseService
from app.services.reports import ReportsService
from app.services.results import ResultsService
from app.services.runs import RunsService
from app.services.signing import SigningService
from app.settings import Settings
from app.store.session import Database


@dataclass(frozen=True)
class Services:
    """Every use-case of the application."""

    settings: Settings
    database: Database
    queue: RunQueue
    files: FileStore
    audit: AuditService
    audit_export: AuditExportService
    accounts: AccountsService
    ledger: LedgerService
    datasets: DatasetsService
    plans: PlansService
    runs: RunsService
    reports: ReportsService
    results: ResultsService
    checkpoints: CheckpointsService
    further_rows: FurtherRowsService
    release: ReleaseService
    answers: AnswersService
    declarations: DeclarationsService
    signing: SigningService
    evidence: EvidenceService

    def close(self) -> None:
        """Close all connections."""
        self.files.close()
        self.queue.close()
        self.database.close()


def build(
    settings: Settings,
    *,
    database: Database | None = None,
    queue: RunQueue | None = None,
    files: FileStore | None = None,
    now: Clock = utc_now,
    password_rounds: int = passwords.DEFAULT_ROUNDS,
) -> Services:
    """Join the parts.

    Args:
        settings: the settings.
        database: in place of the settings' database.
        queue: in place of the settings' queue.
        files: in place of the settings' file store.
        now: the time.
        password_rounds: bcrypt's cost.
    """
    database = database or Database(settings.database_url)
    queue = queue or RunQueue(
        settings.redis_url, name=settings.queue_name, timeout_seconds=settings.job_timeout_hours * 3600
    )
    files = files or file_store(settings)
    audit = AuditService(database, now)
    ledger = LedgerService(database, audit, now)
    datasets = DatasetsService(database, files, ledger, audit, settings, now)
    plans = PlansService(datasets, ledger)
    reports = ReportsService(database, files, audit)
    declarations = DeclarationsService(database, audit, now)
    signing = SigningService(database, audit, settings, now)
    collector = EvidenceCollector(database, files, ledger, audit, settings)
    return Services(
        settings=settings,
        database=database,
        queue=queue,
        files=files,
        audit=audit,
        audit_export=AuditExportService(database, audit, signing, now),
        accounts=AccountsService(database, audit, settings, now, password_rounds),
        ledger=ledger,
        datasets=datasets,
        plans=plans,
        runs=RunsService(database, queue, plans, ledger, audit, now),
        reports=reports,
        results=ResultsService(database, files, audit, now),
        checkpoints=CheckpointsService(database, files),
        further_rows=FurtherRowsService(reports, audit),
        release=ReleaseService(database, audit, now),
        answers=AnswersService(reports, audit),
        declarations=declarations,
        signing=signing,
        evidence=EvidenceService(database, files, declarations, signing, collector, audit, now),
    )


def file_store(settings: Settings) -> FileStore:
    """The bucket where one is set, else a folder."""
    if settings.s3_bucket:
        return BucketStore(settings.s3_bucket, settings.s3_endpoint_url)
    return FolderStore(settings.data_dir / "files")


@cache
def process_services() -> Services:
    """This process's services, from its environment; made once. From then on no log holds an exception's words."""
    redact_all_records()
    return build(Settings.from_environment())
