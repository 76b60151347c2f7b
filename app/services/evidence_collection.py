"""Everything that a report says, as one JSON value; see `app.reporting.evidence` for its form.

What a releasable edition must not hold is left out here, once, so that no format can print it: the exact number of
private rows, digests of private files, secret keys, and every number that was computed from private rows without
being charged. That includes the numbers and verdicts of acceptance criteria that no budget paid for, and the notes of
the run and of the ledger, which tell how runs and comparisons with private rows ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.artifacts import FileStore
from app.errors import ConflictError, OutdatedReportError
from app.reporting.evidence import INTERNAL_EDITION
from app.reporting.frameworks.catalogue import questions_of
from app.services import reports
from app.services.audit import AuditService
from app.services.datasets import SOURCE_KIND
from app.services.evidence_views import DeclarationsView
from app.services.ledger import LedgerService
from app.services.release import OPEN, release_view
from app.services.release_views import OutcomeView, ReleaseView
from app.services.sources import sentence
from app.services.views import UserView
from app.settings import Settings
from app.store import datasets as dataset_rows
from app.store import evidence as rows
from app.store.ledger import OUTSIDE
from app.store.models import Dataset, Run, new_key
from app.store.session import Database
from engine.errors import EngineError
from engine.evidence.canonical import LARGEST_EXACT
from engine.evidence.names import EVIDENCE_VERSION
from engine.privacy.guarantee import NOT_GUARANTEED

GENERATOR = "Synthetic Data Studio"

SYNTHETIC_FILES = (reports.SYNTHETIC_CSV, reports.SYNTHETIC_RAW_CSV, reports.SYNTHETIC_PARQUET)

PURPOSE = "synthesis"
"""What every run on a dataset is for."""

WITHHELD = "What was found is not stated here, since no privacy budget paid for it."
NOT_STATED = "not stated"

WHO_SEES_ROWS = "the owner of the dataset, and whoever administers the machine"


class EvidenceCollector:
    """Reads what the application knows about a run and its dataset.

    Args:
        database: where runs are kept.
        files: where their files are kept.
        ledger: the budgets.
        audit: the audit log.
        settings: what the installation does for security.
    """

    def __init__(
        self, database: Database, files: FileStore, ledger: LedgerService, audit: AuditService, settings: Settings
    ) -> None:
        self._database = database
        self._files = files
        self._ledger = ledger
        self._audit = audit
        self._settings = settings

    def collect(
        self,
        user: UserView,
        run: Run,
        edition: str,
        frameworks: Sequence[str],
        declarations: DeclarationsView,
    ) -> dict[str, Any]:
        """All parts of the evidence but `document` and `signing`.

        Args:
            user: the owner of the dataset.
            run: a finished run, with its dataset, plan, user and ledger entry.
            edition: `releasable` or `internal`.
            frameworks: ids of the frameworks that the report has an annex for.
            declarations: what people stated.

        Raises:
            ConflictError: the recorded mechanisms do not give the ε that the certificate states.
            OutdatedReportError: an internal edition needs the evaluation, which has the form of an earlier version.
            UnavailableError: a stored file is gone.
        """
        is_internal = edition == INTERNAL_EDITION
        certificate = self._json(run, reports.CERTIFICATE)
        is_protected = run.ledger_entry.state != OUTSIDE
        evaluation = self._json(run, reports.EVALUATION)
        collected = {
            "evidence_version": EVIDENCE_VERSION,
            "dataset": dataset_part(run.dataset, user.username),
            "private_file": self._private_file(run.dataset),
            "run": run_part(run, is_internal=is_internal) | {"attacks": attacks_part(evaluation)},
            "synthetic_files": self._synthetic_files(run),
            "certificate": certificate,
            "recomputed": recomputed_part(certificate),
            "ledger": self._ledger_part(user, run.dataset_id, is_internal=is_internal) if is_protected else None,
            "audit_log": self._audit.head(),
            "access": self._access(run.dataset_id),
            "released_report": self._released_report(run),
            "evaluation": evaluation_part(evaluation) if is_internal else None,
            "method_audits": audits_part(certificate),
            "declarations": declarations_part(declarations, frameworks),
        }
        exact: dict[str, Any] = interoperable(collected)
        return exact

    def commitment_key(self, dataset: Dataset) -> str | None:
        """The secret key of the private file's commitment, made where there is none; None where the file is gone."""
        self._private_file(dataset)
        with self._database.read() as session:
            kept = rows.find_owned_dataset(session, dataset.owner_id, dataset.id)
            return None if kept is None else kept.commitment_key

    def _private_file(self, dataset: Dataset) -> dict[str, Any] | None:
        """What binds the private file. The file is read once, when the first report needs it.

        Privacy: a keyed digest, of which nothing can be learned without the key.
        """
        from engine.evidence.commitment import ALGORITHM, commit

        with self._database.read() as session:
            kept = rows.find_owned_dataset(session, dataset.owner_id, dataset.id)
            source = dataset_rows.find_dataset_file(session, dataset.id, SOURCE_KIND)
        commitment = kept.commitment if kept is not None else None
        if commitment is None and source is not None:
            key = new_key()
            with self._files.local_path(source.id) as path:
                commitment = commit(path, bytes.fromhex(key))
            with self._database.write() as session:
                is_first = rows.keep_commitment(session, dataset.id, key, commitment)
            if not is_first:
                return self._private_file(dataset)
        return None if commitment is None else {"algorithm": ALGORITHM, "commitment": commitment}

    def _synthetic_files(self, run: Run) -> list[dict[str, Any]]:
        with self._database.read() as session:
            stored = {artifact.kind: artifact for artifact in dataset_rows.list_run_files(session, run.id)}
        return [
            {
                "name": kind,
                "media_type": stored[kind].media_type,
                "size_bytes": stored[kind].size_bytes,
                "sha256": stored[kind].sha256,
            }
            for kind in SYNTHETIC_FILES
            if kind in stored
        ]

    def _ledger_part(self, user: UserView, dataset_id: str, *, is_internal: bool) -> dict[str, Any]:
        """The budget and every charge on it.

        Privacy: what became of a charged run can depend on the private rows, so an entry's note, which says so, is
            told in an internal edition alone.
        """
        summary = self._ledger.summary(user, dataset_id)
        return {
            "epsilon_cap": summary.epsilon_cap,
            "delta": summary.delta,
            "epsilon_spent": summary.epsilon_spent,
            "epsilon_reserved": summary.epsilon_reserved,
            "epsilon_left": summary.epsilon_left,
            "sum_of_epsilons": summary.sum_of_epsilons,
            "entries": [
                {
                    "id": entry.id,
                    "run_id": entry.run_id,
                    "user": entry.username,
                    "state": entry.state,
                    "guarantee": entry.guarantee,
                    "epsilon": entry.epsilon,
                    "delta": entry.delta,
                    "event": entry.event,
                    "created_at": moment(entry.created_at),
                    "purpose": (is_internal and entry.note) or PURPOSE,
                }
                for entry in self._ledger.entries(user, dataset_id)
            ],
        }

    def _access(self, dataset_id: str) -> dict[str, Any]:
        with self._database.read() as session:
            is_kept = dataset_rows.find_dataset_file(session, dataset_id, SOURCE_KIND) is not None
        return {
            "storage": "an S3 bucket of the installation"
            if self._settings.s3_bucket
            else "a folder of the installation",
            "session_days": self._settings.session_days,
            "lockout_attempts": self._settings.lockout_attempts,
            "lockout_minutes": self._settings.lockout_minutes,
            "raw_rows_kept": is_kept,
            "who_sees_rows": WHO_SEES_ROWS,
        }

    def _released_report(self, run: Run) -> dict[str, Any] | None:
        """The findings that may leave; None where an earlier version made them, in a form that is not printed."""
        from engine.evaluation.metric import REPORT_VERSION

        report = self._json(run, reports.RELEASED_REPORT)
        return report if report is not None and report.get("report_version") == REPORT_VERSION else None

    def _json(self, run: Run, kind: str) -> dict[str, Any] | None:
        with self._database.read() as session:
            found = dataset_rows.find_run_file(session, run.id, kind)
        if found is None:
            return None
        with self._files.open(found.id) as stream:
            loaded: dict[str, Any] = json.load(stream)
        return loaded


