"""The tables. No column ever holds a cell of a private table; budgets are whole micro-ε."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, MetaData, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

ID_LENGTH = 32
_ID = re.compile(r"[0-9a-f]{32}")


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a local time and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id() -> str:
    """A random id: 32 hexadecimal digits."""
    return uuid4().hex


def new_key() -> str:
    """A secret key of 32 bytes from the operating system, as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def is_id(value: str) -> bool:
    """Whether a text from outside has the form of an id, so that it may be looked up."""
    return _ID.fullmatch(value) is not None


class Base(DeclarativeBase):
    """All tables; names of constraints are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
    }


class Identified:
    """Columns of every table."""

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    created_at: Mapped[datetime]


class User(Identified, Base):
    """Somebody who can sign in."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(64))
    username_key: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(128))
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_first: Mapped[bool | None] = mapped_column(unique=True)
    """True for the administrator of the first run; unique, so that two set-ups cannot both win."""


class WebSession(Identified, Base):
    """One sign-in of a browser."""

    __tablename__ = "web_sessions"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ApiToken(Identified, Base):
    """One token of the API."""

    __tablename__ = "api_tokens"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInAttempt(Identified, Base):
    """One attempt to sign in, also with a name that nobody has."""

    __tablename__ = "sign_in_attempts"

    username_key: Mapped[str] = mapped_column(String(64), index=True)
    succeeded: Mapped[bool] = mapped_column(default=False)


class Dataset(Identified, Base):
    """One private table and what its owner decided about it."""

    __tablename__ = "datasets"

    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    filename: Mapped[str] = mapped_column(String(255))
    n_rows: Mapped[int] = mapped_column(BigInteger)
    n_columns: Mapped[int]
    columns: Mapped[list[str]]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    is_sample: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]
    table_schema: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    confirmed: Mapped[list[str]] = mapped_column(default=list)
    schema_confirmed_at: Mapped[datetime | None]
    unit: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    declared_rows: Mapped[int | None] = mapped_column(BigInteger)
    epsilon_cap_micro: Mapped[int | None] = mapped_column(BigInteger)
    delta: Mapped[float]
    allows_unprotected: Mapped[bool] = mapped_column(default=True)
    """Whether runs without a privacy guarantee may read the table."""
    draft: Mapped[dict[str, Any]] = mapped_column(default=dict)
    commitment_key: Mapped[str | None] = mapped_column(String(64))
    """Secret key of `commitment`; its owner may give it to an auditor who holds the file."""
    commitment: Mapped[str | None] = mapped_column(String(64))
    """What binds the private file in reports: a keyed digest, which confirms no guess of the table."""
    ledger_version: Mapped[int] = mapped_column(BigInteger, default=0)
    """Grows with every change of the ledger or the cap; a writer who read an older one starts again."""


class Plan(Identified, Base):
    """What a run was asked to do, with its price at that time."""

    __tablename__ = "plans"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    plan: Mapped[dict[str, Any]]
    price: Mapped[dict[str, Any]]
    criteria: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """Limits that the run's release is held against; never changed after the plan was submitted."""


