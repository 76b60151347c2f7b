"""First tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "ledger_entries",
    "artifacts",
    "runs",
    "plans",
    "datasets",
    "audit_entries",
    "api_tokens",
    "web_sessions",
    "sign_in_attempts",
    "users",
)
"""In the order in which they can be dropped."""


def upgrade() -> None:
    """Make all tables."""
    _make_accounts()
    _make_datasets()
    _make_runs()


def downgrade() -> None:
    """Drop all tables."""
    for table in TABLES:
        op.drop_table(table)


def _make_accounts() -> None:
    _make(
        "users",
        _text("username", 64),
        sa.Column("username_key", sa.String(64), nullable=False, unique=True),
        _text("email", 254),
        _text("password_hash", 128),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=True, unique=True),
    )
    _make(
        "sign_in_attempts", _text("username_key", 64, index=True), sa.Column("succeeded", sa.Boolean(), nullable=False)
    )
    _make(
        "web_sessions",
        _link("user_id", "users", index=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        _time("expires_at", nullable=False),
        _time("closed_at"),
    )
    _make(
        "api_tokens",
        _link("user_id", "users", index=True),
        _text("name", 100),
        _text("prefix", 16),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        _time("last_used_at"),
        _time("revoked_at"),
    )
    _make(
        "audit_entries",
        _link("user_id", "users", index=True, nullable=True),
        _text("username", 64),
        _text("action", 64),
        _text("object_kind", 32),
        sa.Column("object_id", sa.String(32), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
    )


def _make_datasets() -> None:
    _make(
        "datasets",
        _link("owner_id", "users", index=True),
        _text("name", 200),
        _text("filename", 255),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("n_columns", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), nullable=False),
        _time("deleted_at"),
        sa.Column("table_schema", sa.JSON(), nullable=True),
        sa.Column("confirmed", sa.JSON(), nullable=False),
        _time("schema_confirmed_at"),
        sa.Column("unit", sa.JSON(), nullable=True),
        sa.Column("declared_rows", sa.BigInteger(), nullable=True),
        sa.Column("epsilon_cap_micro", sa.BigInteger(), nullable=True),
        sa.Column("delta", sa.Double(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("ledger_version", sa.BigInteger(), nullable=False),
    )


def _make_runs() -> None:
    _make(
        "plans",
        _link("dataset_id", "datasets", index=True),
        _link("user_id", "users"),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("price", sa.JSON(), nullable=False),
    )
    _make(
        "runs",
        _link("dataset_id", "datasets", index=True),
        _link("plan_id", "plans"),
        _link("user_id", "users", index=True),
        _text("status", 16, index=True),
        _text("stage", 32),
        sa.Column("holdout_share", sa.Double(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        _time("started_at"),
        _time("finished_at"),
        _time("cancel_requested_at"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
    )
    _make(
        "artifacts",
        _link("dataset_id", "datasets", index=True),
        _link("run_id", "runs", nullable=True),
        _text("kind", 32),
        _text("media_type", 100),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("sha256", 64),
        _text("classification", 16),
        sa.UniqueConstraint("run_id", "kind", name="uq_artifacts_run_id_kind"),
    )
    _make(
        "ledger_entries",
        _link("dataset_id", "datasets", index=True),
        _link("run_id", "runs", unique=True),
        _link("user_id", "users"),
        _text("state", 16),
        sa.Column("epsilon_micro", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.Double(), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        _time("committed_at"),
        _time("released_at"),
    )


def _make(name: str, *parts: sa.Column[Any] | sa.UniqueConstraint) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(32), nullable=False),
        _time("created_at", nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def _text(name: str, length: int, *, index: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False, index=index)


def _link(
    name: str, table: str, *, index: bool = False, nullable: bool = False, unique: bool = False
) -> sa.Column[Any]:
    key = sa.ForeignKey(f"{table}.id")
    return sa.Column(name, sa.String(32), key, nullable=nullable, index=index, unique=unique or None)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
