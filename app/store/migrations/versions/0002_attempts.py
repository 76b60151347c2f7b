"""Attempts of a run, and where they go on."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAMES = ("attempt", "stalled_attempts", "steps_begun", "checkpoint_id", "holdout_key")


def upgrade() -> None:
    """Add the columns, and a secret key for every run that is there."""
    op.add_column("runs", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("stalled_attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("steps_begun", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("checkpoint_id", sa.String(32), nullable=True))
    op.add_column("runs", sa.Column("holdout_key", sa.String(64), nullable=False, server_default=""))
    runs = sa.table("runs", sa.column("id"), sa.column("holdout_key"))
    connection = op.get_bind()
    for run_id in connection.scalars(sa.select(runs.c.id)).all():
        key = secrets.token_hex(32)
        connection.execute(sa.update(runs).where(runs.c.id == run_id).values(holdout_key=key))


def downgrade() -> None:
    """Drop the columns."""
    for name in reversed(NAMES):
        op.drop_column("runs", name)
