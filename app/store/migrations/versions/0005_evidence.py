"""Declarations, signed reports with their files, the keys that sign them, and what binds a private file."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("evidence_files", "evidence_reports", "declarations", "signing_keys")
"""In the order in which they can be dropped."""


def upgrade() -> None:
    """Make the tables; no dataset of before has a commitment until a report needs it."""
    op.add_column("datasets", sa.Column("commitment_key", sa.String(64), nullable=True))
    op.add_column("datasets", sa.Column("commitment", sa.String(64), nullable=True))
    _make(
        "declarations",
        _link("dataset_id", "datasets", index=True),
        _link("user_id", "users"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("frameworks", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.UniqueConstraint("dataset_id", "version", name="uq_declarations_dataset_id_version"),
    )
    _make_reports()
    _make(
        "signing_keys",
        _text("statement_fingerprint", 64),
        _text("document_fingerprint", 64),
        sa.Column("statement_public_key", sa.Text(), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        _text("source", 100),
        sa.Column("is_installed", sa.Boolean(), nullable=True, unique=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint(
            *("statement_fingerprint", "document_fingerprint"),
            name="uq_signing_keys_statement_fingerprint_document_fingerprint",
        ),
    )


def downgrade() -> None:
    """Drop the tables; older versions would not know of the reports that were signed.

    Raises:
        ValueError: there is such a report.
    """
    reports = sa.select(sa.func.count()).select_from(sa.table("evidence_reports"))
    if op.get_bind().scalar(reports):
        raise ValueError("there are signed reports, which older versions could neither show nor verify")
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("datasets", "commitment")
    op.drop_column("datasets", "commitment_key")


def _make_reports() -> None:
    _make(
        "evidence_reports",
        _link("run_id", "runs"),
        _link("dataset_id", "datasets", index=True),
        _link("user_id", "users"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("status", 16),
        _text("edition", 16),
        sa.Column("frameworks", sa.JSON(), nullable=False),
        sa.Column("declarations_version", sa.Integer(), nullable=True),
        _text("evidence_sha256", 64),
        _text("statement_fingerprint", 64),
        _text("document_fingerprint", 64),
        sa.Column("superseded_by", sa.String(32), sa.ForeignKey("evidence_reports.id"), nullable=True),
        sa.UniqueConstraint("run_id", "version", name="uq_evidence_reports_run_id_version"),
    )
    _make(
        "evidence_files",
        _link("report_id", "evidence_reports"),
        _text("kind", 64),
        _text("media_type", 100),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("sha256", 64),
        sa.UniqueConstraint("report_id", "kind", name="uq_evidence_files_report_id_kind"),
    )


def _make(name: str, *parts: sa.Column[Any] | sa.UniqueConstraint) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _link(name: str, table: str, *, index: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(32), sa.ForeignKey(f"{table}.id"), nullable=False, index=index)