class Run(Identified, Base):
    """One run of a plan."""

    __tablename__ = "runs"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    stage: Mapped[str] = mapped_column(String(32), default="")
    holdout_share: Mapped[float]
    target: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(default=1)
    """Number of the attempt that may write; whoever puts the run into the queue again raises it."""
    stalled_attempts: Mapped[int] = mapped_column(default=0)
    """Attempts that were lost since the last checkpoint."""
    steps_begun: Mapped[int] = mapped_column(BigInteger, default=0)
    """Steps of the training that count as taken."""
    checkpoint_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    """The stored file of the last checkpoint."""
    holdout_key: Mapped[str] = mapped_column(String(64), default=new_key)
    """Secret from which every attempt sets the same units aside, in hexadecimal digits."""
    task: Mapped[str] = mapped_column(String(16), default="synthesis")
    """What the attempt does: `synthesis`, or `evaluation` where the report alone is made again."""
    verdict: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What became of the plan's criteria; None while nobody has judged them."""
    release_override: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Who opened the release although the verdict closes it, when, and why; None where nobody did."""

    plan: Mapped[Plan] = relationship()
    dataset: Mapped[Dataset] = relationship()
    user: Mapped[User] = relationship()
    ledger_entry: Mapped[LedgerEntry] = relationship(back_populates="run", uselist=False)


class LedgerEntry(Identified, Base):
    """One charge on a dataset: reserved, then committed, or released where no noise was drawn.

    A run without a privacy guarantee has an entry that stays outside the budget: it has neither an ε nor a δ.
    """

    __tablename__ = "ledger_entries"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(16))
    epsilon_micro: Mapped[int | None] = mapped_column(BigInteger)
    delta: Mapped[float | None]
    event: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(Text, default="")
    committed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]

    run: Mapped[Run] = relationship(back_populates="ledger_entry")
    user: Mapped[User] = relationship()


class Artifact(Identified, Base):
    """One stored file: an upload, its profile, or a result of a run."""

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("run_id", "kind"),)

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    kind: Mapped[str] = mapped_column(String(32))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    classification: Mapped[str] = mapped_column(String(16))


class Declarations(Identified, Base):
    """One version of what people stated about a dataset and its use; never changed."""

    __tablename__ = "declarations"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int]
    frameworks: Mapped[list[str]]
    answers: Mapped[dict[str, Any]]

    user: Mapped[User] = relationship()


class EvidenceReport(Identified, Base):
    """One version of a run's signed report; only `superseded_by` ever changes."""

    __tablename__ = "evidence_reports"
    __table_args__ = (UniqueConstraint("run_id", "version"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    edition: Mapped[str] = mapped_column(String(16))
    frameworks: Mapped[list[str]]
    declarations_version: Mapped[int | None]
    evidence_sha256: Mapped[str] = mapped_column(String(64))
    statement_fingerprint: Mapped[str] = mapped_column(String(64))
    document_fingerprint: Mapped[str] = mapped_column(String(64))
    superseded_by: Mapped[str | None] = mapped_column(ForeignKey("evidence_reports.id"))
    """The newest report that supersedes it: one of the same run and edition, and for a final one a final one."""

    run: Mapped[Run] = relationship()
    user: Mapped[User] = relationship()
    successor: Mapped[EvidenceReport | None] = relationship(remote_side="EvidenceReport.id")
    files: Mapped[list[EvidenceFile]] = relationship(order_by="EvidenceFile.kind")


class EvidenceFile(Identified, Base):
    """One stored file of a signed report; its bytes are kept under its id."""

    __tablename__ = "evidence_files"
    __table_args__ = (UniqueConstraint("report_id", "kind"),)

    report_id: Mapped[str] = mapped_column(ForeignKey("evidence_reports.id"))
    kind: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))


class SigningKey(Identified, Base):
    """The public halves of one pair of keys; kept for ever, so that what they signed can be verified."""

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("statement_fingerprint", "document_fingerprint"),)

    statement_fingerprint: Mapped[str] = mapped_column(String(64))
    document_fingerprint: Mapped[str] = mapped_column(String(64))
    statement_public_key: Mapped[str] = mapped_column(Text)
    certificate_pem: Mapped[str] = mapped_column(Text)
    not_after: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(100))
    is_installed: Mapped[bool | None] = mapped_column(unique=True)
    """True for the pair that the installation made and keeps in its folder; unique, so that two starts make one."""
    retired_at: Mapped[datetime | None]
    """Since when new reports are signed by others."""


class AuditEntry(Identified, Base):
    """One line of the audit log, sealed with the one before; only who and from where may be erased."""

    __tablename__ = "audit_entries"

    sequence: Mapped[int] = mapped_column(BigInteger, unique=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    """Where the request came from; empty where that is not known."""
    person_salt: Mapped[str] = mapped_column(String(64))
    """What keeps `person_digest` from being guessed; erased together with name and address."""
    person_digest: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    object_kind: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """Where the audit log ends; one row, which every writer locks last."""

    __tablename__ = "audit_heads"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    entries: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
