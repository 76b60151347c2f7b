"""Acceptance criteria of plans, what became of them, and reports that are made again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; plans of before have no criteria, and runs of before did a synthesis."""
    op.add_column("plans", sa.Column("criteria", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("task", sa.String(16), nullable=False, server_default="synthesis"))
    op.add_column("runs", sa.Column("verdict", sa.JSON(), nullable=True))
    op.add_column("runs", sa.Column("release_override", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop the columns; older tables cannot hold criteria, so a plan that has some is never left without them.

    Raises:
        ValueError: a plan has criteria.
    """
    plans = sa.table("plans", sa.column("criteria", sa.JSON()))
    if any(op.get_bind().scalars(sa.select(plans.c.criteria))):
        raise ValueError("some plans have acceptance criteria, which older versions would not hold a release against")
    for name in ("release_override", "verdict", "task"):
        op.drop_column("runs", name)
    op.drop_column("plans", "criteria")
