"""Private tables and what their owners decide about them."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from app.artifacts import FileStore, received_file, save_json
from app.clock import Clock
from app.errors import ConflictError, InvalidDataError, InvalidInputError, NotFoundError
from app.reporting.evidence import INTERNAL_EDITION
from app.services import dataset_checks as checks
from app.services.audit import AuditService
from app.services.checkpoints import checkpoint_files
from app.services.dataset_view import dataset_view
from app.services.ledger import LedgerService
from app.services.sources import ReadSource, check_readable, read_source, sample_files, sentence
from app.services.views import DatasetView, UserView
from app.settings import Settings
from app.store import datasets as rows
from app.store import evidence as evidence_rows
from app.store.models import Artifact, Dataset, new_id
from app.store.session import Database, Session
from engine.data.schema import TableSchema
from engine.errors import EngineError
from engine.privacy.plan import DEFAULT_DELTA, UnitOfProtection

SOURCE_KIND = "source"
PROFILE_KIND = "profile.json"
PROPOSAL_KIND = "proposal.json"


class DatasetsService:
    """Register, describe and delete private tables.

    Args:
        database: where the decisions are kept.
        files: where the tables are kept.
        ledger: keeper of the budgets.
        audit: told of every change.
        settings: limits of uploads.
        now: the time.
    """

    def __init__(
        self,
        database: Database,
        files: FileStore,
        ledger: LedgerService,
        audit: AuditService,
        settings: Settings,
        now: Clock,
    ) -> None:
        self._database = database
        self._files = files
        self._ledger = ledger
        self._audit = audit
        self._settings = settings
        self._now = now

    def register(
        self, user: UserView, *, name: str, filename: str, source: Path | BinaryIO, is_sample: bool = False
    ) -> DatasetView:
        """Take a table in: check it, profile it for its owner, store it.

        Args:
            user: the owner.
            name: name to show; the file's name where it is empty.
            filename: the file's name, whose ending tells the format.
            source: a local file or a stream.
            is_sample: whether it is the simulated table that comes with the product.

        Raises:
            TooLargeError: the file passes the size limit.
            InvalidDataError: it is not a table that can be read.
        """
        shown_file = checks.printable(PurePath(filename.replace("\\", "/")).name)[-255:] or "table.csv"
        with received_file(source, self._settings.max_upload_bytes) as path:
            found = read_source(path, shown_file, self._settings)
            dataset = Dataset(
                id=new_id(),
                owner_id=user.id,
                name=checks.clean_name(name or PurePath(shown_file).stem),
                filename=shown_file,
                n_rows=found.n_rows,
                n_columns=len(found.columns),
                columns=list(found.columns),
                size_bytes=path.stat().st_size,
                is_sample=is_sample,
                delta=DEFAULT_DELTA,
                created_at=self._now(),
            )
            stored = self._store_files(dataset.id, path, found)
        with self._database.write() as session:
            session.add(dataset)
            session.flush()
            session.add_all(stored)
            self._audit.add(session, user, "dataset.register", "dataset", dataset.id, size_bytes=dataset.size_bytes)
        return dataset_view(dataset)

    def register_sample(self, user: UserView) -> DatasetView:
        """Take the simulated table in, with its public codebook as the schema to confirm."""
        table, schema = sample_files()
        view = self.register(
            user, name="Patient encounters (simulated)", filename=table.name, source=table, is_sample=True
        )
        return self.save_schema(user, view.id, TableSchema.load(schema), set())

    def list(self, user: UserView) -> list[DatasetView]:
        """The user's datasets, newest first."""
        with self._database.read() as session:
            return [dataset_view(dataset) for dataset in rows.list_datasets(session, user.id)]

    def get(self, user: UserView, dataset_id: str) -> DatasetView:
        """One of the user's datasets; raises NotFoundError where there is none of that id."""
        with self._database.read() as session:
            return dataset_view(self._find(session, user, dataset_id))

    def rename(self, user: UserView, dataset_id: str, name: str) -> DatasetView:
        """Give a dataset another name."""
        clean = checks.clean_name(name)

        def change(session: Session, dataset: Dataset) -> None:
            dataset.name = clean
            self._audit.add(session, user, "dataset.rename", "dataset", dataset_id)

        return self._change(user, dataset_id, change)

    def delete(self, user: UserView, dataset_id: str) -> None:
        """Delete a dataset with its table, its runs' files and its drafts.

        Ledger and audit trail stay, and so do signed reports, but for those that are internal.

        Raises:
            ConflictError: a run is queued or at work.
        """

        def change(session: Session, dataset: Dataset) -> None:
            if rows.has_unfinished_runs(session, dataset_id):
                raise ConflictError("A run is queued or at work on this dataset. Cancel it first.")
            dataset.deleted_at = self._now()
            dataset.ledger_version += 1
            removed.extend(rows.remove_files(session, dataset_id))
            removed.extend(evidence_rows.remove_files_of_edition(session, dataset_id, INTERNAL_EDITION))
            for run in rows.list_unfinished_work(session, dataset_id):
                removed.extend(checkpoint_files(run))
                run.checkpoint_id = None
            self._audit.add(session, user, "dataset.delete", "dataset", dataset_id)

        removed: builtins.list[str] = []
        self._change(user, dataset_id, change)
        for file_id in removed:
            self._files.delete(file_id)

    def profile(self, user: UserView, dataset_id: str) -> dict[str, Any]:
        """The profile made at registration; exact numbers of private rows, for the owner's eyes only."""
        return self._load(user, dataset_id, PROFILE_KIND)

    def propose_schema(self, user: UserView, dataset_id: str) -> TableSchema:
        """The schema that the profile suggests; it is learned from nothing private until it is confirmed."""
        return TableSchema.from_json(self._load(user, dataset_id, PROPOSAL_KIND))

    def save_schema(self, user: UserView, dataset_id: str, schema: TableSchema, confirmed: set[str]) -> DatasetView:
        """Save a draft of the schema.

        Args:
            user: the owner.
            dataset_id: the dataset.
            schema: one field per column of the file.
            confirmed: names of the columns that the owner has confirmed.

        Raises:
            InvalidDataError: a column is missing, unknown, or confirmed without being in the schema; or all are
                confirmed and a cell of the table cannot be what the schema says.
        """
        before = self.get(user, dataset_id)
        checks.check_schema(schema, before.columns, confirmed)
        is_read_alike = before.schema is not None and (before.schema.fields, before.schema.missing_values) == (
            schema.fields,
            schema.missing_values,
        )
        if confirmed == set(schema.names) and not (before.schema_confirmed and is_read_alike):
            with self.source_path(dataset_id) as path:
                check_readable(path, before.filename, schema, self._settings)

        def change(session: Session, dataset: Dataset) -> None:
            complete = confirmed == set(schema.names)
            is_new = complete and (dataset.schema_confirmed_at is None or dataset.table_schema != schema.to_json())
            dataset.table_schema = schema.to_json()
            dataset.confirmed = sorted(confirmed)
            if is_new:
                dataset.schema_confirmed_at = self._now()
                self._audit.add(session, user, "schema.confirm", "dataset", dataset_id, digest=schema.digest())
            if not complete:
                dataset.schema_confirmed_at = None

        return self._change(user, dataset_id, change)

    def import_schema(self, user: UserView, dataset_id: str, content: bytes, filename: str) -> DatasetView:
        """Read a Frictionless schema or SDV metadata and confirm all of it.

        Args:
            user: the owner.
            dataset_id: the dataset.
            content: the file.
            filename: its name, for the message.

        Raises:
            InvalidDataError: it is neither, or does not cover the columns of the table.
        """
        try:
            schema = checks.parse_schema(content)
        except EngineError as error:
            raise InvalidDataError(f"{PurePath(filename).name}: {sentence(error)}") from None
        columns = self.get(user, dataset_id).columns
        if set(schema.names) == set(columns):
            fields = {field.name: field for field in schema.fields}
            schema = replace(schema, fields=tuple(fields[name] for name in columns))
        return self.save_schema(user, dataset_id, schema, set(schema.names))

    def save_unit(self, user: UserView, dataset_id: str, unit: UnitOfProtection, declared_rows: int) -> DatasetView:
        """Save who is protected, and about how many rows there are as the owner states it in public.

        Raises:
            InvalidInputError: the id column is not in the table, or the number of rows is not one.
            ConflictError: something was reserved or spent for another unit.
        """

        def change(session: Session, dataset: Dataset) -> None:
            checks.check_unit(unit, dataset.columns, declared_rows, dataset.delta)
            if checks.protects_others(dataset.unit, unit) and rows.has_charges(session, dataset_id):
                raise ConflictError(
                    "Runs were already charged for another unit of protection, and ε of different units do not "
                    "add up. Upload the table as a new dataset to protect somebody else."
                )
            dataset.unit = unit.to_json()
            dataset.declared_rows = declared_rows
            self._audit.add(session, user, "unit.set", "dataset", dataset_id, kind=unit.kind, rows=declared_rows)

        return self._change(user, dataset_id, change)

    def save_budget(self, user: UserView, dataset_id: str, epsilon: float, delta: float) -> DatasetView:
        """Set the dataset's budget.

        Args:
            user: the owner.
            dataset_id: the dataset.
            epsilon: most ε that all runs together may cost.
            delta: δ at which they are composed.

        Raises:
            InvalidInputError: a number is out of range.
            ConflictError: more is reserved and spent than this.
        """
        checks.check_budget(epsilon, delta, self.get(user, dataset_id).declared_rows)
        self._ledger.set_cap(user, dataset_id, epsilon, delta)
        return self.get(user, dataset_id)

    def allow_unprotected(self, user: UserView, dataset_id: str, is_allowed: object) -> DatasetView:
        """Let runs without a privacy guarantee read the table, or forbid them; those that were made stay.

        Args:
            user: the owner.
            dataset_id: the dataset.
            is_allowed: whether they may.

        Raises:
            InvalidInputError: it is neither true nor false.
        """

        def change(session: Session, dataset: Dataset) -> None:
            if not isinstance(is_allowed, bool):
                raise InvalidInputError("Say with true or false whether runs without a privacy guarantee are allowed.")
            dataset.allows_unprotected = is_allowed
            action = "unprotected.allow" if is_allowed else "unprotected.forbid"
            self._audit.add(session, user, action, "dataset", dataset_id)

        return self._change(user, dataset_id, change)

    def save_draft(self, user: UserView, dataset_id: str, **choices: Any) -> DatasetView:
        """Keep choices for the next run; they are checked when a plan is made of them.

        Args:
            user: the owner.
            dataset_id: the dataset.
            choices: `method`, `epsilon`, `n_rows`, `holdout_share`, `target`, `important` or whatever a page must
                remember; None removes a choice.

        Raises:
            InvalidInputError: they are not small JSON.
        """

        def change(session: Session, dataset: Dataset) -> None:
            merged = {**dataset.draft, **choices}
            dataset.draft = checks.clean_draft({key: value for key, value in merged.items() if value is not None})

        return self._change(user, dataset_id, change)

    def source_path(self, dataset_id: str) -> AbstractContextManager[Path]:
        """The private table's file, for a worker that has committed a run."""
        with self._database.read() as session:
            found = rows.find_dataset_file(session, dataset_id, SOURCE_KIND)
        if found is None:
            raise NotFoundError("file")
        opened: AbstractContextManager[Path] = self._files.local_path(found.id)
        return opened

    def _store_files(self, dataset_id: str, path: Path, found: ReadSource) -> builtins.list[Artifact]:
        artifacts = [self._artifact(dataset_id, SOURCE_KIND, "application/octet-stream")]
        stored = [self._files.save(artifacts[0].id, path)]
        for kind, value in ((PROFILE_KIND, found.profile), (PROPOSAL_KIND, found.proposal)):
            artifacts.append(self._artifact(dataset_id, kind, "application/json"))
            stored.append(save_json(self._files, artifacts[-1].id, value))
        for artifact, file in zip(artifacts, stored, strict=True):
            artifact.size_bytes = file.size_bytes
        return artifacts

    def _artifact(self, dataset_id: str, kind: str, media_type: str) -> Artifact:
        """A private file's row; it has no digest, since a digest confirms a guess of the whole table."""
        return Artifact(
            id=new_id(),
            dataset_id=dataset_id,
            kind=kind,
            media_type=media_type,
            sha256="",
            classification="private",
            created_at=self._now(),
        )

    def _load(self, user: UserView, dataset_id: str, kind: str) -> dict[str, Any]:
        with self._database.read() as session:
            self._find(session, user, dataset_id)
            found = rows.find_dataset_file(session, dataset_id, kind)
        if found is None:
            raise NotFoundError("file")
        with self._files.open(found.id) as stream:
            loaded: dict[str, Any] = json.load(stream)
        return loaded

    def _change(self, user: UserView, dataset_id: str, change: Callable[[Session, Dataset], None]) -> DatasetView:
        with self._database.write() as session:
            dataset = self._find(session, user, dataset_id)
            change(session, dataset)
            session.flush()
            return dataset_view(dataset)

    @staticmethod
    def _find(session: Session, user: UserView, dataset_id: str) -> Dataset:
        dataset = rows.find_dataset(session, user.id, dataset_id)
        if dataset is None:
            raise NotFoundError("dataset")
        return dataset
