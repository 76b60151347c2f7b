"""What services hand out: frozen values, free of the database and of private rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from app.services.release_views import ReleaseView
from engine.data.schema import TableSchema
from engine.privacy.guarantee import NOT_GUARANTEED
from engine.privacy.plan import UnitOfProtection
from engine.progress import TrainingNumbers


@dataclass(frozen=True)
class UserView:
    """One user."""

    id: str
    username: str
    email: str
    is_admin: bool
    created_at: datetime


@dataclass(frozen=True)
class TokenView:
    """One API token; the secret itself is shown once, at its making.

    Args:
        prefix: the first characters of the secret, to tell tokens apart.
    """

    id: str
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class DatasetView:
    """One dataset as its owner sees it.

    Args:
        n_rows: exact number of private rows, for the owner's eyes only.
        columns: names of the file's columns, in file order.
        schema: the draft or confirmed schema; None before the columns step.
        confirmed: names of confirmed columns.
        schema_confirmed: whether all columns are.
        unit: who is protected; None before the protect step.
        declared_rows: number of rows as the owner states it in public.
        epsilon_cap: the budget; None before the budget step.
        allows_unprotected: whether runs without a privacy guarantee may read the table.
        draft: choices for the next run: method, epsilon, n_rows, holdout_share, target, important and so on.
        next_step: `columns`, `protect`, `budget`, `model` or `review`.
    """

    id: str
    name: str
    filename: str
    n_rows: int
    n_columns: int
    columns: tuple[str, ...]
    size_bytes: int
    created_at: datetime
    schema: TableSchema | None
    confirmed: frozenset[str]
    schema_confirmed: bool
    schema_confirmed_at: datetime | None
    unit: UnitOfProtection | None
    declared_rows: int | None
    epsilon_cap: float | None
    delta: float
    allows_unprotected: bool
    draft: dict[str, Any]
    is_sample: bool
    next_step: str


@dataclass(frozen=True)
class Feasibility:
    """Whether a plan fits into what is left.

    Args:
        fits: whether a reservation would be granted now.
        cost_epsilon: ε of the plan alone, at its own δ.
        left_epsilon: largest ε of a further run that still fits.
        composed_after: ε of everything with this plan, at the dataset's δ; infinite where δ is used up.
        epsilon_cap: the dataset's cap.
    """

    fits: bool
    cost_epsilon: float
    left_epsilon: float
    composed_after: float
    epsilon_cap: float


@dataclass(frozen=True)
class LedgerSummary:
    """Where a dataset's budget stands; every ε is composed at the dataset's δ.

    Args:
        epsilon_cap: the budget; None while the owner has set none.
        epsilon_spent: ε of committed entries together.
        epsilon_reserved: what the reserved entries add to it.
        epsilon_left: largest ε of a further run that still fits; it can be more than cap minus spent.
        sum_of_epsilons: plain sum of the entries' own ε, which no composition theorem makes smaller.
        n_entries: reserved and committed entries.
    """

    epsilon_cap: float | None
    delta: float
    epsilon_spent: float
    epsilon_reserved: float
    epsilon_left: float | None
    sum_of_epsilons: float
    n_entries: int


@dataclass(frozen=True)
class LedgerEntryView:
    """One line of a dataset's ledger.

    Args:
        state: `reserved`, `committed` or `released`; `outside` for a run without a privacy guarantee.
        guarantee: `differential privacy` or `none`.
        epsilon: the run's own ε at its own δ; None where there is no guarantee.
        event: the envelope's privacy event.
    """

    id: str
    run_id: str
    username: str
    state: str
    guarantee: str
    epsilon: float | None
    delta: float | None
    event: dict[str, Any]
    note: str
    created_at: datetime
    committed_at: datetime | None
    released_at: datetime | None


@dataclass(frozen=True)
class RunView:
    """One run.

    Args:
        status: `queued`, `running`, `stopping`, `done`, `failed` or `cancelled`.
        n_rows: asked number of synthetic rows; None takes the noisy count.
        error: why it failed, as a safe sentence.
        note: what an otherwise finished run could not do, such as its report.
        guarantee: `differential privacy` or `none`.
        epsilon: its ε at its δ; both are None where there is no guarantee.
        spent: whether the run's ε is charged for good.
        ledger_state: `reserved`, `committed` or `released`; `outside` for a run without a privacy guarantee.
        attempt: how often a worker has been asked to do it.
        task: `synthesis`, or `evaluation` where a finished run's report is, or was, made again.
        can_resume: whether its owner can have it go on from its last checkpoint, without a further charge.
        criteria: limits that its plan stated for a release, each with `metric`, `measure` and `limit`.
        release: whether its releasable files may leave.
    """

    id: str
    dataset_id: str
    dataset_name: str
    username: str
    status: str
    stage: str
    method: str
    guarantee: str
    epsilon: float | None
    delta: float | None
    n_rows: int | None
    holdout_share: float
    target: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    note: str | None
    spent: bool
    ledger_state: str
    attempt: int
    task: str
    can_resume: bool
    criteria: tuple[dict[str, Any], ...]
    release: ReleaseView

    @property
    def is_protected(self) -> bool:
        """Whether the run has a privacy guarantee."""
        return self.guarantee != NOT_GUARANTEED

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self.status in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class ProgressLine:
    """One step of a run's log."""

    at: datetime
    stage: str
    message: str