def dataset_part(dataset: Dataset, owner: str) -> dict[str, Any]:
    """The dataset as its owner declared it; neither its file's name nor its exact number of rows."""
    confirmed_at = dataset.schema_confirmed_at
    return {
        "id": dataset.id,
        "name": dataset.name,
        "owner": owner,
        "declared_rows": dataset.declared_rows,
        "schema_confirmed_at": moment(confirmed_at) if confirmed_at else None,
        "is_sample": bool(dataset.is_sample),
    }


def run_part(run: Run, *, is_internal: bool) -> dict[str, Any]:
    """The run, and whether its files may leave."""
    return {
        "id": run.id,
        "user": run.user.username,
        "requested_at": moment(run.created_at),
        "finished_at": moment(run.finished_at) if run.finished_at else None,
        "target": run.target,
        "holdout_share": run.holdout_share,
        "note": run.note if is_internal else None,
        "release": release_part(release_view(run), is_internal=is_internal),
    }


def release_part(release: ReleaseView, *, is_internal: bool) -> dict[str, Any]:
    """The release's state, what became of its criteria, and who overrode them.

    Privacy: that a release is open tells that all criteria are met; beyond that, a releasable edition tells of a
        criterion what it found only where its score was charged or read no real row.
    """
    override = release.override
    return {
        "state": release.state,
        "outcomes": [_outcome(outcome, release, is_internal=is_internal) for outcome in release.outcomes],
        "override": None
        if override is None
        else {"reason": override.reason, "username": override.username, "at": moment(override.at)},
    }


