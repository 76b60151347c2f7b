"""Attempts of a run, and where they go on."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("stalled_attempts", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("steps_begun", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("checkpoint_id", sa.String(32), nullable=True),
    sa.Column("holdout_key", sa.String(64), nullable=False, server_default=""),
)


def upgrade() -> None:
    """Add the columns, and a secret key for every run that is there."""
    for column in COLUMNS:
        op.add_column("runs", column.copy())
    runs = sa.table("runs", sa.column("id"), sa.column("holdout_key"))
    connection = op.get_bind()
    for run_id in connection.scalars(sa.select(runs.c.id)).all():
        key = secrets.token_hex(32)
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(holdout_key=key))


def downgrade() -> None:
    """Drop the columns."""
    for column in reversed(COLUMNS):
        op.drop_column("runs", column.name)