@dataclass(frozen=True)
class ProgressView:
    """Where a run stands.

    Args:
        fraction: share of the run that is done, in [0, 1].
        log: steps so far, oldest first.
        training: numbers of a training by steps, oldest first, thinned; empty for every other method.
    """

    stage: str
    fraction: float
    message: str
    log: tuple[ProgressLine, ...]
    updated_at: datetime | None
    training: tuple[TrainingNumbers, ...] = ()


@dataclass(frozen=True)
class ArtifactView:
    """One file that a run made.

    Args:
        kind: `synthetic.csv`, `synthetic_raw.csv`, `synthetic.parquet`, `certificate.json`, `report.json`,
            `released_report.json` or `model.npz`, and `report.pdf` of runs of earlier versions; of a signed report,
            the file's name in its package.
        classification: `releasable`, or `internal` where it shows statistics of real rows.
    """

    kind: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    classification: str
    created_at: datetime


@dataclass(frozen=True)
class ArtifactFile:
    """An opened file; the caller closes `stream`, or calls `read` once."""

    view: ArtifactView
    stream: BinaryIO

    @property
    def filename(self) -> str:
        """Name to save it under."""
        return self.view.filename

    @property
    def media_type(self) -> str:
        """Its media type."""
        return self.view.media_type

    def read(self) -> bytes:
        """All bytes; closes the stream."""
        with self.stream as stream:
            return stream.read()


@dataclass(frozen=True)
class FurtherColumn:
    """A column that can have a fixed value in further rows.

    Args:
        type: `integer`, `number`, `string`, `boolean`, `date` or `datetime`.
        values: all its values; None for numbers and dates.
        can_be_missing: whether it can be fixed as missing.
        ends: smallest and largest value as texts, of numbers and dates.
    """

    name: str
    type: str
    values: tuple[Any, ...] | None
    can_be_missing: bool
    ends: tuple[str, str] | None


@dataclass(frozen=True)
class AuditView:
    """One line of the audit log.

    Args:
        sequence: its number in the log.
        username: who did it; empty where nobody was signed in.
        address: where the request came from; empty where that is not known.
        is_erased: whether name and address were erased.
        action: such as `sign_in`, `dataset.register` or `artifact.download`.
        detail: numbers and names of settings, no cell values.
        hash: what seals it.
    """

    id: str
    sequence: int
    created_at: datetime
    username: str
    address: str
    is_erased: bool
    action: str
    object_kind: str
    object_id: str | None
    detail: dict[str, Any]
    hash: str