def _outcome(outcome: OutcomeView, release: ReleaseView, *, is_internal: bool) -> dict[str, Any]:
    stated = {
        "title": outcome.title,
        "required": outcome.required,
        "state": outcome.state,
        "sentence": outcome.sentence,
        "criterion": outcome.criterion,
        "value": outcome.value,
    }
    if is_internal or _is_covered(outcome.criterion):
        return stated
    state = outcome.state if release.state == OPEN else NOT_STATED
    return stated | {"state": state, "sentence": WITHHELD, "value": None}


def _is_covered(criterion: Mapping[str, Any] | None) -> bool:
    """Whether a criterion's score was charged or read no real row; the alarms of a report read real rows."""
    from engine.errors import InputError
    from engine.evaluation.criteria import catalogue_entry

    if criterion is None:
        return False
    try:
        return not catalogue_entry(str(criterion["metric"]), str(criterion["measure"])).metric.reads_real_rows
    except (InputError, KeyError):
        return False


def evaluation_part(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """The internal report; raises OutdatedReportError where an earlier version made it, in another form."""
    from engine.evaluation.metric import REPORT_VERSION

    if report is not None and report.get("report_version") != REPORT_VERSION:
        raise OutdatedReportError
    return report


def attacks_part(report: Mapping[str, Any] | None) -> list[str] | None:
    """Names of the attacks that the internal report tells of; None where there is no such report.

    Privacy: which attacks there are depends on the version of the program alone, and on nothing that they found.
    """
    if report is None:
        return None
    return sorted(name for name, metric in report["metrics"].items() if metric.get("part") == "privacy")


def recomputed_part(certificate: dict[str, Any] | None) -> dict[str, Any]:
    """ε again, from the recorded mechanisms.

    Raises:
        ConflictError: it is not what the certificate states, or there is no certificate.
    """
    from engine.certificate import recompute

    if certificate is None:
        raise ConflictError("The run has no certificate, so there is nothing to report.")
    try:
        found = recompute(certificate)
    except EngineError as error:
        raise ConflictError(f"No report is made, since ε cannot be computed again. {sentence(error)}") from None
    if not found["agrees"]:
        told = (
            "the certificate states an ε, but no guarantee"
            if found["guarantee"] == NOT_GUARANTEED
            else f"the recorded mechanisms give ε = {found['epsilon']:.6g}, the certificate states "
            f"ε = {found['stated_epsilon']:.6g}, or a training is charged less than its steps cost"
        )
        raise ConflictError(f"No report is made: {told}. The stored certificate was changed or is damaged.")
    return {key: found[key] for key in ("epsilon", "delta", "agrees")}


def audits_part(certificate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The recorded audits of a run's method, and whether they are of other code than made the run.

    Args:
        certificate: of the run; where it does not name its code, as earlier versions did not, nobody knows.
    """
    from engine.audit.recorded import recorded_audits

    if certificate is None:
        return None
    recorded = recorded_audits()
    code, method = certificate["generator"].get("code_sha256"), certificate["method"]["name"]
    return {
        "version": recorded.version,
        "recorded_on": recorded.recorded_on,
        "code_changed": None if code is None else code != recorded.code_sha256,
        "audits": [audit for audit in recorded.audits if audit["method"] == method],
    }


def declarations_part(declarations: DeclarationsView, frameworks: Sequence[str]) -> dict[str, Any] | None:
    """The answers to what the chosen frameworks ask; None where nothing was declared."""
    if declarations.declared_at is None:
        return None
    asked = {question.id for question in questions_of(frameworks)}
    return {
        "version": declarations.version,
        "declared_by": declarations.declared_by,
        "declared_at": moment(declarations.declared_at),
        "values": {name: value for name, value in declarations.values.items() if name in asked},
    }


def interoperable(value: Any) -> Any:
    """A JSON value with no number that canonical JSON cannot hold; a whole number that is too large becomes a text."""
    if isinstance(value, Mapping):
        return {key: interoperable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [interoperable(item) for item in value]
    is_too_large = isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_EXACT
    return str(value) if is_too_large else value


def moment(at: datetime) -> str:
    """A point in time as reports state it."""
    return at.isoformat(timespec="seconds")
